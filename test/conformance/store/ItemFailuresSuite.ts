/** Steps that go on without failed items. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import type * as Plan from "../../../core/pipeline/Plan.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Outcome } from "../../../core/store/Work.ts"
import { cases } from "../../cases.ts"
import { claim, claimOne, type Declare, done, mine, settle } from "./harness/Driving.ts"
import {
  begin,
  claimUnits,
  errorAt,
  eventsOf,
  expanded,
  failed,
  given,
  listed,
  numbers,
  rows
} from "./harness/DrivingItems.ts"

export const itemFailures = (test: Declare, testLong: Declare): void => {
  testLong(
    "skip: a failed item is left out, the step completes, and says how many failed",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin({ onFailure: "skip" }, expanded(numbers(4)))
      const units = yield* claimUnits(4)
      yield* settle([units[3]!, given(units[3]!)], [units[1]!, failed(1)])
      expect((yield* get(runId)).steps[0]).toMatchObject({ status: "RUNNING", itemsFailed: 1, progress: { done: 2 } })
      yield* settle([units[0]!, given(units[0]!)], [units[2]!, given(units[2]!)])
      expect(yield* get(runId)).toMatchObject({
        outputs: { a: "[0,2,3]" },
        steps: [{ status: "COMPLETED", itemsFailed: 1, error: undefined, progress: { done: 4, total: 4 } }, {}]
      })
      const events = yield* eventsOf(runId)
      expect(events.filter(({ type }) => type === "StepItemFailed")).toMatchObject([
        { step: "a", index: 0, attempt: 1, item: 1, error: errorAt(1) }
      ])
      expect(events.find(({ type }) => type === "StepCompleted")).toMatchObject({ itemsFailed: 1 })
      expect(yield* listed(runId)).toEqual([
        { index: 0, size: 1, status: "COMPLETED", attempts: 1, value: "0", outputs: { a: "0" } },
        { index: 1, size: 1, status: "FAILED", attempts: 1, error: errorAt(1), value: "1", outputs: {} },
        { index: 2, size: 1, status: "COMPLETED", attempts: 1, value: "2", outputs: { a: "2" } },
        { index: 3, size: 1, status: "COMPLETED", attempts: 1, value: "3", outputs: { a: "3" } }
      ])
      yield* settle([yield* claimOne("after"), done()])
      expect((yield* get(runId)).status).toBe("COMPLETED")
    })
  )

  testLong(
    "skip: all items may fail; the lists are empty then",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin({ onFailure: "skip" }, expanded(numbers(2)))
      for (const unit of yield* claimUnits(2)) yield* settle([unit, failed(unit.item!.index)])
      expect(yield* get(runId)).toMatchObject({
        outputs: { a: "[]" },
        steps: [{ status: "COMPLETED", itemsFailed: 2 }, {}]
      })
    })
  )

  testLong(
    "skip: as soon as more have failed than are tolerated the step fails, and takes back what is at work",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin({ onFailure: "skip", tolerated: { count: 1 } }, expanded(numbers(6)), {
        onFailure: "continue"
      })
      const units = yield* claimUnits(4)
      yield* settle([units[0]!, given(units[0]!)], [units[2]!, failed(2)])
      expect((yield* get(runId)).status).toBe("RUNNING")
      yield* settle([units[1]!, failed(1)])
      const run = yield* get(runId)
      expect(run).toMatchObject({
        status: "FAILED",
        steps: [{ status: "FAILED", itemsFailed: 2 }, { status: "SKIPPED" }]
      })
      expect(run.error).toEqual({
        name: "ItemsFailed",
        message: "2 of 6 items of step 'a' failed, but at most 1 may; the first failed: 1, 2. no 1",
        step: "a",
        cause: errorAt(1)
      })
      expect(yield* settle([units[3]!, given(units[3]!)])).toHaveLength(1)
      expect(rows(yield* listed(runId))).toEqual([
        [0, "COMPLETED", "0"],
        [1, "FAILED", undefined],
        [2, "FAILED", undefined],
        [3, "PENDING", undefined],
        [4, "PENDING", undefined],
        [5, "PENDING", undefined]
      ])
    })
  )

  testLong(
    "collect: every item is run before the step fails with all that failed, in order",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin({ onFailure: "collect", tolerated: { count: 0 } }, expanded(numbers(14)))
      const units = yield* claimUnits(14)
      for (const unit of [...units].reverse()) {
        expect((yield* get(runId)).status).toBe("RUNNING")
        yield* settle([unit, unit.item!.index === 5 ? given(unit) : failed(unit.item!.index)])
      }
      const run = yield* get(runId)
      expect(run.steps[0]).toMatchObject({ status: "FAILED", itemsFailed: 13, error: { name: "ItemsFailed" } })
      expect(run.error!.message).toBe(
        "13 of 14 items of step 'a' failed, but at most 0 may; the first failed: 0, 1, 2, 3, 4, 6, 7, 8, 9, 10. no 0"
      )
      expect(rows(yield* listed(runId, "COMPLETED"))).toEqual([[5, "COMPLETED", "5"]])
    })
  )

  testLong(
    "a share of all items is rounded down; what is within it is left out",
    Effect.gen(function* () {
      const { get } = yield* Store
      for (const [fails, status] of [
        [2, "COMPLETED"],
        [3, "FAILED"]
      ] as const) {
        const runId = yield* begin({ onFailure: "collect", tolerated: { share: 50 } }, expanded(numbers(5)), {
          onFailure: "continue"
        })
        for (const unit of yield* claimUnits(5)) {
          yield* settle([unit, unit.item!.index < fails ? failed(unit.item!.index) : given(unit)])
        }
        expect((yield* get(runId)).steps[0]).toMatchObject({ status, itemsFailed: fails })
        if (status === "COMPLETED") yield* settle([yield* claimOne("after"), done()])
      }
    })
  )

  testLong(
    "of a unit of several items the others count; one that could not be run to its end counts all of them as failed",
    Effect.gen(function* () {
      const { get } = yield* Store
      const units = ["[0,1,2]", "[3,4,5]", "[6]"]
      const runId = yield* begin({ onFailure: "skip" }, expanded(units, { count: 7, size: 3 }))
      const [first, second, last] = yield* claimUnits(3)
      yield* settle([first!, { ...done({ a: "0,2" }), failed: { count: 1, errors: [errorAt(1)] } } as Outcome])
      yield* settle([second!, { _tag: "Failed", error: { name: "TaskFailed", message: "too late", step: "a" } }])
      expect((yield* get(runId)).steps[0]).toMatchObject({ itemsFailed: 4, progress: { done: 6, total: 7 } })
      yield* settle([last!, done({ a: "6" })])
      expect(yield* get(runId)).toMatchObject({
        outputs: { a: "[0,2,6]" },
        steps: [{ status: "COMPLETED", itemsFailed: 4 }, {}]
      })
      const told = (yield* eventsOf(runId)).flatMap((event) => (event.type === "StepItemFailed" ? [event.item] : []))
      expect(told).toEqual([1, 3, 4, 5])
      expect((yield* listed(runId)).map(({ size, status, outputs }) => [size, status, outputs])).toEqual([
        [3, "FAILED", { a: "[0,2]" }],
        [3, "FAILED", {}],
        [1, "COMPLETED", { a: "[6]" }]
      ])
    })
  )

  testLong(
    "where a failed item fails the step, and it is one of several in its unit, it fails the step too",
    Effect.gen(function* () {
      const { get } = yield* Store
      const runId = yield* begin({}, expanded(["[0,1]"], { count: 2, size: 2 }))
      const [unit] = yield* claimUnits(1)
      yield* settle([unit!, { ...done({ a: "0" }), failed: { count: 1, errors: [errorAt(1)] } } as Outcome])
      expect(yield* get(runId)).toMatchObject({ status: "FAILED", error: errorAt(1), steps: [{ itemsFailed: 1 }, {}] })
    })
  )

  testLong(
    "of very many failed items the step has 1,000 events, and the right number",
    Effect.gen(function* () {
      const { get } = yield* Store
      const size = 1_200
      const runId = yield* begin({ onFailure: "skip" }, expanded(numbers(size)))
      for (let left = size; left > 0; ) {
        const units = yield* claim(size)
        left -= units.length
        yield* settle(...units.map((unit) => [unit, failed(unit.item!.index)] as const))
      }
      expect((yield* get(runId)).steps[0]).toMatchObject({ status: "COMPLETED", itemsFailed: size })
      expect((yield* eventsOf(runId)).filter(({ type }) => type === "StepItemFailed")).toHaveLength(1_000)
      const items = yield* listed(runId, "FAILED")
      expect(items).toHaveLength(size)
      expect(items.filter(({ error }) => error !== undefined)).toHaveLength(1_000)
    })
  )

  test(
    "an item that loses its workers time and again has failed like any other",
    Effect.gen(function* () {
      const { wait } = yield* Store
      const runId = yield* begin({ onFailure: "skip" }, expanded(numbers(2)))
      const [, second] = yield* claimUnits(2)
      yield* settle([second!, given(second!)])
      const killing = Effect.forever(
        Effect.flatMap(
          Store.use((store) => store.claim({ worker: "victim", max: 1, versions: mine, isIdle: true })),
          ([claimed]) => (claimed?.step === "after" ? settle([claimed, done()]) : Effect.void)
        )
      )
      const run = yield* Effect.raceFirst(wait(runId), killing)
      expect(run).toMatchObject({ status: "COMPLETED", outputs: { a: "[1]" }, steps: [{ itemsFailed: 1 }, {}] })
      const told = (yield* eventsOf(runId)).find(({ type }) => type === "StepItemFailed")
      expect(told).toMatchObject({ item: 0, error: { name: "WorkerLost", step: "a", item: 0 } })
    })
  )

  testLong(
    "whatever fails, in whatever order: the same as counting by hand",
    Effect.flatMap(Store, (store) =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(script, (each) =>
            Effect.runPromise(Effect.provideService(play(each), Store, store) as Effect.Effect<void>)
          ),
          { numRuns: cases(60) }
        )
      )
    )
  )
}

// -- random items against a count by hand ----------------------------------------------------------------------------

interface Script {
  readonly onFailure: "fail" | "skip" | "collect"
  readonly tolerated: Plan.Tolerated | undefined
  /** Of each item, whether it fails, and when it is settled. */
  readonly items: ReadonlyArray<{ readonly fails: boolean; readonly at: number }>
}

const script: fc.Arbitrary<Script> = fc.record({
  onFailure: fc.constantFrom("fail" as const, "skip" as const, "collect" as const),
  tolerated: fc.option(
    fc.oneof(fc.record({ count: fc.nat(4) }), fc.record({ share: fc.integer({ min: 0, max: 100 }) })),
    { nil: undefined }
  ),
  items: fc.array(fc.record({ fails: fc.boolean(), at: fc.nat(99) }), { minLength: 1, maxLength: 12 })
})

const play = ({ onFailure, tolerated, items }: Script) =>
  Effect.gen(function* () {
    const { get } = yield* Store
    const rule = onFailure === "fail" ? {} : { onFailure, ...(tolerated !== undefined && { tolerated }) }
    const runId = yield* begin(rule, expanded(numbers(items.length)), { onFailure: "continue" })
    const units = yield* claimUnits(items.length)
    const order = [...items.keys()].sort((one, other) => items[one]!.at - items[other]!.at || one - other)
    const most =
      tolerated === undefined
        ? items.length
        : "count" in tolerated
          ? tolerated.count
          : Number((BigInt(items.length) * BigInt(tolerated.share)) / 100n)
    const statuses = items.map(() => "PENDING")
    let isOver = false
    for (const index of order) {
      const { fails } = items[index]!
      const refused = yield* settle([units[index]!, fails ? failed(index) : given(units[index]!)])
      expect(refused).toHaveLength(isOver ? 1 : 0)
      if (isOver) continue
      statuses[index] = fails ? "FAILED" : "COMPLETED"
      const count = statuses.filter((status) => status === "FAILED").length
      isOver = (fails && onFailure === "fail") || (onFailure === "skip" && count > most)
    }
    const count = statuses.filter((status) => status === "FAILED").length
    const isFailed = isOver || (onFailure === "collect" && count > most)
    const run = yield* get(runId)
    expect(run.steps[0]).toMatchObject({ status: isFailed ? "FAILED" : "COMPLETED", itemsFailed: count })
    const kept = numbers(items.length).filter((_, index) => statuses[index] === "COMPLETED")
    if (!isFailed) {
      expect(run.outputs).toEqual({ a: `[${kept.join(",")}]` })
      yield* settle([yield* claimOne("after"), done()])
    }
    const expected = isFailed || count > 0 ? statuses : []
    expect((yield* listed(runId)).map(({ status }) => status)).toEqual(expected)
  })
