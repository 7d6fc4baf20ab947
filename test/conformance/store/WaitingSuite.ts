/** Those who wait for work, and work that waits for limits: nobody is forgotten, nobody is passed over, none is too many. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Run from "../../../core/run/Run.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Claim } from "../../../core/store/Work.ts"
import {
  broken,
  claim,
  type Declare,
  done,
  LEASE,
  limited,
  mine,
  newRun,
  nothing,
  PIPELINE,
  planOf,
  runsOf,
  settle,
  single,
  stopped
} from "./harness/Driving.ts"

/** Longer than any Store takes to tell somebody of work, in milliseconds. */
const PATIENCE = 5_000

const one = limited(single, { key: "k", max: 1 })

/** A way in which there comes to be work for who waits: what has to happen for it, once all is prepared. */
interface Way {
  readonly happen: Effect.Effect<unknown, unknown, Store>
}

const ways: Readonly<Record<string, Effect.Effect<Way, unknown, Store>>> = {
  "a run is submitted": Effect.map(Store, ({ submit }) => ({ happen: submit(newRun(single)) })),
  "the last input of a step is there": Effect.gen(function* () {
    yield* (yield* Store).submit(newRun(planOf({ a: [], b: ["a"] })))
    const [a] = yield* claim(1)
    return { happen: settle([a!, done()]) }
  }),
  "a step is given back": Effect.gen(function* () {
    yield* (yield* Store).submit(newRun(single))
    const [a] = yield* claim(1)
    return { happen: settle([a!, stopped]) }
  }),
  "a step is to be attempted again": Effect.gen(function* () {
    yield* (yield* Store).submit(newRun(single))
    const [a] = yield* claim(1)
    return { happen: settle([a!, { _tag: "Retried", error: { name: "TaskFailed", message: "again" }, waitMillis: 0 }]) }
  }),
  "a limit is free": Effect.gen(function* () {
    const { submit } = yield* Store
    for (let count = 0; count < 2; count++) yield* submit(newRun(one))
    const [a] = yield* claim(1)
    return { happen: settle([a!, done()]) }
  }),
  "who had a limit has stopped": Effect.gen(function* () {
    const { submit, cancel } = yield* Store
    for (let count = 0; count < 2; count++) yield* submit(newRun(one))
    const [a] = yield* claim(1)
    yield* cancel(a!.runId, "enough")
    return { happen: settle([a!, stopped]) }
  }),
  "a run before it is over": Effect.gen(function* () {
    const { submit, cancel } = yield* Store
    const limits = [{ key: "runs", max: 1 }]
    const held = yield* submit(newRun(single, { limits }))
    yield* claim(1)
    yield* submit(newRun(single, { limits }))
    return { happen: cancel(held, "enough") }
  }),
  "the pipeline is resumed": Effect.gen(function* () {
    const { submit, pause, resume } = yield* Store
    yield* pause(PIPELINE)
    yield* submit(newRun(single))
    return { happen: resume(PIPELINE) }
  })
}

/** Ways in which a claim is taken from its worker: each takes the claims of the run's two steps, of which `a` is to be taken. */
const takings: Readonly<Record<string, (a: Claim, b: Claim) => Effect.Effect<unknown, unknown, Store>>> = {
  "its run is cancelled": ({ runId }) => Store.use(({ cancel }) => cancel(runId, "enough")),
  "its step is cancelled": ({ runId }) => Store.use(({ cancelStep }) => cancelStep(runId, "a", "enough")),
  "another step of its run fails": (_, b) => settle([b, broken]),
  "its run takes too long": ({ runId }) => Store.use(({ wait }) => wait(runId))
}

export const waiting = (test: Declare, testLong: Declare): void => {
  for (const [way, prepare] of Object.entries(ways)) {
    testLong(
      `who waits for work learns of it, whenever that is, when ${way}`,
      Effect.gen(function* () {
        for (let turns = 0; turns < 10; turns++) {
          const { happen } = yield* prepare
          const waiter = yield* Effect.forkChild(claim(1, "w2"))
          for (let left = turns; left > 0; left--) yield* Effect.yieldNow
          yield* happen
          const claims = Option.getOrThrow(yield* Effect.timeoutOption(Fiber.join(waiter), PATIENCE))
          expect(claims, `after ${turns} turns`).toHaveLength(1)
          yield* settle([claims[0]!, done()])
        }
      })
    )
  }

  for (const [way, take] of Object.entries(takings)) {
    testLong(
      `when ${way}, its limits are free once its worker has stopped, and only once`,
      Effect.gen(function* () {
        const { submit } = yield* Store
        const two = planOf({ a: [], b: [] })
        const plan = { ...two, steps: [{ ...two.steps[0]!, limits: [{ key: "k", max: 1 }] }, two.steps[1]!] }
        const timeoutMillis = way === "its run takes too long" ? 30 : undefined
        yield* submit(newRun(plan, { timeoutMillis }))
        const [a, b] = [...(yield* claim(2))].sort((left, right) => left.index - right.index)
        const [next, last] = [yield* submit(newRun(one)), yield* submit(newRun(one))]
        yield* take(a!, b!)
        expect(yield* nothing()).toBe(true)
        expect(yield* settle([a!, stopped])).toHaveLength(1)
        const [second] = yield* claim(1)
        expect(second!.runId).toBe(next)
        // It has said so already; who has the limit now is somebody else.
        expect(yield* settle([a!, stopped])).toHaveLength(1)
        expect(yield* nothing()).toBe(true)
        yield* settle([second!, done()])
        expect(runsOf(yield* claim(1))).toEqual([last])
      })
    )
  }

  test(
    "a worker that does not say that it has stopped holds its limits until its lease ends",
    Effect.gen(function* () {
      const { submit, get, cancel, renew } = yield* Store
      const [first, second] = [yield* submit(newRun(one)), yield* submit(newRun(one))]
      const [lost] = yield* claim(1)
      yield* cancel(first, "enough")
      expect(yield* renew([lost!])).toHaveLength(1)
      const [next] = yield* claim(1, "w2")
      expect(next!.runId).toBe(second)
      const [before, after] = [yield* get(first), yield* get(second)]
      expect(after.startedAtMillis! - before.startedAtMillis!).toBeGreaterThanOrEqual(LEASE)
      yield* submit(newRun(one))
      expect(yield* settle([lost!, stopped])).toHaveLength(1)
      expect(yield* nothing()).toBe(true)
    })
  )

  testLong(
    "a limit is never exceeded and never left unused, whoever is cancelled, fails, retries or stops late",
    Effect.gen(function* () {
      const { submit, cancel, get, settle: lend } = yield* Store
      const MAX = 3
      const plan = limited(planOf({ a: [], b: [], c: ["a"] }), { key: "k", max: MAX })
      let seed = 7
      const roll = (sides: number): number => {
        seed = (seed * 16_807) % 2_147_483_647
        return seed % sides
      }
      const ids: Array<string> = []
      for (let count = 0; count < 60; count++) ids.push(yield* submit(newRun(plan)))
      const left = new Set(ids)
      const holding: Array<Claim> = []
      for (let act = 0; left.size > 0; act++) {
        if (act > 2_000) throw new Error("The runs do not end")
        // In the beginning there is always more that is ready; later, what is not over may wait for what is held.
        const request = { worker: "w1", max: MAX + 2, versions: mine }
        holding.push(...(holding.length === 0 ? yield* claim(MAX + 2) : (yield* lend([], request)).claims))
        expect(holding.length).toBeLessThanOrEqual(MAX)
        if (act < 60) expect(holding).toHaveLength(MAX)
        const { runId } = holding[roll(holding.length)]!
        if (roll(3) === 0) yield* cancel(runId, "enough")
        const [ended] = holding.splice(roll(holding.length), 1)
        const again = { _tag: "Retried", error: { name: "TaskFailed", message: "again" }, waitMillis: 0 } as const
        yield* settle([ended!, [done(), done(), stopped, again, broken][roll(5)]!])
        for (const id of left) if (Run.isTerminal((yield* get(id)).status)) left.delete(id)
      }
    })
  )

  testLong(
    "more than a thousand that wait for one limit are lent in their order, without those that were cancelled",
    Effect.gen(function* () {
      const { submit, cancel } = yield* Store
      const ids: Array<string> = []
      const submitSome = Effect.gen(function* () {
        for (let count = 0; count < 800; count++) ids.push(yield* submit(newRun(one)))
      })
      const cancelled = new Set<string>()
      const cancelSome = Effect.gen(function* () {
        for (let at = 1; at < ids.length; at += 3) {
          cancelled.add(ids[at]!)
          yield* cancel(ids[at]!, "enough")
        }
      })
      const lent: Array<string> = []
      const lendSome = (count: number) =>
        Effect.gen(function* () {
          for (let left = count; left > 0; left--) {
            const [next] = yield* claim(1)
            lent.push(next!.runId)
            yield* settle([next!, done()])
          }
        })
      yield* submitSome
      yield* lendSome(100)
      yield* submitSome
      yield* cancelSome
      yield* submitSome
      yield* lendSome(300)
      yield* submitSome
      yield* lendSome(ids.filter((id) => !cancelled.has(id) || lent.includes(id)).length - lent.length)
      expect(lent).toEqual(ids.filter((id) => !cancelled.has(id) || lent.includes(id)))
      expect(yield* nothing()).toBe(true)
    })
  )

  testLong(
    "one that is told of a free limit and cancelled before it takes it passes it on, however many are ready",
    Effect.gen(function* () {
      const { submit, cancel } = yield* Store
      yield* submit(newRun(one))
      const [held] = yield* claim(1)
      const [second, third] = [yield* submit(newRun(one)), yield* submit(newRun(one))]
      expect(yield* nothing()).toBe(true)
      const free: Array<string> = []
      const submitFree = Effect.gen(function* () {
        for (let count = 0; count < 1_100; count++) free.push(yield* submit(newRun(single)))
      })
      yield* submitFree
      yield* settle([held!, done()])
      yield* cancel(second, "enough")
      yield* submitFree
      // One act lends only so many.
      const lent: Array<string> = []
      while (lent.length < free.length + 1) lent.push(...runsOf(yield* claim(3_000)))
      expect(lent).toContain(third)
      expect(lent.filter((id) => id !== third)).toEqual(free)
    })
  )

  testLong(
    "one that is attempted again goes behind those who waited meanwhile, and before those who come later",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const ids = [yield* submit(newRun(one)), yield* submit(newRun(one)), yield* submit(newRun(one))]
      const [first] = yield* claim(1)
      expect(yield* nothing()).toBe(true)
      yield* settle([first!, { _tag: "Retried", error: { name: "TaskFailed", message: "again" }, waitMillis: 0 }])
      const [second] = yield* claim(1)
      // By now it is ready again, and finds the limit used up.
      expect(yield* nothing()).toBe(true)
      ids.push(yield* submit(newRun(one)))
      expect(yield* nothing()).toBe(true)
      const order = [second!.runId]
      for (let held = second!; order.length < 4; ) {
        yield* settle([held, done()])
        const [next] = yield* claim(1)
        held = next!
        order.push(held.runId)
      }
      expect(order).toEqual([ids[1], ids[2], ids[0], ids[3]])
    })
  )

  testLong(
    "one that is told of a free limit and lacks another keeps its place",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const both = limited(single, { key: "k", max: 1 }, { key: "l", max: 1 })
      const ids = [yield* submit(newRun(limited(single, { key: "l", max: 1 }))), yield* submit(newRun(one))]
      const [l, k] = yield* claim(2)
      expect(runsOf([l!, k!])).toEqual(ids)
      // Both wait for `k`; the first of them lacks `l` as well, the last comes later than both.
      const [early, late] = [yield* submit(newRun(both)), yield* submit(newRun(both))]
      expect(yield* nothing()).toBe(true)
      yield* settle([k!, done()])
      expect(yield* nothing()).toBe(true)
      const last = yield* submit(newRun(both))
      expect(yield* nothing()).toBe(true)
      yield* settle([l!, done()])
      const order: Array<string> = []
      while (order.length < 3) {
        const [next] = yield* claim(1)
        order.push(next!.runId)
        yield* settle([next!, done()])
      }
      expect(order).toEqual([early, late, last])
    })
  )
}
