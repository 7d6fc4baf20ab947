/** How a worker gets on with its Store: it misses nothing, bears with a Store that is ill, and lets others have their turn. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import {
  Access,
  Errors,
  Levada,
  Operations,
  Pipeline,
  Principal,
  Run,
  Step,
  Store,
  Task
} from "../../../adapters/promise/index.ts"
import { layerOver, within } from "../harness/Within.ts"

const N = Schema.Number
const { host } = Principal

const turns = (count: number) => Effect.repeat(Effect.yieldNow, { times: count })

/** The run after all that needs no time has happened. */
const settledRun = (runId: string) =>
  Operations.Operations.use((operations) =>
    Effect.gen(function* () {
      for (let left = 200; left > 0; left--) {
        const run = yield* operations.run(host, runId)
        if (Run.isTerminal(run.status)) return run
        yield* Effect.yieldNow
      }
      return yield* operations.run(host, runId)
    })
  )

const first = Task.make("first", {
  input: { ticks: N },
  output: { x: N },
  run: async ({ ticks }) => {
    for (let left = ticks; left > 0; left--) await undefined
    return { x: ticks }
  }
})
const second = Task.make("second", { input: { x: N }, output: { y: N }, run: ({ x }) => Effect.succeed({ y: x }) })
const two = Pipeline.make("two", [first, second])

describe("a worker learns of everything, whenever it happens", () => {
  it.effect("between its look for work and its wait for it: work that is submitted", () =>
    Effect.gen(function* () {
      for (let before = 0; before < 12; before++) {
        yield* Effect.gen(function* () {
          // The worker has begun to look by one turn more each time.
          yield* turns(before)
          const runId = yield* Levada.start(two, { ticks: 1 })
          expect((yield* settledRun(runId)).status, `after ${before} turns`).toBe("COMPLETED")
        }).pipe(within([two]))
      }
    })
  )

  it.effect("and tasks that end, however long the Store takes to look", () =>
    Effect.gen(function* () {
      for (let late = 0; late < 8; late++) {
        const slowly = <A, E>(effect: Effect.Effect<A, E>) => Effect.andThen(turns(late), effect)
        const through = (store: Store.Store): Store.Store => ({
          ...store,
          claim: (request) => slowly(store.claim(request)),
          settle: (settlements, request) => slowly(store.settle(settlements, request))
        })
        yield* Effect.gen(function* () {
          for (let ticks = 0; ticks < 25; ticks++) {
            const runId = yield* Levada.start(two, { ticks })
            expect((yield* settledRun(runId)).status, `${late} turns, ${ticks} ticks`).toBe("COMPLETED")
          }
        }).pipe(within([two], { through }))
      }
    })
  )
})

/** A Store that does not settle for as long as it is ill. */
const ailing = (how: Effect.Effect<never, Errors.StoreUnavailable>) => {
  const state = { ill: true, asked: 0 }
  const through = (store: Store.Store): Store.Store => ({
    ...store,
    settle: (settlements, request) => {
      if (settlements.length > 0) state.asked++
      return settlements.length > 0 && state.ill ? how : store.settle(settlements, request)
    }
  })
  return { state, through }
}

describe("a Store that does not take outcomes", () => {
  it.effect("is asked again four times a second and not more often; no outcome is lost, none is recorded twice", () => {
    let calls = 0
    const once = Task.make("once", { output: { x: N }, run: async () => ({ x: ++calls }) })
    const pipeline = Pipeline.make("p", [once])
    const { state, through } = ailing(Effect.fail(new Errors.StoreUnavailable("it is ill")))
    return Effect.gen(function* () {
      const runId = yield* Levada.start(pipeline, {})
      yield* turns(200)
      expect(state.asked).toBe(1)
      for (let quarters = 1; quarters <= 8; quarters++) {
        yield* TestClock.adjust(249)
        yield* turns(50)
        expect(state.asked).toBe(quarters)
        yield* TestClock.adjust(1)
        yield* turns(50)
        expect(state.asked).toBe(quarters + 1)
      }
      // What comes meanwhile waits as well.
      const later = yield* Levada.start(pipeline, {})
      state.ill = false
      yield* TestClock.adjust(500)
      expect(yield* settledRun(runId)).toMatchObject({ status: "COMPLETED", outputs: { x: "1" }, sequence: 4 })
      expect(yield* settledRun(later)).toMatchObject({ status: "COMPLETED", outputs: { x: "2" } })
    }).pipe(within([pipeline], { through }))
  })

  it.effect("and breaks: the worker lives, and the step is attempted again when its lease has ended", () => {
    let calls = 0
    const once = Task.make("once", { output: { x: N }, run: async () => ({ x: ++calls }) })
    const pipeline = Pipeline.make("p", [once])
    const { state, through } = ailing(Effect.die(new TypeError("the Store is broken")))
    return Effect.gen(function* () {
      const runId = yield* Levada.start(pipeline, {})
      yield* turns(200)
      state.ill = false
      yield* TestClock.adjust(250)
      const later = yield* Levada.start(pipeline, {})
      expect(yield* settledRun(later)).toMatchObject({ status: "COMPLETED", outputs: { x: "2" } })
      expect((yield* settledRun(runId)).status).toBe("RUNNING")
      yield* TestClock.adjust(15_000)
      expect(yield* settledRun(runId)).toMatchObject({
        status: "COMPLETED",
        outputs: { x: "3" },
        steps: [{ attempts: 2 }]
      })
      // Of the first outcome: it, again without asking for work, and the failure in its place.
      expect(state.asked).toBe(3 + 2)
    }).pipe(within([pipeline], { through }))
  })

  it.effect.each([
    ["refuses", Effect.fail(new Errors.StoreUnavailable("it is ill"))],
    ["breaks", Effect.die(new TypeError("the Store is broken"))]
  ] as const)("keeps nobody from closing, though it %s to the end", ([_, how]) => {
    const { through } = ailing(how)
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(layerOver([two], { through }), scope)
      yield* Effect.provideContext(Levada.start(two, { ticks: 0 }), services)
      yield* turns(200)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      expect(closing.pollUnsafe()).toBeDefined()
    })
  })
})

describe("tasks that never wait", () => {
  const items = Array.from({ length: 100_000 }, (_, n) => n)
  const counting = (chunk?: number) => {
    const state = { calls: 0 }
    const count = Task.make("count", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: n + ++state.calls }) })
    return {
      state,
      pipeline: Pipeline.make("p", [Step.map(count, { over: { n: "ns" }, ...(chunk !== undefined && { chunk }) })])
    }
  }

  it.each([undefined, 1_000, 100_000])("let timers have their turn, in units of %s", async (chunk) => {
    const { state, pipeline } = counting(chunk)
    const levada = Levada.make({
      pipelines: [pipeline],
      access: Access.open,
      store: Store.layerMemory({ maxValueBytes: 1 << 21 })
    })
    const running = levada.execute(pipeline, { ns: items })
    const seen: Array<number> = []
    const timer = setInterval(() => seen.push(state.calls), 1)
    expect(await running).toHaveLength(items.length)
    clearInterval(timer)
    await levada.close()
    expect(seen.filter((calls) => calls > 0 && calls < items.length).length).toBeGreaterThan(0)
  })

  it.each([undefined, 1_000, 100_000])("can be cancelled in the middle of it, in units of %s", async (chunk) => {
    const { state, pipeline } = counting(chunk)
    const levada = Levada.make({ pipelines: [pipeline], access: Access.open })
    const runId = await levada.start(pipeline, { ns: items })
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (state.calls === 0) return
        clearInterval(timer)
        resolve()
      }, 1)
    })
    await levada.cancel(runId, "enough")
    expect(await levada.run(runId)).toMatchObject({ status: "CANCELLED", reason: "enough" })
    await levada.close()
    expect(state.calls).toBeLessThan(items.length)
  })
})
