/**
 * A Store against a list model: random graphs, and any interleaving of submits, claims, renewals, settlements, hand-backs,
 * expiries, cancels and late outcomes by several workers, through several clients. After every act, what the Store says is
 * compared with the model.
 */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import type * as Plan from "../../../../core/pipeline/Plan.ts"
import * as Version from "../../../../core/pipeline/Version.ts"
import * as Run from "../../../../core/run/Run.ts"
import type * as Store from "../../../../core/store/Store.ts"
import type * as Work from "../../../../core/store/Work.ts"

const versions = new Set([Version.key("p", "v")])

/** Up to six steps; a step needs only earlier ones. */
const graph = fc
  .integer({ min: 1, max: 6 })
  .chain((size) => fc.tuple(...Array.from({ length: size }, (_, at) => fc.subarray([...Array(at).keys()]))))

type Act =
  | { readonly type: "submit"; readonly needs: ReadonlyArray<ReadonlyArray<number>> }
  | { readonly type: "claim"; readonly worker: number; readonly max: number }
  | { readonly type: "settle"; readonly pick: number; readonly how: "Completed" | "Failed" | "Released" }
  | { readonly type: "late"; readonly pick: number }
  | { readonly type: "cancel"; readonly pick: number }
  | { readonly type: "renew" }
  | { readonly type: "expire"; readonly pick: number }

/** What is played with. */
export interface Table {
  /** Clients of one Store; every act is done by the next of them. */
  readonly stores: ReadonlyArray<Store.Store>
  /** Has the lease of a claim end as if its time were over. Without it, none ends. */
  readonly expire?: (claim: Work.Claim) => Effect.Effect<void, unknown>
  /** Looks at the inside, after every act. */
  readonly look?: (model: Model) => Effect.Effect<void, unknown>
}

/** What the model knows. */
export interface Model {
  readonly held: ReadonlyArray<Work.Claim>
  readonly runs: ReadonlyMap<string, ModelRun>
}

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Act>({ type: "renew" }) },
  { weight: 1, arbitrary: fc.nat().map((pick): Act => ({ type: "expire", pick })) },
  { weight: 2, arbitrary: graph.map((needs): Act => ({ type: "submit", needs })) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("claim" as const),
      worker: fc.nat(2),
      max: fc.integer({ min: 1, max: 4 })
    })
  },
  { weight: 8, arbitrary: fc.nat().map((pick): Act => ({ type: "settle", pick, how: "Completed" })) },
  { weight: 2, arbitrary: fc.nat().map((pick): Act => ({ type: "settle", pick, how: "Released" })) },
  { weight: 1, arbitrary: fc.nat().map((pick): Act => ({ type: "settle", pick, how: "Failed" })) },
  { weight: 1, arbitrary: fc.nat().map((pick): Act => ({ type: "late", pick })) },
  { weight: 1, arbitrary: fc.nat().map((pick): Act => ({ type: "cancel", pick })) }
)

/** What the model keeps of a run: lists, and no counting. */
export interface ModelRun {
  readonly id: string
  readonly needs: ReadonlyArray<ReadonlyArray<number>>
  readonly done: Set<number>
  readonly leased: Set<number>
  readonly attempts: Array<number>
  status: Run.RunStatus
}

const readyOf = (run: ModelRun): ReadonlyArray<number> =>
  Run.isTerminal(run.status)
    ? []
    : run.needs.flatMap((needs, index) =>
        !run.done.has(index) && !run.leased.has(index) && needs.every((needed) => run.done.has(needed)) ? [index] : []
      )

/** Any sequence of acts. */
export const acts: fc.Arbitrary<ReadonlyArray<Act>> = fc.array(act, { maxLength: 60, size: "max" })

/** Plays acts, and compares. */
export const play = (acts: ReadonlyArray<Act>, { stores, expire, look }: Table): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    let turn = 0
    let store = stores[0]!
    const runs = new Map<string, ModelRun>()
    const held: Array<Work.Claim> = []
    const stale: Array<Work.Claim> = []

    const endHeld = (run: ModelRun): void => {
      for (const claim of held.splice(0)) (claim.runId === run.id ? stale : held).push(claim)
      run.leased.clear()
    }

    const step = (each: Act): Effect.Effect<void, unknown> =>
      Effect.gen(function* () {
        if (each.type === "submit") {
          const names = each.needs.map((_, at) => `s${at}`)
          const plan: Plan.Plan = {
            results: names,
            steps: names.map((name, at) => ({
              name,
              waits: each.needs[at]!.length,
              reads: each.needs[at]!.map((needed) => `o${needed}`),
              releases: each.needs.flatMap((needs, other) => (needs.includes(at) ? [other] : [])),
              vital: true
            }))
          }
          const id = yield* store.submit({ pipelineId: "p", version: "v", plan, parameters: {} })
          runs.set(id, {
            id,
            needs: each.needs,
            done: new Set(),
            leased: new Set(),
            attempts: names.map(() => 0),
            status: "PENDING"
          })
        } else if (each.type === "claim") {
          const ready = [...runs.values()].reduce((sum, run) => sum + readyOf(run).length, 0)
          // A claim with nothing to claim waits; the conformance suite looks at that.
          if (ready === 0) return
          const claims = yield* store.claim({ worker: `w${each.worker}`, max: each.max, versions })
          expect(claims).toHaveLength(Math.min(ready, each.max))
          for (const claim of claims) {
            const run = runs.get(claim.runId)!
            expect(readyOf(run)).toContain(claim.index)
            run.leased.add(claim.index)
            run.status = "RUNNING"
            expect(claim.attempt).toBe(++run.attempts[claim.index]!)
            for (const needed of run.needs[claim.index]!) expect(claim.values.get(`o${needed}`)).toBe(String(needed))
            held.push(claim)
          }
        } else if (each.type === "settle") {
          const [claim] = held.splice(each.pick % Math.max(held.length, 1), 1)
          if (claim === undefined) return
          const run = runs.get(claim.runId)!
          const outcome: Work.Outcome =
            each.how === "Completed"
              ? { _tag: "Completed", outputs: { [`o${claim.index}`]: String(claim.index) } }
              : each.how === "Failed"
                ? { _tag: "Failed", error: { name: "TaskFailed", message: "it broke" } }
                : { _tag: "Released", reason: "given back" }
          expect((yield* store.settle([{ claim, outcome }])).refused).toEqual([])
          stale.push(claim)
          run.leased.delete(claim.index)
          if (each.how === "Completed") run.done.add(claim.index)
          if (run.done.size === run.needs.length) run.status = "COMPLETED"
          if (each.how === "Failed") {
            run.status = "FAILED"
            endHeld(run)
          }
        } else if (each.type === "late") {
          const claim = stale[each.pick % Math.max(stale.length, 1)]
          if (claim === undefined) return
          const settlement: Work.Settlement = { claim, outcome: { _tag: "Completed", outputs: { wrong: "0" } } }
          expect((yield* store.settle([settlement])).refused).toEqual([settlement])
          expect(yield* store.renew([claim])).toEqual([claim])
        } else if (each.type === "renew") {
          expect(yield* store.renew(held)).toEqual([])
        } else if (each.type === "expire") {
          if (expire === undefined || held.length === 0) return
          const [claim] = held.splice(each.pick % held.length, 1)
          yield* expire(claim!)
          stale.push(claim!)
          runs.get(claim!.runId)!.leased.delete(claim!.index)
        } else {
          const run = [...runs.values()][each.pick % Math.max(runs.size, 1)]
          if (run === undefined) return
          yield* store.cancel(run.id, "asked for")
          if (Run.isTerminal(run.status)) return
          run.status = "CANCELLED"
          endHeld(run)
        }
      })

    for (const each of acts) {
      store = stores[turn++ % stores.length]!
      yield* step(each)
      if (look !== undefined) yield* look({ held, runs })
      for (const run of runs.values()) {
        const seen = yield* store.get(run.id)
        expect(seen.status).toBe(run.status)
        expect(seen.stepsCompleted).toBe(run.done.size)
        expect(Object.keys(seen.outputs).sort()).toEqual([...run.done].map((index) => `o${index}`).sort())
        seen.steps.forEach((state, index) => {
          if (run.done.has(index)) expect(state.status).toBe("COMPLETED")
          else if (run.leased.has(index)) expect(state.status).toBe("RUNNING")
          else if (!Run.isTerminal(run.status)) expect(state.status).toBe("PENDING")
          expect(state.attempts).toBe(run.attempts[index])
        })
      }
    }
    // Every log is gap-free, ends where the run is, and folds into what the Store says.
    for (const run of runs.values()) {
      if (!Run.isTerminal(run.status)) yield* store.cancel(run.id, "the test is over")
      const events = yield* Stream.runCollect(store.watch(run.id))
      expect(events.map((event) => event.sequence)).toEqual(events.map((_, at) => at + 1))
      const seen = yield* store.get(run.id)
      expect(Run.fold(Run.pending(seen, seen.steps), events)).toEqual(seen)
    }
  })
