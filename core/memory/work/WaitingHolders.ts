/** Holders that wait for a limit in a Store in memory: by priority, then by waiting time. */
import { Heap } from "../../runtime/Heap.ts"
import type { Queued } from "./Fifo.ts"

/** A waiting holder. */
export interface LimitWaiter extends Queued {
  readonly priority: number
  /** A serial number that it gets when it begins to wait and keeps until it holds its limits; 0: it does not wait. */
  waitSerial: number
}

/** With fewer holders, there is no pruning. */
const MIN_PRUNE = 1_024

const isBefore = (one: LimitWaiter, other: LimitWaiter): boolean =>
  one.priority > other.priority || (one.priority === other.priority && one.waitSerial < other.waitSerial)

/** Waiting holders, in a heap. Holders that are over are pruned each time the heap has doubled. */
export class WaitingHolders<A extends LimitWaiter> {
  readonly #heap = new Heap<A>(isBefore)
  #pruneAt = MIN_PRUNE

  get isEmpty(): boolean {
    return this.#heap.size === 0
  }

  add(waiter: A): void {
    if (this.#heap.size >= this.#pruneAt) {
      this.#heap.filter(({ isOver }) => !isOver)
      this.#pruneAt = Math.max(MIN_PRUNE, 2 * this.#heap.size)
    }
    this.#heap.add(waiter)
  }

  /** Takes the next holder that is not over. */
  take(): A | undefined {
    for (let first = this.#heap.take(); first !== undefined; first = this.#heap.take()) if (!first.isOver) return first
    return undefined
  }
}
