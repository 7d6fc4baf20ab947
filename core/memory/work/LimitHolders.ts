/** Limits in a Store in memory: which runs and units hold them, and which wait. */
import type { Limit } from "../../values/Limit.ts"
import { type LimitWaiter, WaitingHolders } from "./WaitingHolders.ts"

/** A run or a unit of work that needs limits. */
export interface Holder extends LimitWaiter {
  /** The same workers serve all holders of a class. When a limit becomes free, one holder of each class is woken. */
  readonly waitClass: string
}

interface WaitQueue<H extends Holder> {
  readonly max: number
  readonly holders: WaitingHolders<H>
}

interface KeyState<H extends Holder> {
  held: number
  /** The waiting holders, by class and by the limit's `max`. */
  readonly queues: Map<string, WaitQueue<H>>
}

/** Counting semaphores by key. A holder acquires all its limits or none, so no waiting holder blocks another. */
export class LimitHolders<H extends Holder> {
  readonly #keys: Map<string, KeyState<H>> = new Map()
  #serials = 0
  /** Called for a waiting holder that may try again. It must not acquire within this call. */
  readonly #wake: (holder: H) => void

  constructor(wake: (holder: H) => void) {
    this.#wake = wake
  }

  /** Acquires all limits. If one is full, queues the holder for the first such limit and returns false. */
  acquire(holder: H, limits: ReadonlyArray<Limit>): boolean {
    const full = limits.find((limit) => this.isFull(limit))
    if (full === undefined) {
      for (const { key } of limits) this.#stateOf(key).held++
      holder.waitSerial = 0
      return true
    }
    const { queues } = this.#stateOf(full.key)
    const name = `${full.max} ${holder.waitClass}`
    const queue = queues.get(name) ?? { max: full.max, holders: new WaitingHolders() }
    queues.set(name, queue)
    if (holder.waitSerial === 0) holder.waitSerial = ++this.#serials
    queue.holders.add(holder)
    this.wakeNext(limits)
    return false
  }

  isFull({ key, max }: Limit): boolean {
    return (this.#keys.get(key)?.held ?? 0) >= max
  }

  /** Whether holders wait for a limit. */
  hasWaiters(key: string): boolean {
    return (this.#keys.get(key)?.queues.size ?? 0) > 0
  }

  /** Releases limits and wakes holders that wait for them. */
  release(limits: ReadonlyArray<Limit>): void {
    for (const { key } of limits) this.#stateOf(key).held--
    this.wakeNext(limits)
  }

  /**
   * Wakes the next waiting holders of these limits, where they are free. Call it also for a woken holder that does not
   * acquire, because it is over or another limit is full: otherwise no other holder would be woken.
   */
  wakeNext(limits: ReadonlyArray<Limit>): void {
    for (const { key } of limits) {
      const state = this.#keys.get(key)
      if (state === undefined) continue
      for (const [name, { max, holders }] of state.queues) {
        if (state.held >= max) continue
        const next = holders.take()
        if (holders.isEmpty) state.queues.delete(name)
        if (next !== undefined) this.#wake(next)
      }
      if (state.held === 0 && state.queues.size === 0) this.#keys.delete(key)
    }
  }

  #stateOf(key: string): KeyState<H> {
    let state = this.#keys.get(key)
    if (state === undefined) {
      state = { held: 0, queues: new Map() }
      this.#keys.set(key, state)
    }
    return state
  }
}
