/** Claims ready steps from a Store, runs them, settles them. The same code over every Store. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Alarms } from "./Alarms.ts"
import { type Attempts, STOP_MILLIS } from "./Attempts.ts"
import * as Bound from "./Bound.ts"
import { Calling } from "./Calling.ts"
import type { InvalidOption, StoreUnavailable } from "./Errors.ts"
import { Registry } from "./Registry.ts"
import { type Claim, type ClaimRequest, type Outcome, type Settled, type Settlement, Store } from "./Store.ts"
import * as Tracing from "./Tracing.ts"

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

/**
 * A worker for as long as the layer's scope is open. `R` are the services that the registry's tasks need. Fails with
 * `InvalidOption` when it can't work like that.
 */
export const layer = <R = never>(options: Options = {}): Layer.Layer<never, InvalidOption, Store | Registry | R> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const mistake =
        Bound.required(Bound.record, "worker", options) ??
        Bound.integer("worker.concurrency", options.concurrency, 1) ??
        Bound.millis("worker.graceMillis", options.graceMillis)
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
      const worker = new Worker(id, store, registry, concurrency, clock, random, yield* Effect.scope, tracing)
      yield* Effect.acquireRelease(
        Effect.sync(() => registry.onGrowth(worker.grown)),
        (deafen) => Effect.sync(deafen)
      )
      yield* Effect.forkScoped(worker.alarms.running)
      yield* Effect.forkScoped(worker.heeding)
      const working = yield* Effect.forkScoped(worker.working)
      yield* Effect.addFinalizer(() => worker.stop(Fiber.interrupt(working), graceMillis))
    })
  )

const SHUTTING_DOWN: Outcome = { _tag: "Released", reason: "its worker is shutting down" }

const NOTHING: Effect.Effect<ReadonlyArray<Claim>> = Effect.succeed([])

class Worker {
  readonly alarms: Alarms
  readonly #id: string
  readonly #store: Store
  readonly #concurrency: number
  readonly #scope: Scope.Scope
  readonly #calling: Calling
  readonly #attempts: Attempts
  readonly #tracing: Tracing.Tracing | undefined
  /** What is being settled. */
  #settling: Array<Settlement> = []
  readonly #request: { -readonly [K in keyof ClaimRequest]: ClaimRequest[K] }
  /** Ends the working fiber's waiting, when it waits. */
  #wake: (() => void) | undefined = undefined
  #waking = false
  #renewing = false
  /** Whether it can run more than it said when it asked for work. */
  #hasGrown = false
  /** Whether the Store did not take the last outcomes. */
  #refused = false
  /** Whether no more work is wanted. */
  #stopping = false

  constructor(
    id: string,
    store: Store,
    registry: Registry,
    concurrency: number,
    clock: Clock.Clock,
    random: typeof Random.Random.Service,
    scope: Scope.Scope,
    tracing: Tracing.Tracing | undefined
  ) {
    this.#tracing = tracing
    this.alarms = new Alarms(clock)
    this.#calling = new Calling(
      registry,
      this.alarms,
      store.maxValueBytes,
      () => clock.currentTimeMillisUnsafe(),
      () => random.nextDoubleUnsafe(),
      () => this.#wakeSoon(),
      tracing
    )
    this.#attempts = this.#calling.attempts
    this.#scope = scope
    this.#id = id
    this.#store = store
    this.#concurrency = concurrency
    const isTraced = tracing !== undefined
    this.#request = { worker: id, max: concurrency, versions: registry.versions, isTraced, onWait: this.#onWait }
  }

  // -- two fibers ----------------------------------------------------------------------------------------------------

  /**
   * Claims what there is room for, calls it, settles what is done, and begins again. Only the waiting can be interrupted:
   * a claim that was granted is always called.
   */
  readonly #loop: Effect.Effect<never> = Effect.uninterruptibleMask((restore) => {
    const calling = this.#calling
    const waiting = restore(Effect.suspend(() => this.#claim()))
    const take = (claims: ReadonlyArray<Claim>): Effect.Effect<never> => {
      this.#wake = undefined
      // Nobody waits for what would begin now.
      if (this.#stopping) calling.giveBack(claims, SHUTTING_DOWN)
      else calling.add(claims)
      return next()
    }
    const next = (): Effect.Effect<never> => {
      const first = calling.proceed()
      if (!this.#renewing && calling.size > 0) return Effect.flatMap(this.#keepRenewing, next)
      // What is done is settled also while others are still to be called: that may take long.
      if (first !== undefined)
        return Effect.flatMap(first, calling.settled.length === 0 || this.#refused ? next : settle)
      if (calling.hasToSay) return Effect.flatMap(this.#writeNotes, next)
      return calling.settled.length === 0 || this.#refused ? turn : settling
    }
    const settle = (): Effect.Effect<never> => settling
    const settling = Effect.matchEffect(this.#offer, {
      onSuccess: ({ claims }) => {
        this.#settling.length = 0
        return take(claims)
      },
      onFailure: () => {
        this.#keepSettled()
        return take([])
      }
    })
    const turn = Effect.matchEffect(waiting, {
      onSuccess: take,
      onFailure: () => Effect.flatMap(restore(Effect.sleep(RETRY_MILLIS)), next)
    })
    return turn
  })

  /** Works for ever. What breaks is not offered again: its claims come back when their leases end. */
  readonly working: Effect.Effect<never> = Effect.catchDefect(this.#loop, (defect) => {
    this.#settling.length = 0
    return Effect.logError("A worker has lost outcomes: its Store broke", defect).pipe(
      Effect.andThen(Effect.sleep(RETRY_MILLIS)),
      Effect.andThen(this.working)
    )
  })

  /** Stops the attempts whose run is over. */
  readonly heeding: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEachArray(this.#store.revoked(this.#id), (claims) => Effect.sync(() => this.#calling.revoke(claims)))
  ).pipe(
    Effect.catch(() => this.#heedAgain),
    Effect.catchDefect(() => this.#heedAgain)
  )

  readonly #heedAgain: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(Effect.sleep(RETRY_MILLIS), () => this.heeding)
  )

  /** Finishes what would be lost, lets running steps end, then stops the rest and gives it back. */
  stop(stopWorking: Effect.Effect<void>, graceMillis: number): Effect.Effect<void> {
    const { idle } = this.#attempts
    const ending = Effect.suspend(() => {
      this.#stopping = true
      this.#wakeSoon()
      return idle
    })
    const stopping = Effect.suspend(() => {
      this.#calling.revokeAll(SHUTTING_DOWN)
      // Whoever does not stop is given up within that time.
      return Effect.timeoutOption(ending, 2 * STOP_MILLIS)
    })
    return Effect.andThen(this.#store.drain, ending).pipe(
      Effect.timeoutOption(graceMillis),
      Effect.andThen(stopping),
      Effect.andThen(stopWorking),
      // Whatever the Store says to that, it ends here.
      Effect.andThen(Effect.suspend(() => Effect.andThen(Effect.exit(this.#writeNotes), Effect.exit(this.#offer)))),
      Effect.asVoid
    )
  }

  // -- claiming ------------------------------------------------------------------------------------------------------

  readonly #onWait = (wake: () => void): void => {
    // What ended since it looked has woken nobody.
    if (this.#calling.hasToDo || this.#hasGrown) wake()
    else this.#wake = wake
  }

  /** There is a pipeline more that it can run: it asks anew. */
  readonly grown = (): void => {
    this.#hasGrown = true
    this.#wakeSoon()
  }

  /** Waits for work, for room for it, or for something to settle. */
  #claim(): Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable> {
    if (this.#refused) {
      this.#refused = false
      return Effect.flatMap(Effect.sleep(RETRY_MILLIS), () => NOTHING)
    }
    if (this.#calling.hasToDo) return NOTHING
    this.#hasGrown = false
    if (this.#stopping || this.#free() <= 0) return this.#room
    const claiming = this.#store.claim(this.#request)
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

  /** Waits until something ends. */
  readonly #room: Effect.Effect<ReadonlyArray<Claim>> = Effect.callback((resume) => this.#onWait(() => resume(NOTHING)))

  /** How many more steps may run; what a claim then asks for. */
  #free(): number {
    this.#request.max = this.#concurrency - this.#calling.size
    return this.#request.max
  }

  /** What ends in the same turn of the event loop is settled together. */
  #wakeSoon(): void {
    if (this.#waking) return
    this.#waking = true
    queueMicrotask(this.#wakeUp)
  }

  readonly #wakeUp = (): void => {
    this.#waking = false
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  // -- settling ------------------------------------------------------------------------------------------------------

  // An outcome is not lost when the Store does not answer: it is offered again, in its place before later ones.
  readonly #offer: Effect.Effect<Settled, StoreUnavailable> = Effect.suspend(() => {
    const batch = this.#calling.settled
    this.#calling.settled = this.#settling
    this.#settling = batch
    const settling = this.#store.settle(batch, this.#stopping || this.#free() <= 0 ? undefined : this.#request)
    if (this.#tracing === undefined) return settling
    const links = batch.map(({ claim }) => claim.traceparent)
    const attributes = { "levada.worker": this.#id, "levada.settled": batch.length }
    const span = this.#tracing.begin("levada.settle", { links, attributes })
    return this.#tracing.around(
      span,
      Effect.tap(settling, ({ claims, refused }) =>
        Effect.sync(() => {
          span.attribute("levada.claimed", claims.length)
          span.attribute("levada.refused", refused.length)
        })
      )
    )
  })

  #keepSettled(): void {
    this.#calling.settled = [...this.#settling, ...this.#calling.settled]
    this.#settling.length = 0
    this.#refused = true
  }

  /** Lines and progress that can't be kept are lost: they say how it goes, not what came of it. */
  readonly #writeNotes: Effect.Effect<void> = Effect.suspend(() => {
    const writing = Effect.ignore(this.#store.note(this.#calling.notes.take()))
    const remarks = this.#calling.remarks.splice(0)
    if (remarks.length === 0) return writing
    return Effect.andThen(
      writing,
      Effect.forEach(
        remarks,
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
  })

  // -- leases --------------------------------------------------------------------------------------------------------

  /** Renews what runs, three times a lease, for as long as something runs. */
  readonly #keepRenewing: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#renewing || this.#calling.size === 0) return Effect.void
    this.#renewing = true
    return Effect.asVoid(Effect.forkIn(this.#renew, this.#scope))
  })

  readonly #renew: Effect.Effect<void> = Effect.flatMap(
    Effect.suspend(() => Effect.sleep(this.#store.leaseMillis / 3)),
    () => {
      if (this.#calling.size === 0) {
        this.#renewing = false
        return Effect.void
      }
      return this.#store.renew(this.#calling.claims).pipe(
        Effect.flatMap((lost) => Effect.sync(() => this.#calling.revoke(lost))),
        Effect.ignore,
        Effect.catchDefect((defect) => Effect.logError("A worker could not renew its leases: its Store broke", defect)),
        Effect.flatMap(() => this.#renew)
      )
    }
  )
}
