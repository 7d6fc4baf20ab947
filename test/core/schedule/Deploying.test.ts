/** Schedules while servers of several versions of a pipeline share a Store. */
import { it as effectIt } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { expect } from "vitest"
import {
  Access,
  Guard,
  Operations,
  Pipeline,
  Principal,
  Registry,
  Scheduler,
  Store,
  Task
} from "../../../adapters/promise/index.ts"
import * as Parameters from "../../../core/pipeline/Parameters.ts"
import { cases } from "../../cases.ts"

const { host } = Principal
const MINUTE = 60_000
const N = Schema.Number

const pipelineOf = (input: Record<string, Schema.Codec<unknown, unknown>>) =>
  Pipeline.make("p", [Task.make("work", { input, output: { m: N }, run: () => ({ m: 1 }) })] as never) as Pipeline.Any

/** Takes `n` alone; `n` and perhaps `k`; `n` and `k`. */
const old = pipelineOf({ n: N as never })
const either = pipelineOf({ n: N as never, k: Schema.optionalKey(N) as never })
const both = pipelineOf({ n: N as never, k: N as never })

const logged: Array<string> = []
const log = Logger.layer([
  Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn" || logLevel === "Error") logged.push(String(message))
  })
])

const store = Layer.merge(Store.layerMemory(), log)

/** Makes the schedule as a server of this version does. */
const put = (pipeline: Pipeline.Any, parameters: unknown, more: Partial<Operations.NewSchedule> = {}) =>
  Operations.Operations.use((operations) =>
    operations.addSchedule(
      host,
      {
        id: "s",
        pipelineId: "p",
        timing: { everyMillis: MINUTE },
        given: Parameters.fromJson(parameters as never),
        overlap: "allow",
        ...more
      },
      true
    )
  ).pipe(
    Effect.provide(
      Layer.fresh(Operations.layer).pipe(
        Layer.provide(Registry.layer({ pipelines: [pipeline] })),
        Layer.provide(Guard.layer(Access.open))
      )
    )
  )

/** Starts a server of this version; gives how to stop it. */
const serve = (pipeline: Pipeline.Any) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Layer.buildWithScope(
      Layer.provide(Layer.fresh(Scheduler.layer), Layer.fresh(Registry.layer({ pipelines: [pipeline] }))),
      scope
    )
    return Scope.close(scope, Exit.void)
  })

const advance = (millis: number) =>
  Effect.gen(function* () {
    for (let left = millis; left > 0; left -= 500) yield* TestClock.adjust(Math.min(left, 500))
  })

const fired = Effect.map(
  Store.Store.use((all) => all.list({ limit: 1_000 })),
  ({ runs }) => runs.map(({ version, schedule }) => [schedule!.tickMillis / MINUTE, version] as const).reverse()
)
const kept = Store.Store.use(({ schedules }) => schedules.get("s"))

effectIt.effect("a server whose version does not take the parameters leaves the schedule, and says so once", () =>
  Effect.gen(function* () {
    logged.length = 0
    yield* put(both, { n: 1, k: 2 })
    const stop = yield* serve(old)
    yield* advance(3 * MINUTE)
    expect(yield* kept).toMatchObject({ paused: false, fired: 0, version: both.version })
    expect(logged).toHaveLength(1)
    expect(logged[0]).toContain(`Schedule 's' of pipeline 'p' is left to servers of its version ${both.version}`)
    const stopNew = yield* serve(both)
    yield* advance(MINUTE)
    expect((yield* fired).every(([, version]) => version === both.version)).toBe(true)
    expect((yield* kept).fired).toBeGreaterThan(0)
    yield* stop
    yield* stopNew
    expect(logged).toHaveLength(1)
  }).pipe(Effect.provide(store))
)

effectIt.effect("a server of the schedule's own version pauses it when it does not take the parameters", () =>
  Effect.gen(function* () {
    logged.length = 0
    const made = yield* put(old, { n: 1 })
    const { schedules } = yield* Store.Store
    yield* schedules.put({ ...made, parameters: { n: '"text"' }, version: old.version }, true)
    const stop = yield* serve(old)
    yield* advance(2 * MINUTE)
    expect(yield* kept).toMatchObject({ paused: true, fired: 0 })
    expect(logged).toHaveLength(1)
    yield* stop
  }).pipe(Effect.provide(store))
)

effectIt.effect("while servers of its version are there, they alone fire it", () =>
  Effect.gen(function* () {
    yield* put(either, { n: 1 })
    const stops = yield* Effect.forEach([old, either, old], serve)
    yield* advance(5 * MINUTE)
    expect(yield* fired).toEqual([1, 2, 3, 4, 5].map((tick) => [tick, either.version]))
    yield* Effect.forEach(stops, (stop) => stop)
  }).pipe(Effect.provide(store))
)

effectIt.effect("after a deploy it goes on, and adopts the new version, also where runs may not be late", () =>
  Effect.gen(function* () {
    yield* put(old, { n: 1 }, { graceMillis: 0 })
    const stopOld = yield* serve(old)
    yield* advance(2 * MINUTE)
    const stopNew = yield* serve(either)
    yield* advance(MINUTE)
    yield* stopOld
    yield* advance(3 * MINUTE + 10_000)
    expect(yield* fired).toEqual([
      ...[1, 2, 3].map((tick) => [tick, old.version]),
      ...[4, 5, 6].map((tick) => [tick, either.version])
    ])
    expect(yield* kept).toMatchObject({ version: either.version, paused: false, skipped: 0 })
    yield* stopNew
  }).pipe(Effect.provide(store))
)

effectIt.effect(
  "whichever servers come and go, no tick is fired twice, and a schedule that is right is not paused",
  () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.constantFrom(old, either, both), fc.nat(3), fc.integer({ min: 1, max: 40 })), {
            minLength: 1,
            maxLength: 8
          }),
          fc.constantFrom("one", "all", "skip"),
          (servers, catchUp) =>
            Effect.gen(function* () {
              yield* put(either, { n: 1 }, { catchUp, timing: { everyMillis: 10_000 } })
              const going: Array<Effect.Effect<void>> = []
              for (const [pipeline, keep, seconds] of servers) {
                while (going.length > keep) yield* going.shift()!
                going.push(yield* serve(pipeline))
                yield* advance(1_000 * seconds)
              }
              while (going.length > 0) yield* going.shift()!
              const stop = yield* serve(either)
              yield* advance(20_000)
              yield* stop
              const ticks = (yield* fired).map(([tick]) => tick)
              expect(new Set(ticks).size).toBe(ticks.length)
              expect(yield* kept).toMatchObject({ paused: false })
              if (catchUp === "all")
                expect(ticks.length).toBe(Math.round(((yield* kept).nextAtMillis - 10_000) / 10_000))
            }).pipe(Effect.provide(Layer.fresh(store)), Effect.provide(TestClock.layer()), Effect.runPromise)
        ),
        { numRuns: cases(30) }
      )
    )
)
