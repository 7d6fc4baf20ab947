/** What the suites do with steps that go through items. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Plan from "../../../../core/pipeline/Plan.ts"
import type { ItemState } from "../../../../core/run/ItemList.ts"
import type { NewRun } from "../../../../core/run/NewRun.ts"
import { Store } from "../../../../core/store/Store.ts"
import type { Claim, Outcome } from "../../../../core/store/Work.ts"
import type { ErrorInfo } from "../../../../core/values/ErrorInfo.ts"
import { claim, claimOne, done, newRun, planOf, settle } from "./Driving.ts"

const plain = planOf({ a: [], after: ["a"] })

export const planWith = (expands: Partial<Plan.Expansion>): Plan.Plan => ({
  ...plain,
  steps: [
    {
      ...plain.steps[0]!,
      expands: { inOrder: false, max: Number.MAX_SAFE_INTEGER, outputs: ["a"], lists: [], ...expands }
    },
    plain.steps[1]!
  ]
})

export const numbers = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, at) => String(at))

export const expanded = (units: ReadonlyArray<string>, more: object = {}): Outcome => ({
  _tag: "Expanded",
  units,
  count: units.length,
  size: 1,
  ...more
})

export const errorAt = (item: number): ErrorInfo => ({ name: "TaskFailed", message: `no ${item}`, step: "a", item })
export const failed = (item: number): Outcome => ({ _tag: "Failed", error: errorAt(item) })
export const given = (unit: Claim): Outcome => done({ a: String(unit.item!.index) })

export const begin = (expands: Partial<Plan.Expansion>, outcome: Outcome, more: Partial<NewRun> = {}) =>
  Effect.gen(function* () {
    const { submit } = yield* Store
    const runId = yield* submit(newRun(planWith(expands), more))
    yield* settle([yield* claimOne("a"), outcome])
    return runId
  })

/** Claims all units there are, in their order. */
export const claimUnits = (count: number) =>
  Effect.map(claim(count), (claims) => [...claims].sort((one, other) => one.item!.index - other.item!.index))

export const eventsOf = (runId: string) =>
  Effect.gen(function* () {
    const { watch, get } = yield* Store
    return yield* Stream.runCollect(Stream.take(watch(runId), (yield* get(runId)).sequence))
  })

/** All units of a step, part by part. */
export const listed = (runId: string, status?: ItemState["status"], limit = 500) =>
  Effect.gen(function* () {
    const { items } = yield* Store
    const found: Array<ItemState> = []
    for (let cursor: string | undefined = "0"; cursor !== undefined; ) {
      const page: Effect.Success<ReturnType<typeof items>> = yield* items({
        runId,
        step: "a",
        limit,
        ...(status !== undefined && { status }),
        ...(cursor !== "0" && { cursor })
      })
      expect(page.items.length).toBeLessThanOrEqual(limit)
      found.push(...page.items)
      cursor = page.nextCursor
    }
    return found
  })

export const rows = (items: ReadonlyArray<ItemState>) =>
  items.map(({ index, status, outputs }) => [index, status, outputs["a"]])
