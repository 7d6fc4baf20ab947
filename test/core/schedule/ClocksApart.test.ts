/** Servers whose clocks are apart, and clocks that are set: only the Store's clock decides, and each tick fires once. */
import { it as effectIt } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { describe, expect } from "vitest"
import {
  Access,
  Guard,
  Levada,
  Operations,
  Pipeline,
  Principal,
  Registry,
  type Schedule,
  Scheduler,
  Store,
  Task
} from "../../../adapters/promise/index.ts"
import { cases } from "../../cases.ts"

const { host } = Principal
const SECOND = 1_000
const HOUR = 3_600 * SECOND

const work = Task.make("work", { input: {}, output: { m: Schema.Number }, run: () => ({ m: 1 }) })
const pipeline = Pipeline.make("p", [work])

/** A clock whose wall shows another time. What it counts and how it sleeps is the same. */
const apart = (clock: Clock.Clock, byMillis: () => number): Clock.Clock => {
  const currentTimeMillisUnsafe = () => clock.currentTimeMillisUnsafe() + byMillis()
  const currentTimeNanosUnsafe = () => BigInt(currentTimeMillisUnsafe()) * 1_000_000n
  return {
    ...clock,
    currentTimeMillisUnsafe,
    currentTimeNanosUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe)
  }
}

/** One run of a schedule: its tick, and the Store's wall clock when it was fired. */
interface Fired {
  readonly tickMillis: number
  readonly wallMillis: number
}

/** A Store by a clock of its own, that starts at noon, and what happens to it. */
const storeBy = (wall: Clock.Clock) =>
  Effect.gen(function* () {
    const fired: Array<Fired> = []
    const seen = { looks: 0 }
    const scope = yield* Effect.scope
    const context = yield* Layer.buildWithScope(Store.layerMemory({ historyMillis: 0 }), scope).pipe(
      Effect.provideService(Clock.Clock, wall)
    )
    const store = Context.get(context, Store.Store)
    const { schedules } = store
    const watched: Store.Store = {
      ...store,
      schedules: {
        ...schedules,
        due: (takesAfter) =>
          schedules.due((head) => {
            seen.looks++
            return takesAfter(head)
          }),
        fire: (firing) =>
          Effect.tap(schedules.fire(firing), (isFired) =>
            Effect.sync(() => {
              if (!isFired) return
              const wallMillis = wall.currentTimeMillisUnsafe()
              for (const { schedule } of firing.runs) fired.push({ tickMillis: schedule!.tickMillis, wallMillis })
            })
          )
      }
    }
    return { store: watched, fired, seen }
  })

const over = (store: Store.Store) =>
  Layer.provideMerge(
    Operations.layer,
    Layer.provideMerge(
      Layer.mergeAll(Guard.layer(Access.open), Registry.layer({ pipelines: [pipeline] })),
      Layer.succeed(Store.Store, store)
    )
  )

/** Starts a server whose clock is apart from the Store's. Gives how to end it. */
const serving = (store: Store.Store, clock: Clock.Clock) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const server = Layer.provide(Layer.fresh(Scheduler.layer), Layer.fresh(over(store)))
    yield* Effect.provideService(Layer.buildWithScope(server, scope), Clock.Clock, clock)
    return Scope.close(scope, Exit.void)
  })

const add = (
  store: Store.Store,
  clock: Clock.Clock,
  definition: Omit<Operations.NewSchedule, "given" | "pipelineId">
) =>
  Operations.Operations.use(({ addSchedule }) =>
    addSchedule(host, Levada.schedule(pipeline, { ...definition, parameters: {} }))
  ).pipe(Effect.provide(Layer.fresh(over(store))), Effect.provideService(Clock.Clock, clock), Effect.scoped)

const advance = (seconds: number) =>
  Effect.forEach(Array.from({ length: seconds }), () => TestClock.adjust(SECOND), { discard: true })

const ticksOf = (fired: ReadonlyArray<Fired>): ReadonlyArray<number> =>
  fired.map(({ tickMillis }) => tickMillis).sort((left, right) => left - right)

const TIMINGS: ReadonlyArray<Schedule.Timing> = [
  { everyMillis: 5 * SECOND },
  { cron: "*/5 * * * * *", timeZone: "America/New_York" }
]

const POLICIES = [
  { catchUp: "skip", overlap: "skip" },
  { catchUp: "skip", overlap: "queue" },
  { catchUp: "one", overlap: "allow" },
  { catchUp: "all", overlap: "allow" },
  { catchUp: "all", overlap: "queue" }
] as const

const timing = fc.constantFrom(...TIMINGS)
const policy = fc.constantFrom(...POLICIES)
/** How far a clock is off. */
const off = fc.constantFrom(0, -HOUR, -20 * SECOND, -1, 1, 20 * SECOND, HOUR)

/** Runs what is to be found out on a clock of its own, that shows noon. */
const found = <A>(body: (clock: TestClock.TestClock) => Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const clock = (yield* Clock.Clock) as TestClock.TestClock
      yield* clock.setTime(Date.parse("2026-05-01T12:00:00Z"))
      return yield* body(clock)
    }).pipe(Effect.scoped, Effect.provide(TestClock.layer({ warningDelay: "1 hour" })))
  )

const property = <Values>(title: string, numRuns: number, of: fc.IAsyncProperty<Values>): void =>
  effectIt.live(title, () => Effect.promise(() => fc.assert(of, { numRuns })))

describe("servers whose clocks are apart from the Store's", () => {
  property(
    "fire each tick once and on time, whichever of them made the schedule",
    cases(40),
    fc.asyncProperty(timing, policy, fc.array(off, { minLength: 1, maxLength: 4 }), (timing, policy, offs) =>
      found((clock) =>
        Effect.gen(function* () {
          const { store, fired, seen } = yield* storeBy(clock)
          const clocks = offs.map((byMillis) => apart(clock, () => byMillis))
          for (const each of clocks) yield* serving(store, each)
          const since = yield* store.now
          yield* add(store, clocks[0]!, { id: "s", timing, ...policy })
          yield* advance(33)
          const due = Array.from({ length: 6 }, (_, at) => since + (at + 1) * 5 * SECOND)
          expect(ticksOf(fired)).toEqual(due)
          for (const { tickMillis, wallMillis } of fired) expect(wallMillis).toBe(tickMillis)
          expect(seen.looks).toBeLessThan(offs.length * 40)
        })
      )
    )
  )

  property(
    "make up for the ticks that were missed as the policy says, each once",
    cases(40),
    fc.asyncProperty(timing, policy, fc.array(off, { minLength: 1, maxLength: 4 }), (timing, policy, offs) =>
      found((clock) =>
        Effect.gen(function* () {
          const { store, fired, seen } = yield* storeBy(clock)
          const since = yield* store.now
          yield* add(
            store,
            apart(clock, () => offs[0]!),
            { id: "s", timing, ...policy, graceMillis: 1 }
          )
          yield* advance(22)
          for (const byMillis of offs) {
            yield* serving(
              store,
              apart(clock, () => byMillis)
            )
          }
          yield* TestClock.adjust(1)
          const missed = [5, 10, 15, 20].map((seconds) => since + seconds * SECOND)
          expect(ticksOf(fired)).toEqual(
            policy.catchUp === "all" ? missed : policy.catchUp === "one" ? missed.slice(-1) : []
          )
          yield* advance(60)
          const ticks = ticksOf(fired)
          expect(new Set(ticks).size).toBe(ticks.length)
          expect(seen.looks).toBeLessThan(offs.length * 80)
        })
      )
    )
  )
})

describe("a Store whose clock is set", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), off), { minLength: 1, maxLength: 6 })

  property(
    "fires each tick once: intervals go on as they were, a cron follows the wall clock",
    cases(60),
    fc.asyncProperty(timing, fc.constantFrom("skip", "one", "all"), steps, (timing, catchUp, steps) =>
      found((clock) =>
        Effect.gen(function* () {
          let byMillis = 0
          const wall = apart(clock, () => byMillis)
          const { store, fired, seen } = yield* storeBy(wall)
          yield* serving(store, wall)
          yield* serving(store, clock)
          const since = yield* store.now
          yield* add(store, clock, { id: "s", timing, catchUp, overlap: "allow" })
          let elapsed = 0
          for (const [seconds, step] of steps) {
            yield* advance(seconds)
            elapsed += seconds
            byMillis += step
          }
          const before = fired.length
          yield* advance(60)
          const ticks = ticksOf(fired)
          expect(new Set(ticks).size).toBe(ticks.length)
          const isCron = timing.cron !== undefined
          if (isCron)
            for (const { tickMillis, wallMillis } of fired) expect(wallMillis).toBeGreaterThanOrEqual(tickMillis)
          // Twelve in a minute, and no hole where the clock was set back.
          else expect(fired.length - before).toBeGreaterThanOrEqual(11)
          if (catchUp === "all") {
            const until = isCron ? wall.currentTimeMillisUnsafe() : yield* store.now
            const count = Math.max(Math.floor((until - since) / 5_000), ticks.length)
            // Of hours that are passed over, at most the newest 1,000 are made up for.
            if (count <= 1_000)
              expect(ticks).toEqual(Array.from({ length: count }, (_, at) => since + (at + 1) * 5_000))
          }
          expect(seen.looks).toBeLessThan(2 * (elapsed + 60 + 2 * fired.length + 4 * steps.length))
        })
      )
    )
  )
})
