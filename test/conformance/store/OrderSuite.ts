/** Which work a Store lends first, and which it holds back: priorities, delays, limits, pauses. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Plan from "../../../core/pipeline/Plan.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Outcome } from "../../../core/store/Work.ts"
import {
  chain,
  claim,
  type Declare,
  diamond,
  done,
  limited,
  mine,
  newRun,
  nothing,
  PIPELINE,
  planOf,
  runsOf,
  settle,
  single
} from "./harness/Driving.ts"

const probed: Plan.Plan = { ...single, steps: single.steps.map((step) => ({ ...step, probed: true })) }
const found = (key: string, max: number): Outcome => ({ _tag: "Probed", limits: [{ key, max }] })

export const order = (test: Declare): void => {
  test(
    "the highest priority first; within one, who came first",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const ids = new Map<string, number>()
      for (const [at, priority] of [0, -3, 100, 0, 7, 100].entries())
        ids.set(yield* submit(newRun(single, { priority })), at)
      const order: Array<number> = []
      for (let left = ids.size; left > 0; left--) order.push(ids.get((yield* claim(1))[0]!.runId)!)
      expect(order).toEqual([2, 5, 4, 0, 3, 1])
    })
  )

  test(
    "a run that has begun goes on before others begin",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const ids = [yield* submit(newRun(diamond)), yield* submit(newRun(chain)), yield* submit(newRun(diamond))]
      const order: Array<string> = []
      for (let left = 11; left > 0; left--) {
        const [next] = yield* claim(1)
        order.push(`${ids.indexOf(next!.runId)}${next!.step}`)
        yield* settle([next!, done()])
      }
      expect(order.join(" ")).toBe("0a 0b 0c 0d 1a 1b 1c 2a 2b 2c 2d")
    })
  )

  test(
    "a delayed run is PENDING and lends nothing until its time has come; its time limit counts from then",
    Effect.gen(function* () {
      const { submit, get, wait } = yield* Store
      const runId = yield* submit(newRun(single, { delayMillis: 60, timeoutMillis: 60 }))
      const fresh = yield* get(runId)
      expect(fresh.startAtMillis - fresh.submittedAtMillis).toBe(60)
      expect(yield* nothing()).toBe(true)
      const [a] = yield* claim()
      const started = yield* get(runId)
      expect(started.startedAtMillis).toBeGreaterThanOrEqual(fresh.startAtMillis)
      const over = yield* wait(runId)
      expect(over).toMatchObject({ status: "FAILED", error: { name: "RunTimedOut" } })
      expect(over.completedAtMillis! - fresh.startAtMillis).toBeGreaterThanOrEqual(60)
      expect(yield* settle([a!, done()])).toHaveLength(1)
    })
  )

  test(
    "a run that waits for its limits is PENDING; it begins when one that holds them ends, however that ends",
    Effect.gen(function* () {
      const { submit, get, cancel } = yield* Store
      const limits = [{ key: "runs", max: 2 }]
      const ids: Array<string> = []
      for (let at = 0; at < 6; at++) ids.push(yield* submit(newRun(single, { limits })))
      const [first, second] = yield* claim()
      expect(runsOf([first!, second!])).toEqual(ids.slice(0, 2))
      expect(yield* nothing()).toBe(true)
      // One that is cancelled while it waits does not take the place that comes free.
      yield* cancel(ids[2]!, "no longer wanted")
      yield* settle([first!, done()])
      const [fourth, ...more] = yield* claim()
      expect([fourth!.runId, more]).toEqual([ids[3], []])
      yield* cancel(ids[1]!, "enough")
      const [fifth] = yield* claim()
      expect(fifth!.runId).toBe(ids[4])
      yield* settle([fifth!, { _tag: "Failed", error: { name: "TaskFailed", message: "it broke" } }])
      expect(runsOf(yield* claim())).toEqual([ids[5]])
      expect((yield* get(ids[5]!)).status).toBe("RUNNING")
    })
  )

  test(
    "steps hold their limits while they are lent: never more than may be, over all workers and pipelines, and as many",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const plan = limited(planOf({ a: [], b: [], c: [], d: [] }), { key: "gpu", max: 3 })
      const other = new Set([...mine, Version.key("q", "v1")])
      yield* submit(newRun(plan))
      yield* submit(newRun(plan, { pipelineId: "q" }))
      const held = [...(yield* claim(2, "w1", other)), ...(yield* claim(2, "w2", other))]
      expect(held).toHaveLength(3)
      let left = 5
      for (let taken = held.shift(); taken !== undefined; taken = held.shift()) {
        yield* settle([taken, left % 2 === 0 ? done() : { _tag: "Completed", outputs: {} }])
        if (left-- > 0) held.push(...(yield* claim(10, "w1", other)))
        expect(held.length).toBeLessThanOrEqual(3)
      }
      expect(left).toBeLessThanOrEqual(0)
    })
  )

  test(
    "a place is not lost when who is told of it can't take it: another version, another limit, or cancelled",
    Effect.gen(function* () {
      const { submit, cancel } = yield* Store
      const one = limited(single, { key: "k", max: 1 })
      const both = limited(single, { key: "k", max: 1 }, { key: "l", max: 1 })
      const holder = yield* submit(newRun(one))
      const [held] = yield* claim()
      expect(held!.runId).toBe(holder)
      const lHolder = yield* submit(newRun(limited(single, { key: "l", max: 1 })))
      const [heldL] = yield* claim()
      expect(heldL!.runId).toBe(lHolder)
      const unclaimable = yield* submit(newRun(one, { version: "v9" }))
      const blocked = yield* submit(newRun(both))
      const cancelled = yield* submit(newRun(one))
      const able = yield* submit(newRun(one))
      expect(yield* nothing()).toBe(true)
      yield* cancel(cancelled, "enough")
      yield* settle([held!, done()])
      const [next] = yield* claim()
      expect(next!.runId).toBe(able)
      yield* settle([heldL!, done()])
      expect(yield* nothing()).toBe(true)
      yield* settle([next!, done()])
      const [last] = yield* claim()
      expect(last!.runId).toBe(blocked)
      yield* settle([last!, done()])
      expect(runsOf(yield* claim(1, "w1", new Set([Version.key(PIPELINE, "v9")])))).toEqual([unclaimable])
    })
  )

  test(
    "a lease that ends, is given back or is retried frees what it held",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const plan = limited(single, { key: "k", max: 1 })
      const first = yield* submit(newRun(plan))
      const second = yield* submit(newRun(plan))
      const [a] = yield* claim()
      yield* settle([a!, { _tag: "Retried", error: { name: "TaskFailed", message: "again" }, waitMillis: 20 }])
      const [b] = yield* claim()
      expect([a!.runId, b!.runId]).toEqual([first, second])
      expect(yield* nothing()).toBe(true)
      yield* Effect.sleep(20)
      yield* settle([b!, { _tag: "Released", reason: "given back" }])
      const [c] = yield* claim()
      expect([first, second]).toContain(c!.runId)
      expect(yield* nothing()).toBe(true)
    })
  )

  test(
    "a probe is no attempt: it finds the limits, holds none, and its worker may be lost",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const ids = [yield* submit(newRun(probed)), yield* submit(newRun(probed)), yield* submit(newRun(probed))]
      const probes = yield* claim()
      expect(probes.map(({ phase, attempt }) => [phase, attempt])).toEqual([
        ["probe", 0],
        ["probe", 0],
        ["probe", 0]
      ])
      expect((yield* get(ids[0]!)).status).toBe("PENDING")
      yield* settle([probes[0]!, found("k", 1)], [probes[1]!, found("k", 1)], [probes[2]!, found("other", 1)])
      const claims = yield* claim()
      expect(claims.map(({ runId, phase, attempt }) => [runId, phase, attempt])).toEqual([
        [ids[0], "run", 1],
        [ids[2], "run", 1]
      ])
      yield* settle([claims[0]!, done()])
      const [second] = yield* claim()
      expect(second!.runId).toBe(ids[1])
      // What was found stays found.
      yield* settle([second!, { _tag: "Released", reason: "given back" }])
      expect((yield* claim())[0]).toMatchObject({ runId: ids[1], phase: "run", attempt: 2 })
    })
  )

  test(
    "a probe that fails fails its step, which has begun then",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const runId = yield* submit(newRun(probed))
      const [probe] = yield* claim()
      yield* settle([probe!, { _tag: "Failed", error: { name: "LimitKeyFailed", message: "no key", step: "a" } }])
      expect(yield* get(runId)).toMatchObject({ status: "FAILED", error: { name: "LimitKeyFailed" }, sequence: 4 })
    })
  )

  test(
    "a paused pipeline lends nothing and takes runs; what is lent goes on; resumed, it wakes who waits",
    Effect.gen(function* () {
      const { submit, pause, resume, paused, get } = yield* Store
      const runId = yield* submit(newRun(planOf({ a: [], b: ["a"] })))
      const [a] = yield* claim()
      yield* pause(PIPELINE)
      yield* pause(PIPELINE)
      expect([...(yield* paused)]).toEqual([PIPELINE])
      yield* settle([a!, done()])
      const other = yield* submit(newRun(single))
      expect((yield* get(runId)).steps.map(({ status }) => status)).toEqual(["COMPLETED", "PENDING"])
      const foreign = yield* submit(newRun(single, { pipelineId: "q" }))
      const both = new Set([...mine, Version.key("q", "v1")])
      expect(runsOf(yield* claim(10, "w1", both))).toEqual([foreign])
      const waiting = yield* Effect.forkChild(claim(), { startImmediately: true })
      yield* resume(PIPELINE)
      expect(runsOf(yield* Fiber.join(waiting))).toEqual([runId, other])
      yield* resume(PIPELINE)
      expect([...(yield* paused)]).toEqual([])
    })
  )
}
