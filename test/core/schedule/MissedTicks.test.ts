/** Ticks missed while no server was running: made up for in slices, and no schedule in the way of another. */
import { it as effectIt } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { expect } from "vitest"
import {
  Access,
  Errors,
  Guard,
  Levada,
  Operations,
  Pipeline,
  Principal,
  Registry,
  Scheduler,
  Store,
  Task
} from "../../../adapters/promise/index.ts"
import { bytesOf } from "../../../core/run/Schedule.ts"
import { type Firing, MAX_FIRED, MAX_FIRED_BYTES } from "../../../core/store/ScheduleStore.ts"
import { cases } from "../../cases.ts"

const { host } = Principal
const MINUTE = 60_000

const work = Task.make("work", { input: { text: Schema.String }, output: { m: Schema.Number }, run: () => ({ m: 1 }) })
const pipeline = Pipeline.make("p", [work])

const schedule = (id: string, bytes = 1) =>
  Levada.schedule(pipeline, {
    id,
    timing: { everyMillis: MINUTE },
    parameters: { text: "x".repeat(bytes) },
    catchUp: "all",
    overlap: "allow"
  })

/** What a Store is asked to fire, and what becomes of it instead. */
type Meddle = (firing: Firing, calls: number) => Effect.Effect<boolean, Errors.StoreUnavailable> | undefined

/** A Store in memory whose firings are seen. */
const meddling = (calls: Array<Firing>, meddle: Meddle) =>
  Layer.effect(
    Store.Store,
    Effect.map(Store.Store, (store) => ({
      ...store,
      schedules: {
        ...store.schedules,
        fire: (firing: Firing) => {
          calls.push(firing)
          return meddle(firing, calls.length) ?? store.schedules.fire(firing)
        }
      }
    }))
  ).pipe(Layer.provide(Store.layerMemory()))

const services = (calls: Array<Firing>, meddle: Meddle = () => undefined) =>
  Operations.layer.pipe(
    Layer.provideMerge(Registry.layer({ pipelines: [pipeline] })),
    Layer.provideMerge(Guard.layer(Access.open)),
    Layer.provideMerge(meddling(calls, meddle))
  )

/** A server that is there for a while. */
const serving = (millis: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* Layer.build(Layer.fresh(Scheduler.layer))
      for (let part = 0; part < 10; part++) yield* TestClock.adjust(millis / 10)
    })
  )

const add = (...schedules: ReadonlyArray<Operations.NewSchedule>) =>
  Operations.Operations.use(({ addSchedule }) =>
    Effect.forEach(schedules, (each) => addSchedule(host, each), { discard: true })
  )

const ticksOf = (id: string) =>
  Effect.map(
    Effect.flatMap(Store.Store, ({ list }) => list({ limit: 5_000 })),
    ({ runs }) => runs.flatMap((run) => (run.schedule?.id === id ? [run.schedule.tickMillis / MINUTE] : [])).reverse()
  )

const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, at) => at + 1)

effectIt.effect("600 missed ticks are fired a hundred a call, each call up to the first tick that is left", () => {
  const calls: Array<Firing> = []
  return Effect.gen(function* () {
    yield* add(schedule("s"))
    yield* TestClock.adjust(600 * MINUTE)
    yield* serving(10)
    expect(yield* ticksOf("s")).toEqual(upTo(600))
    expect(calls.map(({ runs, nextAtMillis }) => [runs.length, nextAtMillis / MINUTE])).toEqual(
      [100, 200, 300, 400, 500, 600].map((ticks) => [100, ticks + 1])
    )
  }).pipe(Effect.provide(services(calls)))
})

effectIt.effect("with a megabyte of parameters each, they are fired one a call", () => {
  const calls: Array<Firing> = []
  return Effect.gen(function* () {
    yield* add(schedule("large", 1_000_000), schedule("small"))
    yield* TestClock.adjust(30 * MINUTE)
    yield* serving(10)
    expect(yield* ticksOf("large")).toEqual(upTo(30))
    const large = calls.flatMap(({ schedule: { id }, runs }, at) => (id === "large" ? [{ at, runs: runs.length }] : []))
    expect(new Set(large.map(({ runs }) => runs))).toEqual(new Set([1]))
    // The small one does not wait until all of them are fired.
    const small = calls.findIndex(({ schedule: { id } }) => id === "small")
    expect(large.filter(({ at }) => at > small).length).toBeGreaterThan(10)
  }).pipe(Effect.provide(services(calls)))
})

effectIt.effect("each missed tick starts one run, whatever their size, and whichever servers are lost meanwhile", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 250 }),
        fc.integer({ min: 1, max: 300_000 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
        (count, bytes, lost) => {
          const calls: Array<Firing> = []
          const meddle: Meddle = (_, call) =>
            lost.includes(call) ? Effect.fail(new Errors.StoreUnavailable("it was cut off")) : undefined
          return Effect.runPromise(
            Effect.gen(function* () {
              yield* add(schedule("s", bytes))
              yield* TestClock.adjust(count * MINUTE)
              for (const _ of [...lost, 0]) yield* Effect.all([serving(MINUTE / 10), serving(MINUTE / 10)])
              const ticks = yield* ticksOf("s")
              expect(ticks).toEqual(upTo(ticks.length))
              expect(ticks.length).toBeGreaterThanOrEqual(count)
              for (const { runs, schedule: seen } of calls) {
                expect(runs.length).toBeLessThanOrEqual(MAX_FIRED)
                if (runs.length > 1) expect(runs.length * bytesOf(seen)).toBeLessThanOrEqual(MAX_FIRED_BYTES)
              }
            }).pipe(
              Effect.provide(Layer.provideMerge(services(calls, meddle), TestClock.layer())),
              Effect.provide(Logger.layer([]))
            )
          )
        }
      ),
      { numRuns: cases(40) }
    )
  )
)

effectIt.effect(
  "a schedule that can't be fired stops no other; it is told of once, and tried less and less often",
  () => {
    const calls: Array<Firing> = []
    const told: Array<string> = []
    const logger = Logger.make(
      ({ message }) => void told.push(String((message as ReadonlyArray<unknown>)[0] ?? message))
    )
    const meddle: Meddle = ({ schedule: { id } }) => {
      if (id === "dies") return Effect.die("a mistake of ours")
      return id === "fails" ? Effect.fail(new Errors.StoreUnavailable("this one is too much for it")) : undefined
    }
    return Effect.gen(function* () {
      // Due at the same instants, and seen before the others.
      yield* add(schedule("dies"), schedule("fails"), schedule("a"), schedule("b"))
      yield* serving(10 * MINUTE)
      for (const id of ["a", "b"]) expect(yield* ticksOf(id)).toEqual(upTo(10))
      for (const id of ["dies", "fails"]) {
        expect(yield* ticksOf(id)).toEqual([])
        expect(calls.filter((call) => call.schedule.id === id).length).toBeLessThan(20)
        expect(told.filter((line) => line.includes(`'${id}'`))).toHaveLength(1)
      }
    }).pipe(Effect.provide(services(calls, meddle)), Effect.provide(Logger.layer([logger])))
  }
)
