/** How busy a Store says that it is. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Version from "../../../core/pipeline/Version.ts"
import { Store } from "../../../core/store/Store.ts"
import {
  claim,
  type Declare,
  done,
  mine,
  newRun,
  PIPELINE,
  planOf,
  settle,
  single,
  VERSION
} from "./harness/Driving.ts"

const load = Effect.flatMap(Store, (store) => store.load)

const pair = planOf({ a: [], b: [], c: ["a", "b"] })

export const loading = (test: Declare): void => {
  test(
    "counts what waits, what is lent and what is not over",
    Effect.gen(function* () {
      const { submit } = yield* Store
      expect(yield* load).toEqual({
        waiting: new Map(),
        oldestWaitingMillis: 0,
        running: 0,
        unfinished: 0,
        workers: 0,
        abandoned: [],
        overdue: []
      })
      yield* submit(newRun(pair))
      yield* submit(newRun(pair, { priority: 5 }))
      yield* submit(newRun(single, { pipelineId: "q" }))
      // What may not begin yet does not wait.
      yield* submit(newRun(single, { delayMillis: 60_000 }))
      yield* Effect.sleep(300)
      const before = yield* load
      expect(before.waiting).toEqual(
        new Map([
          [PIPELINE, 4],
          ["q", 1]
        ])
      )
      expect([before.running, before.unfinished]).toEqual([0, 4])
      expect(before.oldestWaitingMillis).toBeGreaterThanOrEqual(290)
      expect(before.oldestWaitingMillis).toBeLessThan(10_000)

      const claims = yield* claim(10, "w", new Set([...mine, Version.key("q", VERSION)]))
      expect(claims).toHaveLength(5)
      expect(yield* load).toMatchObject({ waiting: new Map(), oldestWaitingMillis: 0, running: 5, unfinished: 4 })
      yield* settle(...claims.map((each) => [each, done()] as const))
      const after = yield* load
      expect(after).toMatchObject({ waiting: new Map([[PIPELINE, 2]]), running: 0, unfinished: 3 })
      // These were not ready when their runs were submitted.
      expect(after.oldestWaitingMillis).toBeLessThan(before.oldestWaitingMillis)
    })
  )

  test(
    "keeps which span a run belongs to, and tells whoever claims and wants to know",
    Effect.gen(function* () {
      const { submit, get, claim } = yield* Store
      const traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
      const traced = yield* submit(newRun(single, { traceparent }))
      const untraced = yield* submit(newRun(single))
      expect([(yield* get(traced)).traceparent, (yield* get(untraced)).traceparent]).toEqual([traceparent, undefined])
      const claims = yield* claim({ worker: "w", max: 10, versions: mine, isTraced: true })
      expect(new Map(claims.map((each) => [each.runId, each.traceparent]))).toEqual(
        new Map([
          [traced, traceparent],
          [untraced, undefined]
        ])
      )
    })
  )
}
