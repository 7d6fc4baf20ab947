/** Who holds which limits in a Store in memory, and who waits for them. */
import type { Limit } from "../../values/Limit.ts"
import { type LimitWaiter, WaitingHolders } from "./WaitingHolders.ts"

/** Something that needs limits to go on: a run, or a unit of work. */
export interface Holder extends LimitWaiter {
  /** Holders of one class can be served by the same worker: when a place is free, one of each class is told. */
  readonly waitClass: string
}

interface WaitQueue<H extends Holder> {
  readonly max: number
  readonly holders: WaitingHolders<H>
}

interface KeyState<H extends Holder> {
  held: number
  /** Those who wait, by class and by how many may hold the key. */
  readonly queues: Map<string, WaitQueue<H>>
}

/** Limits by key. A holder takes all that it needs at once or nothing, so nobody waits with a place in hand. */
export class LimitHolders<H extends Holder> {
  readonly #keys: Map<string, KeyState<H>> = new Map()
  #serials = 0
  /** Called for one that has waited and may try again; it must not try at once. */
  readonly #wake: (holder: H) => void

  constructor(wake: (holder: H) => void) {
    this.#wake = wake
  }

  /** Takes every limit, or has the holder wait for the first one that is used up. */
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

  /** Whether a limit is waited for. */
  hasWaiters(key: string): boolean {
    return (this.#keys.get(key)?.queues.size ?? 0) > 0
  }

  /** Gives limits back, and tells those who wait for them. */
  release(limits: ReadonlyArray<Limit>): void {
    for (const { key } of limits) this.#stateOf(key).held--
    this.wakeNext(limits)
  }

  /**
   * Tells the next ones of whatever is free of these limits. For a holder that was told and does not take its place,
   * because it is over or something else is used up: nobody else would be told of it.
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
