/** When the runs of a Store in memory begin: after their delay, and when they can hold their limits. */
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import type { MemoryRun, RunUnit } from "./run/MemoryRun.ts"
import type { WorkerPresence } from "./WorkerPresence.ts"
import { LimitHolders } from "./work/LimitHolders.ts"

/** How many holders of a limit are looked at when one is to give its place away. */
const MANY = 100

/** What it needs of what lends the work of runs. */
export interface AdmissionHost {
  readonly presence: WorkerPresence
  /** Calls `f` once the act under way is complete. */
  defer(f: () => void): void
  readyFirst(unit: RunUnit): void
}

/**
 * Runs that wait to begin, and what happens to runs at an instant. A run whose version no worker has keeps no place from
 * others: it gives its limits away to a run of another version, and takes them again before a step of it is lent.
 */
export class Admission {
  readonly #timers: TimerHeap
  readonly #now: () => number
  /** Called at the end of what happens at an instant. */
  readonly #flush: () => void
  readonly #host: () => AdmissionHost
  /** Runs that may try again. */
  readonly #woken: Array<MemoryRun> = []
  readonly #limits: LimitHolders<MemoryRun> = new LimitHolders((run) => {
    if (this.#woken.push(run) === 1) this.#host().defer(this.admitNext)
  })
  /** Who holds a limit, by its key and by version. */
  readonly #holders: Map<string, Map<string, Set<MemoryRun>>> = new Map()

  constructor(timers: TimerHeap, now: () => number, flush: () => void, host: () => AdmissionHost) {
    this.#timers = timers
    this.#now = now
    this.#flush = flush
    this.#host = host
  }

  /** Begins a run, or has it wait for its limits. */
  admit(run: MemoryRun): void {
    if (run.limits.length === 0) run.isAdmitted = true
    else if (!this.#acquire(run)) return
    this.#proceed(run)
  }

  /** Begins the runs whose turn has come. One that no worker has begins without its limits, so that the next one has them. */
  readonly admitNext = (): void => {
    for (let run = this.#woken.shift(); run !== undefined; run = this.#woken.shift()) {
      if (run.isOver) this.#limits.wakeNext(run.limits)
      else if (this.#host().presence.isAbandoned(run.queue.key)) {
        this.#limits.wakeNext(run.limits)
        run.isWithoutLimits = true
        this.#proceed(run)
      } else this.admit(run)
    }
  }

  /** Whether a run that gave its limits away has them again; if not, the unit waits for that. */
  reacquire(unit: RunUnit): boolean {
    const { run } = unit
    // It waits already.
    if (run.parked === undefined) {
      if (this.#acquire(run)) return true
      run.parked = []
    }
    run.parked.push(unit)
    return false
  }

  /** A worker has left: runs that no worker has now give way to those that wait. */
  reconsider(): void {
    for (const key of this.#holders.keys()) {
      while (this.#limits.hasWaiters(key)) {
        const holder = this.#abandonedHolder(key)
        if (holder === undefined) break
        this.#yield(holder)
      }
    }
    this.#flush()
  }

  /** Has something happen to a run after a while, unless it is over by then. */
  after(run: MemoryRun, millis: number, action: () => void): void {
    const alarm = this.#timers.after(millis, () => {
      run.timers!.delete(alarm)
      action()
      this.#flush()
    })
    run.timers ??= new Set()
    run.timers.add(alarm)
  }

  /** A run is over: nothing happens to it any more, and what it held is free. */
  ended(run: MemoryRun): void {
    if (run.timers !== undefined) for (const alarm of run.timers) this.#timers.remove(alarm)
    run.timers = undefined
    run.parked = undefined
    if (run.limits.length === 0) return
    if (run.isAdmitted) this.#release(run)
    else if (run.waitSerial > 0) this.#limits.wakeNext(run.limits)
  }

  // -- places --------------------------------------------------------------------------------------------------------

  /** Begins a run, or goes on with what waited for its place. */
  #proceed(run: MemoryRun): void {
    if (!run.isOpen) {
      run.open(this.#now())
      return
    }
    const units = run.parked ?? []
    run.parked = undefined
    for (const unit of units) this.#host().readyFirst(unit)
  }

  /** Takes the limits of a run, or has it wait for them. */
  #acquire(run: MemoryRun): boolean {
    const { limits, queue } = run
    for (const limit of limits) {
      while (this.#limits.isFull(limit)) {
        const holder = this.#abandonedHolder(limit.key, queue.key)
        if (holder === undefined) break
        this.#yield(holder)
      }
    }
    if (!this.#limits.acquire(run, limits)) return false
    run.isAdmitted = true
    run.isWithoutLimits = false
    for (const { key } of limits) {
      const versions = getOrMake(this.#holders, key, () => new Map<string, Set<MemoryRun>>())
      getOrMake(versions, queue.key, () => new Set<MemoryRun>()).add(run)
    }
    return true
  }

  #yield(run: MemoryRun): void {
    run.isAdmitted = false
    run.isWithoutLimits = true
    this.#release(run)
  }

  #release(run: MemoryRun): void {
    for (const { key } of run.limits) {
      const versions = this.#holders.get(key)!
      const runs = versions.get(run.queue.key)!
      runs.delete(run)
      if (runs.size === 0) versions.delete(run.queue.key)
      if (versions.size === 0) this.#holders.delete(key)
    }
    this.#limits.release(run.limits)
  }

  /** A run that holds a limit, that no worker has, that is not of this version, and of which nothing is lent. */
  #abandonedHolder(key: string, butNotOf?: string): MemoryRun | undefined {
    for (const [version, runs] of this.#holders.get(key) ?? []) {
      if (version === butNotOf || !this.#host().presence.isAbandoned(version)) continue
      let looks = 0
      for (const run of runs) {
        if (!run.isLeased) return run
        if (++looks === MANY) break
      }
    }
    return undefined
  }
}

const getOrMake = <A>(map: Map<string, A>, key: string, make: () => A): A => {
  let found = map.get(key)
  if (found === undefined) {
    found = make()
    map.set(key, found)
  }
  return found
}
