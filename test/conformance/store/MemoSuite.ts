/** Steps whose result is that of an earlier attempt with the same inputs. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as Plan from "../../../core/pipeline/Plan.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Outcome } from "../../../core/store/Work.ts"
import {
  broken,
  claim,
  type Declare,
  done,
  mine,
  newRun,
  nothing,
  PIPELINE,
  settle,
  single,
  VERSION
} from "./harness/Driving.ts"

const probed: Plan.Plan = { ...single, steps: single.steps.map((step) => ({ ...step, probed: true })) }
const keyed = (text: string, ttlMillis = 0): Outcome => ({ _tag: "Probed", limits: [], memo: { text, ttlMillis } })

/** Starts a run and says what its step's inputs come to. Gives its id. */
const start = (text: string, ttlMillis?: number) =>
  Effect.gen(function* () {
    const { submit } = yield* Store
    const runId = yield* submit(newRun(probed))
    const [probe] = yield* claim(1)
    expect(probe).toMatchObject({ runId, phase: "probe" })
    yield* settle([probe!, keyed(text, ttlMillis)])
    return runId
  })

export const memoised = (test: Declare): void => {
  test(
    "what one attempt gave, another run with the same key gets without any",
    Effect.gen(function* () {
      const { get, watch } = yield* Store
      const first = yield* start("k")
      const [work] = yield* claim(1)
      yield* settle([work!, done({ a: "7" })])
      const second = yield* start("k")
      const run = yield* get(second)
      expect(run).toMatchObject({ status: "COMPLETED", outputs: { a: "7" }, steps: [{ attempts: 0, memoised: true }] })
      expect((yield* get(first)).steps[0]).toMatchObject({ attempts: 1, memoised: false })
      const told = yield* Stream.runCollect(watch(second))
      expect(told.map(({ type }) => type)).toEqual(["RunStarted", "StepStarted", "StepCompleted", "RunCompleted"])
      expect(told[2]).toMatchObject({ memoised: true, attempt: 0, outputs: { a: "7" } })
      yield* start("other")
      expect((yield* claim(1))[0]).toMatchObject({ phase: "run", attempt: 1 })
    })
  )

  test(
    "for as long as it may, and not longer",
    Effect.gen(function* () {
      const { get } = yield* Store
      yield* start("k", 40)
      yield* settle([(yield* claim(1))[0]!, done({ a: "1" })])
      expect((yield* get(yield* start("k", 40))).status).toBe("COMPLETED")
      yield* Effect.sleep(45)
      const late = yield* start("k", 40)
      expect((yield* get(late)).status).toBe("PENDING")
      expect((yield* claim(1))[0]).toMatchObject({ runId: late, phase: "run" })
    })
  )

  test(
    "while one is at work, the others with its key wait for it; all get what it gives",
    Effect.gen(function* () {
      const { wait } = yield* Store
      const first = yield* start("k")
      const [work] = yield* claim(1)
      const others = [yield* start("k"), yield* start("k"), yield* start("k")]
      const rival = yield* Effect.forkChild(claim(1, "w2"), { startImmediately: true })
      yield* Effect.sleep(10)
      expect(rival.pollUnsafe()).toBeUndefined()
      yield* settle([work!, done({ a: "1" })])
      for (const runId of [first, ...others]) {
        expect(yield* wait(runId)).toMatchObject({ status: "COMPLETED", outputs: { a: "1" } })
      }
      expect(rival.pollUnsafe()).toBeUndefined()
      yield* Fiber.interrupt(rival)
    })
  )

  test(
    "a failure is not kept: the next of those who wait tries, and so on; one that is cancelled is passed over",
    Effect.gen(function* () {
      const { get, cancel } = yield* Store
      const first = yield* start("k")
      const [work] = yield* claim(1)
      const [second, third, fourth] = [yield* start("k"), yield* start("k"), yield* start("k")]
      yield* cancel(second, "enough")
      yield* settle([work!, broken])
      expect((yield* get(first)).status).toBe("FAILED")
      const [next] = yield* claim(1)
      expect(next).toMatchObject({ runId: third, phase: "run", attempt: 1 })
      yield* cancel(third, "enough")
      // Its worker has not stopped yet: two at once for one key there never are.
      expect(yield* nothing()).toBe(true)
      yield* settle([next!, { _tag: "Released", reason: "stopped" }])
      const [last] = yield* claim(1)
      expect(last!.runId).toBe(fourth)
      yield* settle([last!, done({ a: "4" })])
      expect((yield* get(fourth)).outputs).toEqual({ a: "4" })
      expect((yield* get(yield* start("k"))).outputs).toEqual({ a: "4" })
    })
  )

  test(
    "one that is retried or given back holds nobody up: the next one tries meanwhile",
    Effect.gen(function* () {
      const { get } = yield* Store
      const first = yield* start("k")
      const [work] = yield* claim(1)
      const second = yield* start("k")
      yield* settle([work!, { _tag: "Retried", error: { name: "TaskFailed", message: "again" }, waitMillis: 30 }])
      const [other] = yield* claim(1)
      expect(other).toMatchObject({ runId: second, attempt: 1, phase: "run" })
      yield* settle([other!, { _tag: "Released", reason: "given back" }])
      const [again] = yield* claim(1)
      expect(again).toMatchObject({ runId: second, attempt: 2 })
      yield* Effect.sleep(40)
      expect(yield* nothing()).toBe(true)
      yield* settle([again!, done({ a: "1" })])
      expect(yield* nothing()).toBe(true)
      expect((yield* get(second)).outputs).toEqual({ a: "1" })
      expect(yield* get(first)).toMatchObject({ outputs: { a: "1" }, steps: [{ attempts: 1, memoised: true }] })
    })
  )

  test(
    "one in a pipeline that is paused holds nobody up",
    Effect.gen(function* () {
      const { get, pause, resume, submit } = yield* Store
      const first = yield* start("k")
      yield* pause(PIPELINE)
      const second = yield* submit(newRun(probed, { pipelineId: "q" }))
      const both = new Set([...mine, Version.key("q", VERSION)])
      const [probe] = yield* claim(1, "w1", both)
      expect(probe).toMatchObject({ runId: second, phase: "probe" })
      yield* settle([probe!, keyed("k")])
      yield* settle([(yield* claim(1, "w1", both))[0]!, done({ a: "1" })])
      expect((yield* get(second)).status).toBe("COMPLETED")
      yield* resume(PIPELINE)
      expect(yield* nothing()).toBe(true)
      expect((yield* get(first)).steps[0]).toMatchObject({ status: "COMPLETED", memoised: true })
    })
  )
}
