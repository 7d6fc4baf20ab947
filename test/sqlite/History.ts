/** Random histories of a Store: what is done to it, decided by the acts alone, so that two Stores can live the same one. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import type { Plan } from "../../core/pipeline/Plan.ts"
import * as Version from "../../core/pipeline/Version.ts"
import type { NewRun } from "../../core/run/NewRun.ts"
import * as Run from "../../core/run/Run.ts"
import type { Store } from "../../core/store/Store.ts"
import type { Claim, Outcome } from "../../core/store/Work.ts"
import { expanded, planWith } from "../conformance/store/harness/ItemDriver.ts"
import { chain, diamond, planOf } from "../conformance/store/harness/StoreDriver.ts"

const PLANS: ReadonlyArray<Plan> = [
  planOf({ a: [] }),
  chain,
  diamond,
  planWith({}),
  planWith({ onFailure: "collect", tolerated: { count: 1 } }),
  planWith({ onFailure: "skip" }),
  planWith({ inOrder: true, max: 1 }),
  { ...diamond, steps: diamond.steps.map((step) => ({ ...step, probed: true })) }
]

const versions = new Set([Version.key("p", "v"), Version.key("q", "v")])

export type Act =
  | { readonly type: "submit"; readonly plan: number; readonly run: Partial<NewRun> }
  | { readonly type: "work"; readonly seed: number }
  | { readonly type: "advance"; readonly millis: number }
  | { readonly type: "cancel" | "cancelStep" | "remove"; readonly pick: number }
  | { readonly type: "pause" | "resume"; readonly pipelineId: "p" | "q" }
  | { readonly type: "restart" }

const long = "x".repeat(2_000)

const submit = fc.record({
  type: fc.constant("submit" as const),
  plan: fc.nat(PLANS.length - 1),
  run: fc.record(
    {
      pipelineId: fc.constantFrom("p", "q"),
      onFailure: fc.constantFrom("fail-fast" as const, "continue" as const, "skip" as const),
      priority: fc.constantFrom(-1, 0, 5),
      delayMillis: fc.constantFrom(0, 50),
      timeoutMillis: fc.constantFrom(undefined, 300),
      parameters: fc.constantFrom({}, { data: '"é"' }, { data: `"${long}"` }),
      idempotency: fc.constantFrom({ key: "one", fingerprint: "f" }, undefined as never)
    },
    { requiredKeys: [] }
  )
})

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: submit },
  { weight: 12, arbitrary: fc.record({ type: fc.constant("work" as const), seed: fc.nat(1_000) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("advance" as const), millis: fc.constantFrom(1, 20, 200) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom("cancel" as const, "cancelStep" as const, "remove" as const),
      pick: fc.nat(20)
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom("pause" as const, "resume" as const),
      pipelineId: fc.constantFrom("p" as const, "q" as const)
    })
  },
  { weight: 3, arbitrary: fc.constant<Act>({ type: "restart" }) }
)

export const histories: fc.Arbitrary<ReadonlyArray<Act>> = fc.array(act, { maxLength: 40, size: "max" })

/** A Store that lives a history, and the ids of its runs in the order of submission. */
export interface Life {
  store: Store
  readonly ids: Array<string>
}

const KINDS = 8

/** A number that depends on all parts. */
const mix = (...parts: ReadonlyArray<number | string>): number => {
  let hash = 7
  for (const character of parts.join(" ")) hash = (hash * 31 + character.charCodeAt(0)) % 1_000_003
  return hash
}

const outcomeOf = (claim: Claim, ordinal: number, seed: number): Outcome => {
  const { phase, step, item, attempt, failures } = claim
  const of = item?.index ?? -1
  const kind = mix(ordinal, step, of, attempt, failures, seed) % KINDS
  if (phase === "probe") {
    return {
      _tag: "Probed",
      limits: [],
      ...(kind < 2 && { memo: { text: `m ${ordinal} ${step} ${of}`, ttlMillis: 0 } })
    }
  }
  const error = { name: "TaskFailed", message: `no ${step} ${of}`, step, ...(item && { item: of }) }
  if (kind === 0) return { _tag: "Failed", error }
  if (kind === 1) return { _tag: "Retried", error, waitMillis: (seed % 3) * 10 }
  if (kind === 2) return { _tag: "Released", reason: "given back" }
  if (phase === "expand") return expanded(Array.from({ length: 1 + (seed % 5) }, (_, at) => String(at)))
  return { _tag: "Completed", outputs: { [step]: kind === 3 ? `"${long}"` : `"${ordinal} ${of}"` } }
}

/** What is done to the Store. A `restart` is the caller's. */
export const live = (act: Act, life: Life): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const { store, ids } = life
    const picked = (pick: number): string | undefined => ids[pick % Math.max(ids.length, 1)]
    switch (act.type) {
      case "submit": {
        const run: NewRun = { pipelineId: "p", version: "v", plan: PLANS[act.plan]!, parameters: {}, ...act.run }
        const submitted = yield* Effect.result(store.submit(run))
        if (submitted._tag === "Success" && !ids.includes(submitted.success)) ids.push(submitted.success)
        return
      }
      case "work": {
        const { claims } = yield* store.settle([], { worker: "w", max: 1_000, versions })
        const sorted = [...claims].sort((one, other) => rank(one, ids) - rank(other, ids))
        for (const claim of sorted) {
          const ordinal = ids.indexOf(claim.runId)
          if (act.seed % 4 === 0) {
            yield* store.note([
              { claim, line: { level: "info", message: `${claim.step} ${act.seed}` }, dropped: act.seed % 2 }
            ])
          }
          yield* store.settle([{ claim, outcome: outcomeOf(claim, ordinal, act.seed) }])
        }
        return
      }
      case "cancel":
        if (ids.length > 0) yield* Effect.ignore(store.cancel(picked(act.pick)!, "asked for"))
        return
      case "cancelStep":
        if (ids.length > 0) yield* Effect.ignore(store.cancelStep(picked(act.pick)!, "a", "asked for"))
        return
      case "remove":
        if (ids.length > 0) yield* Effect.ignore(store.remove(picked(act.pick)!))
        return
      case "pause":
        return yield* store.pause(act.pipelineId)
      case "resume":
        return yield* store.resume(act.pipelineId)
      case "advance":
      case "restart":
        return
    }
  })

const rank = ({ runId, index, item }: Claim, ids: ReadonlyArray<string>): number =>
  ids.indexOf(runId) * 1_000_000 + index * 1_000 + (item?.index ?? 0)

/** Passes time for all Stores. */
export const pass = (act: Act): Effect.Effect<void> =>
  act.type === "advance" ? TestClock.adjust(act.millis) : Effect.void

/** All that a caller can see, with the numbers of runs in place of their ids. */
export const seen = ({ store, ids }: Life): Effect.Effect<unknown, unknown> =>
  Effect.gen(function* () {
    const runs: Array<unknown> = []
    for (const id of ids) {
      const found = yield* Effect.result(store.get(id))
      if (found._tag === "Failure") {
        runs.push(found.failure)
        continue
      }
      const run = found.success
      const events = yield* Stream.runCollect(Stream.take(store.watch(id), run.sequence))
      const items: Array<unknown> = []
      for (const { name } of run.steps) items.push(yield* store.items({ runId: id, step: name, limit: 500 }))
      const outline = yield* store.outline(id)
      const lines = yield* store.lines(id)
      const values: Array<unknown> = []
      for (const { name } of outline.values) values.push(yield* store.value(id, name))
      runs.push({ run, events, items, outline, lines, values, folded: Run.fold(Run.pending(run, run.steps), events) })
    }
    const listed: Array<unknown> = []
    for (let cursor: string | undefined; ; ) {
      const page: Effect.Success<ReturnType<Store["list"]>> = yield* store.list({
        limit: 3,
        ...(cursor !== undefined && { cursor })
      })
      listed.push(...page.runs)
      cursor = page.nextCursor
      if (cursor === undefined) break
    }
    const failed = yield* store.list({ limit: 100, errorText: "no a" })
    const paused = [...(yield* store.paused)].sort()
    const { running, unfinished } = yield* store.load
    const load = { running, unfinished }
    let text = JSON.stringify({ runs, listed, failed: failed.runs, paused, load })
    for (const [ordinal, id] of ids.entries()) text = text.replaceAll(id, `run ${ordinal}`)
    return JSON.parse(text) as unknown
  })
