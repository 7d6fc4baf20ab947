/** A Store in the memory of this process. What it holds ends with it. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type ErrorInfo, RunNotFound, StoreUnavailable } from "./Errors.ts"
import type { Event } from "./Event.ts"
import { type Bounds, History } from "./History.ts"
import { Lease, Leases } from "./Lease.ts"
import { MemoryRun, type Owner } from "./MemoryRun.ts"
import { ReadySteps } from "./ReadySteps.ts"
import type { Run } from "./Run.ts"
import type { Claim, ClaimRequest, ListRequest, NewRun, Settled, Settlement, Store } from "./Store.ts"

/** The bounds of a Store in memory. */
export interface Options extends Partial<Bounds> {
  /** How long a claim lasts unless renewed, in milliseconds. Default: 15,000. */
  readonly leaseMillis?: number
  /** The longest value, in UTF-16 units of its JSON text. Default: 1,048,576. */
  readonly maxValueLength?: number
  /** How many runs may be unfinished at once; more are refused. Default: 100,000. */
  readonly maxUnfinished?: number
}

/** Somebody who waits for work. */
interface Waiter {
  readonly request: ClaimRequest
  readonly grant: (claims: ReadonlyArray<Claim>) => void
}

const NONE: ReadonlyArray<never> = []
const NOTHING: Effect.Effect<ReadonlyArray<Claim>> = Effect.succeed(NONE)

const CLOSED = "the program is shutting down"

/** Makes a Store that cancels its unfinished runs when the scope closes. */
export const make = (options: Options = {}): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.gen(function* () {
    const memory = new Memory(
      {
        leaseMillis: 15_000,
        maxValueLength: 1 << 20,
        historyCount: 10_000,
        historyMillis: 86_400_000,
        historyLength: 1 << 28,
        maxUnfinished: 100_000,
        ...options
      },
      yield* Clock.Clock,
      yield* Random.Random,
      yield* Scope.Scope
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => memory.close()))
    return memory
  })

class Memory implements Store, Owner {
  readonly #options: Required<Options>
  readonly #clock: Clock.Clock
  readonly #random: typeof Random.Random.Service
  readonly #scope: Scope.Scope
  /** Every run, in order of submission. */
  readonly #runs: Map<string, MemoryRun> = new Map()
  readonly #history: History
  readonly #ready = new ReadySteps()
  readonly #waiters: Array<Waiter> = []
  readonly #leases: Leases
  readonly #revocations: Map<string, Queue.Queue<Claim>> = new Map()
  readonly #timers: Map<MemoryRun, Fiber.Fiber<unknown>> = new Map()
  /** What to call once the act under way is complete, so that nobody is told of half of it. */
  #afterwards: Array<() => void> = []
  #reaping = false
  #tokens = 0
  #closed = false

  constructor(
    options: Required<Options>,
    clock: Clock.Clock,
    random: typeof Random.Random.Service,
    scope: Scope.Scope
  ) {
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#scope = scope
    this.#leases = new Leases(options.leaseMillis)
    this.#history = new History(options, (run) => this.#runs.delete(run.submission.id))
  }

  get leaseMillis(): number {
    return this.#options.leaseMillis
  }
  get maxValueLength(): number {
    return this.#options.maxValueLength
  }

  // -- runs ----------------------------------------------------------------------------------------------------------

  submit = (newRun: NewRun): Effect.Effect<string, StoreUnavailable> =>
    Effect.suspend(() => {
      if (this.#closed) return Effect.fail(new StoreUnavailable(`No new run is taken: ${CLOSED}`))
      if (this.#runs.size - this.#history.count >= this.#options.maxUnfinished) {
        return Effect.fail(new StoreUnavailable(`No new run is taken: ${this.#options.maxUnfinished} are unfinished`))
      }
      const submittedAtMillis = this.#clock.currentTimeMillisUnsafe()
      const id = this.#newId(submittedAtMillis)
      const { pipelineId, version, parameters, plan, timeoutMillis } = newRun
      const submission = { id, pipelineId, version, parameters, submittedAtMillis }
      const run = new MemoryRun(this, submission, plan, this.#ready.queueOf(pipelineId, version))
      this.#runs.set(id, run)
      run.open()
      const timer = timeoutMillis === undefined ? undefined : this.#startTimer(run, timeoutMillis)
      this.#complete()
      return timer === undefined ? Effect.succeed(id) : Effect.as(timer, id)
    })

  cancel = (runId: string, reason: string): Effect.Effect<void, RunNotFound> =>
    Effect.flatMap(this.#find(runId), (run) =>
      Effect.sync(() => {
        if (run.terminal) return
        run.cancel(reason, this.#clock.currentTimeMillisUnsafe())
        this.#complete()
      })
    )

  get = (runId: string): Effect.Effect<Run, RunNotFound> => Effect.map(this.#find(runId), (run) => run.state)

  wait = (runId: string): Effect.Effect<Run, RunNotFound> =>
    Effect.flatMap(this.#find(runId), (run) =>
      run.terminal
        ? Effect.succeed(run.state)
        : Effect.callback<Run>((resume) => {
            const onEnd = () => resume(Effect.succeed(run.state))
            run.onEnd.push(onEnd)
            return Effect.sync(() => {
              run.onEnd = run.onEnd.filter((other) => other !== onEnd)
            })
          })
    )

  list = (request: ListRequest): Effect.Effect<ReadonlyArray<Run>> =>
    Effect.sync(() => {
      this.#history.retain(this.#clock.currentTimeMillisUnsafe())
      const found: Array<Run> = []
      const newestFirst = [...this.#runs.values()].reverse()
      for (const run of newestFirst) {
        if (found.length >= request.limit) break
        if (request.pipelineId !== undefined && run.submission.pipelineId !== request.pipelineId) continue
        if (request.status !== undefined && run.status !== request.status) continue
        found.push(run.state)
      }
      return found
    })

  // A watcher is a place in the run's log and reads on from there, so a slow one costs nothing and holds nobody up.
  watch = (runId: string, after = 0): Stream.Stream<Event, RunNotFound> =>
    Stream.fromPull(
      Effect.map(this.#find(runId), (run) => {
        let place = after
        const pull: Effect.Effect<readonly [Event, ...Array<Event>], Cause.Done> = Effect.suspend(() => {
          const events = run.events.slice(place)
          place = Math.max(place, run.events.length)
          if (events.length > 0) return Effect.succeed(events as [Event, ...Array<Event>])
          return run.terminal ? Cause.done() : Effect.andThen(run.grown, pull)
        })
        return pull
      })
    )

  ping: Effect.Effect<void> = Effect.void

  drain: Effect.Effect<void> = Effect.suspend(() => {
    const unfinished = [...this.#runs.values()].filter((run) => !run.terminal)
    return Effect.forEach(unfinished, (run) => Effect.ignore(this.wait(run.submission.id)), {
      concurrency: "unbounded",
      discard: true
    })
  })

  /** Ends what is unfinished, so that whoever waits is answered. */
  close(): void {
    this.#closed = true
    for (const run of this.#runs.values()) {
      if (!run.terminal) run.cancel(CLOSED, this.#clock.currentTimeMillisUnsafe())
    }
    this.#complete()
  }

  // -- work ----------------------------------------------------------------------------------------------------------

  claim = (request: ClaimRequest): Effect.Effect<ReadonlyArray<Claim>> =>
    Effect.suspend(() => {
      const claims = this.#take(request)
      if (claims.length > 0) {
        this.#complete()
        return this.#granted(claims)
      }
      return Effect.callback<ReadonlyArray<Claim>>((resume) => {
        const waiter: Waiter = { request, grant: (granted) => resume(this.#granted(granted)) }
        this.#waiters.push(waiter)
        request.onWait?.(() => {
          if (this.#leave(waiter)) resume(NOTHING)
        })
        return Effect.sync(() => this.#leave(waiter))
      })
    })

  renew = (claims: ReadonlyArray<Claim>): Effect.Effect<ReadonlyArray<Claim>> =>
    Effect.sync(() => {
      const now = this.#clock.currentTimeMillisUnsafe()
      return claims.filter((claim) => {
        const lease = this.#leaseOf(claim)
        if (lease === undefined) return true
        this.#leases.remove(lease)
        this.#leases.add(lease, now)
        return false
      })
    })

  settle = (settlements: ReadonlyArray<Settlement>, request?: ClaimRequest): Effect.Effect<Settled> =>
    Effect.suspend(() => {
      const now = this.#clock.currentTimeMillisUnsafe()
      let refused: Array<Settlement> | undefined
      for (const settlement of settlements) {
        const lease = this.#leaseOf(settlement.claim)
        if (lease === undefined) {
          refused ??= []
          refused.push(settlement)
          continue
        }
        this.#leases.remove(lease)
        lease.run.settle(lease, settlement.outcome, now)
        this.#tell(lease.run)
      }
      const claims = request === undefined ? NONE : this.#take(request)
      this.#complete()
      return this.#granted({ refused: refused ?? NONE, claims })
    })

  revoked = (worker: string): Stream.Stream<Claim> =>
    Stream.unwrap(
      Effect.acquireRelease(
        Effect.tap(Queue.unbounded<Claim>(), (queue) => Effect.sync(() => this.#revocations.set(worker, queue))),
        (queue) =>
          Effect.andThen(
            Effect.sync(() => this.#revocations.delete(worker)),
            Queue.shutdown(queue)
          )
      ).pipe(Effect.map((queue) => Stream.fromQueue(queue)))
    )

  // -- what a run tells ----------------------------------------------------------------------------------------------

  ready(run: MemoryRun, index: number): void {
    this.#ready.add(run, index)
  }

  revoke(lease: Lease): void {
    this.#leases.remove(lease)
    const queue = this.#revocations.get(lease.worker)
    if (queue !== undefined) this.#afterwards.push(() => Queue.offerUnsafe(queue, lease))
  }

  ended(run: MemoryRun): void {
    if (this.#timers.size > 0) {
      this.#timers.get(run)?.interruptUnsafe()
      this.#timers.delete(run)
    }
    this.#tell(run)
    this.#afterwards.push(...run.onEnd)
    run.onEnd = []
    this.#history.add(run)
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  #find(runId: string): Effect.Effect<MemoryRun, RunNotFound> {
    return Effect.suspend(() => {
      this.#history.retain(this.#clock.currentTimeMillisUnsafe())
      const run = this.#runs.get(runId)
      return run === undefined ? Effect.fail(new RunNotFound(runId)) : Effect.succeed(run)
    })
  }

  /** The lease that a claim proves to hold. */
  #leaseOf(claim: Claim): Lease | undefined {
    const lease = this.#runs.get(claim.runId)?.leases[claim.index]
    return lease?.token === claim.token ? lease : undefined
  }

  #take(request: ClaimRequest): ReadonlyArray<Claim> {
    if (this.#ready.isEmpty) return NONE
    const now = this.#clock.currentTimeMillisUnsafe()
    return this.#ready.take(request, (run, index) => {
      const lease = new Lease(run, index, run.nextAttempt(index), String(++this.#tokens), request.worker, now)
      this.#leases.add(lease, now)
      run.started(lease, now)
      this.#tell(run)
      return lease
    })
  }

  /** Tells everyone what the act under way has changed, and hands ready work to those who wait for it. */
  #complete(): void {
    this.#flush()
    if (this.#ready.isEmpty) return
    for (const waiter of this.#waiters.slice()) {
      if (this.#ready.isEmpty) break
      // Whoever was told may have come here themselves, and have served or interrupted this one.
      if (!this.#waiters.includes(waiter)) continue
      const claims = this.#take(waiter.request)
      if (claims.length === 0) continue
      // Taken and granted in one go: nothing comes between that could interrupt the waiter and lose the claims.
      this.#leave(waiter)
      waiter.grant(claims)
    }
    this.#flush()
  }

  /** Whether the waiter was still waiting. */
  #leave(waiter: Waiter): boolean {
    const place = this.#waiters.indexOf(waiter)
    if (place !== -1) this.#waiters.splice(place, 1)
    return place !== -1
  }

  #flush(): void {
    if (this.#afterwards.length === 0) return
    const calls = this.#afterwards
    this.#afterwards = []
    for (const call of calls) call()
  }

  #tell(run: MemoryRun): void {
    const { listeners } = run
    if (listeners === undefined || listeners.size === 0) return
    this.#afterwards.push(() => {
      for (const listener of [...listeners]) listener()
    })
  }

  /** Gives `granted`, and sees to it that leases end. */
  #granted<A>(granted: A): Effect.Effect<A> {
    if (this.#reaping || this.#leases.first === undefined) return Effect.succeed(granted)
    this.#reaping = true
    return Effect.as(Effect.forkIn(this.#reap, this.#scope), granted)
  }

  /** Makes steps ready again whose worker let the lease end. Runs only while there are leases. */
  readonly #reap: Effect.Effect<void> = Effect.suspend(() => {
    const now = this.#clock.currentTimeMillisUnsafe()
    for (let lease = this.#leases.first; lease !== undefined && lease.endsAtMillis <= now; lease = this.#leases.first) {
      this.#leases.remove(lease)
      lease.run.settle(lease, { _tag: "Released", reason: `worker '${lease.worker}' did not renew its lease` }, now)
      this.#tell(lease.run)
    }
    this.#complete()
    const first = this.#leases.first
    if (first === undefined) {
      this.#reaping = false
      return Effect.void
    }
    return Effect.andThen(Effect.sleep(first.endsAtMillis - now), this.#reap)
  })

  #startTimer(run: MemoryRun, timeoutMillis: number): Effect.Effect<void> {
    const error: ErrorInfo = { name: "RunTimedOut", message: `The run took longer than ${timeoutMillis} ms` }
    const expire = Effect.sync(() => {
      if (run.terminal) return
      this.#timers.delete(run)
      run.fail(error, this.#clock.currentTimeMillisUnsafe())
      this.#complete()
    })
    return Effect.map(
      Effect.forkIn(Effect.andThen(Effect.sleep(timeoutMillis), expire), this.#scope, { startImmediately: true }),
      (fiber) => {
        if (run.terminal) fiber.interruptUnsafe()
        else this.#timers.set(run, fiber)
      }
    )
  }

  /** Ids sort by time of submission and carry 104 random bits. */
  #newId(nowMillis: number): string {
    return nowMillis.toString(36) + this.#digits() + this.#digits()
  }

  #digits(): string {
    return Math.floor(this.#random.nextDoubleUnsafe() * 2 ** 52)
      .toString(36)
      .padStart(11, "0")
  }
}
