/** Texts of values that several readers are told at about the same time: each is written once. */

/** About how long the texts are that are kept, in characters. */
const KEPT_LENGTH = 1 << 20

/** The newest texts, of some MB together. */
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
