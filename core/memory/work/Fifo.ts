/** Those who wait in a Store in memory: first in, first out. */
import * as MutableList from "effect/MutableList"

/** Something that waits, unless it is over before its turn comes. */
export interface Waiting {
  readonly isOver: boolean
}

/** Below this, nobody looks for those that are over. */
const FEW = 1_024

/**
 * A queue that what is over does not pile up in, even when nothing is taken: each time it has doubled, it is cleared of
 * them, which costs a constant time for each that was added.
 */
export class Fifo<A extends Waiting> {
  readonly #list: MutableList.MutableList<A> = MutableList.make()
  readonly #dropped: ((item: A) => void) | undefined
  #clearAt = FEW

  /** `dropped` is called for what leaves because it is over; it may add to the queue. */
  constructor(dropped?: (item: A) => void) {
    this.#dropped = dropped
  }

  get length(): number {
    return this.#list.length
  }

  /** The next one that is not over, which stays where it is; nothing when all of the next hundred are. */
  get first(): A | undefined {
    return MutableList.toArrayN(this.#list, 100).find((item) => !item.isOver)
  }

  add(item: A): void {
    if (this.#list.length >= this.#clearAt) this.#clear()
    MutableList.append(this.#list, item)
  }

  /** The next one, over or not. */
  take(): A | undefined {
    const item = MutableList.take(this.#list)
    return item === MutableList.Empty ? undefined : item
  }

  #clear(): void {
    const over: Array<A> = []
    MutableList.filter(this.#list, (item) => {
      if (item.isOver) over.push(item)
      return !item.isOver
    })
    this.#clearAt = Math.max(FEW, 2 * this.#list.length)
    if (this.#dropped !== undefined) for (const item of over) this.#dropped(item)
  }
}
