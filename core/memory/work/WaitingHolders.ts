/** Those who wait for a limit in a Store in memory: the highest priority first, and of one priority who has waited longest. */
import type { Waiting } from "./Fifo.ts"

/** Somebody with a place among those who wait. */
export interface Waiter extends Waiting {
  readonly priority: number
  /** Since when it waits: a place in the order of all who ever did. It keeps it until it has what it waits for. */
  waitSerial: number
}

/** Below this, nobody looks for those that are over. */
const FEW = 1_024

/** A binary heap. What is over does not pile up in it: each time it has doubled, it is cleared of them. */
export class WaitingHolders<A extends Waiter> {
  #heap: Array<A> = []
  #clearAt = FEW

  get isEmpty(): boolean {
    return this.#heap.length === 0
  }

  add(waiter: A): void {
    if (this.#heap.length >= this.#clearAt) this.#clear()
    const heap = this.#heap
    let place = heap.length
    heap.push(waiter)
    while (place > 0) {
      const above = (place - 1) >> 1
      if (!isBefore(waiter, heap[above]!)) break
      heap[place] = heap[above]!
      place = above
    }
    heap[place] = waiter
  }

  /** The next one that is not over. */
  take(): A | undefined {
    for (let first = this.#pop(); first !== undefined; first = this.#pop()) if (!first.isOver) return first
    return undefined
  }

  #pop(): A | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let place = 0
    for (let below = 1; below < heap.length; below = 2 * place + 1) {
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++
      if (!isBefore(heap[below]!, last)) break
      heap[place] = heap[below]!
      place = below
    }
    heap[place] = last
    return first
  }

  #clear(): void {
    // In order, it is a heap already.
    this.#heap = this.#heap
      .filter(({ isOver }) => !isOver)
      .sort((one, other) => other.priority - one.priority || one.waitSerial - other.waitSerial)
    this.#clearAt = Math.max(FEW, 2 * this.#heap.length)
  }
}

const isBefore = (one: Waiter, other: Waiter): boolean =>
  one.priority > other.priority || (one.priority === other.priority && one.waitSerial < other.waitSerial)
