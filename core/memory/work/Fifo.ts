/** Those who wait in a Store in memory: first in, first out. */
import * as MutableList from "effect/MutableList"

/** Something that waits, unless it is over before its turn comes. */
export interface Queued {
  readonly isOver: boolean
}

/** Below this, nobody looks for those that are over. */
const MIN_PRUNE = 1_024

/**
 * A queue that what is over does not pile up in, even when nothing is taken: each time it has doubled, it is cleared of
 * them, which costs a constant time for each that was added.
 */
export class Fifo<A extends Queued> {
  readonly #list: MutableList.MutableList<A> = MutableList.make()
  readonly #onDrop: ((item: A) => void) | undefined
  #pruneAt = MIN_PRUNE

  /** `dropped` is called for what leaves because it is over; it may add to the queue. */
  constructor(onDrop?: (item: A) => void) {
    this.#onDrop = onDrop
  }

  get length(): number {
    return this.#list.length
  }

  /** The next one that is not over, which stays where it is; nothing when all of the next hundred are. */
  get first(): A | undefined {
    return MutableList.toArrayN(this.#list, 100).find((item) => !item.isOver)
  }

  add(item: A): void {
    if (this.#list.length >= this.#pruneAt) this.#prune()
    MutableList.append(this.#list, item)
  }

  /** The next one, over or not. */
  take(): A | undefined {
    const item = MutableList.take(this.#list)
    return item === MutableList.Empty ? undefined : item
  }

  #prune(): void {
    const over: Array<A> = []
    MutableList.filter(this.#list, (item) => {
      if (item.isOver) over.push(item)
      return !item.isOver
    })
    this.#pruneAt = Math.max(MIN_PRUNE, 2 * this.#list.length)
    if (this.#onDrop !== undefined) for (const item of over) this.#onDrop(item)
  }
}
