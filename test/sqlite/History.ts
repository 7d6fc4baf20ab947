/** Random histories of a Store: what is done to it, decided by the acts alone, so that two Stores can live the same one. */
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import * as Version from "../../core/pipeline/Version.ts"
import { KEPT_ITEMS, readMatching } from "../../core/run/KeptItems.ts"
import type { NewRun } from "../../core/run/NewRun.ts"
import * as Schedule from "../../core/run/Schedule.ts"
import type { Store } from "../../core/store/Store.ts"
import type { Claim, Outcome } from "../../core/store/Work.ts"
import { expanded } from "../conformance/store/harness/ItemDriver.ts"
import { PLANS, UNLIMITED } from "./HistoryPlans.ts"

const versions = new Set([Version.key("p", "v"), Version.key("q", "v")])

/** The digests of the tokens, and the ids of the schedules, ACLs and definitions. */
export const DIGESTS = ["one", "two"] as const
const IDS = ["p", "q"] as const

export type Act =
  | {
      readonly type: "submit"
      readonly plan: number
      readonly run: Partial<NewRun>
      readonly retryOf?: number | undefined
    }
  | { readonly type: "work" | "take" | "audit"; readonly seed: number }
  | { readonly type: "advance"; readonly millis: number }
  | { readonly type: "cancel" | "cancelStep" | "remove"; readonly pick: number }
  | {
      readonly type: "pause" | "resume" | "fire" | "schedule" | "unschedule"
      readonly id: (typeof IDS)[number]
      readonly seed: number
    }
  | {
      readonly type: "acl" | "token" | "definition"
      readonly id: (typeof IDS)[number]
      readonly isGone: boolean
      readonly seed: number
    }
  | { readonly type: "restart" }

const long = "x".repeat(2_000)

/** `plans`: of how many of the plans it is. `limits`: those that the run may have. */
const submit = (plans: number, limits: ReadonlyArray<NewRun["limits"]>) =>
  fc.record(
    {
      type: fc.constant("submit" as const),
      plan: fc.nat(plans - 1),
      retryOf: fc.nat(20),
      run: fc.record(
        {
          pipelineId: fc.constantFrom(...IDS),
          onFailure: fc.constantFrom("fail-fast" as const, "continue" as const, "skip" as const),
          priority: fc.constantFrom(-1, 0, 5),
          delayMillis: fc.constantFrom(0, 50),
          timeoutMillis: fc.constantFrom(undefined, 300),
          parameters: fc.constantFrom({}, { data: '"é"' }, { data: `"${long}"` }),
          idempotency: fc.constantFrom({ key: "one", fingerprint: "f" }, { key: "one", fingerprint: "g" }),
          limits: fc.constantFrom(...limits) as fc.Arbitrary<NonNullable<NewRun["limits"]>>,
          given: fc.constantFrom({ a: '"given"' }, { b: `"${long}"` }),
          kept: fc.constantFrom({ a: '"kept"' }, { b: `"${long}"` }),
          keptItems: fc.constant({ a: { units: 2, size: 1, done: [{ unit: 1, outputs: { a: '"kept"' } }] } }),
          targets: fc.constantFrom(["a"], ["b", "c"]),
          requestId: fc.constant("request"),
          traceparent: fc.constant("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        },
        { requiredKeys: [] }
      )
    },
    { requiredKeys: ["type", "plan", "run"] }
  )

const named = <const T extends string>(...types: ReadonlyArray<T>) =>
  fc.record({ type: fc.constantFrom(...types), id: fc.constantFrom(...IDS), isGone: fc.boolean(), seed: fc.nat(1_000) })

const seeded = <const T extends string>(type: T) => fc.record({ type: fc.constant(type), seed: fc.nat(1_000) })

const common = [
  { weight: 14, arbitrary: seeded("work") },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("advance" as const), millis: fc.constantFrom(1, 20, 200, 2_500) })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom("cancel" as const, "cancelStep" as const, "remove" as const),
      pick: fc.nat(20)
    })
  },
  { weight: 1, arbitrary: named("pause", "resume") },
  { weight: 3, arbitrary: named("schedule", "fire", "fire", "fire", "unschedule") },
  { weight: 1, arbitrary: named("acl", "token", "definition") },
  { weight: 1, arbitrary: seeded("audit") },
  { weight: 3, arbitrary: fc.constant<Act>({ type: "restart" }) }
]

/**
 * Histories in which no worker has a step when the Store restarts, without limits: which run or step gets a limit first may be another
 * one after a restart.
 */
export const histories: fc.Arbitrary<ReadonlyArray<Act>> = fc.array(
  fc.oneof(...common, { weight: 6, arbitrary: submit(UNLIMITED, [[]]) }),
  { maxLength: 40, size: "max" }
)

/** Histories in which workers take steps and may have them when the process is killed. */
export const killedHistories: fc.Arbitrary<ReadonlyArray<Act>> = fc.array(
  fc.oneof(
    ...common,
    { weight: 6, arbitrary: submit(PLANS.length, [[{ key: "runs", max: 1 }], [{ key: "runs", max: 2 }]]) },
    { weight: 4, arbitrary: seeded("take") }
  ),
  { maxLength: 40, size: "max" }
)

/** A Store that lives a history, the ids of its runs in the order of submission, and the claims that workers have. */
export interface Life {
  /** Whether probes find limits. */
  readonly hasLimits: boolean
  store: Store
  readonly ids: Array<string>
  held: Array<Claim>
}

/** A number that depends on all parts. */
const mix = (...parts: ReadonlyArray<number | string>): number => {
  let hash = 7
  for (const character of parts.join(" ")) hash = (hash * 31 + character.charCodeAt(0)) % 1_000_003
  return hash
}

const outcomeOf = (claim: Claim, ordinal: number, seed: number, hasLimits: boolean): Outcome => {
  const { phase, step, item, attempt, failures } = claim
  const of = item?.index ?? -1
  const kind = mix(ordinal, step, of, attempt, failures, seed) % 8
  if (phase === "probe") {
    return {
      _tag: "Probed",
      limits: hasLimits && kind % 3 === 0 ? [{ key: "probed", max: 1 }] : [],
      ...(kind < 3 && { memo: { text: `m ${ordinal % 3} ${step} ${of}`, ttlMillis: kind === 1 ? 100 : 0 } })
    }
  }
  const error = { name: "TaskFailed", message: `no ${step} ${of}`, step, ...(item && { item: of }) }
  if (kind === 0) return { _tag: "Failed", error }
  if (kind === 1) return { _tag: "Retried", error, waitMillis: (seed % 3) * 10 }
  if (kind === 2) return { _tag: "Released", reason: "given back" }
  if (phase === "expand") {
    const units = Array.from({ length: 1 + (seed % 5) }, (_, at) => String(at))
    const done = readMatching(claim.values.get(KEPT_ITEMS), units.length, 1)
    return expanded(units, done === undefined ? {} : { done })
  }
  const outputs = { [step.startsWith("says.") ? "x" : step]: kind === 3 ? `"${long}"` : `"${ordinal} ${of}"` }
  return { _tag: "Completed", outputs, ...(step === "says" && { arm: seed % 2 === 0 ? "yes" : "no" }) }
}

const work = ({ store, ids, held, hasLimits }: Life, seed: number, claims: ReadonlyArray<Claim>) =>
  Effect.gen(function* () {
    const rank = ({ runId, index, item }: Claim): number =>
      ids.indexOf(runId) * 1_000_000 + index * 1_000 + (item?.index ?? 0)
    for (const claim of [...claims].sort((one, other) => rank(one) - rank(other))) {
      if (held.includes(claim)) continue
      if (seed % 4 === 0) {
        const line = { level: "info", message: `${claim.step} ${seed}` } as const
        yield* store.note([{ claim, line, dropped: seed % 2 }])
      }
      if (seed % 5 === 0) yield* store.note([{ claim, progress: { done: seed % 100, total: 100 } }])
      yield* store.settle([{ claim, outcome: outcomeOf(claim, ids.indexOf(claim.runId), seed, hasLimits) }])
    }
  })

/** What is done to the Store. A `restart` is the caller's. */
export const live = (act: Act, life: Life): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const { store, ids } = life
    const picked = (pick: number): string | undefined => ids[pick % Math.max(ids.length, 1)]
    const request = { worker: "w", max: 1_000, versions, isIdle: true }
    switch (act.type) {
      case "submit": {
        const retryOf = act.retryOf === undefined ? undefined : picked(act.retryOf)
        const plan = PLANS[act.plan]!
        const run: NewRun = {
          pipelineId: "p",
          version: "v",
          plan,
          parameters: {},
          ...act.run,
          ...(retryOf && { retryOf })
        }
        yield* Effect.result(store.submit(run))
        break
      }
      case "work": {
        const { held } = life
        life.held = []
        const { claims } = yield* store.settle([], request)
        yield* work(life, act.seed, [...held, ...claims])
        break
      }
      case "take":
        life.held.push(...(yield* store.settle([], { ...request, max: 1 + (act.seed % 4) })).claims)
        break
      case "cancel":
        if (ids.length > 0) yield* Effect.ignore(store.cancel(picked(act.pick)!, "asked for"))
        break
      case "cancelStep":
        if (ids.length > 0) yield* Effect.ignore(store.cancelStep(picked(act.pick)!, "a", "asked for"))
        break
      case "remove":
        if (ids.length > 0) yield* Effect.ignore(store.remove(picked(act.pick)!))
        break
      case "pause":
        yield* store.pause(act.id)
        break
      case "resume":
        yield* store.resume(act.id)
        break
      case "schedule":
        yield* Effect.ignore(schedule(store, act.id, act.seed))
        break
      case "unschedule":
        yield* Effect.ignore(
          act.seed % 3 === 0
            ? store.schedules.remove(act.id)
            : act.seed % 3 === 1
              ? store.schedules.pause(act.id)
              : Effect.flatMap(store.now, (now) => store.schedules.resume(act.id, now + 500))
        )
        break
      case "fire":
        yield* Effect.ignore(fire(life, act.id, act.seed))
        break
      case "acl":
        yield* act.isGone ? store.acls.remove(act.id) : store.acls.put(act.id, { read: [`role ${act.seed}`] })
        break
      case "token":
        yield* store.tokens.put(
          DIGESTS[act.seed % 2]!,
          { id: `${act.seed}`, roles: [], grants: [] } as never,
          act.isGone ? 1 : 9_000
        )
        break
      case "definition":
        if (act.isGone) yield* store.definitions.remove(act.id)
        else yield* store.definitions.put({ id: act.id, kind: "dataflow", tasks: ["a"], createdAtMillis: act.seed })
        break
      case "audit": {
        const outcome = act.seed % 2 === 0 ? "denied" : "allowed"
        yield* store.audit.append({ operation: `GET /${act.seed}`, permission: "read", outcome })
        break
      }
      case "advance":
      case "restart":
    }
    yield* learn(life)
  })

/** Adds the runs that a schedule has started, and others that are new, in the order of submission. */
const learn = ({ store, ids }: Life) =>
  Effect.map(store.list({ limit: 200 }), ({ runs }) => {
    for (const { id } of runs.toReversed()) if (!ids.includes(id)) ids.push(id)
  })

const schedule = (store: Store, id: string, seed: number) =>
  Effect.gen(function* () {
    const now = yield* store.now
    const definition: Schedule.Definition = {
      id,
      pipelineId: id,
      timing: { everyMillis: 1_000 },
      parameters: {},
      catchUp: seed % 2 === 0 ? "all" : "one",
      overlap: seed % 3 === 0 ? "allow" : "queue",
      priority: 0,
      graceMillis: 0
    }
    yield* store.schedules.put(Schedule.make(definition, now, now + 1_000, "v"), seed % 5 !== 0)
  })

const fire = ({ store, hasLimits }: Life, id: string, seed: number) =>
  Effect.gen(function* () {
    const read = yield* store.schedules.get(id)
    const { ticks, dropped, nextAtMillis } = yield* Effect.fromResult(Schedule.due(read, yield* store.now))
    const plan = PLANS[seed % (hasLimits ? PLANS.length : UNLIMITED)]!
    const runs = ticks.map((tickMillis) => ({
      pipelineId: id,
      version: "v",
      plan,
      parameters: {},
      schedule: { id, tickMillis }
    }))
    yield* store.schedules.fire({ schedule: read, version: "v", runs, dropped, nextAtMillis })
  })

/** Passes time for all Stores. */
export const pass = (act: Act): Effect.Effect<void> =>
  act.type === "advance" ? TestClock.adjust(act.millis) : Effect.void
