/** The worker: claims ready steps from a Store, runs them and settles their outcomes. The same for every Store. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Registry } from "../registry/Registry.ts"
import { Backoff } from "../runtime/Backoff.ts"
import * as Monotonic from "../runtime/Monotonic.ts"
import { TimerHeap } from "../runtime/TimerHeap.ts"
import * as Tracing from "../runtime/Tracing.ts"
import { Store } from "../store/Store.ts"
import type { Claim, ClaimRequest, Outcome, Settled } from "../store/Work.ts"
import { Leaks } from "../task/Leaks.ts"
import type { InvalidOption, StoreUnavailable } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import { Demand } from "./Demand.ts"
import { LeaseKeeper } from "./LeaseKeeper.ts"
import { NoteWriter } from "./NoteWriter.ts"
import { OutcomeQueue } from "./OutcomeQueue.ts"
import { STOP_MILLIS } from "./RunningAttempts.ts"
import { TaskCalls } from "./TaskCalls.ts"

/** Options of a worker. */
export interface Options {
  /** How many steps or items run at once; at least 1. Default: 100. */
  readonly concurrency?: number
  /**
   * How long running steps may take to finish once the worker stops, in milliseconds. Then they are interrupted and
   * released. Default: 10,000.
   */
  readonly graceMillis?: number
}

/** The wait before the next call to an unavailable Store, in milliseconds. */
const RETRY_MILLIS = 250

/** How long writing the last notes may take when the worker stops, in milliseconds. */
const LAST_NOTES_MILLIS = 5_000

/**
 * A worker that runs as long as the layer's scope is open. `R`: the services that the registry's tasks need. Fails with
 * `InvalidOption`.
 */
export const layer = <R = never>(options: Options = {}): Layer.Layer<never, InvalidOption, Store | Registry | R> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const mistake =
        OptionCheck.required(OptionCheck.record, "worker", options) ??
        OptionCheck.integer("worker.concurrency", options.concurrency, 1) ??
        OptionCheck.millis("worker.graceMillis", options.graceMillis)
      if (mistake !== undefined) return yield* mistake
      const { concurrency = 100, graceMillis = 10_000 } = options
      const store = yield* Store
      const registry = yield* Registry
      const clock = yield* Clock.Clock
      const random = yield* Random.Random
      // Required here, so that the layer demands the services that forked tasks will need.
      yield* Effect.context<R>()
      const id = `worker-${(yield* Random.nextIntBetween(0, 2 ** 31)).toString(36)}`
      const tracing = yield* Tracing.find
      const leaks = yield* Leaks
      const worker = new Worker(id, store, registry, concurrency, clock, random, yield* Effect.scope, tracing, leaks)
      yield* Effect.acquireRelease(
        Effect.sync(() => registry.onGrowth(worker.onGrowth)),
        (unsubscribe) => Effect.sync(unsubscribe)
      )
      yield* Effect.forkScoped(worker.timers.running)
      yield* Effect.forkScoped(worker.watchingRevoked)
      const working = yield* Effect.forkScoped(worker.working)
      yield* Effect.addFinalizer(() => worker.stop(Fiber.interrupt(working), graceMillis))
    })
  )

const SHUTTING_DOWN: Outcome = { _tag: "Released", reason: "its worker is shutting down" }

const NO_CLAIMS: Effect.Effect<ReadonlyArray<Claim>> = Effect.succeed([])

class Worker {
  readonly timers: TimerHeap
  readonly notes: NoteWriter
  readonly #id: string
  readonly #store: Store
  readonly #calls: TaskCalls
  readonly #outcomes: OutcomeQueue
  readonly #leases: LeaseKeeper
  readonly #tracing: Tracing.Tracing | undefined
  /** A monotonic clock. */
  readonly #nowMillis: () => number
  readonly #demand: Demand
  /** Waits after defects of the Store. */
  readonly #claimBackoff = new Backoff()
  readonly #settleBackoff = new Backoff()
  readonly #revokedBackoff = new Backoff()
  /** Wakes the working fiber, when it waits. */
  #wake: (() => void) | undefined = undefined
  #isWaking = false
  /** Whether the registry has grown since the last claim. */
  #hasGrown = false
  /** Whether the Store was unavailable for the last outcomes. */
  #hasFailedSettle = false
  /** The worker does not claim before this, by the monotonic clock. */
  #claimAfterMillis = 0
  /** Whether the worker is shutting down. */
  #isStopping = false
  /** Called during shutdown, when no work is left. */
  #onDone: (() => void) | undefined = undefined

  constructor(
    id: string,
    store: Store,
    registry: Registry,
    concurrency: number,
    clock: Clock.Clock,
    random: typeof Random.Random.Service,
    scope: Scope.Scope,
    tracing: Tracing.Tracing | undefined,
    leaks: Leaks | undefined
  ) {
    this.#id = id
    this.#store = store
    this.#tracing = tracing
    this.#nowMillis = () => Monotonic.millis(clock)
    this.timers = new TimerHeap(clock)
    this.notes = new NoteWriter(store)
    this.#outcomes = new OutcomeQueue(store, id, this.#nextRequest, tracing)
    this.#calls = new TaskCalls({
      registry,
      timers: this.timers,
      maxValueBytes: store.maxValueBytes,
      nowMillis: this.#nowMillis,
      random: () => random.nextDoubleUnsafe(),
      tracing,
      leaks,
      settle: (claim, outcome) => this.#outcomes.add(claim, outcome),
      note: (note) => {
        this.notes.add(note)
        this.#wakeSoon()
      },
      onEnd: () => this.#wakeSoon()
    })
    this.#leases = new LeaseKeeper(
      store,
      scope,
      () => [...this.#calls.claims, ...this.#outcomes.claims],
      (lost) => this.#calls.revoke(lost)
    )
    this.#demand = new Demand({
      worker: id,
      versions: registry.versions,
      concurrency,
      leaseMillis: store.leaseMillis,
      isTraced: tracing !== undefined,
      nowMillis: this.#nowMillis,
      size: () => this.#calls.size,
      onWait: this.#onWait,
      onDrain: () => this.#wakeSoon()
    })
  }

  /**
   * Claims work, calls tasks, settles outcomes, and begins again. Only waiting can be interrupted, so that a granted
   * claim is always called.
   */
  readonly #loop: Effect.Effect<never> = Effect.uninterruptibleMask((restore) => {
    const calls = this.#calls
    const outcomes = this.#outcomes
    const waiting = restore(Effect.suspend(() => this.#claim()))
    const take = (claims: ReadonlyArray<Claim>): Effect.Effect<never> => {
      this.#wake = undefined
      // `stop` waits only for steps that run already.
      if (this.#isStopping) calls.settleAll(claims, SHUTTING_DOWN)
      else calls.add(claims)
      this.#demand.granted(claims)
      return next()
    }
    const next = (): Effect.Effect<never> => {
      const beforeCalls = calls.proceed()
      if (this.#isStopping) this.#checkDone()
      if (!this.#leases.isKeeping && calls.size + outcomes.size > 0) return Effect.flatMap(this.#leases.keep, next)
      if (this.#tracing?.hasUnreportedError) return Effect.flatMap(this.#tracing.report, next)
      if (this.notes.hasUnwritten) return Effect.flatMap(this.notes.begin, next)
      const hasToSettle = !outcomes.isEmpty && !this.#hasFailedSettle
      // Settle before calling the next tasks, which may take long.
      if (beforeCalls !== undefined) return Effect.flatMap(beforeCalls, hasToSettle ? settle : next)
      if (hasToSettle) return settling
      return calls.logMessages.length > 0 ? Effect.flatMap(calls.writeLog, next) : turn
    }
    const settle = (): Effect.Effect<never> => settling
    const settling = Effect.matchCauseEffect(outcomes.offer, {
      onSuccess: ({ claims }) => {
        outcomes.accepted()
        this.#settleBackoff.reset()
        return take(claims)
      },
      onFailure: (cause) => {
        if (!Cause.hasFails(cause)) return dividing
        this.#keepOutcomes()
        return take([])
      }
    })
    const dividing = Effect.matchEffect(outcomes.divide, {
      onSuccess: (isAnyTaken) => {
        outcomes.accepted()
        if (!isAnyTaken) return Effect.flatMap(restore(Effect.sleep(this.#settleBackoff.take())), next)
        this.#settleBackoff.reset()
        return next()
      },
      onFailure: () => {
        this.#keepOutcomes()
        return take([])
      }
    })
    const turn = Effect.matchCauseEffect(waiting, {
      onSuccess: take,
      onFailure: (cause) => Effect.flatMap(this.#claimFailed(cause), next)
    })
    return turn
  })

  /** Works for ever. After a defect it starts again; claims lost by it become ready when their leases expire. */
  readonly working: Effect.Effect<never> = Effect.catchDefect(this.#loop, (defect) =>
    Effect.logError("A worker broke and starts again", defect).pipe(
      Effect.andThen(Effect.sleep(RETRY_MILLIS)),
      Effect.andThen(this.working)
    )
  )

  /** Stops attempts whose claims the Store revokes. */
  readonly watchingRevoked: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEachArray(this.#store.revoked(this.#id), (claims) =>
      Effect.sync(() => {
        this.#revokedBackoff.reset()
        this.#calls.revoke(claims)
      })
    )
  ).pipe(
    Effect.catch(() => Effect.andThen(Effect.sleep(RETRY_MILLIS), this.watchingRevoked)),
    Effect.catchDefect((defect) => this.#watchAgain(defect))
  )

  #watchAgain(defect: unknown): Effect.Effect<void> {
    const logging = this.#revokedBackoff.isFresh
      ? Effect.logError("The Store broke when a worker watched revoked claims", defect)
      : Effect.void
    return Effect.andThen(logging, Effect.andThen(Effect.sleep(this.#revokedBackoff.take()), this.watchingRevoked))
  }

  /** Shuts down: waits for running steps and their outcomes, then interrupts the rest and releases it. */
  stop(stopWorking: Effect.Effect<void>, graceMillis: number): Effect.Effect<void> {
    const ending = Effect.callback<void>((resume) => {
      this.#isStopping = true
      this.#onDone = () => resume(Effect.void)
      this.#checkDone()
      this.#wakeSoon()
    })
    const stopping = Effect.suspend(() => {
      this.#calls.revokeAll(SHUTTING_DOWN)
      // Attempts that do not stop are given up within this time.
      return Effect.timeoutOption(ending, 2 * STOP_MILLIS)
    })
    return Effect.andThen(this.#store.drain, ending).pipe(
      Effect.timeoutOption(graceMillis),
      Effect.andThen(stopping),
      Effect.andThen(stopWorking),
      // Shutdown goes on even if the Store fails.
      Effect.andThen(Effect.ignore(this.#offerRest)),
      Effect.andThen(Effect.timeoutOption(this.notes.finish, LAST_NOTES_MILLIS)),
      Effect.asVoid
    )
  }

  #checkDone(): void {
    if (this.#calls.size === 0 && this.#outcomes.size === 0) this.#onDone?.()
  }

  readonly #onWait = (wake: () => void): void => {
    // Work that arrived since the last check found no `#wake` to call.
    if (this.#hasWork || this.#hasGrown) wake()
    else this.#wake = wake
  }

  get #hasWork(): boolean {
    return !this.#outcomes.isEmpty || this.notes.hasUnwritten || this.#calls.hasWork
  }

  /** The registry has a new pipeline: claims again. */
  readonly onGrowth = (): void => {
    this.#hasGrown = true
    this.#wakeSoon()
  }

  /** Waits for claims, for room, or for outcomes to settle. */
  #claim(): Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable> {
    if (this.#hasFailedSettle) {
      this.#hasFailedSettle = false
      return Effect.flatMap(Effect.sleep(RETRY_MILLIS), () => NO_CLAIMS)
    }
    if (this.#hasWork) return NO_CLAIMS
    this.#hasGrown = false
    if (this.#isStopping || !this.#demand.update()) return this.#waitingForRoom
    const waitMillis = Math.max(this.#claimAfterMillis - this.#nowMillis(), this.#demand.drainMillis)
    if (waitMillis > 0)
      return Effect.raceFirst(Effect.andThen(Effect.sleep(waitMillis), NO_CLAIMS), this.#waitingForRoom)
    const claiming = this.#claimBackoff.isFresh ? this.#store.claim(this.#demand.request) : this.#claimingAgain
    return this.#tracing === undefined ? claiming : this.#traced(this.#tracing, claiming)
  }

  /** Adds a span around claiming. It belongs to no run and links to all of them. */
  #traced(
    tracing: Tracing.Tracing,
    claiming: Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable>
  ): Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable> {
    const atNanos = tracing.nowNanos
    return Effect.tap(claiming, (claims) =>
      Effect.sync(() => {
        if (claims.length === 0) return
        const links = claims.map(({ traceparent }) => traceparent)
        const attributes = { "levada.worker": this.#id, "levada.claimed": claims.length }
        tracing.end(tracing.begin("levada.claim", { links, attributes, atNanos }))
      })
    )
  }

  /** Claiming failed. Logs a defect of the Store once, until the Store answers again. */
  #claimFailed(cause: Cause.Cause<StoreUnavailable>): Effect.Effect<void> {
    return Effect.suspend(() => {
      // The worker itself is interrupted.
      if (Cause.hasInterrupts(cause)) return Effect.failCause(cause as Cause.Cause<never>)
      const isUnavailable = Cause.hasFails(cause)
      const isKnown = isUnavailable || !this.#claimBackoff.isFresh
      this.#claimAfterMillis = this.#nowMillis() + (isUnavailable ? RETRY_MILLIS : this.#claimBackoff.take())
      return isKnown ? Effect.void : Effect.logError("The Store broke when a worker claimed work", Cause.squash(cause))
    })
  }

  readonly #claimingAgain: Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable> = Effect.suspend(() =>
    Effect.tap(this.#store.claim(this.#demand.request), () => Effect.sync(() => this.#claimBackoff.reset()))
  )

  /** Waits until an attempt ends. */
  readonly #waitingForRoom: Effect.Effect<ReadonlyArray<Claim>> = Effect.callback((resume) =>
    this.#onWait(() => resume(NO_CLAIMS))
  )

  /** The claim request to send along with outcomes. */
  readonly #nextRequest = (): ClaimRequest | undefined =>
    this.#isStopping || this.#demand.drainMillis > 0 || !this.#demand.update() || !this.#claimBackoff.isFresh
      ? undefined
      : this.#demand.request

  /** Wakes the working fiber in a microtask, so that outcomes of one turn of the event loop are settled together. */
  #wakeSoon(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    queueMicrotask(this.#wakeUp)
  }

  readonly #wakeUp = (): void => {
    this.#isWaking = false
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #keepOutcomes(): void {
    this.#outcomes.requeue()
    this.#hasFailedSettle = true
  }

  /** Settles all remaining outcomes, as long as the Store is available. */
  readonly #offerRest: Effect.Effect<void, StoreUnavailable> = Effect.suspend(() => {
    if (this.#outcomes.isEmpty) return Effect.void
    const offering: Effect.Effect<Settled | boolean, StoreUnavailable> = Effect.catchDefect(
      this.#outcomes.offer,
      () => this.#outcomes.divide
    )
    return Effect.flatMap(offering, () => {
      this.#outcomes.accepted()
      return this.#offerRest
    })
  })
}
