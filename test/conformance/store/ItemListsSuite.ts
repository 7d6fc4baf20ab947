/** Lists of single items, how they are measured, and those that a retry keeps. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { KEPT_ITEMS, type KeptItems } from "../../../core/run/KeptItems.ts"
import type { NewRun } from "../../../core/run/NewRun.ts"
import { Store } from "../../../core/store/Store.ts"
import { claimOne, type Declare, done, newRun, settle } from "./harness/Driving.ts"
import {
  begin,
  claimUnits,
  errorAt,
  expanded,
  failed,
  given,
  listed,
  numbers,
  planWith,
  rows
} from "./harness/DrivingItems.ts"

export const itemLists = (testLong: Declare): void => {
  testLong(
    "items are listed while they are worked off, in parts, by status; what is retried is pending",
    Effect.gen(function* () {
      const runId = yield* begin({ max: 3 }, expanded(numbers(7)))
      const units = yield* claimUnits(3)
      yield* settle([units[0]!, given(units[0]!)])
      yield* settle([units[1]!, { _tag: "Retried", error: errorAt(1), waitMillis: 60_000 }])
      const all = yield* listed(runId)
      expect(rows(all).slice(0, 4)).toEqual([
        [0, "COMPLETED", "0"],
        [1, "PENDING", undefined],
        [2, "RUNNING", undefined],
        [3, "PENDING", undefined]
      ])
      expect(all.slice(0, 4).map(({ attempts }) => attempts)).toEqual([1, 1, 1, 0])
      for (const limit of [1, 2, 7, 500]) expect(yield* listed(runId, undefined, limit)).toEqual(all)
      for (const status of ["PENDING", "RUNNING", "COMPLETED", "FAILED"] as const) {
        expect(yield* listed(runId, status, 2)).toEqual(all.filter((item) => item.status === status))
      }
      const { items } = yield* Store
      expect(yield* items({ runId, step: "a", limit: 1 })).toMatchObject({ units: 7, size: 1 })
    })
  )

  testLong(
    "items are kept when the step failed, was cancelled, or its run ended; not when all of them completed",
    Effect.gen(function* () {
      const { cancel, cancelStep, remove, items } = yield* Store
      const started = (more: Partial<NewRun> = {}) =>
        Effect.gen(function* () {
          const runId = yield* begin({}, expanded(numbers(3)), more)
          const units = yield* claimUnits(3)
          yield* settle([units[0]!, given(units[0]!)])
          return [runId, units] as const
        })
      const kept = [
        [0, "COMPLETED", "0"],
        [1, "PENDING", undefined],
        [2, "PENDING", undefined]
      ]
      const [cancelled] = yield* started()
      yield* cancel(cancelled, "enough")
      expect(rows(yield* listed(cancelled))).toEqual(kept)
      const [stepCancelled] = yield* started({ onFailure: "continue" })
      yield* cancelStep(stepCancelled, "a", "enough")
      expect(rows(yield* listed(stepCancelled))).toEqual(kept)
      const [broken, units] = yield* started()
      yield* settle([units[1]!, failed(1)])
      expect(rows(yield* listed(broken))).toEqual([kept[0], [1, "FAILED", undefined], kept[2]])
      yield* remove(broken)
      expect(yield* Effect.flip(items({ runId: broken, step: "a", limit: 1 }))).toMatchObject({ _tag: "RunNotFound" })
      const [whole, others] = yield* started()
      yield* settle([others[1]!, given(others[1]!)], [others[2]!, given(others[2]!)])
      expect(yield* items({ runId: whole, step: "a", limit: 500 })).toEqual({
        items: [],
        units: 0,
        size: 0,
        nextCursor: undefined
      })
    })
  )

  testLong(
    "lists that can't be are refused by name; a step without items has none, nor has a reduce",
    Effect.gen(function* () {
      const { items } = yield* Store
      const runId = yield* begin({ inOrder: true, max: 1 }, expanded(numbers(2)))
      expect(yield* items({ runId, step: "a", limit: 10 })).toMatchObject({ items: [], nextCursor: undefined })
      expect(yield* items({ runId, step: "after", limit: 10 })).toMatchObject({ items: [], units: 0 })
      const refused = (more: object) => Effect.flip(items({ runId, step: "a", limit: 10, ...more }))
      expect(yield* refused({ runId: "none" })).toMatchObject({ _tag: "RunNotFound" })
      expect(yield* refused({ step: "none" })).toMatchObject({ _tag: "UnknownStep", step: "none" })
      for (const [option, value] of [
        ["limit", 0],
        ["limit", 501],
        ["limit", 1.5],
        ["status", "DONE"],
        ["cursor", "-1"],
        ["cursor", "next"]
      ] as const) {
        expect(yield* refused({ [option]: value })).toMatchObject({ _tag: "InvalidOption", option })
      }
    })
  )

  testLong(
    "what a run keeps of items reaches the claim that expands their step, and no other; they are done from the start",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const kept: KeptItems = {
        units: 4,
        size: 1,
        done: [
          { unit: 0, outputs: { a: '"\\u0001é"' } },
          { unit: 2, outputs: {} }
        ]
      }
      const runId = yield* submit(newRun(planWith({}), { keptItems: { a: kept } }))
      const source = yield* claimOne("a")
      expect(JSON.parse(source.values.get(KEPT_ITEMS)!)).toEqual(kept)
      yield* settle([source, expanded(numbers(4), { done: kept.done })])
      expect((yield* get(runId)).steps[0]).toMatchObject({ progress: { done: 2, total: 4 } })
      const units = yield* claimUnits(4)
      expect(units.map(({ item }) => item!.index)).toEqual([1, 3])
      for (const unit of units) {
        expect(unit.values.get(KEPT_ITEMS)).toBeUndefined()
        yield* settle([unit, given(unit)])
      }
      const run = yield* get(runId)
      expect(run.outputs).toEqual({ a: '["\\u0001é",1,3]' })
      const after = yield* claimOne("after")
      expect(after.values.get(KEPT_ITEMS)).toBeUndefined()
    })
  )

  testLong(
    "kept items that are all there are complete their step; those that are too long together fail it",
    Effect.gen(function* () {
      const { get, maxValueBytes } = yield* Store
      const whole = numbers(2).map((a, unit) => ({ unit, outputs: { a } }))
      const complete = yield* begin({}, expanded(numbers(2), { done: whole }))
      expect(yield* get(complete)).toMatchObject({ outputs: { a: "[0,1]" }, steps: [{ status: "COMPLETED" }, {}] })
      yield* settle([yield* claimOne("after"), done()])
      const half = `"${"x".repeat(maxValueBytes / 2)}"`
      const long = numbers(2).map((_, unit) => ({ unit, outputs: { a: half } }))
      const tooLong = yield* begin({}, expanded(numbers(3), { done: long }))
      expect(yield* get(tooLong)).toMatchObject({ status: "FAILED", error: { name: "ValueTooLarge" } })
    })
  )

  testLong(
    "results are measured in bytes of UTF-8, whatever the characters",
    Effect.gen(function* () {
      const { get, maxValueBytes } = yield* Store
      for (const [character, bytes] of [
        ["é", 2],
        ["€", 3],
        ["😀", 4]
      ] as const) {
        // With its quotes and a comma, half of what may be kept.
        const half = character.repeat(Math.floor((maxValueBytes / 2 - 3) / bytes))
        for (const [more, status] of [
          ["", "COMPLETED"],
          [character.repeat(2), "FAILED"]
        ] as const) {
          const runId = yield* begin({}, expanded(numbers(2)))
          const [first, second] = yield* claimUnits(2)
          yield* settle([first!, done({ a: `"${half}"` })], [second!, done({ a: `"${half}${more}"` })])
          expect((yield* get(runId)).steps[0]!.status, `${bytes} bytes, ${status}`).toBe(status)
          if (status === "COMPLETED") yield* settle([yield* claimOne("after"), done()])
        }
      }
    })
  )
}
