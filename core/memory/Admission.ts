/** Decides when the runs of a Store in memory open: after their delay, and once they hold their limits. */
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import type { MemoryRun, RunUnit } from "./run/MemoryRun.ts"
import type { WorkerPresence } from "./WorkerPresence.ts"
import { LimitHolders } from "./work/LimitHolders.ts"

/** How many holders of a limit are examined to find one that can give up its limits. */
const MAX_EXAMINED = 100

/** The dispatch of a Store, as its admission sees it. */
export interface AdmissionHost {
  readonly presence: WorkerPresence
  /** Calls `f` at the end of the current Store call. */
  defer(f: () => void): void
  readyFirst(unit: RunUnit): void
  /** Continues an opened run that an earlier Store began. */
  resume(run: MemoryRun): void
}

/**
 * Runs that wait to open, and the timers of runs. A run whose version no worker has does not block others: it yields
 * its limits to a run of another version, and acquires them again before its next lease.
 */
export class Admission {
  readonly #timers: TimerHeap
  readonly #now: () => number
  /** Ends a Store call: called after each timer. */
  readonly #flush: () => void
  readonly #host: () => AdmissionHost
  /** Runs that may try to acquire their limits again. */
  readonly #woken: Array<MemoryRun> = []
  readonly #limits: LimitHolders<MemoryRun> = new LimitHolders((run) => {
    if (this.#woken.push(run) === 1) this.#host().defer(this.admitNext)
  })
  /** The runs that hold a limit, by its key and by version. */
  readonly #holders: Map<string, Map<string, Set<MemoryRun>>> = new Map()

  constructor(timers: TimerHeap, now: () => number, flush: () => void, host: () => AdmissionHost) {
    this.#timers = timers
    this.#now = now
    this.#flush = flush
    this.#host = host
  }

  /** Opens a run, or queues it for its limits. */
  admit(run: MemoryRun): void {
    if (run.limits.length === 0) run.isAdmitted = true
    else if (!this.#acquire(run)) return
    this.#proceed(run)
  }

  /** Opens the woken runs. A run whose version no worker has opens without its limits, which go to the next run. */
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

  /** Acquires the limits of the unit's run again. If they are not free, parks the unit and returns false. */
  reacquire(unit: RunUnit): boolean {
    const { run } = unit
    // A run with parked units waits for its limits already.
    if (run.parked === undefined) {
      if (this.#acquire(run)) return true
      run.parked = []
    }
    run.parked.push(unit)
    return false
  }

  /** Call it when a worker has left: runs whose version no worker has now yield their limits to waiting runs. */
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

  /** Calls `action` after `millis`, unless the run is over by then. */
  after(run: MemoryRun, millis: number, action: () => void): void {
    const timer = this.#timers.after(millis, () => {
      run.timers!.delete(timer)
      action()
      this.#flush()
    })
    run.timers ??= new Set()
    run.timers.add(timer)
  }

  /** The run has ended: removes its timers and releases its limits. */
  ended(run: MemoryRun): void {
    if (run.timers !== undefined) for (const timer of run.timers) this.#timers.remove(timer)
    run.timers = undefined
    run.parked = undefined
    if (run.limits.length === 0) return
    if (run.isAdmitted) this.#release(run)
    else if (run.waitSerial > 0) this.#limits.wakeNext(run.limits)
  }

  // -- limits --------------------------------------------------------------------------------------------------------

  /** Opens a run, or makes its parked units ready. */
  #proceed(run: MemoryRun): void {
    if (!run.isOpen) {
      run.open(this.#now())
      if (run.past !== undefined) this.#host().resume(run)
      return
    }
    const units = run.parked ?? []
    run.parked = undefined
    for (const unit of units) this.#host().readyFirst(unit)
  }

  /** Acquires the limits of a run, or queues it for them and returns false. */
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
      const byVersion = getOrMake(this.#holders, key, () => new Map<string, Set<MemoryRun>>())
      getOrMake(byVersion, queue.key, () => new Set<MemoryRun>()).add(run)
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

  /** A run that holds the limit, has no lease, and whose version no worker has. Not one of the version `butNotOf`. */
  #abandonedHolder(key: string, butNotOf?: string): MemoryRun | undefined {
    for (const [version, runs] of this.#holders.get(key) ?? []) {
      if (version === butNotOf || !this.#host().presence.isAbandoned(version)) continue
      let examined = 0
      for (const run of runs) {
        if (!run.isLeased) return run
        if (++examined === MAX_EXAMINED) break
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
