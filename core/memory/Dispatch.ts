/** Who is lent which work of a Store in memory, for how long, and who waits for some. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import { type Load, readySince, Tally } from "../store/Load.ts"
import type { StoreBounds } from "../store/StoreBounds.ts"
import type { Claim, ClaimRequest } from "../store/Work.ts"
import type { Limit } from "../values/Limit.ts"
import type { Admission, AdmissionHost } from "./Admission.ts"
import type { MemoryFeed } from "./MemoryFeed.ts"
import type { Memos } from "./Memos.ts"
import type { MemoryRun, RunLease, RunUnit } from "./run/MemoryRun.ts"
import type { StoreClock } from "./StoreClock.ts"
import { WorkerPresence } from "./WorkerPresence.ts"
import type { Fifo } from "./work/Fifo.ts"
import { Lease, Leases } from "./work/Lease.ts"
import { LimitHolders } from "./work/LimitHolders.ts"
import { LoneUnits } from "./work/LoneUnits.ts"
import { type ReadyQueue, ReadyQueues } from "./work/ReadyQueues.ts"

/** Somebody who waits for work. */
interface ClaimWaiter {
  readonly request: ClaimRequest
  readonly resume: (claims: ReadonlyArray<Claim>) => void
}

type Bounds = Required<Pick<StoreBounds, "leaseMillis" | "maxLosses">>

const NONE: ReadonlyArray<never> = []
const NO_CLAIMS: Effect.Effect<ReadonlyArray<Claim>> = Effect.succeed(NONE)

/** How often a lease long leases are looked at: what this is late by, the thread was blocked. */
const CHECKS = 4

/** Ready work, leases, limits and those who wait. Every method but `claim` and `revoked` is a part of a synchronous act. */
export class Dispatch implements AdmissionHost {
  /** The pipelines of which nothing is lent. */
  readonly paused: Set<string> = new Set()
  /** The workers that are there. */
  readonly presence: WorkerPresence = new WorkerPresence(() => this.#admission.reconsider())
  readonly #timers: TimerHeap
  readonly #clock: StoreClock
  readonly #ready = new ReadyQueues<RunUnit>(this.paused, (unit) => this.#drop(unit))
  readonly #lone = new LoneUnits<RunUnit>(this.paused, (unit) => this.#drop(unit))
  /** How many workers a unit has lost that runs alone from then on. */
  readonly #loneLosses: number
  readonly #leases: Leases<MemoryRun>
  readonly #memos: Memos
  readonly #feed: MemoryFeed
  readonly #limits: LimitHolders<RunUnit> = new LimitHolders((unit) => this.readyFirst(unit))
  readonly #waiters: Array<ClaimWaiter> = []
  readonly #admission: Admission
  readonly #revocations: Map<string, Queue.Queue<Claim>> = new Map()
  /** What to call once the act under way is complete, so that nobody is told of half of it. */
  #deferred: Array<() => void> = []
  #serials = 0
  /** When leases are looked at next, by the monotonic clock; 0 while there are none. */
  #checkMillis = 0

  constructor(
    timers: TimerHeap,
    clock: StoreClock,
    bounds: Bounds,
    memos: Memos,
    feed: MemoryFeed,
    admission: Admission
  ) {
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
      // It may wait long for an idle worker; until then others can have the limits that it waited for.
      if (unit.waitSerial > 0) this.defer(() => this.#limits.wakeNext(unit.limits))
    } else this.#ready.addFirst(unit)
  }

  /** Whether it lost workers so often that it runs alone. */
  #isLone(unit: RunUnit): boolean {
    return unit.losses >= this.#loneLosses
  }

  /** Waits until there is work, and lends it. */
  claim(request: ClaimRequest): Effect.Effect<ReadonlyArray<Claim>> {
    // Looking and beginning to wait are one act: what became ready in between would be told to nobody.
    return Effect.callback<ReadonlyArray<Claim>>((resume) => {
      this.presence.asked(request)
      const waiter: ClaimWaiter = { request, resume: (granted) => resume(Effect.succeed(granted)) }
      this.#waiters.push(waiter)
      this.flush()
      if (!this.#waiters.includes(waiter)) return
      request.onWait?.(() => {
        if (this.#removeWaiter(waiter)) resume(NO_CLAIMS)
      })
      return Effect.sync(() => this.#removeWaiter(waiter))
    })
  }

  /** Lends what is ready now. */
  claimNow(request: ClaimRequest, now: number): ReadonlyArray<Claim> {
    this.presence.asked(request)
    const alone = this.#lone.isEmpty ? NONE : this.#takeAlone(request, now)
    if (alone.length > 0 || this.#ready.isEmpty) return alone
    const claims = this.#ready.take(request, (unit, taken, max) => this.#grant(unit, taken, max, request.worker, now))
    // Items that run alone show when their step is looked at.
    return claims.length > 0 || this.#lone.isEmpty ? claims : this.#takeAlone(request, now)
  }

  /** Lends a unit that runs alone to a worker that is idle, and tells one that is not that such a unit waits. */
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

  /** The lease that a claim proves to hold. */
  leaseOf(claim: Claim): RunLease | undefined {
    return isIssuedBy(claim, this) && claim.isLive ? claim : undefined
  }

  renew(lease: RunLease): void {
    this.#leases.remove(lease)
    this.#leases.add(lease, this.#clock.passedMillis)
  }

  /** A lease has come to its end; what it held is free. */
  end(lease: RunLease): void {
    this.#leases.remove(lease)
    if (lease.limits.length > 0) this.#limits.release(lease.limits)
  }

  /** A worker has stopped what was taken from it. */
  stopped(claim: Claim): void {
    if (!isIssuedBy(claim, this) || !claim.isStopping) return
    claim.isStopping = false
    this.end(claim)
  }

  /** A lease was taken from its worker, who is told. Until it has stopped, it goes on holding its limits. */
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
        this.presence.join(worker, this.#waiters.find(({ request }) => request.worker === worker)?.request.versions)
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

  /** How busy it is; how many runs are not over is another's to say. */
  get load(): Omit<Load, "unfinished" | "overdue"> {
    const waiting = new Map<string, number>()
    const abandoned = new Tally()
    const now = this.#clock.now()
    let oldest = now
    const count = ({ key, pipelineId }: ReadyQueue<RunUnit>, units: Fifo<RunUnit>): void => {
      waiting.set(pipelineId, (waiting.get(pipelineId) ?? 0) + units.length)
      if (this.presence.isAbandoned(key)) abandoned.add(key, units.length)
      const { first } = units
      if (first !== undefined) oldest = Math.min(oldest, readySince(first.run.log.state))
    }
    for (const [queue, units] of this.#lone.filled) count(queue, units)
    for (const queue of this.#ready.filled()) {
      for (const units of [queue.units, queue.front]) if (units.length > 0) count(queue, units)
    }
    const workers = this.presence.count
    const running = this.#leases.size
    return { waiting, abandoned: abandoned.rows, oldestWaitingMillis: now - oldest, running, workers }
  }

  // -- the end of an act ---------------------------------------------------------------------------------------------

  /** Calls `f` once the act under way is complete. */
  defer(f: () => void): void {
    this.#deferred.push(f)
  }

  /** Those who watch a run, or all of them, are told once the act under way is complete. */
  publish({ log }: MemoryRun): void {
    for (const listener of this.#feed.add(log)) this.#deferred.push(listener)
    const { listeners } = log
    if (listeners === undefined || listeners.size === 0) return
    for (const listener of listeners) this.#deferred.push(listener)
    listeners.clear()
  }

  /** Tells everyone what the act under way has changed, and hands ready work to those who wait for it. */
  flush(): void {
    do {
      while (this.#deferred.length > 0) {
        const told = this.#deferred
        this.#deferred = []
        for (const tell of told) tell()
      }
      if (!this.#ready.isEmpty || !this.#lone.isEmpty) this.#serveWaiters()
    } while (this.#deferred.length > 0)
  }

  #serveWaiters(): void {
    // The idle ones first: a worker need not make itself idle for what another one can take.
    if (!this.#lone.isEmpty) this.#serveTo(this.#waiters.filter(({ request }) => request.isIdle === true))
    this.#serveTo(this.#waiters.slice())
  }

  #serveTo(waiters: ReadonlyArray<ClaimWaiter>): void {
    for (const waiter of waiters) {
      if (this.#ready.isEmpty && this.#lone.isEmpty) return
      // Whoever was told may have come here themselves, and have served or interrupted this one.
      if (!this.#waiters.includes(waiter)) continue
      const claims = this.claimNow(waiter.request, this.#clock.now())
      if (claims.length === 0) continue
      // Taken and granted in one go: nothing comes between that could interrupt the waiter and lose the claims.
      this.#removeWaiter(waiter)
      waiter.resume(claims)
    }
  }

  /** Whether the waiter was still waiting. */
  #removeWaiter(waiter: ClaimWaiter): boolean {
    const place = this.#waiters.indexOf(waiter)
    if (place !== -1) this.#waiters.splice(place, 1)
    return place !== -1
  }

  // -- lending -------------------------------------------------------------------------------------------------------

  /** Lends a unit, or as many items as are wanted of the step that it stands for. Says whether some of these are left. */
  #grant(unit: RunUnit, claims: Array<Claim>, max: number, worker: string, now: number): boolean {
    if (unit.isOver) {
      this.#drop(unit)
      return false
    }
    const problem = unit.inputError
    if (problem !== undefined) {
      this.#drop(unit)
      const { passedMillis } = this.#clock
      // After the act under way, as what is recalled.
      this.defer(() => {
        if (unit.isOver) return
        unit.run.refuse(unit, problem, now, passedMillis)
        this.publish(unit.run)
      })
      return false
    }
    if (unit.run.isWithoutLimits && !this.#admission.reacquire(unit)) {
      // If it was told of a free place of another limit, the next one is.
      this.#drop(unit)
      return false
    }
    const items = unit.run.itemsOf(unit)
    if (items === undefined) {
      this.#grantOne(unit, unit.limits, claims, worker, now)
      return false
    }
    if (unit.item !== -1) {
      // An item that has waited for a limit; now as many others may be under way as there may.
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
      // Where all items need the same, the step waits for it, and not each of its items by itself.
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

  /** Lends a unit, unless what it would give is known, or its limits are used up and it waits for them. */
  #grantOne(unit: RunUnit, limits: ReadonlyArray<Limit>, claims: Array<Claim>, worker: string, now: number): void {
    const known = unit.memo && this.#memos.find(unit.memo, now)
    if (known !== undefined) {
      this.#drop(unit)
      // After the act under way: a run that ends in here must not end within the act of another.
      this.defer(() => {
        if (unit.isOver) return
        unit.run.completeFromMemo(unit, known, now)
        this.publish(unit.run)
      })
    } else if (limits.length === 0 || this.#limits.acquire(unit, limits)) this.#lease(unit, limits, claims, worker, now)
  }

  /** A unit that is over takes nothing: if it was told of a free place, the next one is. */
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

  /** Looks at the leases when the first one ends, and several times before: so it sees how long the thread was blocked. */
  #scheduleCheck(): void {
    const { passedMillis } = this.#clock
    const millis = Math.min(this.#leases.restMillis(passedMillis), this.#leases.leaseMillis / CHECKS)
    this.#checkMillis = passedMillis + millis
    this.#timers.after(millis, this.#check)
  }

  /** Makes steps ready again whose worker let the lease end. */
  readonly #check = (): void => {
    const now = this.#clock.now()
    const { passedMillis } = this.#clock
    // Nothing on this thread could renew its leases meanwhile.
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
