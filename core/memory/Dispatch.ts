/** Grants the ready units of a Store in memory to workers, and keeps the leases. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import type { StoreBounds } from "../store/StoreBounds.ts"
import type { Claim, ClaimRequest } from "../store/Work.ts"
import type { Limit } from "../values/Limit.ts"
import type { Admission, AdmissionHost } from "./Admission.ts"
import type { MemoryFeed } from "./MemoryFeed.ts"
import type { Memos } from "./Memos.ts"
import type { Recorder } from "./Recorder.ts"
import { resume } from "./Resumption.ts"
import type { MemoryRun, RunLease, RunUnit } from "./run/MemoryRun.ts"
import type { StoreClock } from "./StoreClock.ts"
import { WorkerPresence } from "./WorkerPresence.ts"
import type { Work } from "./WorkState.ts"
import { type ClaimWaiter, ClaimWaiters } from "./work/ClaimWaiters.ts"
import { Lease, Leases } from "./work/Lease.ts"
import { LimitHolders } from "./work/LimitHolders.ts"
import { LoneUnits } from "./work/LoneUnits.ts"
import { type ReadyQueue, ReadyQueues } from "./work/ReadyQueues.ts"

type Bounds = Required<Pick<StoreBounds, "leaseMillis" | "maxLosses">>

const NONE: ReadonlyArray<never> = []
const NO_CLAIMS: Effect.Effect<ReadonlyArray<Claim>> = Effect.succeed(NONE)

/** How often leases are checked within the time of one lease. If a check is late, the thread was blocked. */
const CHECKS = 4

/** Ready units, leases, limits and waiting claims. Except `claim` and `revoked`, methods are part of one Store call. */
export class Dispatch implements AdmissionHost {
  /** Pipelines whose units are not granted. */
  readonly paused: Set<string> = new Set()
  /** The connected workers. */
  readonly presence: WorkerPresence = new WorkerPresence(() => this.#admission.reconsider())
  readonly #timers: TimerHeap
  readonly #clock: StoreClock
  readonly #ready = new ReadyQueues<RunUnit>(this.paused, (unit) => this.#drop(unit))
  readonly #lone = new LoneUnits<RunUnit>(this.paused, (unit) => this.#drop(unit))
  /** After how many lost workers a unit runs alone. */
  readonly #loneLosses: number
  readonly #leases: Leases<MemoryRun>
  readonly #memos: Memos
  readonly #feed: MemoryFeed
  readonly #limits: LimitHolders<RunUnit> = new LimitHolders((unit) => this.readyFirst(unit))
  readonly #waiters = new ClaimWaiters()
  /** Whether no unit is granted for now. */
  isHeld = false
  readonly #admission: Admission
  readonly #recorder: Recorder | undefined
  readonly #revocations: Map<string, Queue.Queue<Claim>> = new Map()
  /** Called at the end of the current Store call, so that no listener sees a half-done change. */
  #deferred: Array<() => void> = []
  #serials = 0
  /** When leases are checked next, by the monotonic clock; 0 when there are none. */
  #checkMillis = 0

  constructor(
    timers: TimerHeap,
    clock: StoreClock,
    bounds: Bounds,
    memos: Memos,
    feed: MemoryFeed,
    admission: Admission,
    recorder: Recorder | undefined
  ) {
    this.#recorder = recorder
    this.#admission = admission
    this.#feed = feed
    this.#timers = timers
    this.#clock = clock
    this.#leases = new Leases(bounds.leaseMillis)
    this.#loneLosses = Math.max(1, bounds.maxLosses - 1)
    this.#memos = memos
  }

  queueOf(pipelineId: string, version: string, priority: number): ReadyQueue<RunUnit> {
    return this.#ready.queueOf(pipelineId, version, priority)
  }

  ready(unit: RunUnit): void {
    const items = unit.item === -1 ? unit.run.itemsOf(unit) : undefined
    if (items !== undefined) items.isQueued = true
    if (items === undefined && this.#isLone(unit)) this.#lone.add(unit)
    else this.#ready.add(unit)
  }

  readyFirst(unit: RunUnit): void {
    if (this.#isLone(unit) && (unit.item !== -1 || unit.run.itemsOf(unit) === undefined)) {
      this.#lone.add(unit)
      // It may wait long for an idle worker; until then other units can have the limits that it waited for.
      if (unit.waitSerial > 0) this.defer(() => this.#limits.wakeNext(unit.limits))
    } else this.#ready.addFirst(unit)
  }

  /** Whether it has lost so many workers that it must run alone. */
  #isLone(unit: RunUnit): boolean {
    return unit.losses >= this.#loneLosses
  }

  /** Grants ready units to the request; waits until there are some. */
  claim(request: ClaimRequest): Effect.Effect<ReadonlyArray<Claim>> {
    // Checking and beginning to wait are one step: a unit that became ready in between would wake no claim.
    return Effect.callback<ReadonlyArray<Claim>>((resume) => {
      this.presence.asked(request)
      const waiter: ClaimWaiter = { request, resume: (granted) => resume(Effect.succeed(granted)) }
      this.#waiters.add(waiter)
      this.flush()
      if (!this.#waiters.has(waiter)) return
      request.onWait?.(() => {
        if (this.#waiters.remove(waiter)) resume(NO_CLAIMS)
      })
      return Effect.sync(() => this.#waiters.remove(waiter))
    })
  }

  /**
   * Grants ready units to a request that comes with outcomes. With a journal they are granted just before the commit of these
   * outcomes, for which the caller waits: until then more become ready.
   */
  claimAfterSettling(request: ClaimRequest, now: number): ReadonlyArray<Claim> {
    if (this.#recorder === undefined) return this.claimNow(request, now)
    this.presence.asked(request)
    const claims: Array<Claim> = []
    this.#waiters.add({ request, isOnce: true, resume: (granted) => claims.push(...granted) })
    this.#recorder.grantLater()
    return claims
  }

  /** Grants units that are ready now; none when none is. */
  claimNow(request: ClaimRequest, now: number): ReadonlyArray<Claim> {
    this.presence.asked(request)
    if (this.isHeld) return NONE
    const alone = this.#lone.isEmpty ? NONE : this.#takeAlone(request, now)
    if (alone.length > 0 || this.#ready.isEmpty) return alone
    const claims = this.#ready.take(request, (unit, taken, max) => this.#grant(unit, taken, max, request.worker, now))
    // Granting may have found units that must run alone among the items of a step.
    return claims.length > 0 || this.#lone.isEmpty ? claims : this.#takeAlone(request, now)
  }

  /** Grants a lone unit to an idle worker. Tells a busy worker that a lone unit waits. */
  #takeAlone(request: ClaimRequest, now: number): ReadonlyArray<Claim> {
    if (request.isIdle !== true) {
      if (this.#lone.hasFor(request)) request.onAloneWaiting?.()
      return NONE
    }
    const claims: Array<Claim> = []
    while (claims.length === 0) {
      const unit = this.#lone.take(request)
      if (unit === undefined) break
      this.#grant(unit, claims, 1, request.worker, now)
    }
    return claims
  }

  /** The live lease of a claim; undefined when the claim is stale. */
  leaseOf(claim: Claim): RunLease | undefined {
    return isIssuedBy(claim, this) && claim.isLive ? claim : undefined
  }

  renew(lease: RunLease): void {
    this.#leases.remove(lease)
    this.#leases.add(lease, this.#clock.passedMillis)
  }

  /** Ends a lease and releases its limits. */
  end(lease: RunLease): void {
    this.#leases.remove(lease)
    if (lease.limits.length > 0) this.#limits.release(lease.limits)
  }

  /** A worker has stopped the attempt of a revoked claim. */
  stopped(claim: Claim): void {
    if (!isIssuedBy(claim, this) || !claim.isStopping) return
    claim.isStopping = false
    this.end(claim)
  }

  /** Revokes a lease and tells its worker. The lease holds its limits until the worker has stopped. */
  revoke(lease: RunLease): void {
    if (lease.limits.length === 0) this.end(lease)
    else lease.isStopping = true
    const queue = this.#revocations.get(lease.worker)
    if (queue !== undefined) this.#deferred.push(() => Queue.offerUnsafe(queue, lease))
  }

  revoked(worker: string): Stream.Stream<Claim> {
    const open = Effect.tap(Queue.unbounded<Claim>(), (queue) =>
      Effect.sync(() => {
        this.#revocations.set(worker, queue)
        this.presence.join(worker, this.#waiters.requestOf(worker)?.versions)
      })
    )
    const close = (queue: Queue.Queue<Claim>) =>
      Effect.andThen(
        Effect.sync(() => {
          this.#revocations.delete(worker)
          this.presence.leave(worker)
        }),
        Queue.shutdown(queue)
      )
    return Stream.unwrap(Effect.map(Effect.acquireRelease(open, close), (queue) => Stream.fromQueue(queue)))
  }

  /** What a report of its load looks at. */
  get work(): Work {
    return {
      ready: this.#ready,
      lone: this.#lone,
      leases: this.#leases,
      presence: this.presence,
      clock: this.#clock
    }
  }

  /** Continues a run that an earlier Store began. */
  resume(run: MemoryRun): void {
    resume(run, this.#loneLosses, { atMillis: this.#clock.now(), passedMillis: this.#clock.passedMillis })
    this.publish(run)
  }

  /** Ends the waits of all claims, without work. */
  giveUp(): void {
    this.#waiters.endAll()
  }

  // -- the end of a Store call ---------------------------------------------------------------------------------------

  /** Calls `f` at the end of the current Store call. */
  defer(f: () => void): void {
    this.#deferred.push(f)
  }

  /** A run has changed. With a journal, nobody is told before the change is committed. */
  publish(run: MemoryRun): void {
    if (this.#recorder === undefined) this.announce(run)
    else this.#recorder.changed(run)
  }

  /** Adds new events of a run to the feed. Wakes watchers of the run and of the feed at the end of the Store call. */
  announce({ log }: MemoryRun): void {
    for (const listener of this.#feed.add(log)) this.#deferred.push(listener)
    const { listeners } = log
    if (listeners === undefined || listeners.size === 0) return
    for (const listener of listeners) this.#deferred.push(listener)
    listeners.clear()
  }

  /** Ends a Store call: runs deferred callbacks, and grants ready units to waiting claims, with a journal before the next commit. */
  flush(): void {
    if (this.#recorder === undefined) this.#grantAll()
    else {
      this.callDeferred()
      if (!this.#waiters.isEmpty && !this.#isOut()) this.#recorder.grantLater()
    }
  }

  /** A commit begins: grants ready units to waiting claims. One claim gets what became ready by all calls since the last commit. */
  grantBeforeCommit(): void {
    this.#grantAll()
    this.#waiters.endOnce()
  }

  #grantAll(): void {
    do {
      this.callDeferred()
      // Idle workers first: then no busy worker has to drain for a lone unit.
      if (!this.#lone.isEmpty) this.#waiters.serve(this.#isOut, this.#grantNow, true)
      if (!this.#isOut()) this.#waiters.serve(this.#isOut, this.#grantNow, false)
    } while (this.#deferred.length > 0)
  }

  callDeferred(): void {
    while (this.#deferred.length > 0) {
      const callbacks = this.#deferred
      this.#deferred = []
      for (const callback of callbacks) callback()
    }
  }

  readonly #isOut = (): boolean => this.isHeld || (this.#ready.isEmpty && this.#lone.isEmpty)
  readonly #grantNow = (request: ClaimRequest): ReadonlyArray<Claim> => this.claimNow(request, this.#clock.now())

  // -- granting ------------------------------------------------------------------------------------------------------

  /** Grants a unit; for an expanded step, units of its items, up to `max` claims. Returns whether more are ready. */
  #grant(unit: RunUnit, claims: Array<Claim>, max: number, worker: string, now: number): boolean {
    if (unit.isOver) {
      this.#drop(unit)
      return false
    }
    const problem = unit.inputError
    if (problem !== undefined) {
      this.#drop(unit)
      const { passedMillis } = this.#clock
      // Deferred, as in `#grantOne`.
      this.defer(() => {
        if (unit.isOver) return
        unit.run.refuse(unit, problem, now, passedMillis)
        this.publish(unit.run)
      })
      return false
    }
    if (unit.run.isWithoutLimits && !this.#admission.reacquire(unit)) {
      // If the unit was woken for a free limit, the next waiting unit is woken instead.
      this.#drop(unit)
      return false
    }
    const items = unit.run.itemsOf(unit)
    if (items === undefined) {
      this.#grantOne(unit, unit.limits, claims, worker, now)
      return false
    }
    if (unit.item !== -1) {
      // A unit that has waited for a limit; meanwhile its step may have reached its own concurrency.
      if (items.hasRoom) this.#grantOne(unit, unit.limits, claims, worker, now)
      else {
        this.#drop(unit)
        unit.waitSerial = 0
        items.requeue(unit)
      }
      return false
    }
    const isProbed = unit.run.step(unit.index).probed === true
    while (items.isReady && claims.length < max) {
      // When all units need the same limits, the step unit waits for them, not each unit.
      const shared = isProbed ? NONE : unit.limits
      if (shared.length > 0 && !this.#limits.acquire(unit, shared)) return false
      const item = items.take()
      if (this.#isLone(item)) {
        if (shared.length > 0) this.#limits.release(shared)
        this.#lone.add(item)
      } else if (isProbed) this.#grantOne(item, item.limits, claims, worker, now)
      else this.#lease(item, shared, claims, worker, now)
    }
    items.isQueued = items.isReady
    return items.isQueued
  }

  /** Leases a unit, unless its outputs are memoised, or its limits are full and it has to wait. */
  #grantOne(unit: RunUnit, limits: ReadonlyArray<Limit>, claims: Array<Claim>, worker: string, now: number): void {
    const known = unit.memo && this.#memos.find(unit.memo, now)
    if (known !== undefined) {
      this.#drop(unit)
      // Deferred: the run may end, and must not end while the current Store call changes another run.
      this.defer(() => {
        if (unit.isOver) return
        unit.run.completeFromMemo(unit, known, now)
        this.publish(unit.run)
      })
    } else if (limits.length === 0 || this.#limits.acquire(unit, limits)) this.#lease(unit, limits, claims, worker, now)
  }

  /** Drops a unit that is over. If it was woken for a free limit, the next waiting unit is woken instead. */
  #drop(unit: RunUnit): void {
    if (unit.waitSerial > 0) this.#limits.wakeNext(unit.limits)
  }

  #lease(unit: RunUnit, limits: ReadonlyArray<Limit>, claims: Array<Claim>, worker: string, now: number): void {
    const lease = new Lease(this, unit, limits, ++this.#serials, worker, this.#isLone(unit), this.#clock.passedMillis)
    this.#leases.add(lease, lease.beganMillis)
    if (this.#checkMillis === 0) this.#scheduleCheck()
    unit.run.leased(lease, now)
    this.publish(unit.run)
    claims.push(lease)
  }

  /** Checks leases when the first one expires, and several times before, to measure how long the thread was blocked. */
  #scheduleCheck(): void {
    const { passedMillis } = this.#clock
    const millis = Math.min(this.#leases.restMillis(passedMillis), this.#leases.leaseMillis / CHECKS)
    this.#checkMillis = passedMillis + millis
    this.#timers.after(millis, this.#check)
  }

  /** Ends the expired leases. */
  readonly #check = (): void => {
    const now = this.#clock.now()
    const { passedMillis } = this.#clock
    // While the thread was blocked, no worker on it could renew its leases.
    this.#leases.blockedMillis += Math.max(passedMillis - this.#checkMillis, 0)
    this.#checkMillis = 0
    for (let lease = this.#leases.first; this.#leases.restMillis(passedMillis) <= 0; lease = this.#leases.first) {
      this.end(lease!)
      if (lease!.isStopping) {
        lease!.isStopping = false
        continue
      }
      lease!.run.lost(lease!, `worker '${lease!.worker}' did not renew its lease`, now)
      this.publish(lease!.run)
    }
    if (this.#leases.first !== undefined) this.#scheduleCheck()
    this.flush()
  }
}

const isIssuedBy = (claim: Claim, issuer: Dispatch): claim is RunLease =>
  claim instanceof Lease && claim.issuer === issuer
