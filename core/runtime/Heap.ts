/** A binary heap: adding and removing an item takes logarithmic time. */

/** A heap of items, ordered by `isBefore`. Equal items have no order. */
export class Heap<A> {
  readonly #isBefore: (one: A, other: A) => boolean
  /** Called with each new index of an item, so that the item can be removed by its index. */
  readonly #moved: ((item: A, index: number) => void) | undefined
  #items: Array<A> = []

  constructor(isBefore: (one: A, other: A) => boolean, moved?: (item: A, index: number) => void) {
    this.#isBefore = isBefore
    this.#moved = moved
  }

  get size(): number {
    return this.#items.length
  }

  /** The first item, which stays in the heap. */
  get first(): A | undefined {
    return this.#items[0]
  }

  add(item: A): void {
    this.#items.push(item)
    this.#siftUp(item, this.#items.length - 1)
  }

  /** Removes and returns the first item. */
  take(): A | undefined {
    const first = this.#items[0]
    if (first !== undefined) this.removeAt(0)
    return first
  }

  removeAt(index: number): void {
    const last = this.#items.pop()!
    if (index === this.#items.length) return
    this.#siftDown(last, this.#siftUp(last, index))
  }

  /** Removes the items that are not to be kept. Linear: it builds the heap anew. */
  filter(isKept: (item: A) => boolean): void {
    const kept = this.#items.filter(isKept)
    this.#items = []
    for (const item of kept) this.add(item)
  }

  #put(item: A, index: number): void {
    this.#items[index] = item
    this.#moved?.(item, index)
  }

  #siftUp(item: A, from: number): number {
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      const other = this.#items[parent]!
      if (!this.#isBefore(item, other)) break
      this.#put(other, index)
      index = parent
    }
    this.#put(item, index)
    return index
  }

  #siftDown(item: A, from: number): void {
    const items = this.#items
    let index = from
    for (let child = 2 * index + 1; child < items.length; child = 2 * index + 1) {
      if (child + 1 < items.length && this.#isBefore(items[child + 1]!, items[child]!)) child++
      const other = items[child]!
      if (!this.#isBefore(other, item)) break
      this.#put(other, index)
      index = child
    }
    this.#put(item, index)
  }
}
