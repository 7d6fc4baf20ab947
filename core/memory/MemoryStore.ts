/** A Store in the memory of this process. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Json } from "../json/Value.ts"
import { IDEMPOTENCY_MILLIS, type NewRun, submissionOf } from "../run/NewRun.ts"
import { newId } from "../run/RunId.ts"
import { TimerHeap } from "../runtime/TimerHeap.ts"
import * as Feed from "../store/Feed.ts"
import type { Load } from "../store/Load.ts"
import { MemoryRateLimiter } from "../store/MemoryRateLimiter.ts"
import { assertNotes, assertSettlements } from "../store/Recordable.ts"
import type { ListRequest, RunList, Store } from "../store/Store.ts"
import * as StoreBounds from "../store/StoreBounds.ts"
import type { Claim, ClaimRequest, MemoKey, Note, Settled, Settlement } from "../store/Work.ts"
import { runTimedOut } from "../values/ErrorInfo.ts"
import {
  IdempotencyConflict,
  type InvalidOption,
  RunNotFound,
  RunUnfinished,
  StoreUnavailable,
  type UnknownStep
} from "../values/Errors.ts"
import { Admission } from "./Admission.ts"
import { Dispatch } from "./Dispatch.ts"
import { IdempotencyKeys } from "./IdempotencyKeys.ts"
import { MemoryAuditLog } from "./MemoryAuditLog.ts"
import { MemoryFeed } from "./MemoryFeed.ts"
import { MemorySchedules } from "./MemorySchedules.ts"
import { MemoryAcls, MemoryDefinitions, MemoryTokens } from "./MemoryTables.ts"
import { Memos } from "./Memos.ts"
import type { Recorder } from "./Recorder.ts"
import { RunHistory } from "./RunHistory.ts"
import { RunReads } from "./RunReads.ts"
import { MemoryRun, type RunLease, type RunUnit } from "./run/MemoryRun.ts"
import { RunIndex } from "./run/RunIndex.ts"
import type { RunOwner } from "./run/RunOwner.ts"
import { StoreClock } from "./StoreClock.ts"
import { loadOf, workersOf } from "./WorkState.ts"

/** The bounds of a Store in memory. */
export interface Options extends StoreBounds.MemoryBounds {}

const NONE: ReadonlyArray<never> = []

const CLOSED = "the program is shutting down"

/** Makes a Store that cancels its unfinished runs when the scope closes. Invalid bounds fail with `InvalidOption`. */
export const make = (options: Options = {}): Effect.Effect<Store, InvalidOption, Scope.Scope> =>
  Effect.gen(function* () {
    const mistake = StoreBounds.invalid(options)
    if (mistake !== undefined) return yield* mistake
    const clock = yield* Clock.Clock
    const timers = new TimerHeap(clock)
    const memory = new Memory(StoreBounds.complete(options), new StoreClock(clock), timers, yield* Random.Random)
    yield* Effect.forkScoped(timers.running)
    yield* Effect.addFinalizer(() => Effect.sync(() => memory.close()))
    return memory
  })

/** The Store. `JournaledMemory` is one that records its changes. */
export class Memory extends RunReads implements Store, RunOwner<MemoryRun> {
  readonly leaseMillis: number
  readonly maxValueBytes: number
  readonly maxLosses: number
  readonly #maxUnfinished: number
  readonly #clock: StoreClock
  readonly #now: () => number
  readonly #random: typeof Random.Random.Service
  protected readonly index: RunIndex<MemoryRun> = new RunIndex<MemoryRun>()
  readonly #history: RunHistory<MemoryRun>
  readonly #recorder: Recorder | undefined
  readonly changes: MemoryFeed
  protected readonly dispatch: Dispatch
  protected readonly memos: Memos
  protected readonly keys: IdempotencyKeys
  readonly #admission: Admission
  readonly schedules: MemorySchedules
  readonly definitions: MemoryDefinitions
  readonly acls: MemoryAcls
  readonly limiter: MemoryRateLimiter
  readonly tokens: MemoryTokens
  readonly audit: MemoryAuditLog
  protected serials = 0
  protected isClosed = false

  constructor(
    options: Required<Options>,
    clock: StoreClock,
    timers: TimerHeap,
    random: typeof Random.Random.Service,
    recorder?: Recorder,
    epoch?: number
  ) {
    super()
    this.leaseMillis = options.leaseMillis
    this.maxValueBytes = options.maxValueBytes
    this.maxLosses = options.maxLosses
    this.#maxUnfinished = options.maxUnfinished
    this.#clock = clock
    this.#now = clock.now
    this.#random = random
    this.#recorder = recorder
    this.#admission = new Admission(timers, this.#now, this.flush, () => this.dispatch)
    this.limiter = new MemoryRateLimiter(clock.passed)
    this.tokens = new MemoryTokens(this.#now, recorder)
    this.audit = new MemoryAuditLog(this.#now, recorder)
    this.definitions = new MemoryDefinitions(recorder)
    this.acls = new MemoryAcls(recorder)
    this.keys = new IdempotencyKeys(recorder)
    this.memos = new Memos(options, recorder)
    this.changes = new MemoryFeed(epoch ?? this.#now(), (runId) => this.kept(runId)?.log)
    this.dispatch = new Dispatch(timers, this.#clock, options, this.memos, this.changes, this.#admission, recorder)
    this.#history = new RunHistory(options, (run) => this.index.remove(run))
    this.schedules = new MemorySchedules(
      clock,
      (run) => (this.#isFull ? undefined : this.#submit(run)),
      this.flush,
      this.dispatch.presence,
      recorder
    )
  }

  // -- runs ----------------------------------------------------------------------------------------------------------

  submit = (newRun: NewRun): Effect.Effect<string, IdempotencyConflict | StoreUnavailable> =>
    Effect.suspend((): Effect.Effect<string, IdempotencyConflict | StoreUnavailable> => {
      const { pipelineId, idempotency } = newRun
      const named = idempotency && this.keys.find(pipelineId, idempotency.key, this.#now())
      if (named !== undefined) {
        const { key, fingerprint } = idempotency!
        const isGone = this.kept(named.runId) === undefined
        return isGone || named.fingerprint !== fingerprint
          ? Effect.fail(new IdempotencyConflict(pipelineId, key, named.runId, isGone))
          : Effect.succeed(named.runId)
      }
      if (this.isClosed) return Effect.fail(new StoreUnavailable(`No new run is accepted: ${CLOSED}`))
      if (this.#isFull) {
        return Effect.fail(
          new StoreUnavailable(
            `No new run is accepted: ${this.#maxUnfinished} runs are unfinished, as many as the Store takes (maxUnfinished)`
          )
        )
      }
      const run = this.#submit(newRun)
      this.flush()
      return Effect.succeed(run.submission.id)
    })

  get #isFull(): boolean {
    return this.#unfinished >= this.#maxUnfinished
  }

  get #unfinished(): number {
    return this.index.size - this.#history.count
  }

  #submit(newRun: NewRun): MemoryRun {
    const now = this.#now()
    const { pipelineId, version, plan, timeoutMillis, delayMillis = 0, priority = 0, idempotency } = newRun
    const submission = submissionOf(newRun, newId(now, this.#random), now)
    const queue = this.dispatch.queueOf(pipelineId, version, priority)
    const { limits = NONE, keptItems } = newRun
    const run = new MemoryRun(this, ++this.serials, submission, plan, limits, queue, keptItems)
    this.#recorder?.begin(run, keptItems)
    this.index.add(run)
    if (idempotency !== undefined) {
      const { key, fingerprint } = idempotency
      const expiresAtMillis = now + IDEMPOTENCY_MILLIS
      this.keys.add(pipelineId, key, { runId: submission.id, fingerprint, expiresAtMillis })
    }
    this.beginRun(run, delayMillis, timeoutMillis)
    return run
  }

  /** Sets the timers of a run and opens it, at once or after its delay. */
  protected beginRun(run: MemoryRun, delayMillis: number, timeoutMillis: number | undefined): void {
    if (timeoutMillis !== undefined) {
      const { startAtMillis } = run.submission
      this.#admission.after(run, Math.max(startAtMillis + timeoutMillis - this.#now(), 0), () =>
        run.fail(runTimedOut(timeoutMillis), this.#now())
      )
    }
    if (delayMillis > 0) this.#admission.after(run, delayMillis, () => this.#admission.admit(run))
    else this.#admission.admit(run)
  }

  cancel = (runId: string, reason: string): Effect.Effect<void, RunNotFound | StoreUnavailable> =>
    Effect.map(this.find(runId), (run) => {
      if (run.isOver) return
      run.cancel(reason, this.#now())
      this.flush()
    })

  cancelStep = (
    runId: string,
    step: string,
    reason: string
  ): Effect.Effect<void, RunNotFound | UnknownStep | StoreUnavailable> =>
    Effect.map(this.findStep(runId, step), ({ run, index }) => {
      run.cancelStep(index, reason, this.#now())
      this.dispatch.publish(run)
      this.flush()
    })

  remove = (runId: string): Effect.Effect<void, RunNotFound | RunUnfinished | StoreUnavailable> =>
    Effect.flatMap(this.find(runId), (run) =>
      run.isOver
        ? Effect.sync(() => {
            this.drop(run)
            this.keys.forget(runId)
          })
        : Effect.fail(new RunUnfinished(runId, "deleted"))
    )

  pause = (pipelineId: string): Effect.Effect<void> =>
    Effect.sync(() => {
      this.dispatch.paused.add(pipelineId)
      this.#recorder?.put("paused", pipelineId, true)
    })

  resume = (pipelineId: string): Effect.Effect<void> =>
    Effect.sync(() => {
      this.dispatch.paused.delete(pipelineId)
      this.#recorder?.put("paused", pipelineId, undefined)
      this.flush()
    })

  paused: Effect.Effect<ReadonlySet<string>> = Effect.sync(() => new Set(this.dispatch.paused))

  list = (request: ListRequest): Effect.Effect<RunList, InvalidOption> =>
    Effect.suspend(() => {
      this.#history.retain(this.#now())
      return Effect.fromResult(this.listed(request))
    })

  feed = (request: Feed.FeedRequest): Effect.Effect<Stream.Stream<Feed.FeedItem>, InvalidOption> =>
    Feed.open(this.changes, request)

  load: Effect.Effect<Load> = Effect.sync(() => ({
    ...loadOf(this.dispatch.work),
    unfinished: this.#unfinished,
    overdue: this.schedules.overdue
  }))

  workers: Store["workers"] = Effect.sync(() => workersOf(this.dispatch.work))

  now: Effect.Effect<number> = Effect.sync(() => this.#now())

  ping: Effect.Effect<void, StoreUnavailable> = Effect.suspend(() =>
    this.isClosed ? Effect.fail(new StoreUnavailable(`The Store is closed: ${CLOSED}`)) : Effect.void
  )

  // Does not wait for delayed runs and runs of paused pipelines: they would not end in time.
  drain: Effect.Effect<void> = Effect.suspend(() => {
    const now = this.#now()
    const running = [...this.index.unfinished()].filter(
      ({ log: { state } }) => state.startAtMillis <= now && !this.dispatch.paused.has(state.pipelineId)
    )
    return Effect.forEach(running, (run) => Effect.ignore(this.wait(run.submission.id)), {
      concurrency: "unbounded",
      discard: true
    })
  })

  /** Cancels unfinished runs, so that every waiting caller gets an answer. */
  close(): void {
    this.isClosed = true
    for (const run of this.index.unfinished()) run.cancel(CLOSED, this.#now())
    this.flush()
  }

  // -- work ----------------------------------------------------------------------------------------------------------

  claim = (request: ClaimRequest): Effect.Effect<ReadonlyArray<Claim>> => this.dispatch.claim(request)

  renew = (claims: ReadonlyArray<Claim>): Effect.Effect<ReadonlyArray<Claim>> =>
    Effect.sync(() => {
      this.#now()
      return claims.filter((claim) => {
        const lease = this.dispatch.leaseOf(claim)
        if (lease !== undefined) this.dispatch.renew(lease)
        return lease === undefined
      })
    })

  settle = (settlements: ReadonlyArray<Settlement>, request?: ClaimRequest): Effect.Effect<Settled> =>
    Effect.sync(() => {
      assertSettlements(settlements)
      const now = this.#now()
      let refused: Array<Settlement> | undefined
      for (const settlement of settlements) {
        const lease = this.dispatch.leaseOf(settlement.claim)
        if (lease === undefined) {
          this.dispatch.stopped(settlement.claim)
          refused ??= []
          refused.push(settlement)
          continue
        }
        this.dispatch.end(lease)
        lease.run.settle(lease, settlement.outcome, now)
        this.dispatch.publish(lease.run)
      }
      const claims = request === undefined ? NONE : this.dispatch.claimAfterSettling(request, now)
      this.flush()
      return { refused: refused ?? NONE, claims }
    })

  note = (notes: ReadonlyArray<Note>): Effect.Effect<void> =>
    Effect.sync(() => {
      assertNotes(notes)
      const now = this.#now()
      for (const note of notes) {
        const run = this.kept(note.claim.runId)
        if (run === undefined) continue
        const before = run.bytes
        run.log.note(note, this.dispatch.leaseOf(note.claim) !== undefined, now)
        if (run.isOver) this.#history.grown(run.bytes - before)
        this.dispatch.publish(run)
      }
      this.flush()
    })

  revoked = (worker: string): Stream.Stream<Claim> => this.dispatch.revoked(worker)

  // -- called by runs ------------------------------------------------------------------------------------------------

  readonly ready = (unit: RunUnit): void => this.dispatch.ready(unit)
  readonly readyFirst = (unit: RunUnit): void => this.dispatch.readyFirst(unit)

  delay(unit: RunUnit, waitMillis: number): void {
    this.#admission.after(unit.run, waitMillis, () => {
      if (!unit.isOver) unit.run.requeue(unit)
    })
  }

  recall(memo: MemoKey): Readonly<Record<string, Json>> | undefined {
    return this.memos.find(memo, this.#now())
  }

  memoise(memo: MemoKey, outputs: Readonly<Record<string, Json>>): void {
    this.memos.keep(memo, outputs, this.#now())
  }

  millisSince(beganMillis: number): number {
    return this.#clock.millisSince(beganMillis)
  }

  readonly revoke = (lease: RunLease): void => this.dispatch.revoke(lease)

  ended(run: MemoryRun): void {
    this.#admission.ended(run)
    this.dispatch.publish(run)
    for (const onEnd of run.onEnd) this.dispatch.defer(onEnd)
    run.onEnd = []
    this.index.ended(run)
    this.keep(run)
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  protected find(runId: string): Effect.Effect<MemoryRun, RunNotFound | StoreUnavailable> {
    return Effect.suspend(() => {
      this.#history.retain(this.#now())
      const run = this.kept(runId)
      return run === undefined ? Effect.fail(new RunNotFound(runId)) : Effect.succeed(run)
    })
  }

  // -- where finished runs are kept ----------------------------------------------------------------------------------

  protected kept(runId: string): MemoryRun | undefined {
    return this.index.get(runId)
  }

  protected keep(run: MemoryRun): void {
    this.#history.add(run)
  }

  protected drop(run: MemoryRun): void {
    this.#history.remove(run)
  }

  protected listed(request: ListRequest): Result.Result<RunList, InvalidOption> {
    return this.index.list(request)
  }

  readonly flush = (): void => {
    this.#admission.admitNext()
    this.dispatch.flush()
  }
}
