/** Leases of what is at work are renewed, whatever the work does to the thread and whatever the Store does once. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import {
  Access,
  Errors,
  Levada,
  Operations,
  Pipeline,
  Principal,
  Step,
  Store,
  Task
} from "../../../adapters/promise/index.ts"
import { within } from "../harness/Within.ts"

const N = Schema.Number
const { host } = Principal

describe("leases are kept", () => {
  it.live.each([undefined, 10])(
    "by a map that keeps the thread busy, in units of %s: each item is called once",
    (chunk) =>
      Effect.promise(async () => {
        const calls: Array<number> = []
        const busy = Task.make("busy", {
          input: { n: N },
          output: { m: N },
          run: ({ n }) => {
            calls.push(n)
            const until = performance.now() + 40
            while (performance.now() < until);
            return { m: n * 2 }
          }
        })
        const more = chunk === undefined ? {} : { chunk }
        const pipeline = Pipeline.make("p", [Step.map(busy, { over: { n: "ns" }, ...more })])
        const store = Store.layerMemory({ leaseMillis: 300 })
        const levada = Levada.make({ pipelines: [pipeline], access: Access.open, store })
        const ns = Array.from({ length: 30 }, (_, n) => n)
        // 1.2 s in all, which is four leases.
        expect(await levada.execute(pipeline, { ns })).toEqual(ns.map((n) => n * 2))
        expect(calls.sort((left, right) => left - right)).toEqual(ns)
        await levada.close()
      })
  )

  it.live.each([
    ["at once", 0],
    ["after a while", 1]
  ] as const)(
    "beside a task that keeps the thread busy for several leases, %s: every step is called once",
    ([, wait]) =>
      Effect.promise(async () => {
        const calls = new Map<number, number>()
        const gate = Promise.withResolvers<void>()
        const work = Task.make("work", {
          input: { n: N },
          output: { m: N },
          run: async ({ n }) => {
            calls.set(n, (calls.get(n) ?? 0) + 1)
            if (n !== 99) await gate.promise
            else {
              if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
              const until = performance.now() + 1_500
              while (performance.now() < until);
              setTimeout(gate.resolve, 1)
            }
            return { m: n }
          }
        })
        const pipeline = Pipeline.make("p", [work])
        const levada = Levada.make({
          pipelines: [pipeline],
          access: Access.open,
          store: Store.layerMemory({ leaseMillis: 300 })
        })
        const ns = Array.from({ length: 100 }, (_, n) => n)
        expect(await Promise.all(ns.map((n) => levada.execute(pipeline, { n })))).toEqual(ns)
        expect([...calls.values()]).toEqual(ns.map(() => 1))
        await levada.close()
      })
  )

  it.effect.each([
    ["breaks", Effect.die(new TypeError("the Store is broken"))],
    ["refuses", Effect.fail(new Errors.StoreUnavailable("it is ill"))]
  ] as const)("by a Store that %s once when it is asked to renew", ([, how]) => {
    const gate = Deferred.makeUnsafe<void>()
    let asked = 0
    let calls = 0
    const slow = Pipeline.make("slow", [
      Task.make("slow", {
        output: { x: N },
        run: () =>
          Effect.suspend(() => {
            calls++
            return Effect.as(Deferred.await(gate), { x: calls })
          })
      })
    ])
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      renew: (claims) => (++asked === 1 ? how : store.renew(claims))
    })
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const running = yield* Effect.forkChild(Levada.execute(slow, {}), { startImmediately: true })
      // Ten leases, one third of which at a time.
      yield* TestClock.adjust(150_000)
      expect([calls, asked]).toEqual([1, 30])
      const { runs } = yield* operations.runs(host, { limit: 1 })
      expect(runs[0]!.steps[0]).toMatchObject({ status: "RUNNING", attempts: 1 })
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(running)).toBe(1)
    }).pipe(within([slow], { through }))
  })
})
