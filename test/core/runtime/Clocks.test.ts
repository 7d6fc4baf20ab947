/** Durations are monotonic: a wall clock that steps back or forth stops nothing, and ends nothing early. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  Access,
  type Event,
  Levada,
  Operations,
  Pipeline,
  Principal,
  Step,
  Store,
  Task
} from "../../../adapters/promise/index.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import { cases } from "../../cases.ts"
import { within } from "../harness/Within.ts"

const N = Schema.Number
const { host } = Principal
const HOUR = 3_600_000

/** A clock whose wall time is off by as much as the test says; it sleeps and measures by the clock that it is made of. */
const stepping = (clock: Clock.Clock) => {
  const wall = { offMillis: 0 }
  const nanos = (): bigint => clock.currentTimeNanosUnsafe() + BigInt(wall.offMillis) * 1_000_000n
  const stepped: Clock.Clock = Object.assign(Object.create(clock), {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + wall.offMillis,
    currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + wall.offMillis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos)
  })
  return { wall, stepped }
}

type Wall = ReturnType<typeof stepping>["wall"]

/** Runs `body` with pipelines under a stepping clock that begins one day after 1970. */
const underSteps = <A, E>(
  pipelines: ReadonlyArray<Pipeline.Any>,
  body: (wall: Wall) => Effect.Effect<A, E, Operations.Operations | Store.Store>
): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    yield* TestClock.adjust("1 day")
    const { wall, stepped } = stepping(yield* Clock.Clock)
    const store = Store.layerMemory()
    const layer = Levada.layer({ pipelines, access: Access.open, worker: { graceMillis: 0 } }).pipe(
      Layer.provideMerge(store)
    ) as Layer.Layer<Operations.Operations | Store.Store, unknown>
    return yield* body(wall).pipe(Effect.provide(layer), Effect.provideService(Clock.Clock, stepped))
  })

const eventsOf = (runId: string): Effect.Effect<ReadonlyArray<Event.Event>, unknown, Operations.Operations> =>
  Operations.Operations.use((operations) =>
    Effect.gen(function* () {
      const { sequence } = yield* operations.run(host, runId)
      return yield* Stream.runCollect(Stream.take(operations.watch(host, runId), sequence))
    })
  )

const flaky = (retry: Task.Options<{}, {}, never>["retry"], failures: number) => {
  let calls = 0
  return Task.make("flaky", {
    output: { x: N },
    ...(retry !== undefined && { retry }),
    run: async () => {
      if (++calls <= failures) throw new Error("again")
      return { x: calls }
    }
  })
}
const exact = { jitter: 0, factor: 1, delayMillis: 1_000 }
const endless = Task.make("endless", { output: { x: N }, timeoutMillis: 5_000, run: () => Effect.never })

describe.each([
  ["back", -HOUR],
  ["forth", HOUR]
] as const)("a wall clock that steps an hour %s", (_, step) => {
  it.effect("delays no attempt, and ends no retrying early", () => {
    const pipeline = Pipeline.make("p", [flaky({ times: 3, totalMillis: 60_000, ...exact }, 3)])
    return underSteps([pipeline], (wall) =>
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(Levada.execute(pipeline, {}), { startImmediately: true })
        yield* TestClock.adjust(500)
        wall.offMillis += step
        yield* TestClock.adjust(2_500)
        expect(running.pollUnsafe()).toBeDefined()
        expect(yield* Fiber.join(running)).toBe(4)
      })
    )
  })

  it.effect("neither delays nor hastens a timeout of an attempt, or of a run, or a delayed run", () => {
    const slow = Pipeline.make("slow", [endless])
    const quick = Pipeline.make("quick", [Task.make("quick", { output: { x: N }, run: () => ({ x: 1 }) })])
    const late = Pipeline.make("late", [Task.make("late", { output: { x: N }, run: () => Effect.never })])
    return underSteps([slow, quick, late], (wall) =>
      Effect.gen(function* () {
        const operations = yield* Operations.Operations
        const ids = [
          yield* Levada.start(slow, {}),
          yield* Levada.start(late, {}, { timeoutMillis: 5_000 }),
          yield* Levada.start(quick, {}, { delayMillis: 5_000 })
        ]
        const statuses = Effect.forEach(ids, (id) => Effect.map(operations.run(host, id), ({ status }) => status))
        yield* TestClock.adjust(2_000)
        wall.offMillis += step
        yield* TestClock.adjust(2_999)
        expect(yield* statuses).toEqual(["RUNNING", "RUNNING", "PENDING"])
        yield* TestClock.adjust(1)
        yield* TestClock.adjust(0)
        expect(yield* statuses).toEqual(["FAILED", "FAILED", "COMPLETED"])
      })
    )
  })

  it.effect(
    "neither delays nor hastens the end of a lease, and does not change what a later attempt knows of the first",
    () =>
      underSteps([], (wall) =>
        Effect.gen(function* () {
          const { submit, claim, get } = yield* Store.Store
          const plan = { results: ["a"], steps: [{ name: "a", reads: [], waits: 0, releases: [], vital: true }] }
          const versions = new Set([Version.key("p", "v")])
          const runId = yield* submit({ pipelineId: "p", version: "v", plan, parameters: {} })
          yield* claim({ worker: "w1", max: 1, versions })
          yield* TestClock.adjust(5_000)
          wall.offMillis += step
          const rival = yield* Effect.forkChild(claim({ worker: "w2", max: 1, versions }), { startImmediately: true })
          yield* TestClock.adjust(9_999)
          expect(rival.pollUnsafe()).toBeUndefined()
          yield* TestClock.adjust(1)
          expect(yield* Fiber.join(rival)).toMatchObject([{ attempt: 2, elapsedMillis: 15_000 }])
          expect((yield* get(runId)).status).toBe("RUNNING")
        })
      )
  )

  it.effect("does not change how long a step took", () => {
    const takes = Pipeline.make("p", [
      Task.make("takes", { output: { x: N }, run: () => Effect.as(Effect.sleep(3_000), { x: 1 }) })
    ])
    return underSteps([takes], (wall) =>
      Effect.gen(function* () {
        const runId = yield* Levada.start(takes, {})
        yield* TestClock.adjust(1_000)
        wall.offMillis += step
        yield* TestClock.adjust(5_000)
        expect(yield* eventsOf(runId)).toContainEqual(
          expect.objectContaining({ type: "StepCompleted", durationMillis: 3_000 })
        )
      })
    )
  })

  it.effect("does not change a rate limit", () =>
    underSteps([], (wall) =>
      Effect.gen(function* () {
        const { limiter } = yield* Store.Store
        const rate = { permits: 1, periodMillis: 60_000 }
        expect(yield* limiter.take("k", rate)).toMatchObject({ isAllowed: true })
        wall.offMillis += step
        yield* TestClock.adjust(59_999)
        expect(yield* limiter.take("k", rate)).toMatchObject({ isAllowed: false, resetMillis: 1 })
        yield* TestClock.adjust(1)
        expect(yield* limiter.take("k", rate)).toMatchObject({ isAllowed: true })
      })
    )
  )

  it.live("lets tasks that never wait give way to others as before", () =>
    Effect.gen(function* () {
      const { wall, stepped } = stepping(yield* Clock.Clock)
      let calls = 0
      const count = Task.make("count", {
        input: { n: N },
        output: { m: N },
        run: ({ n }) => {
          if (++calls === 2) wall.offMillis += step
          const until = performance.now() + 1
          while (performance.now() < until);
          return { m: n }
        }
      })
      const pipeline = Pipeline.make("p", [Step.map(count, { over: { n: "ns" } })])
      const ns = Array.from({ length: 200 }, (_, n) => n)
      const seen: Array<number> = []
      const timer = setInterval(() => seen.push(calls), 1)
      expect(
        yield* Levada.execute(pipeline, { ns }).pipe(within([pipeline]), Effect.provideService(Clock.Clock, stepped))
      ).toEqual(ns)
      clearInterval(timer)
      // About every tenth call.
      expect(new Set(seen.filter((at) => at > 20 && at < 200)).size).toBeGreaterThan(3)
    })
  )
})

describe("a wall clock that steps at any time by anything", () => {
  const pipelineOf = (failures: number) =>
    Pipeline.make(
      "p",
      [
        flaky({ times: 4, totalMillis: 20_000, ...exact, delayMillis: 700 }, failures),
        Task.make("after", { input: { x: N }, output: { y: N }, timeoutMillis: 2_000, run: () => Effect.never })
      ],
      { onFailure: "continue" } as never
    )

  const storyOf = (failures: number, steps: ReadonlyArray<readonly [afterMillis: number, byMillis: number]>) => {
    const pipeline = pipelineOf(failures)
    return underSteps([pipeline], (wall) =>
      Effect.gen(function* () {
        const runId = yield* Levada.start(pipeline, {}, { delayMillis: 300, timeoutMillis: 6_000 })
        let now = 0
        const told: Array<string> = []
        let seen = 0
        const look = Effect.map(eventsOf(runId), (events) => {
          for (const event of events.slice(seen)) told.push(`${now} ${event.type}`)
          seen = events.length
        })
        const todo = new Map<number, number>()
        for (const [afterMillis, byMillis] of steps) todo.set(afterMillis, byMillis)
        for (; now <= 8_000; now += 100) {
          const by = todo.get(now)
          if (by !== undefined) wall.offMillis += by
          yield* look
          yield* TestClock.adjust(100)
        }
        return told
      })
    )
  }

  const told = (failures: number, steps: Parameters<typeof storyOf>[1]) =>
    Effect.runPromise(Effect.provide(storyOf(failures, steps), TestClock.layer()))

  it.effect("changes nothing but instants", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 5 }),
          fc.array(
            fc.tuple(
              fc.integer({ min: 0, max: 70 }).map((at) => at * 100),
              fc.integer({ min: -2 * HOUR, max: 2 * HOUR })
            ),
            { minLength: 1, maxLength: 6 }
          ),
          async (failures, steps) => {
            expect(await told(failures, steps)).toEqual(await told(failures, []))
          }
        ),
        { numRuns: cases(20) }
      )
    )
  )
})
