/** A list that a value can leave from anywhere, at the same cost however long the list is. */

/** Where a value is in a list. */
export class Entry<A> {
  readonly value: A
  before: Entry<A> | undefined
  after: Entry<A> | undefined = undefined

  constructor(value: A, before: Entry<A> | undefined) {
    this.value = value
    this.before = before
  }
}

/** Values in the order in which they came. */
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

  /** Removes a value that is in this list. */
  remove(entry: Entry<A>): void {
    const { before, after } = entry
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.last = before
    else after.before = before
    // An entry that is kept for long, such as by a task that never ends, must not keep its neighbours in memory.
    entry.before = undefined
    entry.after = undefined
    this.size--
  }
}
