/** Claims ready steps from a Store, runs them, settles them. The same code over every Store. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Alarms } from "./Alarms.ts"
import { Attempt, broken, isPromiseLike, type Surroundings } from "./Attempt.ts"
import { Attempts, STOP_MILLIS, type Told } from "./Attempts.ts"
import * as Bound from "./Bound.ts"
import type { InvalidOption } from "./Errors.ts"
import * as Items from "./Items.ts"
import { probe } from "./Probe.ts"
import { Registry } from "./Registry.ts"
import { Runners } from "./Runners.ts"
import { type Claim, type ClaimRequest, type Note, type Outcome, type Settlement, Store } from "./Store.ts"

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

/** How many lines and the like wait for a Store that does not answer; later ones are dropped. */
const MAX_NOTES = 10_000

/** How long the units of one list may be together, as a multiple of the longest value. */
const MAX_EXPANSION = 16

/**
 * A worker for as long as the layer's scope is open. `R` are the services that the registry's tasks need. Fails with
 * `InvalidOption` when it can't work like that.
 */
export const layer = <R = never>(options: Options = {}): Layer.Layer<never, InvalidOption, Store | Registry | R> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { concurrency = 100, graceMillis = 10_000 } = options
      const mistake =
        Bound.integer("worker.concurrency", concurrency, 1) ?? Bound.number("worker.graceMillis", graceMillis, 0)
      if (mistake !== undefined) return yield* mistake
      const store = yield* Store
      const registry = yield* Registry
      const clock = yield* Clock.Clock
      const random = yield* Random.Random
      // Asked for here, so that whoever builds the layer has to provide what the forked tasks will ask for.
      yield* Effect.context<R>()
      const id = `worker-${(yield* Random.nextIntBetween(0, 2 ** 31)).toString(36)}`
      const worker = new Worker(id, store, registry, concurrency, clock, random, yield* Effect.scope)
      yield* Effect.forkScoped(worker.alarms.running)
      yield* Effect.forkScoped(worker.heeding)
      const working = yield* Effect.forkScoped(worker.working)
      yield* Effect.addFinalizer(() => worker.stop(Fiber.interrupt(working), graceMillis))
    })
  )

const NOTHING: Effect.Effect<ReadonlyArray<Claim>> = Effect.succeed([])

class Worker implements Surroundings, Told {
  readonly alarms: Alarms
  readonly #clock: Clock.Clock
  readonly #random: typeof Random.Random.Service
  readonly #id: string
  readonly #store: Store
  readonly #concurrency: number
  readonly #scope: Scope.Scope
  readonly #runners: Runners
  readonly #attempts: Attempts
  /** What attempts have said and the Store has not heard. */
  #notes: Array<Note> = []
  /** What is to be settled next, and what is being settled. */
  #settled: Array<Settlement> = []
  #settling: Array<Settlement> = []
  readonly #request: { -readonly [K in keyof ClaimRequest]: ClaimRequest[K] }
  /** Ends the working fiber's waiting, when it waits. */
  #wake: (() => void) | undefined = undefined
  #waking = false
  /** Claims whose task did not stop, which nobody was told of yet. */
  readonly #ignoring: Array<Claim> = []
  #renewing = false
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
    scope: Scope.Scope
  ) {
    this.alarms = new Alarms(clock)
    this.#attempts = new Attempts(this.alarms, this.nowMillis, this)
    this.#clock = clock
    this.#random = random
    this.#scope = scope
    this.#id = id
    this.#store = store
    this.#runners = new Runners(registry)
    this.#concurrency = concurrency
    this.#request = { worker: id, max: concurrency, versions: registry.versions, onWait: this.#onWait }
  }

  // -- what attempts ask for -----------------------------------------------------------------------------------------

  get maxValueLength(): number {
    return this.#store.maxValueLength
  }

  readonly nowMillis = (): number => this.#clock.currentTimeMillisUnsafe()

  readonly random = (): number => this.#random.nextDoubleUnsafe()

  readonly note = (note: Note): void => {
    if (this.#notes.length >= MAX_NOTES) return
    const { progress, claim } = note
    const last = this.#notes.at(-1)
    // Only how far it is now counts.
    if (progress !== undefined && last?.progress !== undefined && last.claim === claim) this.#notes.pop()
    this.#notes.push(note)
    this.#wakeSoon()
  }

  timedOut(attempt: Attempt, outcome: Outcome): void {
    this.#settle(attempt.claim, outcome)
    this.#wakeSoon()
  }

  ignored({ claim, runner }: Attempt): void {
    const message = `Task '${runner.task.name}' ignores its signal: it still runs ${STOP_MILLIS} ms after it was told to stop. What it gives is dropped`
    this.note({ claim, line: { level: "warn", message } })
    this.#ignoring.push(claim)
  }

  // -- two fibers ----------------------------------------------------------------------------------------------------

  /**
   * Claims what there is room for, starts it, settles what is done, and begins again. Only the waiting can be
   * interrupted: a claim that was granted is always started.
   */
  readonly working: Effect.Effect<never> = Effect.uninterruptibleMask((restore) => {
    const waiting = restore(Effect.suspend(() => this.#claim()))
    const take = (claims: ReadonlyArray<Claim>): Effect.Effect<never> => {
      this.#wake = undefined
      let begun: Effect.Effect<void> | undefined
      for (const claim of claims) {
        const fork = this.#startSafely(claim)
        if (fork !== undefined) begun = begun === undefined ? fork : Effect.andThen(begun, fork)
      }
      return begun === undefined ? next() : Effect.flatMap(begun, next)
    }
    const next = (): Effect.Effect<never> => {
      if (!this.#renewing && this.#attempts.size > 0) return Effect.flatMap(this.#keepRenewing, next)
      if (this.#notes.length > 0) return Effect.flatMap(this.#writeNotes, next)
      return this.#settled.length === 0 ? turn : settling
    }
    const settling = Effect.flatMap(this.#flush, take)
    const turn = Effect.flatMap(waiting, take)
    return turn
  })

  /** Stops the attempts whose run is over. */
  readonly heeding: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEach(this.#store.revoked(this.#id), (claim) => Effect.sync(() => this.#revoke(claim)))
  ).pipe(Effect.catch(() => Effect.flatMap(Effect.sleep(RETRY_MILLIS), () => this.heeding)))

  /** Finishes what would be lost, lets running steps end, then interrupts the rest and gives it back. */
  stop(stopWorking: Effect.Effect<void>, graceMillis: number): Effect.Effect<void> {
    return Effect.andThen(this.#store.drain, Effect.andThen(stopWorking, this.#attempts.idle)).pipe(
      Effect.timeoutOption(graceMillis),
      Effect.andThen(stopWorking),
      Effect.andThen(
        Effect.suspend(() => {
          this.#stopping = true
          for (const attempt of this.#attempts.values()) {
            if (attempt.revoked) continue
            this.#settle(attempt.claim, { _tag: "Released", reason: "its worker is shutting down" })
            this.#attempts.revoke(attempt)
          }
          return Effect.andThen(this.#flush, Effect.asVoid(Effect.timeoutOption(this.#attempts.idle, STOP_MILLIS)))
        })
      )
    )
  }

  // -- claiming ------------------------------------------------------------------------------------------------------

  readonly #onWait = (wake: () => void): void => {
    this.#wake = wake
  }

  /** Waits for work, for room for it, or for something to settle. */
  #claim(): Effect.Effect<ReadonlyArray<Claim>> {
    if (this.#refused) {
      this.#refused = false
      return Effect.flatMap(Effect.sleep(RETRY_MILLIS), () => NOTHING)
    }
    if (this.#settled.length > 0 || this.#notes.length > 0) return NOTHING
    if (this.#free() <= 0) return Effect.callback((resume) => this.#onWait(() => resume(NOTHING)))
    return this.#claiming
  }

  /** How many more steps may run; what a claim then asks for. */
  #free(): number {
    this.#request.max = this.#concurrency - this.#attempts.size
    return this.#request.max
  }

  readonly #claiming: Effect.Effect<ReadonlyArray<Claim>> = Effect.catch(
    Effect.suspend(() => this.#store.claim(this.#request)),
    () => Effect.flatMap(Effect.sleep(RETRY_MILLIS), () => NOTHING)
  )

  // What a task returns may be anything, also something that throws when it is looked at. That is the step's failure, and
  // must not become the worker's.
  #startSafely(claim: Claim): Effect.Effect<void> | undefined {
    try {
      return this.#start(claim)
    } catch (defect) {
      this.#settle(claim, broken(claim, defect))
      return undefined
    }
  }

  #outcomeSafely({ claim }: Attempt, outcome: () => Outcome): Outcome {
    try {
      return outcome()
    } catch (defect) {
      return broken(claim, defect)
    }
  }

  /** Calls the step's task. Gives what is left to do when the task is an Effect. */
  #start(claim: Claim): Effect.Effect<void> | undefined {
    const runner = this.#runners.find(claim)
    if (runner === undefined) {
      this.#settle(claim, {
        _tag: "Released",
        reason: `worker '${this.#id}' does not know this version of the pipeline`
      })
      return undefined
    }
    switch (claim.phase) {
      case "probe":
        this.#settle(claim, probe(runner, claim))
        return undefined
      case "expand":
        this.#settle(claim, Items.expand(runner, claim.values, MAX_EXPANSION * this.maxValueLength))
        return undefined
      case "run":
        return this.#run(new Attempt(claim, runner, this))
    }
  }

  #run(attempt: Attempt): Effect.Effect<void> | undefined {
    const result = attempt.call()
    if ("outcome" in result) {
      this.#settle(attempt.claim, result.outcome)
      return undefined
    }
    const { returned } = result
    if (Effect.isEffect(returned)) {
      this.#attempts.add(attempt)
      return Effect.map(
        Effect.forkDetach(returned as Effect.Effect<unknown, unknown>, { startImmediately: true }),
        (fiber) => {
          attempt.fiber = fiber
          if (attempt.revoked) fiber.interruptUnsafe()
          fiber.addObserver((exit) => this.#end(attempt, () => attempt.ended(exit)))
        }
      )
    }
    if (isPromiseLike(returned)) {
      this.#attempts.add(attempt)
      returned.then(
        (value) => this.#end(attempt, () => attempt.completed(value)),
        (error) => this.#end(attempt, () => attempt.thrown(error))
      )
      return undefined
    }
    this.#settle(attempt.claim, attempt.completed(returned))
    return undefined
  }

  // -- ending --------------------------------------------------------------------------------------------------------

  #revoke(claim: Claim): void {
    const attempt = this.#attempts.find(claim)
    if (attempt !== undefined) this.#attempts.revoke(attempt)
  }

  #end(attempt: Attempt, outcome: () => Outcome): void {
    // Given up: nobody waits for it any more.
    if (attempt.place === -1) return
    this.#attempts.remove(attempt)
    // The outcome of a revoked attempt comes too late: the Store would refuse it.
    if (!attempt.revoked) this.#settle(attempt.claim, this.#outcomeSafely(attempt, outcome))
    this.#wakeSoon()
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

  #settle(claim: Claim, outcome: Outcome): void {
    this.#settled.push({ claim, outcome })
  }

  // An outcome is not lost when the Store does not answer: it is offered again, in its place before later ones.
  readonly #flush: Effect.Effect<ReadonlyArray<Claim>> = Effect.catch(
    Effect.flatMap(
      Effect.suspend(() => {
        const batch = this.#settled
        this.#settled = this.#settling
        this.#settling = batch
        return this.#store.settle(batch, this.#stopping || this.#free() <= 0 ? undefined : this.#request)
      }),
      ({ claims }) => {
        this.#settling.length = 0
        return Effect.succeed(claims)
      }
    ),
    () => {
      this.#settled = [...this.#settling, ...this.#settled]
      this.#settling.length = 0
      this.#refused = true
      return NOTHING
    }
  )

  /** Lines and progress that can't be kept are lost: they say how it goes, not what came of it. */
  readonly #writeNotes: Effect.Effect<void> = Effect.suspend(() => {
    const notes = this.#notes
    this.#notes = []
    const writing = Effect.ignore(this.#store.note(notes))
    const ignoring = this.#ignoring.splice(0)
    if (ignoring.length === 0) return writing
    return Effect.andThen(
      writing,
      Effect.forEach(
        ignoring,
        ({ runId, step }) => Effect.logWarning(`Step '${step}' of run '${runId}' ignores its signal`),
        { discard: true }
      )
    )
  })

  // -- leases --------------------------------------------------------------------------------------------------------

  /** Renews what runs, three times a lease, for as long as something runs. */
  readonly #keepRenewing: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#renewing || this.#attempts.size === 0) return Effect.void
    this.#renewing = true
    return Effect.asVoid(Effect.forkIn(this.#renew, this.#scope))
  })

  readonly #renew: Effect.Effect<void> = Effect.flatMap(
    Effect.suspend(() => Effect.sleep(this.#store.leaseMillis / 3)),
    () => {
      if (this.#attempts.size === 0) {
        this.#renewing = false
        return Effect.void
      }
      return this.#store.renew(this.#attempts.claims).pipe(
        Effect.flatMap((lost) =>
          Effect.sync(() => {
            for (const claim of lost) this.#revoke(claim)
          })
        ),
        Effect.ignore,
        Effect.flatMap(() => this.#renew)
      )
    }
  )
}
