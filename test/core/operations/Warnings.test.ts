/** What is told of work that no worker can take, and of schedules that no server fires. */
import { it as effectIt } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { expect } from "vitest"
import { Errors, Store } from "../../../adapters/promise/index.ts"
import * as Warnings from "../../../core/operations/Warnings.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import * as Schedule from "../../../core/run/Schedule.ts"
import { newRun, PIPELINE, single } from "../../conformance/store/harness/Driving.ts"

const logging = (logged: Array<string>) =>
  Logger.layer([Logger.make(({ logLevel, message }) => void logged.push(`${logLevel} ${String(message)}`))])

/** A worker that has this version only is there. */
const worker = (version: string) =>
  Effect.gen(function* () {
    const { revoked, settle } = yield* Store.Store
    yield* Effect.forkScoped(Stream.runDrain(revoked("w")), { startImmediately: true })
    yield* settle([], { worker: "w", max: 1, versions: new Set([Version.key(PIPELINE, version)]) })
  })

const logged: Array<string> = []
effectIt.effect("of each version that no worker has, the log warns once; while no worker is there, of none", () =>
  Effect.gen(function* () {
    const { submit } = yield* Store.Store
    yield* Effect.forkScoped(Warnings.watch)
    yield* submit(newRun(single, { version: "v1" }))
    yield* TestClock.adjust("3 minutes")
    expect(logged).toEqual([])
    yield* worker("v2")
    yield* submit(newRun(single, { version: "v1" }))
    yield* TestClock.adjust("3 minutes")
    expect(logged).toEqual([
      "Warn No worker has version v1 of pipeline 'p': 2 steps wait for one. Start a worker of that version, or cancel their runs"
    ])
    yield* submit(newRun(single, { version: "v0" }))
    yield* TestClock.adjust("3 minutes")
    expect(logged).toHaveLength(2)
    expect(logged[1]).toContain("No worker has version v0 of pipeline 'p'")
  }).pipe(Effect.provide(Layer.merge(Store.layerMemory(), logging(logged))))
)

const late: Array<string> = []
effectIt.effect("of a schedule that no server fires, the log warns once each time that it becomes overdue", () =>
  Effect.gen(function* () {
    const { schedules, now } = yield* Store.Store
    yield* Effect.forkScoped(Warnings.watch)
    const definition = {
      id: "s",
      pipelineId: "gone",
      timing: { everyMillis: 60_000 },
      parameters: {},
      catchUp: "one",
      overlap: "skip",
      priority: 0,
      graceMillis: 0
    } as const
    const at = yield* now
    const schedule = yield* schedules.put(Schedule.make(definition, at, at + 60_000, "v1"), false)
    yield* TestClock.adjust("2 minutes")
    expect(late).toEqual([])
    yield* TestClock.adjust("5 minutes")
    expect(late).toHaveLength(1)
    expect(late[0]).toContain("Warn Schedule 's' of pipeline 'gone' is overdue")
    const nextAtMillis = at + 8 * 60_000
    yield* schedules.fire({ schedule, version: "v1", runs: [], dropped: 7, nextAtMillis })
    yield* TestClock.adjust("2 minutes")
    expect(late).toHaveLength(1)
    yield* TestClock.adjust("5 minutes")
    expect(late).toHaveLength(2)
  }).pipe(Effect.provide(Layer.merge(Store.layerMemory(), logging(late))))
)

const broken: Array<string> = []
effectIt.effect("a Store that does not answer is asked again, and one that breaks is told of once", () =>
  Effect.gen(function* () {
    let asked = 0
    const load = Effect.suspend(() =>
      ++asked % 2 === 1 ? Effect.fail(new Errors.StoreUnavailable("away")) : Effect.die(new Error("broken"))
    )
    const store = { ...(yield* Store.Store), load }
    yield* Effect.forkScoped(Warnings.watch).pipe(Effect.provideService(Store.Store, store))
    for (let minute = 0; minute < 6; minute++) yield* TestClock.adjust("1 minute")
    expect(asked).toBe(6)
    expect(broken).toHaveLength(1)
    expect(broken[0]).toContain("The Store could not say how busy it is")
  }).pipe(Effect.provide(Layer.merge(Store.layerMemory(), logging(broken))))
)
