/** A first-in-first-out queue that drops entries which are over. */
import * as MutableList from "effect/MutableList"

/** An entry of a queue. It may end while it waits. */
export interface Queued {
  readonly isOver: boolean
}

/** A queue with fewer entries is not pruned. */
const MIN_PRUNE = 1_024

/**
 * Entries that are over do not pile up, even when none is taken: the queue is pruned each time it has doubled. That
 * costs constant time per added entry.
 */
export class Fifo<A extends Queued> {
  readonly #list: MutableList.MutableList<A> = MutableList.make()
  readonly #onDrop: ((item: A) => void) | undefined
  #pruneAt = MIN_PRUNE

  /** `onDrop` is called for each pruned entry; it may add to the queue. */
  constructor(onDrop?: (item: A) => void) {
    this.#onDrop = onDrop
  }

  get length(): number {
    return this.#list.length
  }

  /** The next entry that is not over, without taking it; undefined when the next hundred are all over. */
  get first(): A | undefined {
    return MutableList.toArrayN(this.#list, 100).find((item) => !item.isOver)
  }

  add(item: A): void {
    if (this.#list.length >= this.#pruneAt) this.#prune()
    MutableList.append(this.#list, item)
  }

  /** Takes the next entry, over or not. */
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
