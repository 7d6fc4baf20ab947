/** A doubly linked list: adding at the end and removing anywhere take constant time. */

/** The entry of a value in a list. */
export class Entry<A> {
  readonly value: A
  before: Entry<A> | undefined
  after: Entry<A> | undefined = undefined

  constructor(value: A, before: Entry<A> | undefined) {
    this.value = value
    this.before = before
  }
}

/** Values in the order in which they were added. */
export class LinkedList<A> {
  first: Entry<A> | undefined = undefined
  last: Entry<A> | undefined = undefined
  size = 0

  add(value: A): Entry<A> {
    const entry = new Entry(value, this.last)
    if (this.last === undefined) this.first = entry
    else this.last.after = entry
    this.last = entry
    this.size++
    return entry
  }

  /** Removes an entry, which must be in this list. */
  remove(entry: Entry<A>): void {
    const { before, after } = entry
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.last = before
    else after.before = before
    // A removed entry may stay referenced for long, such as by a task that never ends: it must not retain its neighbours.
    entry.before = undefined
    entry.after = undefined
    this.size--
  }
}
