/** Claims ready steps from a Store, runs them, settles them. The same code over every Store. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Attempt, call, completed, exited, type Runner, runner, thrown } from "./Attempt.ts"
import { Registry } from "./Registry.ts"
import { type Claim, type ClaimRequest, type Outcome, type Settlement, Store } from "./Store.ts"

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

/** How long a task that was told to stop may take to do so, in milliseconds. */
const STOP_MILLIS = 1_000

/** How long to wait before asking a Store again that did not answer, in milliseconds. */
const RETRY_MILLIS = 250

/**
 * A worker for as long as the layer's scope is open. `R` are the services that the registry's tasks need.
 */
export const layer = <R = never>(options: Options = {}): Layer.Layer<never, never, Store | Registry | R> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const store = yield* Store
      const registry = yield* Registry
      // Asked for here, so that whoever builds the layer has to provide what the forked tasks will ask for.
      yield* Effect.context<R>()
      const id = `worker-${(yield* Random.nextIntBetween(0, 2 ** 31)).toString(36)}`
      const worker = new Worker(id, store, registry, options.concurrency ?? 100, yield* Effect.scope)
      yield* Effect.forkScoped(worker.heeding)
      const working = yield* Effect.forkScoped(worker.working)
      yield* Effect.addFinalizer(() => worker.stop(Fiber.interrupt(working), options.graceMillis ?? 10_000))
    })
  )

const NOTHING: Effect.Effect<ReadonlyArray<Claim>> = Effect.succeed([])

class Worker {
  readonly #id: string
  readonly #store: Store
  readonly #registry: Registry
  readonly #concurrency: number
  readonly #scope: Scope.Scope
  readonly #runners: Map<string, Map<string, Map<string, Runner>>> = new Map()
  /** Attempts whose task has not ended, in no order. */
  readonly #attempts: Array<Attempt> = []
  /** What is to be settled next, and what is being settled. */
  #settled: Array<Settlement> = []
  #settling: Array<Settlement> = []
  readonly #request: { -readonly [K in keyof ClaimRequest]: ClaimRequest[K] }
  /** Ends the working fiber's waiting, when it waits. */
  #wake: (() => void) | undefined = undefined
  #waking = false
  #onIdle: (() => void) | undefined = undefined
  #renewing = false
  /** Whether the Store did not take the last outcomes. */
  #refused = false
  /** Whether no more work is wanted. */
  #stopping = false

  constructor(id: string, store: Store, registry: Registry, concurrency: number, scope: Scope.Scope) {
    this.#scope = scope
    this.#id = id
    this.#store = store
    this.#registry = registry
    this.#concurrency = concurrency
    this.#request = { worker: id, max: concurrency, versions: registry.versions, onWait: this.#onWait }
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
        const fork = this.#start(claim)
        if (fork !== undefined) begun = begun === undefined ? fork : Effect.andThen(begun, fork)
      }
      return begun === undefined ? next() : Effect.flatMap(begun, next)
    }
    const next = (): Effect.Effect<never> => {
      if (!this.#renewing && this.#attempts.length > 0) return Effect.flatMap(this.#keepRenewing, next)
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
    return Effect.andThen(this.#store.drain, Effect.andThen(stopWorking, this.#idle)).pipe(
      Effect.timeoutOption(graceMillis),
      Effect.andThen(stopWorking),
      Effect.andThen(
        Effect.suspend(() => {
          this.#stopping = true
          for (const attempt of this.#attempts) {
            this.#settle(attempt.claim, { _tag: "Released", reason: "its worker is shutting down" })
            attempt.revoke()
          }
          return Effect.andThen(this.#flush, Effect.asVoid(Effect.timeoutOption(this.#idle, STOP_MILLIS)))
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
    if (this.#settled.length > 0) return NOTHING
    if (this.#free() <= 0) return Effect.callback((resume) => this.#onWait(() => resume(NOTHING)))
    return this.#claiming
  }

  /** How many more steps may run; what a claim then asks for. */
  #free(): number {
    this.#request.max = this.#concurrency - this.#attempts.length
    return this.#request.max
  }

  readonly #claiming: Effect.Effect<ReadonlyArray<Claim>> = Effect.catch(
    Effect.suspend(() => this.#store.claim(this.#request)),
    () => Effect.flatMap(Effect.sleep(RETRY_MILLIS), () => NOTHING)
  )

  /** Calls the step's task. Gives what is left to do when the task is an Effect. */
  #start(claim: Claim): Effect.Effect<void> | undefined {
    const runner = this.#runnerOf(claim)
    if (runner === undefined) {
      this.#settle(claim, {
        _tag: "Released",
        reason: `worker '${this.#id}' does not know this version of the pipeline`
      })
      return undefined
    }
    const attempt = new Attempt(claim)
    const result = call(runner, attempt)
    if ("outcome" in result) {
      this.#settle(claim, result.outcome)
      return undefined
    }
    const { returned } = result
    if (Effect.isEffect(returned)) {
      this.#add(attempt)
      return Effect.map(
        Effect.forkDetach(returned as Effect.Effect<unknown, unknown>, { startImmediately: true }),
        (fiber) => {
          attempt.fiber = fiber
          if (attempt.revoked) fiber.interruptUnsafe()
          fiber.addObserver((exit) =>
            this.#end(attempt, () => exited(runner, attempt, exit, this.#store.maxValueLength))
          )
        }
      )
    }
    if (isPromiseLike(returned)) {
      this.#add(attempt)
      returned.then(
        (value) => this.#end(attempt, () => completed(runner, claim.step, value, this.#store.maxValueLength)),
        (error) => this.#end(attempt, () => thrown(attempt, runner.task, error))
      )
      return undefined
    }
    this.#settle(claim, completed(runner, claim.step, returned, this.#store.maxValueLength))
    return undefined
  }

  #runnerOf(claim: Claim): Runner | undefined {
    const known = this.#runners.get(claim.pipelineId)?.get(claim.version)
    if (known !== undefined) return known.get(claim.step)
    const pipeline = this.#registry.executable(claim.pipelineId, claim.version)
    if (pipeline === undefined) return undefined
    const versions = this.#runners.get(claim.pipelineId) ?? new Map<string, Map<string, Runner>>()
    versions.set(claim.version, new Map(pipeline.steps.map((step) => [step.name, runner(step)])))
    this.#runners.set(claim.pipelineId, versions)
    return this.#runnerOf(claim)
  }

  // -- ending --------------------------------------------------------------------------------------------------------

  // A swap with the last keeps adding and removing free of searching, hashing and allocation.
  #add(attempt: Attempt): void {
    attempt.place = this.#attempts.length
    this.#attempts.push(attempt)
  }

  #remove(attempt: Attempt): void {
    const last = this.#attempts.pop()!
    if (last === attempt) return
    this.#attempts[attempt.place] = last
    last.place = attempt.place
  }

  #revoke(claim: Claim): void {
    this.#attempts.find((attempt) => attempt.claim.token === claim.token)?.revoke()
  }

  #end(attempt: Attempt, outcome: () => Outcome): void {
    this.#remove(attempt)
    // The outcome of a revoked attempt comes too late: the Store would refuse it.
    if (!attempt.revoked) this.#settle(attempt.claim, outcome())
    if (this.#attempts.length === 0) this.#onIdle?.()
    if (this.#waking) return
    // What ends in the same turn of the event loop is settled together.
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

  /** Waits until no task is running. */
  readonly #idle: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.#attempts.length === 0) return resume(Effect.void)
    this.#onIdle = () => resume(Effect.void)
  })

  // -- leases --------------------------------------------------------------------------------------------------------

  /** Renews what runs, three times a lease, for as long as something runs. */
  readonly #keepRenewing: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#renewing || this.#attempts.length === 0) return Effect.void
    this.#renewing = true
    return Effect.asVoid(Effect.forkIn(this.#renew, this.#scope))
  })

  readonly #renew: Effect.Effect<void> = Effect.flatMap(
    Effect.suspend(() => Effect.sleep(this.#store.leaseMillis / 3)),
    () => {
      if (this.#attempts.length === 0) {
        this.#renewing = false
        return Effect.void
      }
      const claims = this.#attempts.map((attempt) => attempt.claim)
      return this.#store.renew(claims).pipe(
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

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
