/** Steps that go through lists: claimed once for their units, then unit by unit. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as Plan from "../../../core/pipeline/Plan.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Outcome } from "../../../core/store/Work.ts"
import { claim, claimOne, type Declare, done, LEASE, mine, newRun, planOf, settle } from "./harness/Driving.ts"
import { itemFailures } from "./ItemFailuresSuite.ts"
import { itemLists } from "./ItemListsSuite.ts"

const plain = planOf({ a: [], after: ["a"] })
const going = (expands: Partial<Plan.Expansion> = {}, more: Partial<Plan.PlanStep> = {}): Plan.Plan => ({
  ...plain,
  steps: [
    {
      ...plain.steps[0]!,
      expands: { inOrder: false, max: Number.MAX_SAFE_INTEGER, outputs: ["a"], lists: [], ...expands },
      ...more
    },
    plain.steps[1]!
  ]
})

const expanded = (units: ReadonlyArray<string>, size = 1, count = units.length): Outcome => ({
  _tag: "Expanded",
  units,
  count,
  size
})

const begin = (plan: Plan.Plan, outcome: Outcome, onFailure: "fail-fast" | "continue" = "fail-fast") =>
  Effect.gen(function* () {
    const { submit } = yield* Store
    const runId = yield* submit(newRun(plan, { onFailure }))
    const source = yield* claimOne("a")
    expect(source).toMatchObject({ phase: "expand", item: undefined, attempt: 1 })
    yield* settle([source, outcome])
    return runId
  })

export const items = (test: Declare, testLong: Declare): void => {
  describe("that fail", () => itemFailures(test, testLong))
  describe("one by one", () => itemLists(testLong))

  testLong(
    "each unit is a claim with its value; their results make lists, in order, with what is absent left out",
    Effect.gen(function* () {
      const { get, watch } = yield* Store
      const runId = yield* begin(going(), expanded(['"x"', '"y"', '"z"']))
      const claims = yield* claim()
      expect(claims.map(({ phase, item, attempt }) => [phase, item, attempt])).toEqual(
        ['"x"', '"y"', '"z"'].map((value, index) => ["run", { index, value }, 1])
      )
      for (const unit of [...claims].reverse()) {
        yield* settle([unit, done(unit.item!.index === 1 ? {} : { a: `"${unit.item!.index}"` })])
      }
      expect((yield* get(runId)).outputs).toEqual({ a: '["0","2"]' })
      const after = yield* claimOne("after")
      expect(after.values.get("a")).toBe('["0","2"]')
      yield* settle([after, done()])
      const run = yield* get(runId)
      expect(run.steps[0]).toMatchObject({ status: "COMPLETED", attempts: 1, progress: { done: 3, total: 3 } })
      const told = yield* Stream.runCollect(watch(runId))
      expect(told.flatMap((event) => (event.type === "StepProgressed" ? [event.done] : []))).toEqual([0, 1, 2, 3])
    })
  )

  testLong(
    "in order, each unit waits for the one before and sees what that gave; nobody else does before the end",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin(going({ inOrder: true, max: 1 }), expanded(["1", "2", "3"]))
      const seen: Array<readonly [unknown, string | undefined]> = []
      for (let at = 0; at < 3; at++) {
        const [unit, ...others] = yield* claim()
        expect(others).toEqual([])
        seen.push([unit!.item!.index, unit!.values.get("a")])
        if (at === 1) {
          yield* settle([unit!, { _tag: "Retried", error: { name: "TaskFailed", message: "again" }, waitMillis: 5 }])
          const [again] = yield* claim()
          expect(again).toMatchObject({ item: { index: 1 }, attempt: 2, failures: 1 })
          expect(again!.values.get("a")).toBe("10")
          yield* settle([again!, done({ a: "20" })])
        } else yield* settle([unit!, done({ a: String(10 * (at + 1)) })])
        if (at < 2) expect((yield* get(runId)).outputs).toEqual({})
      }
      expect(seen).toEqual([
        [0, undefined],
        [1, "10"],
        [2, "20"]
      ])
      expect((yield* get(runId)).outputs).toEqual({ a: "30" })
    })
  )

  testLong(
    "no more units at once than may be, over all workers",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin(going({ max: 2 }), expanded(["1", "2", "3", "4", "5"]))
      const first = yield* claim(10, "w1")
      expect(first).toHaveLength(2)
      const rival = yield* Effect.forkChild(claim(10, "w2"), { startImmediately: true })
      yield* Effect.yieldNow
      expect(rival.pollUnsafe()).toBeUndefined()
      yield* settle([first[0]!, done({ a: "0" })])
      const [third, ...more] = yield* Fiber.join(rival)
      expect([third!.item!.index, more]).toEqual([2, []])
      const held = [first[1]!, third!]
      for (let unit = held.shift(); unit !== undefined; unit = held.shift()) {
        yield* settle([unit, done({ a: String(unit.item!.index) })])
        if ((yield* get(runId)).steps[0]!.status === "RUNNING" && held.length === 0) held.push(...(yield* claim()))
      }
      expect((yield* get(runId)).outputs).toEqual({ a: "[0,1,2,3,4]" })
    })
  )

  testLong(
    "progress counts items, and the last unit may have fewer",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin(going(), expanded(["[1,2,3]", "[4,5,6]", "[7]"], 3, 7))
      const claims = yield* claim()
      yield* settle([claims[2]!, done({ a: "7" })])
      expect((yield* get(runId)).steps[0]!.progress).toEqual({ done: 1, total: 7 })
      yield* settle([claims[0]!, done({ a: "1,2,3" })], [claims[1]!, done({ a: "4,5,6" })])
      expect(yield* get(runId)).toMatchObject({
        outputs: { a: "[1,2,3,4,5,6,7]" },
        steps: [{ progress: { done: 7, total: 7 } }, {}]
      })
    })
  )

  testLong(
    "one that fails ends the step: the others are revoked, and no more are lent",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin(going({ max: 3 }), expanded(["1", "2", "3", "4", "5"]), "continue")
      const [first, second] = yield* claim(2)
      yield* settle([
        first!,
        { _tag: "Failed", error: { name: "TaskFailed", message: "it broke", step: "a", item: 0 } }
      ])
      expect(yield* settle([second!, done({ a: "1" })])).toHaveLength(1)
      const run = yield* get(runId)
      expect(run).toMatchObject({ status: "FAILED", error: { item: 0 }, outputs: {} })
      expect(run.steps.map(({ status }) => status)).toEqual(["FAILED", "SKIPPED"])
    })
  )

  test(
    "a unit whose worker was lost goes to another one, and the step keeps the rest",
    Effect.gen(function* () {
      const { get, watch } = yield* Store
      const runId = yield* begin(going(), expanded(["1", "2"]))
      const [lost, kept] = yield* claim(2, "w1")
      yield* settle([kept!, done({ a: "2" })])
      const [taken] = yield* claim(1, "w2")
      expect(taken).toMatchObject({ item: { index: 0 }, attempt: 2, failures: 0 })
      expect(yield* settle([lost!, done({ a: "0" })])).toHaveLength(1)
      yield* settle([taken!, done({ a: "1" })])
      expect((yield* get(runId)).outputs).toEqual({ a: "[1,2]" })
      const released = (yield* Stream.runCollect(
        Stream.takeUntil(watch(runId), ({ type }) => type === "StepCompleted")
      )).filter(({ type }) => type === "StepReleased")
      expect(released).toMatchObject([{ step: "a", item: 0, attempt: 1 }])
    })
  )

  test(
    "a step that loses its workers time and again fails, instead of going round for ever",
    Effect.gen(function* () {
      const { submit, wait } = yield* Store
      const runId = yield* submit(newRun(planOf({ a: [] })))
      let attempts = 0
      const killing = Effect.forever(
        Effect.map(
          Store.use((store) => store.claim({ worker: "victim", max: 1, versions: mine, isIdle: true })),
          (claims) => {
            attempts += claims.length
          }
        )
      )
      const run = yield* Effect.raceFirst(wait(runId), killing)
      expect(run).toMatchObject({ status: "FAILED", error: { name: "WorkerLost", step: "a" } })
      expect(run.steps[0]!.attempts).toBe(attempts)
      expect(attempts).toBeGreaterThan(1)
      expect(run.completedAtMillis! - run.startedAtMillis!).toBeGreaterThanOrEqual(attempts * LEASE)
    })
  )

  testLong(
    "results that are longer than a value may be fail the step, as soon as that shows",
    Effect.gen(function* () {
      const { get, maxValueBytes } = yield* Store
      const runId = yield* begin(going(), expanded(["1", "2", "3"]))
      const claims = yield* claim()
      const half = `"${"x".repeat(maxValueBytes / 2)}"`
      yield* settle([claims[0]!, done({ a: half })])
      expect((yield* get(runId)).status).toBe("RUNNING")
      yield* settle([claims[1]!, done({ a: half })])
      expect(yield* get(runId)).toMatchObject({ status: "FAILED", error: { name: "ValueTooLarge", step: "a" } })
    })
  )

  testLong(
    "events about single items are few, however often they fail",
    Effect.gen(function* () {
      const { get } = yield* Store
      const size = 1_500
      const runId = yield* begin(going(), expanded(Array.from({ length: size }, (_, at) => String(at))))
      const claims = yield* claim(size)
      const again: Outcome = { _tag: "Retried", error: { name: "TaskFailed", message: "again" }, waitMillis: 0 }
      yield* settle(...claims.map((unit) => [unit, again] as const))
      for (let left = size; left > 0; ) {
        const units = yield* claim(size)
        left -= units.length
        yield* settle(...units.map((unit) => [unit, done({ a: String(unit.item!.index) })] as const))
      }
      const run = yield* get(runId)
      expect(JSON.parse(run.outputs["a"]!)).toEqual(Array.from({ length: size }, (_, at) => at))
      expect(run.sequence).toBeLessThan(1_200)
    })
  )
}
