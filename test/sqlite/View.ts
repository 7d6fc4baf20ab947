/** All that a Store answers. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Run from "../../core/run/Run.ts"
import type { ListRequest, Store } from "../../core/store/Store.ts"
import { DIGESTS, type Life } from "./History.ts"

const STATUSES = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] as const

/** Some of each filter; the instants are of the test clock, which begins at 0. */
const FILTERS: ReadonlyArray<Partial<ListRequest>> = [
  {},
  ...STATUSES.map((status) => ({ statuses: [status] })),
  { pipelineId: "p" },
  { pipelineId: "q", statuses: ["COMPLETED", "FAILED"] },
  { sinceMillis: 20 },
  { untilMillis: 220, pipelineId: "p" },
  { minDurationMillis: 1 },
  { maxDurationMillis: 20 },
  { failedStep: "a" },
  { errorText: "no b" },
  { errorText: "TIMED" }
]

const ofRun = (store: Store, id: string) =>
  Effect.gen(function* () {
    const found = yield* Effect.result(store.get(id))
    if (found._tag === "Failure")
      return { missing: found.failure, pipelineOf: yield* Effect.flip(store.pipelineOf(id)) }
    const run = found.success
    const events = yield* Stream.runCollect(Stream.take(store.watch(id), run.sequence))
    const items: Array<unknown> = []
    for (const { name } of run.steps) {
      items.push(yield* store.items({ runId: id, step: name, limit: 500 }))
      items.push(yield* store.items({ runId: id, step: name, limit: 500, status: "COMPLETED" }))
    }
    const outline = yield* store.outline(id)
    const values: Array<unknown> = []
    for (const { name } of outline.values) values.push([name, yield* store.value(id, name)])
    const folded = Run.fold(Run.pending(run, run.steps), events)
    const [lines, pipeline] = [yield* store.lines(id), yield* store.pipelineOf(id)]
    return { run, events, items, outline, values, folded, lines, pipeline }
  })

const listed = (store: Store, filter: Partial<ListRequest>) =>
  Effect.gen(function* () {
    const runs: Array<unknown> = []
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const page: Effect.Success<ReturnType<Store["list"]>> = yield* store.list({
        ...filter,
        limit: 3,
        ...(cursor !== undefined && { cursor })
      })
      runs.push(...page.runs)
      cursor = page.nextCursor
    }
    return runs
  })

/** All that a caller can see, with the numbers of runs in place of their ids. Workers and their number are not the Store's to keep. */
export const seen = ({ store, ids }: Life) =>
  Effect.gen(function* () {
    const runs: Array<unknown> = []
    for (const id of ids) runs.push(yield* ofRun(store, id))
    const lists: Array<unknown> = []
    for (const filter of FILTERS) lists.push(yield* listed(store, filter))
    // Queues have steps of runs that ended until a worker comes by, so what waits is not compared.
    const { running, unfinished, overdue } = yield* store.load
    const tokens: Array<unknown> = []
    for (const digest of DIGESTS) tokens.push((yield* store.tokens.get(digest)) ?? null)
    const all = {
      runs,
      lists,
      load: { running, unfinished, overdue },
      paused: [...(yield* store.paused)].sort(),
      schedules: yield* store.schedules.list,
      acls: [...(yield* store.acls.list)].sort(),
      definitions: yield* store.definitions.list,
      tokens,
      audit: (yield* store.audit.list({ limit: 500 })).records.map(({ id: _, ...record }) => record),
      now: yield* store.now
    }
    let text = JSON.stringify(all)
    for (const [ordinal, id] of ids.entries()) text = text.replaceAll(id, `run ${ordinal}`)
    return JSON.parse(text) as Seen
  })

/** The events of the feed, from its beginning. Cursors are the Store's own, and outlive the process. */
export const fed = ({ store }: Life) =>
  Effect.gen(function* () {
    const items = yield* Stream.runCollect(yield* store.feed({ after: "0", isEndless: false }))
    return items.flatMap(({ cursor, event }) => (event === undefined ? [] : [{ cursor, event }]))
  })

/** What `seen` gives. */
export interface Seen {
  readonly runs: ReadonlyArray<{ readonly events?: ReadonlyArray<{ readonly type: string }> } & object>
  readonly lists: ReadonlyArray<ReadonlyArray<{ readonly id: string }>>
  readonly load: object
}
