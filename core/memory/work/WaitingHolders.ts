/** Holders that wait for a limit in a Store in memory: the highest priority first, and of one priority the one that has waited longest. */
import { Heap } from "../../runtime/Heap.ts"
import type { Queued } from "./Fifo.ts"

/** A holder with its rank among those that wait. */
export interface LimitWaiter extends Queued {
  readonly priority: number
  /** Since when it waits: a place in the order of all who ever did. It keeps it until it has what it waits for. */
  waitSerial: number
}

/** With fewer, none is looked for that is over. */
const MIN_PRUNE = 1_024

const isBefore = (one: LimitWaiter, other: LimitWaiter): boolean =>
  one.priority > other.priority || (one.priority === other.priority && one.waitSerial < other.waitSerial)

/** Holders that wait. What is over does not pile up: each time they have doubled, they are cleared of it. */
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

  /** The next one that is not over. */
  take(): A | undefined {
    for (let first = this.#heap.take(); first !== undefined; first = this.#heap.take()) if (!first.isOver) return first
    return undefined
  }
}
