/** A binary heap: the first of many in some order, at a cost that grows with the logarithm of how many there are. */

/** Items in a heap. Those that are equal come in no order. */
export class Heap<A> {
  readonly #isBefore: (one: A, other: A) => boolean
  /** Told of each new place of an item, so that it can be removed by its place. */
  readonly #moved: ((item: A, place: number) => void) | undefined
  #items: Array<A> = []

  constructor(isBefore: (one: A, other: A) => boolean, moved?: (item: A, place: number) => void) {
    this.#isBefore = isBefore
    this.#moved = moved
  }

  get size(): number {
    return this.#items.length
  }

  /** The first one, which stays. */
  get first(): A | undefined {
    return this.#items[0]
  }

  add(item: A): void {
    this.#items.push(item)
    this.#rise(item, this.#items.length - 1)
  }

  /** Removes the first one. */
  take(): A | undefined {
    const first = this.#items[0]
    if (first !== undefined) this.removeAt(0)
    return first
  }

  removeAt(place: number): void {
    const last = this.#items.pop()!
    if (place === this.#items.length) return
    this.#sink(last, this.#rise(last, place))
  }

  /** Keeps only some of the items. */
  filter(isKept: (item: A) => boolean): void {
    const kept = this.#items.filter(isKept)
    this.#items = []
    for (const item of kept) this.add(item)
  }

  #put(item: A, place: number): void {
    this.#items[place] = item
    this.#moved?.(item, place)
  }

  #rise(item: A, from: number): number {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = this.#items[above]!
      if (!this.#isBefore(item, other)) break
      this.#put(other, place)
      place = above
    }
    this.#put(item, place)
    return place
  }

  #sink(item: A, from: number): void {
    const items = this.#items
    let place = from
    for (let below = 2 * place + 1; below < items.length; below = 2 * place + 1) {
      if (below + 1 < items.length && this.#isBefore(items[below + 1]!, items[below]!)) below++
      const other = items[below]!
      if (!this.#isBefore(other, item)) break
      this.#put(other, place)
      place = below
    }
    this.#put(item, place)
  }
}
