/** Which runs a list has: statuses, durations, failed steps, error texts, and pages of all of them. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Run from "../../../core/run/Run.ts"
import { type ListRequest, Store } from "../../../core/store/Store.ts"
import type { ErrorInfo } from "../../../core/values/ErrorInfo.ts"
import { cases } from "../../cases.ts"
import { claim, type Declare, done, newRun, PIPELINE, settle, single } from "./harness/StoreDriver.ts"

/** Every id of a list, page by page, and how many pages there were. */
const walk = (request: Omit<ListRequest, "limit" | "cursor">, limit: number) =>
  Effect.gen(function* () {
    const { list } = yield* Store
    const found: Array<string> = []
    let cursor: string | undefined
    do {
      const page = yield* list({ ...request, limit, ...(cursor !== undefined && { cursor }) })
      expect(page.runs.length).toBeLessThanOrEqual(limit)
      found.push(...page.runs.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return found
  })

const errors: ReadonlyArray<ErrorInfo> = [
  { name: "TaskFailed", message: "Task 'a' failed: socket closed", step: "a" },
  { name: "TaskFailed", message: "Task 'a' failed", step: "a", cause: { name: "TypeError", message: "no ÄÖÜ here" } },
  { name: "WorkerLost", message: "Step 'b' lost 3 workers", step: "b" },
  { name: "RunTimedOut", message: "The run took longer than 5 ms" },
  { name: "TaskFailed", message: "ENOENT /srv/secret/app/in.wav", step: "a\u0001'\"%" }
]

/** A text as an answer shows it, in lower case. */
const shown = (error: ErrorInfo | undefined): ReadonlyArray<string> =>
  error === undefined
    ? []
    : [error.name, error.message.replace("/srv/secret/app/", "…/")]
        .map((text) => text.toLowerCase())
        .concat(shown(error.cause))

/** What the model knows of a run. */
type Known = Pick<Run.Run, "id" | "pipelineId" | "status" | "startedAtMillis" | "completedAtMillis" | "error">

/** Whether a run is in a list, by the words of the contract. */
const isIn = (run: Known, request: Omit<ListRequest, "limit" | "cursor">): boolean => {
  const { startedAtMillis: from, completedAtMillis: to } = run
  const millis = from === undefined || to === undefined ? undefined : to - from
  const { minDurationMillis: least, maxDurationMillis: most } = request
  return (
    (request.pipelineId ?? run.pipelineId) === run.pipelineId &&
    (request.statuses ?? Run.STATUSES).includes(run.status) &&
    (least === undefined || (millis !== undefined && millis >= least)) &&
    (most === undefined || (millis !== undefined && millis <= most)) &&
    (request.failedStep === undefined || run.error?.step === request.failedStep) &&
    (request.errorText === undefined ||
      shown(run.error).some((text) => text.includes(request.errorText!.toLowerCase())))
  )
}

const optional = <A>(arbitrary: fc.Arbitrary<A>): fc.Arbitrary<A | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 1 })

const requests: fc.Arbitrary<Omit<ListRequest, "limit" | "cursor">> = fc
  .record({
    pipelineId: optional(fc.constantFrom(PIPELINE, "q", "none")),
    statuses: optional(fc.subarray([...Run.STATUSES], { minLength: 1 })),
    minDurationMillis: optional(fc.integer({ min: 0, max: 6 })),
    maxDurationMillis: optional(fc.integer({ min: 6, max: 40 })),
    failedStep: optional(fc.constantFrom("a", "b", "c", "a\u0001'\"%")),
    errorText: optional(
      fc.constantFrom("TASKFAILED", "socket", "äöü", "closed", "SRV/secret", "…/IN.wav", "none", "\u0000", "%", ".*")
    )
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)))

export const runFilterSuite = (test: Declare): void => {
  test(
    "any filter gives the runs that a model picks from all runs, newest first, in pages of any length",
    Effect.gen(function* () {
      const { submit, cancel, get } = yield* Store
      const ids: Array<string> = []
      for (let at = 0; at < 60; at++) {
        ids.unshift(yield* submit(newRun(single, { pipelineId: at % 4 === 0 ? "q" : PIPELINE })))
      }
      // In an order of their own; the first 40 claims are of pipeline p.
      const claims = yield* claim(40)
      for (const [at, claimed] of claims.entries()) {
        const error = errors[at % 7]
        if (at % 9 === 0) yield* Effect.sleep(at % 2 === 0 ? 3 : 9)
        if (at % 7 === 5) yield* settle([claimed, done()])
        else if (error !== undefined) yield* settle([claimed, { _tag: "Failed", error }])
      }
      for (const [at, id] of ids.entries()) if (at % 11 === 0) yield* cancel(id, "enough")
      const all = yield* Effect.forEach(ids, (id) => get(id))
      expect(new Set(all.map(({ status }) => status)).size).toBe(5)
      const chosen = fc.sample(fc.tuple(requests, fc.integer({ min: 1, max: 70 })), cases(150))
      for (const [request, limit] of chosen) {
        const wanted = all.filter((run) => isIn(run, request)).map(({ id }) => id)
        expect(yield* walk(request, limit), JSON.stringify([request, limit])).toEqual(wanted)
      }
    })
  )

  test(
    "rows of a list have all of a run except its values",
    Effect.gen(function* () {
      const { submit, get, list } = yield* Store
      const runId = yield* submit(newRun(single, { parameters: { data: `"${"x".repeat(500)}"` }, given: { b: "1" } }))
      const [claimed] = yield* claim()
      yield* settle([claimed!, done({ a: "2" })])
      const { parameters, given, kept, outputs, ...rest } = yield* get(runId)
      expect([parameters, given, kept, outputs]).toMatchObject([{}, { b: "1" }, {}, { a: "2", b: "1" }])
      expect((yield* list({ limit: 1 })).runs).toEqual([rest])
    })
  )

  test(
    "a run that changes from one wanted status to another is in the pages once",
    Effect.gen(function* () {
      const { submit, list, cancel } = yield* Store
      const ids: Array<string> = []
      for (let at = 0; at < 30; at++) ids.unshift(yield* submit(newRun(single)))
      const statuses = ["PENDING", "RUNNING", "FAILED", "CANCELLED"] as const
      const found: Array<string> = []
      let cursor: string | undefined
      do {
        const page = yield* list({ statuses, limit: 4, ...(cursor !== undefined && { cursor }) })
        found.push(...page.runs.map(({ id }) => id))
        cursor = page.nextCursor
        // Runs before and behind the cursor change, and new ones come.
        yield* submit(newRun(single))
        for (const claimed of yield* claim(3)) {
          yield* settle([claimed, { _tag: "Failed", error: errors[0]! }])
        }
        yield* cancel(ids[found.length % ids.length]!, "enough")
        yield* cancel(ids[Math.max(0, found.length - 2)]!, "enough")
      } while (cursor !== undefined)
      expect(found).toEqual(ids)
    })
  )

  test(
    "rare matches among many runs are found in bounded calls, and the cursors lead to all of them",
    Effect.gen(function* () {
      const { submit, list } = yield* Store
      const rare: Array<string> = []
      for (let from = 0; from < 2_000; from += 200) {
        yield* Effect.forEach(Array.from({ length: 200 }), () => submit(newRun(single)), { concurrency: 50 })
        const left = [...(yield* claim(200))]
        while (left.length < 200) left.push(...(yield* claim(200 - left.length)))
        const outcomes = left.map((claimed, at) => {
          const isRare = at === 77
          if (isRare) rare.unshift(claimed.runId)
          const error = { name: "TaskFailed", message: isRare ? "a Needle" : "hay", step: "a" }
          return [claimed, { _tag: "Failed", error }] as const
        })
        yield* settle(...outcomes)
      }
      const first = yield* list({ limit: 20, errorText: "needle" })
      expect(first.runs.length).toBeLessThan(10)
      expect(first.nextCursor).toBeDefined()
      expect([...(yield* walk({ errorText: "needle" }, 2))].sort()).toEqual([...rare].sort())
      expect(yield* walk({ errorText: "needle", statuses: ["COMPLETED"] }, 2)).toEqual([])
    })
  )
}
