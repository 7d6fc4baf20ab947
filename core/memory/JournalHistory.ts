/** The finished runs of a Store with a journal: the journal keeps them, and memory only a few that were read last. */
import * as Result from "effect/Result"
import type { ListRequest, RunList } from "../store/Store.ts"
import type { MemoryBounds } from "../store/StoreBounds.ts"
import type { InvalidOption } from "../values/Errors.ts"
import type { Journal, StoredRun } from "./journal/Journal.ts"
import type { Recorder } from "./Recorder.ts"
import * as RunRecord from "./RunRecord.ts"
import type { MemoryRun } from "./run/MemoryRun.ts"
import type { RunIndex } from "./run/RunIndex.ts"
import * as RunLister from "./run/RunLister.ts"

/** How many finished runs stay in memory, and how many bytes such a run has at most. */
const MAX_CACHED = 256
const MAX_CACHED_BYTES = 1 << 16

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
  readonly #cache: Map<string, MemoryRun> = new Map()
  /** How many runs the journal keeps. */
  #count: number
  #retainedAtMillis = 0

  constructor(
    journal: Journal,
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
    this.#count = journal.begin().finished
  }

  find(runId: string): MemoryRun | undefined {
    if (this.#recorder.isRemoved(runId)) return undefined
    let run = this.#cache.get(runId)
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
    this.#cache.delete(id)
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
      } else if (entry.endedAtMillis > oldest) yield RunRecord.listed(entry, () => this.#journal.find(entry.id))
    }
  }

  /** Deletes some runs beyond the bounds after a commit, unless it did so a moment ago. */
  retainAfterCommit(): void {
    const { historyCount, historyMillis } = this.#bounds
    const isOften = historyMillis === 0 || this.#now() < this.#retainedAtMillis + RETAIN_MILLIS
    if (this.#count <= historyCount && isOften) return
    try {
      this.retain()
    } catch {
      // Nothing was deleted. Retention in the background says why.
    }
  }

  /** Deletes some runs beyond the bounds, in the order in which they ended. Returns whether there may be more. */
  retain(): boolean {
    this.#retainedAtMillis = this.#now()
    const excess = Math.max(this.#count - this.#bounds.historyCount, 0)
    const { removed, isDone } = this.#journal.retain({ excess, endedUntilMillis: this.#oldestMillis }, MAX_RETAINED)
    this.#count -= removed.length
    for (const id of removed) this.#cache.delete(id)
    return !isDone
  }

  get #oldestMillis(): number {
    const { historyMillis } = this.#bounds
    return historyMillis === 0 ? Number.NEGATIVE_INFINITY : this.#now() - historyMillis
  }

  #keep(run: MemoryRun): void {
    const { id } = run.submission
    this.#cache.delete(id)
    if (run.bytes > MAX_CACHED_BYTES) return
    this.#cache.set(id, run)
    if (this.#cache.size <= MAX_CACHED) return
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest)
      return
    }
  }
}
