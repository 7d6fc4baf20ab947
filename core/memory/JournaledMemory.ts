/** A Store in memory that records its changes in a journal, and continues with what a journal has. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Schedule } from "../run/Schedule.ts"
import { TimerHeap } from "../runtime/TimerHeap.ts"
import { KEPT_CHANGES } from "../store/Feed.ts"
import type { StoredDefinition } from "../store/PipelineDefinitions.ts"
import type { ListRequest, RunList } from "../store/Store.ts"
import type { MemoryBounds } from "../store/StoreBounds.ts"
import type { Acl } from "../values/Acl.ts"
import { runTimedOut } from "../values/ErrorInfo.ts"
import type { InvalidOption, StoreUnavailable } from "../values/Errors.ts"
import type { KeyedRun } from "./IdempotencyKeys.ts"
import { JournalHistory } from "./JournalHistory.ts"
import type { Journal, Retention, StoredRun, TableName } from "./journal/Journal.ts"
import type { KeptRecord } from "./MemoryAuditLog.ts"
import { Memory } from "./MemoryStore.ts"
import type { KeptToken } from "./MemoryTables.ts"
import type { KeptMemo } from "./Memos.ts"
import { type RecordedStore, Recorder, toUnavailable } from "./Recorder.ts"
import * as RunRecord from "./RunRecord.ts"
import type { MemoryRun } from "./run/MemoryRun.ts"
import { StoreClock } from "./StoreClock.ts"

/** How often finished runs beyond the bounds are looked for, and the pause between two steps of their deletion, in milliseconds. */
const RETAIN_MILLIS = 60_000
const STEP_MILLIS = 10

/** Makes the Store, for as long as the scope is open. */
export const make = (
  bounds: Required<MemoryBounds>,
  journal: Journal
): Effect.Effect<JournaledMemory, StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    const timers = new TimerHeap(clock)
    const memory = yield* Effect.try({
      try: () => new JournaledMemory(bounds, clock, timers, random, journal),
      catch: toUnavailable
    })
    yield* Effect.forkScoped(timers.running)
    return memory
  })

export class JournaledMemory extends Memory implements RecordedStore {
  readonly recorder: Recorder
  readonly #journal: Journal
  readonly #storeClock: StoreClock
  readonly #finished: JournalHistory
  /** The number of the last change in the journal when this Store began. */
  readonly #change: number

  constructor(
    bounds: Required<MemoryBounds>,
    clock: Clock.Clock,
    timers: TimerHeap,
    random: typeof Random.Random.Service,
    journal: Journal
  ) {
    const { atMillis, epoch, serial, change, finished } = journal.begin()
    const storeClock = new StoreClock(clock, atMillis)
    const recorder: Recorder = new Recorder(journal, storeClock, () => this)
    super(bounds, storeClock, timers, random, recorder, epoch)
    this.serials = serial
    this.recorder = recorder
    this.#journal = journal
    this.#storeClock = storeClock
    const read = (stored: StoredRun): MemoryRun => this.#read(stored, false)
    this.#change = change
    this.#finished = new JournalHistory(journal, finished, recorder, bounds, this.index, read, storeClock.now)
  }

  /** Continues with what the journal has. `isLoss`: whether a process ended while its workers had units. */
  continue(isLoss: boolean): void {
    this.changes.restore(this.#change, this.#journal.changes(this.#change - KEPT_CHANGES))
    for (const [key, acl] of this.#rows<Acl>("acl")) this.acls.restore(key, acl)
    for (const [, definition] of this.#rows<StoredDefinition>("definition")) this.definitions.restore(definition)
    for (const [, schedule] of this.#rows<Schedule>("schedule")) this.schedules.restore(schedule)
    for (const [key, token] of this.#rows<KeptToken>("token")) this.tokens.restore(key, token)
    for (const [, record] of this.#rows<KeptRecord>("audit")) this.audit.restore(record)
    for (const [key, named] of this.#rows<KeyedRun>("idempotency")) this.keys.restore(key, named)
    for (const [key, memo] of this.#rows<KeptMemo>("memo")) this.memos.restore(key, memo)
    for (const [key] of this.#rows("paused")) this.dispatch.paused.add(key)
    const runs = Array.from(this.#journal.unfinished(), (stored) => this.#read(stored, isLoss))
    for (const run of runs) {
      this.index.add(run)
      this.schedules.restoreRun(run)
    }
    // First the runs that held their limits; the others in the order in which they could start.
    for (const run of runs.filter(hasBegun)) this.#beginAgain(run)
    runs.sort((one, other) => one.submission.startAtMillis - other.submission.startAtMillis)
    for (const run of runs) if (!run.isOver && !hasBegun(run) && run.past !== undefined) this.#beginAgain(run)
    this.flush()
  }

  /** Whether workers have units. */
  get isWorking(): boolean {
    return this.dispatch.work.leases.size > 0
  }

  /** Grants no unit for this time: after a failed commit workers may still run the units that they were granted before it. */
  hold(millis: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.dispatch.isHeld = true
      return Effect.andThen(
        Effect.sleep(millis),
        Effect.sync(() => {
          this.dispatch.isHeld = false
          this.flush()
        })
      )
    })
  }

  /** Ends the waits of all callers: the Store has closed, or can't go on. Unfinished runs stay as they are. */
  giveUp(): void {
    this.isClosed = true
    this.dispatch.giveUp()
    for (const run of this.index.unfinished()) for (const onEnd of run.onEnd.splice(0)) onEnd()
  }

  grantBeforeCommit(): void {
    this.dispatch.grantBeforeCommit()
  }

  announce(run: MemoryRun): void {
    this.dispatch.announce(run)
  }

  callListeners(): void {
    this.dispatch.callDeferred()
  }

  saved(run: MemoryRun): void {
    this.#finished.saved(run)
  }

  retention(ending: number): Retention | undefined {
    return this.#finished.retention(ending)
  }

  deleted(runIds: ReadonlyArray<string>): void {
    this.#finished.deleted(runIds)
  }

  /** Deletes finished runs beyond the bounds, also while nothing is committed: in small steps with pauses, for ever. */
  readonly retaining: Effect.Effect<never> = Effect.suspend(() => {
    const step = Effect.try({ try: () => this.#finished.retain(), catch: toUnavailable }).pipe(
      Effect.catch((failure) =>
        Effect.as(Effect.logWarning(`Finished runs beyond the bounds of the Store stay: ${failure.message}`), false)
      )
    )
    return Effect.flatMap(step, (hasMore) =>
      Effect.andThen(Effect.sleep(hasMore ? STEP_MILLIS : RETAIN_MILLIS), this.retaining)
    )
  })

  // The process may end: unfinished runs go on in the next one.
  override drain: Effect.Effect<void> = Effect.void

  protected override kept(runId: string): MemoryRun | undefined {
    return this.index.get(runId) ?? this.#finished.find(runId)
  }

  protected override keep(): void {
    // The recorder calls `saved` after the commit.
  }

  protected override drop(run: MemoryRun): void {
    this.#finished.remove(run)
  }

  protected override listed(request: ListRequest): Result.Result<RunList, InvalidOption> {
    return this.#finished.list(request)
  }

  #beginAgain(run: MemoryRun): void {
    const { startAtMillis, timeoutMillis } = run.submission
    const now = this.#storeClock.now()
    if (timeoutMillis !== undefined && startAtMillis + timeoutMillis <= now) {
      // Now and not by a timer: until that fires, a worker could get a step of it.
      run.past = undefined
      run.fail(runTimedOut(timeoutMillis), now)
    } else this.beginRun(run, startAtMillis - now, timeoutMillis)
  }

  #read(stored: StoredRun, isLoss: boolean): MemoryRun {
    const queueOf: typeof this.dispatch.queueOf = (...of) => this.dispatch.queueOf(...of)
    return RunRecord.read(stored, this, queueOf, this.#storeClock, isLoss)
  }

  *#rows<A>(table: TableName): Iterable<readonly [key: string, value: A]> {
    for (const { key, text } of this.#journal.rows(table)) yield [key, JSON.parse(text) as A]
  }
}

const hasBegun = ({ status }: MemoryRun): boolean => status === "RUNNING"
