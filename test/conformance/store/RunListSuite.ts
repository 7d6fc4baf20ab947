/** What a Store keeps of runs, and how to find it: lists, log lines, progress, idempotency keys, removal. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Run from "../../../core/run/Run.ts"
import { type ListRequest, Store } from "../../../core/store/Store.ts"
import { broken, claim, type Declare, done, finish, newRun, PIPELINE, settle, single } from "./harness/StoreDriver.ts"

export const runListSuite = (test: Declare): void => {
  test(
    "progress has one event per percent, never decreases, and is accepted only from the holder of the lease",
    Effect.gen(function* () {
      const { submit, get, note, watch } = yield* Store
      const runId = yield* submit(newRun(single))
      const [lost] = yield* claim()
      yield* note([{ claim: lost!, progress: { done: 0, total: 1_000 } }])
      for (let at = 1; at <= 500; at++) yield* note([{ claim: lost!, progress: { done: at, total: 1_000 } }])
      yield* note([{ claim: lost!, progress: { done: 100, total: 1_000 } }])
      expect((yield* get(runId)).steps[0]!.progress).toEqual({ done: 500, total: 1_000 })
      yield* settle([lost!, { _tag: "Released", reason: "given back" }])
      const [kept] = yield* claim()
      yield* note([{ claim: lost!, progress: { done: 999, total: 1_000 } }])
      expect((yield* get(runId)).steps[0]!.progress).toBeUndefined()
      yield* settle([kept!, done()])
      const told = (yield* Stream.runCollect(watch(runId))).filter(({ type }) => type === "StepProgressed")
      expect(told).toHaveLength(51)
    })
  )

  test(
    "log lines are kept in order, also after the end, and are bounded",
    Effect.gen(function* () {
      const { submit, note, lines } = yield* Store
      const runId = yield* submit(newRun(single))
      expect(yield* lines(runId)).toEqual({ lines: [], dropped: 0 })
      const [a] = yield* claim()
      const line = (message: string, fields?: string) => ({
        claim: a!,
        line: { level: "info" as const, message, ...(fields && { fields }) }
      })
      yield* note([line("first"), line("second", '{"x":1}')])
      yield* settle([a!, done()])
      yield* note([line("late")])
      const kept = yield* lines(runId)
      expect(kept).toMatchObject({
        lines: [
          { level: "info", step: "a", attempt: 1, message: "first" },
          { message: "second", fields: '{"x":1}' },
          { message: "late" }
        ],
        dropped: 0
      })
      expect(kept.lines[0]!.atMillis).toBeGreaterThan(0)
      yield* note(Array.from({ length: 2_500 }, (_, at) => line(`line ${at}`)))
      const full = yield* lines(runId)
      expect([full.lines.length, full.dropped, full.lines.at(-1)!.message]).toEqual([1_000, 1_503, "line 2499"])
      expect(yield* Effect.flip(lines("none"))).toMatchObject({ _tag: "RunNotFound" })
    })
  )

  test(
    "an idempotency key names a run of its pipeline: the same request returns that run, another body is refused",
    Effect.gen(function* () {
      const { submit, list } = yield* Store
      const keyed = (key: string, fingerprint: string, pipelineId = PIPELINE) =>
        submit(newRun(single, { pipelineId, idempotency: { key, fingerprint } }))
      const first = yield* keyed("k", "f")
      expect(yield* keyed("k", "f")).toBe(first)
      yield* finish(first)
      expect(yield* keyed("k", "f")).toBe(first)
      expect(yield* Effect.flip(keyed("k", "g"))).toMatchObject({
        _tag: "IdempotencyConflict",
        runId: first,
        pipelineId: PIPELINE
      })
      const others = [yield* keyed("l", "f"), yield* keyed("k", "f", "q"), yield* submit(newRun(single))]
      expect(new Set([first, ...others]).size).toBe(4)
      const many = yield* Effect.forEach(Array.from({ length: 50 }), () => keyed("many", "f"), {
        concurrency: "unbounded"
      })
      expect(new Set(many).size).toBe(1)
      expect((yield* list({ limit: 100 })).runs).toHaveLength(5)
    })
  )

  test(
    "a page of a list begins where the last one ended, also if runs come and go meanwhile",
    Effect.gen(function* () {
      const { submit, list, remove } = yield* Store
      const ids: Array<string> = []
      for (let at = 0; at < 10; at++)
        ids.unshift(yield* submit(newRun(single, { pipelineId: at % 2 === 0 ? PIPELINE : "q" })))
      const walk = (request: Omit<ListRequest, "limit">, limit: number) =>
        Effect.gen(function* () {
          const found: Array<string> = []
          let cursor: string | undefined
          do {
            const { runs, nextCursor } = yield* list({ ...request, limit, ...(cursor !== undefined && { cursor }) })
            found.push(...runs.map(({ id }) => id))
            cursor = nextCursor
          } while (cursor !== undefined)
          return found
        })
      for (const limit of [1, 3, 5, 10, 11]) expect(yield* walk({}, limit), `by ${limit}`).toEqual(ids)
      expect(yield* walk({ pipelineId: "q" }, 2)).toEqual(ids.filter((_, at) => at % 2 === 0))
      expect(yield* walk({ statuses: ["COMPLETED"] }, 2)).toEqual([])
      const { nextCursor } = yield* list({ limit: 4 })
      // The run that the cursor stands at is gone, and there are newer ones.
      yield* finish(ids[3]!)
      yield* remove(ids[3]!)
      yield* submit(newRun(single))
      const rest = yield* list({ limit: 100, cursor: nextCursor! })
      expect(rest.runs.map(({ id }) => id)).toEqual(ids.slice(4))
      expect((yield* list({ limit: 4, pipelineId: "none" })).nextCursor).toBeUndefined()
      for (const foreign of ["", "-1", "x", "9".repeat(200)]) {
        const refused = yield* Effect.flip(list({ limit: 4, cursor: foreign }))
        expect(refused).toMatchObject({ _tag: "InvalidOption", option: "cursor" })
      }
    })
  )

  test(
    "lists by status and pipeline follow the runs until they are removed",
    Effect.gen(function* () {
      const { submit, list, cancel, remove } = yield* Store
      const lists = (pipelineId?: string) =>
        Effect.map(
          Effect.forEach(Run.STATUSES, (status) =>
            Effect.map(list({ statuses: [status], limit: 10, ...(pipelineId && { pipelineId }) }), ({ runs }) =>
              runs.map(({ id }) => id)
            )
          ),
          ([PENDING, RUNNING, COMPLETED, FAILED, CANCELLED]) => ({ PENDING, RUNNING, COMPLETED, FAILED, CANCELLED })
        )
      const ids: Array<string> = []
      for (let at = 0; at < 5; at++) ids.push(yield* submit(newRun(single)))
      const foreign = yield* submit(newRun(single, { pipelineId: "q" }))
      const [completed, failed, cancelled, running, pending] = ids
      const claims = yield* claim(4)
      yield* settle([claims[0]!, done()], [claims[1]!, broken])
      yield* cancel(cancelled!, "enough")
      yield* cancel(foreign, "enough")
      const own = {
        PENDING: [pending],
        RUNNING: [running],
        COMPLETED: [completed],
        FAILED: [failed],
        CANCELLED: [cancelled]
      }
      expect(yield* lists(PIPELINE)).toEqual(own)
      expect(yield* lists()).toEqual({ ...own, CANCELLED: [foreign, cancelled] })
      expect((yield* lists("q")).CANCELLED).toEqual([foreign])
      yield* settle([claims[3]!, broken])
      expect(yield* lists(PIPELINE)).toEqual({ ...own, RUNNING: [], FAILED: [running, failed] })
      for (const runId of [completed, failed, cancelled, running, foreign]) yield* remove(runId!)
      const none = { RUNNING: [], COMPLETED: [], FAILED: [], CANCELLED: [] }
      expect(yield* lists(PIPELINE)).toEqual({ PENDING: [pending], ...none })
      expect(yield* lists()).toEqual({ PENDING: [pending], ...none })
      expect(yield* lists("q")).toEqual({ PENDING: [], ...none })
    })
  )

  test(
    "a list can be limited to runs submitted from one instant to before another",
    Effect.gen(function* () {
      const { submit, list, get } = yield* Store
      const at: Array<number> = []
      for (let count = 0; count < 3; count++) {
        at.push((yield* get(yield* submit(newRun(single)))).submittedAtMillis)
        yield* Effect.sleep(3)
      }
      const count = (request: Partial<ListRequest>) =>
        Effect.map(list({ limit: 10, ...request }), ({ runs }) => runs.length)
      expect(yield* count({ sinceMillis: at[1]! })).toBe(2)
      expect(yield* count({ untilMillis: at[1]! })).toBe(1)
      expect(yield* count({ sinceMillis: at[1]!, untilMillis: at[2]! })).toBe(1)
      expect(yield* count({ sinceMillis: at[2]! + 1 })).toBe(0)
    })
  )

  test(
    "a finished run can be removed; an unfinished one can't",
    Effect.gen(function* () {
      const { submit, remove, get, list } = yield* Store
      const runId = yield* submit(newRun(single))
      expect(yield* Effect.flip(remove(runId))).toMatchObject({ _tag: "RunUnfinished", runId })
      yield* finish(runId)
      const other = yield* submit(newRun(single))
      yield* remove(runId)
      for (const way of [get(runId), remove(runId)]) {
        expect(yield* Effect.flip(way as Effect.Effect<unknown, { readonly _tag: string }>)).toMatchObject({
          _tag: "RunNotFound"
        })
      }
      expect((yield* list({ limit: 10 })).runs.map(({ id }) => id)).toEqual([other])
    })
  )

  test(
    "a removed run frees its idempotency key",
    Effect.gen(function* () {
      const { submit, remove, get } = yield* Store
      const keyed = (fingerprint: string) => submit(newRun(single, { idempotency: { key: "k", fingerprint } }))
      const first = yield* keyed("f")
      yield* finish(first)
      yield* remove(first)
      const second = yield* keyed("g")
      expect(second).not.toBe(first)
      expect((yield* get(second)).status).toBe("PENDING")
      expect(yield* keyed("g")).toBe(second)
      expect(yield* Effect.flip(keyed("f"))).toMatchObject({ _tag: "IdempotencyConflict", runId: second })
    })
  )
}
