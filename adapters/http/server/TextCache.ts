/** Caches the text of values that several readers get at about the same time, so that each is written once. */

/** The most characters of text that the cache keeps. */
const KEPT_LENGTH = 1 << 20

/** A cache of texts, emptied when it is full. */
export class TextCache<A extends object> {
  readonly #kept: Map<A, string> = new Map()
  #length = 0

  of(value: A, write: (value: A) => string): string {
    const known = this.#kept.get(value)
    if (known !== undefined) return known
    const text = write(value)
    this.#length += text.length
    if (this.#length > KEPT_LENGTH) {
      this.#kept.clear()
      this.#length = text.length
    }
    this.#kept.set(value, text)
    return text
  }
}
