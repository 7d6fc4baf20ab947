/** Stacks of errors: a Store returns them wherever it returns the error, unchanged. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { Store } from "../../../core/store/Store.ts"
import type { Outcome } from "../../../core/store/Work.ts"
import type { ErrorInfo } from "../../../core/values/ErrorInfo.ts"
import * as Stack from "../../../core/values/Stack.ts"
import { cases } from "../../cases.ts"
import { begin, claimUnits, errorAt, eventsOf, expanded, given, listed, numbers } from "./harness/ItemDriver.ts"
import { broken, claimOne, type Declare, newRun, settle, single } from "./harness/StoreDriver.ts"

const raised = (stack: string, cause?: ErrorInfo): ErrorInfo => ({
  name: "TaskFailed",
  message: "it broke",
  step: "a",
  cause: { name: "RangeError", message: "too large", stack, ...(cause && { cause }) }
})

/** Stacks that are long, or look like other parts of what a Store keeps. */
const HOSTILE: ReadonlyArray<string> = [
  'at run (/srv/app/x.ts:1:2)\nat "quoted\\" (/srv/app/y.ts:3:4)',
  'at x ,"item":5,"cause":{"#":"lost"} (/x.ts:1:2)',
  "at %d %1 %% ]]} 🎧 é (C:\\app\\x.ts:1:2)",
  Array.from({ length: Stack.MAX_FRAMES }, (_, at) => `at ${"€".repeat(58)} (/x.ts:${at}:10)`).join("\n")
]

const anyStack = fc.string({ unit: "binary", minLength: 1, maxLength: 300 }).map((text) => text.toWellFormed())

export const errorStacksSuite = (test: Declare): void => {
  test(
    "the error of a run has the stacks of its causes, in the run, its outline, its events and the feed",
    Effect.gen(function* () {
      const { submit, get, outline, feed } = yield* Store
      for (const stack of [...HOSTILE, ...fc.sample(anyStack, cases(20))]) {
        const items = yield* feed({ isEndless: false, after: "0" })
        const error = raised(stack, { name: "TypeError", message: "why", stack: HOSTILE[0]! })
        const runId = yield* submit(newRun(single))
        yield* settle([yield* claimOne("a"), { _tag: "Retried", error, waitMillis: 0 }])
        yield* settle([yield* claimOne("a"), { _tag: "Failed", error }])
        const run = yield* get(runId)
        expect(run.error).toEqual(error)
        expect(run.steps[0]!.error).toEqual(error)
        expect((yield* outline(runId)).error).toEqual(error)
        const events = yield* eventsOf(runId)
        const errors = events.flatMap((event) => ("error" in event ? [event.error] : []))
        expect(errors).toEqual([error, error, error])
        const fed = yield* Stream.runCollect(items)
        expect(fed.map(({ event }) => event).filter((event) => event?.runId === runId)).toEqual(events)
      }
    })
  )

  test(
    "an error without a stack has none when it is read",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const runId = yield* submit(newRun(single))
      yield* settle([yield* claimOne("a"), broken])
      const { error } = yield* get(runId)
      expect(error).toEqual(broken._tag === "Failed" && broken.error)
      expect(error).not.toHaveProperty("stack")
    })
  )

  test(
    "the errors of items have their stacks, in lists, in events and in the step's own error",
    Effect.gen(function* () {
      const { get } = yield* Store
      const failedWith = (item: number): ErrorInfo => ({ ...raised(HOSTILE[item]!), ...errorAt(item) })
      const failed = (item: number): Outcome => ({ _tag: "Failed", error: failedWith(item) })
      const runId = yield* begin({ onFailure: "skip", tolerated: { count: 3 } }, expanded(numbers(5)))
      const units = yield* claimUnits(5)
      yield* settle([units[4]!, given(units[4]!)], ...[0, 1, 2].map((at) => [units[at]!, failed(at)] as const))
      const rows = (yield* listed(runId)).slice(0, 3)
      expect(rows.map(({ error }) => error)).toEqual([0, 1, 2].map(failedWith))
      yield* settle([units[3]!, failed(3)])
      const run = yield* get(runId)
      expect(run.error).toMatchObject({ name: "ItemsFailed", cause: failedWith(0) })
      const events = (yield* eventsOf(runId)).filter((event) => event.type === "StepItemFailed")
      expect(events.map(({ error }) => error)).toEqual([0, 1, 2, 3].map(failedWith))
    })
  )

  test(
    "a unit of several items that fails as a whole gives each of them its stack",
    Effect.gen(function* () {
      const runId = yield* begin({ onFailure: "skip" }, expanded(["[1,2]", "[3]"], { count: 3, size: 2 }))
      const units = yield* claimUnits(2)
      for (const stack of HOSTILE.slice(1, 2)) {
        yield* settle([units[0]!, { _tag: "Failed", error: raised(stack) }])
        const events = (yield* eventsOf(runId)).filter((event) => event.type === "StepItemFailed")
        expect(events.map(({ item, error }) => [item, error])).toEqual(
          [0, 1].map((item) => [item, { ...raised(stack), item }])
        )
      }
    })
  )

  test(
    "a stack that is no text is refused, and nothing is recorded",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const runId = yield* submit(newRun(single))
      const claimed = yield* claimOne("a")
      const error = { ...raised("x"), stack: 7 } as unknown as ErrorInfo
      const exit = yield* Effect.exit(settle([claimed, { _tag: "Failed", error }]))
      expect(exit._tag).toBe("Failure")
      expect((yield* get(runId)).status).toBe("RUNNING")
    })
  )
}
