/** The finished runs of a Store with a journal: the journal keeps them, and memory only a few that were read last. */
import * as Result from "effect/Result"
import type { ListRequest, RunList } from "../store/Store.ts"
import type { MemoryBounds } from "../store/StoreBounds.ts"
import type { InvalidOption } from "../values/Errors.ts"
import type { Journal, Retention, StoredRun } from "./journal/Journal.ts"
import type { Recorder } from "./Recorder.ts"
import * as RunRecord from "./RunRecord.ts"
import type { MemoryRun } from "./run/MemoryRun.ts"
import type { RunIndex } from "./run/RunIndex.ts"
import * as RunLister from "./run/RunLister.ts"

/** How many finished runs stay in memory, and how many bytes they have together; one may be larger. */
const MAX_CACHED = 256
const MAX_CACHED_BYTES = 1 << 24

/** How many runs are deleted at once, and how often commits look for old runs, in milliseconds. */
const MAX_RETAINED = 100
const RETAIN_MILLIS = 1_000

type Bounds = Required<Pick<MemoryBounds, "historyCount" | "historyMillis">>

export class JournalHistory {
  readonly #journal: Journal
  readonly #recorder: Recorder
  readonly #bounds: Bounds
  readonly #index: RunIndex<MemoryRun>
  readonly #read: (stored: StoredRun) => MemoryRun
  readonly #now: () => number
  /** The run read last is the last. */
  readonly #cache: Map<string, { readonly run: MemoryRun; readonly bytes: number }> = new Map()
  /** The bytes of the runs in the cache. */
  #bytes = 0
  /** How many runs the journal keeps. */
  #count: number
  #retainedAtMillis = 0

  constructor(
    journal: Journal,
    count: number,
    recorder: Recorder,
    bounds: Bounds,
    index: RunIndex<MemoryRun>,
    read: (stored: StoredRun) => MemoryRun,
    now: () => number
  ) {
    this.#journal = journal
    this.#recorder = recorder
    this.#bounds = bounds
    this.#index = index
    this.#read = read
    this.#now = now
    this.#count = count
  }

  find(runId: string): MemoryRun | undefined {
    if (this.#recorder.isRemoved(runId)) return undefined
    let run = this.#cache.get(runId)?.run
    if (run === undefined) {
      const stored = this.#journal.find(runId)
      // The journal also has the unfinished runs; these are in memory.
      if (stored === undefined || stored.endedAtMillis === undefined) return undefined
      run = this.#read(stored)
    }
    if (run.endedAtMillis <= this.#oldestMillis) return undefined
    this.#keep(run)
    return run
  }

  /** The journal has the end of a run. */
  saved(run: MemoryRun): void {
    const { id } = run.submission
    if (this.#index.get(id) !== run) return
    this.#index.remove(run)
    this.#count++
    this.#keep(run)
  }

  remove(run: MemoryRun): void {
    const { id } = run.submission
    if (this.#index.get(id) === run) this.#index.remove(run)
    else this.#count--
    this.#forget(id)
    this.#recorder.removed(run)
  }

  list(request: ListRequest): Result.Result<RunList, InvalidOption> {
    if (RunLister.areUnfinished(request)) return this.#index.list(request)
    return Result.flatMap(RunLister.startOf(request), (before) =>
      RunLister.list(request, this.#candidates(before, request))
    )
  }

  *#candidates(before: number, { untilMillis, pipelineId }: ListRequest): Iterable<RunLister.ListedRun> {
    const oldest = this.#oldestMillis
    for (const entry of this.#journal.before(before, untilMillis, pipelineId)) {
      if (this.#recorder.isRemoved(entry.id)) continue
      if (entry.endedAtMillis === undefined) {
        const run = this.#index.get(entry.id)
        if (run !== undefined) yield run
      } else {
        const listed = RunRecord.listed(entry, () => this.#journal.find(entry.id))
        yield entry.endedAtMillis > oldest ? listed : { ...listed, isExpired: true }
      }
    }
  }

  /**
   * What the next commit, with which so many runs end, deletes beyond the bounds; undefined when there is nothing to delete, or old
   * runs were looked for a moment ago.
   */
  retention(ending: number): Retention | undefined {
    const { historyCount, historyMillis } = this.#bounds
    const excess = Math.max(this.#count + ending - historyCount, 0)
    const now = this.#now()
    if (excess === 0 && (historyMillis === 0 || now < this.#retainedAtMillis + RETAIN_MILLIS)) return undefined
    this.#retainedAtMillis = now
    return { excess, endedUntilMillis: this.#oldestMillis, most: MAX_RETAINED }
  }

  /** A commit has deleted these runs. */
  deleted(runIds: ReadonlyArray<string>): void {
    for (const id of runIds) {
      this.#forget(id)
      // `remove` has counted it.
      if (!this.#recorder.isRemoved(id)) this.#count--
    }
  }

  /** Deletes some runs beyond the bounds, while nothing else may be committed. Returns whether there may be more. */
  retain(): boolean {
    this.#retainedAtMillis = Number.NEGATIVE_INFINITY
    const deleted = this.#journal.commit({ runs: [], rows: [], removed: [], retention: this.retention(0) })
    this.deleted(deleted)
    return this.#journal.shrink() || deleted.length === MAX_RETAINED
  }

  get #oldestMillis(): number {
    const { historyMillis } = this.#bounds
    return historyMillis === 0 ? Number.NEGATIVE_INFINITY : this.#now() - historyMillis
  }

  #keep(run: MemoryRun): void {
    const { id } = run.submission
    this.#forget(id)
    const { bytes } = run
    this.#cache.set(id, { run, bytes })
    this.#bytes += bytes
    for (const [oldest, { run: other }] of this.#cache) {
      if ((this.#cache.size <= MAX_CACHED && this.#bytes <= MAX_CACHED_BYTES) || other === run) return
      // A copy with changes that are not committed must stay the only one.
      if (!this.#recorder.hasChanged(other)) this.#forget(oldest)
    }
  }

  #forget(runId: string): void {
    const cached = this.#cache.get(runId)
    if (cached === undefined) return
    this.#cache.delete(runId)
    this.#bytes -= cached.bytes
  }
}
