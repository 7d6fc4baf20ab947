/** Claims ready steps from a Store, runs them, settles them. The same code over every Store. */
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

/** How a worker works. */
export interface Options {
  /** How many steps run at once. Default: 100. */
  readonly concurrency?: number
  /**
   * How long running steps may take to finish once the worker is told to stop, in milliseconds; then they are
   * interrupted and given back. Default: 10,000.
   */
  readonly graceMillis?: number
}

/** How long to wait before asking a Store again that did not answer, in milliseconds. */
const RETRY_MILLIS = 250

/** How long the last notes may take when the worker stops, in milliseconds. */
const LAST_NOTES_MILLIS = 5_000

/**
 * A worker for as long as the layer's scope is open. `R` are the services that the registry's tasks need. Fails with
 * `InvalidOption` when it can't work like that.
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
      // Asked for here, so that whoever builds the layer has to provide what the forked tasks will ask for.
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

const NOTHING: Effect.Effect<ReadonlyArray<Claim>> = Effect.succeed([])

class Worker {
  readonly timers: TimerHeap
  readonly notes: NoteWriter
  readonly #id: string
  readonly #store: Store
  readonly #calls: TaskCalls
  readonly #outcomes: OutcomeQueue
  readonly #leases: LeaseKeeper
  readonly #tracing: Tracing.Tracing | undefined
  /** For durations: it never goes back. */
  readonly #nowMillis: () => number
  readonly #demand: Demand
  /** Waits of the worker for a Store that breaks. */
  readonly #claimBackoff = new Backoff()
  readonly #settleBackoff = new Backoff()
  readonly #revokedBackoff = new Backoff()
  /** Ends the working fiber's waiting, when it waits. */
  #wake: (() => void) | undefined = undefined
  #isWaking = false
  /** Whether it can run more than it said when it asked for work. */
  #hasGrown = false
  /** Whether the Store did not take the last outcomes. */
  #hasFailedSettle = false
  /** Before that, the Store is not asked for work. */
  #claimAfterMillis = 0
  /** Whether no more work is wanted. */
  #isStopping = false
  /** Called when it stops and nothing is left to do. */
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
   * Claims what there is room for, calls it, settles what is done, and begins again. Only the waiting can be interrupted:
   * a claim that was granted is always called.
   */
  readonly #loop: Effect.Effect<never> = Effect.uninterruptibleMask((restore) => {
    const calling = this.#calls
    const outcomes = this.#outcomes
    const waiting = restore(Effect.suspend(() => this.#claim()))
    const take = (claims: ReadonlyArray<Claim>): Effect.Effect<never> => {
      this.#wake = undefined
      // No run waits for what would begin now.
      if (this.#isStopping) calling.settleAll(claims, SHUTTING_DOWN)
      else calling.add(claims)
      this.#demand.granted(claims)
      return next()
    }
    const next = (): Effect.Effect<never> => {
      const first = calling.proceed()
      if (this.#isStopping) this.#checkDone()
      if (!this.#leases.isKeeping && calling.size + outcomes.size > 0) return Effect.flatMap(this.#leases.keep, next)
      if (this.#tracing?.isToReport) return Effect.flatMap(this.#tracing.report, next)
      if (this.notes.hasUnwritten) return Effect.flatMap(this.notes.begin, next)
      const hasToSettle = !outcomes.isEmpty && !this.#hasFailedSettle
      // What is done is settled also while others are still to be called: that may take long.
      if (first !== undefined) return Effect.flatMap(first, hasToSettle ? settle : next)
      if (hasToSettle) return settling
      return calling.logMessages.length > 0 ? Effect.flatMap(this.#logMessages, next) : turn
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

  /** Works for ever, also where something of its own breaks: the claims of that come back when their leases end. */
  readonly working: Effect.Effect<never> = Effect.catchDefect(this.#loop, (defect) =>
    Effect.logError("A worker broke and begins anew", defect).pipe(
      Effect.andThen(Effect.sleep(RETRY_MILLIS)),
      Effect.andThen(this.working)
    )
  )

  /** Stops the attempts whose run is over. */
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
      ? Effect.logError("The Store broke when a worker asked it which runs are over", defect)
      : Effect.void
    return Effect.andThen(logging, Effect.andThen(Effect.sleep(this.#revokedBackoff.take()), this.watchingRevoked))
  }

  /** Lets running steps end and the Store take their outcomes, then stops the rest and gives it back. */
  stop(stopWorking: Effect.Effect<void>, graceMillis: number): Effect.Effect<void> {
    const ending = Effect.callback<void>((resume) => {
      this.#isStopping = true
      this.#onDone = () => resume(Effect.void)
      this.#checkDone()
      this.#wakeSoon()
    })
    const stopping = Effect.suspend(() => {
      this.#calls.revokeAll(SHUTTING_DOWN)
      // What does not stop is given up within that time.
      return Effect.timeoutOption(ending, 2 * STOP_MILLIS)
    })
    return Effect.andThen(this.#store.drain, ending).pipe(
      Effect.timeoutOption(graceMillis),
      Effect.andThen(stopping),
      Effect.andThen(stopWorking),
      // Whatever the Store says to that, it ends here.
      Effect.andThen(Effect.ignore(this.#offerRest)),
      Effect.andThen(Effect.timeoutOption(this.notes.finish, LAST_NOTES_MILLIS)),
      Effect.asVoid
    )
  }

  #checkDone(): void {
    if (this.#calls.size === 0 && this.#outcomes.size === 0) this.#onDone?.()
  }

  readonly #onWait = (wake: () => void): void => {
    // What ended since it looked has woken nobody.
    if (this.#hasWork || this.#hasGrown) wake()
    else this.#wake = wake
  }

  get #hasWork(): boolean {
    return !this.#outcomes.isEmpty || this.notes.hasUnwritten || this.#calls.hasWork
  }

  /** There is a pipeline more that it can run: it asks anew. */
  readonly onGrowth = (): void => {
    this.#hasGrown = true
    this.#wakeSoon()
  }

  /** Waits for work, for room for it, or for something to settle. */
  #claim(): Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable> {
    if (this.#hasFailedSettle) {
      this.#hasFailedSettle = false
      return Effect.flatMap(Effect.sleep(RETRY_MILLIS), () => NOTHING)
    }
    if (this.#hasWork) return NOTHING
    this.#hasGrown = false
    if (this.#isStopping || !this.#demand.update()) return this.#waitingForRoom
    const waitMillis = Math.max(this.#claimAfterMillis - this.#nowMillis(), this.#demand.drainMillis)
    if (waitMillis > 0) return Effect.raceFirst(Effect.andThen(Effect.sleep(waitMillis), NOTHING), this.#waitingForRoom)
    const claiming = this.#claimBackoff.isFresh ? this.#store.claim(this.#demand.request) : this.#claimingAgain
    return this.#tracing === undefined ? claiming : this.#traced(this.#tracing, claiming)
  }

  /** With a span for what was waited for, which belongs to none of the runs, and names all of them. */
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

  /** The Store has not answered. Where it broke, that is logged once until it answers again. */
  #claimFailed(cause: Cause.Cause<StoreUnavailable>): Effect.Effect<void> {
    return Effect.suspend(() => {
      // The worker itself is stopped.
      if (Cause.hasInterrupts(cause)) return Effect.failCause(cause as Cause.Cause<never>)
      const isUnavailable = Cause.hasFails(cause)
      const isKnown = isUnavailable || !this.#claimBackoff.isFresh
      this.#claimAfterMillis = this.#nowMillis() + (isUnavailable ? RETRY_MILLIS : this.#claimBackoff.take())
      return isKnown
        ? Effect.void
        : Effect.logError("The Store broke when a worker asked it for work", Cause.squash(cause))
    })
  }

  readonly #claimingAgain: Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable> = Effect.suspend(() =>
    Effect.tap(this.#store.claim(this.#demand.request), () => Effect.sync(() => this.#claimBackoff.reset()))
  )

  /** Waits until something ends. */
  readonly #waitingForRoom: Effect.Effect<ReadonlyArray<Claim>> = Effect.callback((resume) =>
    this.#onWait(() => resume(NOTHING))
  )

  /** What it asks for along with its outcomes. */
  readonly #nextRequest = (): ClaimRequest | undefined =>
    this.#isStopping || this.#demand.drainMillis > 0 || !this.#demand.update() || !this.#claimBackoff.isFresh
      ? undefined
      : this.#demand.request

  /** What ends in the same turn of the event loop is settled together. */
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

  /** Offers all outcomes that are left, for as long as the Store takes them. */
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

  readonly #logMessages: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(
      this.#calls.logMessages.splice(0),
      ({ level, what, claim: { pipelineId: pipeline, runId: run, step, attempt } }) =>
        Effect.annotateLogs(Effect.logWithLevel(level)(`Step '${step}' of run '${run}' ${what}`), {
          pipeline,
          run,
          step,
          attempt
        }),
      { discard: true }
    )
  )
}
