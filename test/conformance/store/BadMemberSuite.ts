/** One member among a thousand that a Store can't keep: all others are recorded, and the bad one is not lost either. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "fast-check"
import * as Version from "../../../core/pipeline/Version.ts"
import type { NewRun } from "../../../core/run/NewRun.ts"
import * as Batch from "../../../core/runtime/Batch.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Claim, Note, Outcome, Settlement } from "../../../core/store/Work.ts"
import { cases } from "../../cases.ts"
import {
  broken,
  claim,
  type Declare,
  done,
  newRun,
  ownVersions,
  planOf,
  settle,
  single,
  VERSION
} from "./harness/StoreDriver.ts"

const COUNT = 1_000

/** An object that has no JSON text. */
const circle: { self?: unknown } = {}
circle.self = circle

const wrong = (value: unknown): never => value as never

/** Runs that can't be kept, as a caller without types may submit them. */
const RUNS: Readonly<Record<string, NewRun>> = {
  "no plan": newRun(wrong(undefined)),
  "no parameters": newRun(single, { parameters: wrong(null) }),
  "a parameter that is undefined": newRun(single, { parameters: { a: wrong(undefined) } }),
  "limits without a JSON text": newRun(single, { limits: wrong([circle]) }),
  "a plan with a hole": newRun({ ...single, steps: wrong([undefined]) }),
  "a schedule that is null": newRun(single, { schedule: wrong(null), parameters: { a: wrong(1n) } })
}

/** Outcomes that can't be recorded. */
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  "no outputs": { _tag: "Completed", outputs: wrong(null) },
  "an output that is undefined": done({ a: "1", b: wrong(undefined) }),
  "an output that is a number": done({ a: wrong(1) }),
  "an output that is an object": done({ a: wrong(circle) }),
  "an error without a JSON text": { _tag: "Failed", error: wrong({ name: "E", message: "m", cause: circle }) },
  "no error": { _tag: "Retried", error: wrong(undefined), waitMillis: 1 },
  "a wait that is not a number": { _tag: "Retried", error: { name: "E", message: "m" }, waitMillis: wrong("soon") },
  "invalid limits": { _tag: "Probed", limits: wrong(null) },
  "invalid units": { _tag: "Expanded", units: wrong(undefined), count: 1, size: 1 },
  "an invalid tag": wrong({ _tag: "Lost" }),
  "no outcome": wrong(undefined)
}

/** The ways in which a note is wrong. */
const NOTES: Readonly<Record<string, (claimed: Claim) => Note>> = {
  "no claim": () => ({ claim: wrong(undefined) }),
  "a claim of no run": () => ({ claim: wrong({}) }),
  "a line without a message": (claimed) => ({ claim: claimed, line: wrong({ level: "info" }) }),
  "a line without a JSON text": (claimed) => ({ claim: claimed, line: wrong({ level: "info", message: circle }) }),
  "invalid progress": (claimed) => ({ claim: claimed, progress: wrong({ done: "a", total: undefined }) }),
  "a count of dropped lines that is not a number": (claimed) => ({ claim: claimed, dropped: wrong("many") })
}

/** The ways in which a renewed claim is wrong. */
const CLAIMS: Readonly<Record<string, (claimed: Claim) => Claim>> = {
  "no claim": () => wrong(undefined),
  "an empty one": () => wrong({}),
  "an invalid token": (claimed) => ({ ...claimed, token: wrong(undefined) }),
  "a run with an odd id": (claimed) => ({ ...claimed, runId: "\u0000\ud800:1\n" }),
  "an invalid item": (claimed) => ({ ...claimed, item: wrong("x") })
}

/** Positions and kinds of the bad members; each kind occurs at least once. */
const placed = <A>(kinds: Readonly<Record<string, A>>): ReadonlyArray<readonly [place: number, kind: string]> => {
  const places = fc.sample(fc.integer({ min: 0, max: COUNT - 1 }), Object.keys(kinds).length)
  return Object.keys(kinds)
    .map((kind, at) => [places[at]!, kind] as const)
    .slice(0, cases(Object.keys(kinds).length))
}

/** Claims as many single steps as there are. */
const claimAll = (many: number) =>
  Effect.gen(function* () {
    const claims: Array<Claim> = []
    while (claims.length < many) claims.push(...(yield* claim(500)))
    return claims
  })

/** Submits a run of this many steps, and claims them. */
const wide = planOf(Object.fromEntries(Array.from({ length: COUNT }, (_, at) => [`s${at}`, []])))

const lent = Effect.gen(function* () {
  const { submit } = yield* Store
  const runId = yield* submit(newRun(wide))
  return { runId, claims: yield* claimAll(COUNT) }
})

/** A batch with another member at a position. */
const withBad = <A>(members: ReadonlyArray<A>, place: number, bad: A): ReadonlyArray<A> => members.with(place, bad)

export const badMemberSuite = (test: Declare): void => {
  test(
    "submit: the other 999 runs are recorded, and no more",
    Effect.gen(function* () {
      const { submit, list, cancel } = yield* Store
      for (const [place, kind] of placed(RUNS)) {
        const runs = withBad(
          Array.from({ length: COUNT }, () => newRun(single)),
          place,
          RUNS[kind]!
        )
        const exits = yield* Effect.forEach(runs, (run) => Effect.exit(Effect.suspend(() => submit(run))), {
          concurrency: "unbounded"
        })
        const ids = exits.flatMap((exit) => (Exit.isSuccess(exit) ? [exit.value] : []))
        expect(
          exits.flatMap((exit, at) => (Exit.isFailure(exit) && at !== place ? [at] : [])),
          kind
        ).toEqual([])
        const { runs: kept } = yield* list({ limit: COUNT + 1, statuses: ["PENDING"] })
        expect(kept.map(({ id }) => id).sort(), kind).toEqual([...ids].sort())
        yield* Effect.forEach(ids, (id) => cancel(id, "seen"), { concurrency: 50 })
      }
    })
  )

  test(
    "settle: the other 999 outcomes are recorded, and the claim of the bad one can still be settled",
    Effect.gen(function* () {
      const store = yield* Store
      for (const [place, kind] of placed(OUTCOMES)) {
        const { runId, claims } = yield* lent
        const settlements = withBad<Settlement>(
          claims.map((claimed) => ({ claim: claimed, outcome: done({ [claimed.step]: "1" }) })),
          place,
          { claim: claims[place]!, outcome: OUTCOMES[kind]! }
        )
        const bad: Array<string> = []
        yield* Batch.divided(
          settlements,
          (part) => Effect.forEach(Batch.slices(part), (some) => store.settle(some)),
          ({ claim: claimed }) => Effect.sync(() => bad.push(claimed.step))
        )
        expect(bad, kind).toEqual([claims[place]!.step])
        const { status, steps } = yield* store.get(runId)
        const others = steps.filter(({ name }) => name !== claims[place]!.step)
        expect([kind, status, others.filter((step) => step.status !== "COMPLETED")]).toEqual([kind, "RUNNING", []])
        // As the worker does it.
        expect(yield* settle([claims[place]!, broken]), kind).toEqual([])
        expect((yield* store.get(runId)).status, kind).toBe("FAILED")
      }
    })
  )

  test(
    "note: the other 999 log lines are kept",
    Effect.gen(function* () {
      const store = yield* Store
      for (const [place, kind] of placed(NOTES)) {
        const { runId, claims } = yield* lent
        const lineOf = (claimed: Claim): Note => ({
          claim: claimed,
          line: { level: "info", message: `line of ${claimed.step}` }
        })
        const notes = withBad<Note>(claims.map(lineOf), place, NOTES[kind]!(claims[place]!))
        yield* Batch.divided(
          notes,
          (part) => Effect.suspend(() => store.note(part)),
          () => Effect.void
        )
        const { lines } = yield* store.lines(runId)
        const said = lines.map(({ message }) => message)
        const expected = claims.filter((_, at) => at !== place).map(({ step }) => `line of ${step}`)
        expect(new Set(said.filter((message) => expected.includes(message))).size, kind).toBe(COUNT - 1)
        yield* store.cancel(runId, "seen")
      }
    })
  )

  test(
    "renew: the other 999 leases are renewed",
    Effect.gen(function* () {
      const store = yield* Store
      for (const [place, kind] of placed(CLAIMS)) {
        const { runId, claims } = yield* lent
        const lost: Array<Claim> = []
        yield* Batch.divided(
          withBad(claims, place, CLAIMS[kind]!(claims[place]!)),
          (part) =>
            Effect.map(
              Effect.suspend(() => store.renew(part)),
              (some) => lost.push(...some)
            ),
          () => Effect.void
        )
        const others = claims.filter((_, at) => at !== place)
        expect(
          others.filter((claimed) => lost.includes(claimed)),
          kind
        ).toEqual([])
        expect(yield* settle(...others.map((claimed) => [claimed, done()] as const)), kind).toEqual([])
        yield* store.cancel(runId, "seen")
      }
    })
  )

  test(
    "a join of 8,100 inputs beside 1,018 small runs of another pipeline: all complete",
    Effect.gen(function* () {
      const { submit, get, list } = yield* Store
      const names = Array.from({ length: 8_100 }, (_, at) => `s${at}`)
      const join = { ...Object.fromEntries(names.map((name) => [name, [] as ReadonlyArray<string>])), join: names }
      const runId = yield* submit(newRun(planOf(join)))
      const small = yield* Effect.forEach(
        Array.from({ length: 1_018 }),
        () => submit(newRun(single, { pipelineId: "q" })),
        {
          concurrency: "unbounded"
        }
      )
      const versions = new Set([...ownVersions, Version.key("q", VERSION)])
      // Each step ran once, and no other step did.
      for (let left = names.length + 1 + small.length; left > 0; ) {
        const claims = yield* claim(500, "w1", versions)
        for (const { step, values } of claims) {
          if (step !== "join") continue
          expect(names.filter((name) => values.get(name) !== `"${name}"`)).toEqual([])
        }
        yield* settle(...claims.map((claimed) => [claimed, done({ [claimed.step]: `"${claimed.step}"` })] as const))
        left -= claims.length
      }
      expect((yield* get(runId)).status).toBe("COMPLETED")
      expect((yield* list({ limit: 1, statuses: ["PENDING"] })).runs).toEqual([])
      for (const id of [small[0]!, small[500]!, small.at(-1)!]) expect((yield* get(id)).status).toBe("COMPLETED")
      expect((yield* list({ limit: 1, statuses: ["RUNNING"] })).runs).toEqual([])
    })
  )
}
