/**
 * Records the changes of a Store in memory in its journal: all changes of one turn of the event loop in one commit. Nobody is
 * told of a change before its commit.
 */
import * as Effect from "effect/Effect"
import type { KeptItems } from "../run/KeptItems.ts"
import { StoreUnavailable } from "../values/Errors.ts"
import type { Journal, Retention, Row, RunChanges, TableName } from "./journal/Journal.ts"
import type { MemoryFeed } from "./MemoryFeed.ts"
import * as RunRecord from "./RunRecord.ts"
import type { MemoryRun } from "./run/MemoryRun.ts"
import type { StoreClock } from "./StoreClock.ts"

/** How long rows that no answer waits for may wait for a commit, in milliseconds. */
const LAZY_MILLIS = 100

/** Goes on with a caller that waits for a commit. */
type Resume = (committed: Effect.Effect<void, StoreUnavailable>) => void

/** The Store in memory, as its recorder sees it. */
export interface RecordedStore {
  readonly changes: MemoryFeed
  /** Grants ready units to waiting claims. */
  grantBeforeCommit(): void
  /** Tells watchers of the run and of the feed about the run's new events. */
  announce(run: MemoryRun): void
  /** A finished run is in the journal now. */
  saved(run: MemoryRun): void
  /** Which finished runs the next commit, with which so many runs end, has to delete. */
  retention(ending: number): Retention | undefined
  /** The commit has deleted these. */
  deleted(runIds: ReadonlyArray<string>): void
  /** Calls the listeners of the runs that were announced. */
  callListeners(): void
}

export class Recorder {
  readonly #journal: Journal
  readonly #clock: StoreClock
  readonly #store: () => RecordedStore
  /** The runs with changes that are not committed. */
  #changed: Set<MemoryRun> = new Set()
  #rows: Map<string, Row> = new Map()
  #removed: Map<string, number> = new Map()
  /** Rows that no answer waits for. */
  #lazy: Map<string, Row> = new Map()
  #waiting: Array<Resume> = []
  /** Whether ready units must be granted before the next commit. */
  #hasToGrant = false
  #wake: (() => void) | undefined = undefined
  #failure: StoreUnavailable | undefined = undefined
  /** Called once, when a commit has failed. From then on the Store is ahead of its journal, and of no use. */
  #onFailure: Array<(failure: StoreUnavailable) => void> = []

  constructor(journal: Journal, clock: StoreClock, store: () => RecordedStore) {
    this.#journal = journal
    this.#clock = clock
    this.#store = store
  }

  // -- changes -------------------------------------------------------------------------------------------------------

  /** Begins the record of a new run. Throws, and does nothing, when the run can't be recorded. */
  begin(run: MemoryRun, keptItems: Readonly<Record<string, KeptItems>> | undefined): void {
    RunRecord.begin(run, keptItems)
    this.changed(run)
  }

  /** A run has changed. */
  changed(run: MemoryRun): void {
    this.#changed.add(run)
    this.#wakeUp()
  }

  /** Units are ready and claims wait: they are granted before the next commit, and recorded by it. */
  grantLater(): void {
    this.#hasToGrant = true
    this.#wakeUp()
  }

  /** A finished run was deleted. */
  removed(run: MemoryRun): void {
    this.#removed.set(run.submission.id, run.serial)
    this.#wakeUp()
  }

  /** Whether a run has changes that are not committed yet. */
  hasChanged(run: MemoryRun): boolean {
    return this.#changed.has(run)
  }

  /** Whether a run was deleted, and that is not committed yet. */
  isRemoved(runId: string): boolean {
    return this.#removed.has(runId)
  }

  /** Keeps a row of a small table; `value` undefined: deletes it. */
  put(table: TableName, key: string, value: unknown): void {
    this.#rows.set(`${table} ${key}`, { table, key, text: value === undefined ? undefined : JSON.stringify(value) })
    this.#wakeUp()
  }

  /** Like `put`, for rows that no answer waits for. */
  putLater(table: TableName, key: string, value: unknown): void {
    this.#lazy.set(`${table} ${key}`, { table, key, text: JSON.stringify(value) })
    if (this.#lazy.size === 1) this.#wakeUp()
  }

  // -- commits -------------------------------------------------------------------------------------------------------

  /** Why the Store can't go on; undefined as long as it can. */
  get failure(): StoreUnavailable | undefined {
    return this.#failure
  }

  get #isClean(): boolean {
    return !this.#hasToGrant && this.#changed.size === 0 && this.#rows.size === 0 && this.#removed.size === 0
  }

  /** Waits until all changes so far are committed. Fails when they can't be. */
  readonly committed: Effect.Effect<void, StoreUnavailable> = Effect.suspend(() => {
    if (this.#failure !== undefined) return Effect.fail(this.#failure)
    if (this.#isClean) return Effect.void
    return Effect.callback<void, StoreUnavailable>((resume) => void this.#waiting.push(resume))
  })

  /** Fails once a commit has failed. */
  readonly broken: Effect.Effect<never, StoreUnavailable> = Effect.callback((resume) => {
    if (this.#failure !== undefined) return resume(Effect.fail(this.#failure))
    const onFailure = (failure: StoreUnavailable): void => resume(Effect.fail(failure))
    this.#onFailure.push(onFailure)
    return Effect.sync(() => {
      this.#onFailure = this.#onFailure.filter((other) => other !== onFailure)
    })
  })

  /** Commits at the end of each turn of the event loop with changes, for ever. Fails with the first commit that fails. */
  readonly running: Effect.Effect<never, StoreUnavailable> = Effect.suspend(() => {
    if (!this.#isClean) return Effect.andThen(Effect.andThen(Effect.yieldNow, this.commit), this.running)
    const waiting =
      this.#lazy.size > 0
        ? Effect.raceFirst(Effect.andThen(Effect.sleep(LAZY_MILLIS), this.commit), this.#woken)
        : this.#woken
    return Effect.andThen(waiting, this.running)
  })

  readonly #woken: Effect.Effect<void> = Effect.callback((resume) => {
    this.#wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** Writes the changes since the last commit to the journal, and answers the callers that wait for them. */
  readonly commit: Effect.Effect<void, StoreUnavailable> = Effect.suspend(() => {
    if (this.#failure !== undefined) return Effect.fail(this.#failure)
    if (this.#isClean && this.#lazy.size === 0) return Effect.void
    const store = this.#store()
    let waiting: ReadonlyArray<Resume> = []
    try {
      const { changed, deleted } = this.#record(store)
      // Listeners may make new changes, and wait for the next commit.
      waiting = this.#waiting
      this.#waiting = []
      for (const run of changed) {
        store.announce(run)
        if (run.isOver) store.saved(run)
      }
      store.deleted(deleted)
      store.callListeners()
    } catch (error) {
      // Not recorded, or an error of ours after that: in both cases the Store must be loaded again.
      this.#waiting.push(...waiting)
      const failing = this.fail(toUnavailable(error))
      if (error instanceof StoreUnavailable) return failing
      return Effect.andThen(
        Effect.logError("The Store failed with an unexpected error, and is loaded again", error),
        failing
      )
    }
    for (const resume of waiting) resume(Effect.void)
    return Effect.void
  })

  /** Grants ready units to waiting claims, and writes the changes of all runs and tables. */
  #record(store: RecordedStore): {
    readonly changed: Iterable<MemoryRun>
    readonly deleted: ReadonlyArray<string>
  } {
    if (this.#hasToGrant) store.grantBeforeCommit()
    this.#hasToGrant = false
    const changed = this.#changed
    const rows = [...this.#lazy.values(), ...this.#rows.values()]
    const removed = [...this.#removed.values()]
    this.#changed = new Set()
    this.#lazy = new Map()
    this.#rows = new Map()
    let number = store.changes.count
    const runs: Array<RunChanges> = []
    let ending = 0
    for (const run of changed) {
      const changes = RunRecord.changesOf(run, number + 1, this.#clock.instantOf)
      if (changes.events !== undefined) number++
      if (changes.end !== undefined) ending++
      runs.push(changes)
    }
    let deleted: ReadonlyArray<string> = []
    if (runs.length + rows.length + removed.length > 0) {
      deleted = this.#journal.commit({ runs, rows, removed, retention: store.retention(ending) })
    }
    this.#removed = new Map()
    return { changed, deleted }
  }

  /** Ends the waits for a commit, and refuses all later ones. */
  fail(failure: StoreUnavailable): Effect.Effect<never, StoreUnavailable> {
    this.#failure = failure
    const failed = Effect.fail(failure)
    for (const resume of this.#waiting.splice(0)) resume(failed)
    for (const onFailure of this.#onFailure.splice(0)) onFailure(failure)
    return failed
  }
}

/** The failure for an error of the journal. */
export const toUnavailable = (error: unknown): StoreUnavailable =>
  error instanceof StoreUnavailable
    ? error
    : new StoreUnavailable(`The journal of the Store failed: ${error instanceof Error ? error.message : String(error)}`)
