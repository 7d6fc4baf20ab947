/** How long to wait before a Store is asked again that broke. */

/** The first wait and the longest, in milliseconds. */
const FIRST_MILLIS = 250
const LONGEST_MILLIS = 5_000

/** Waits of 250 ms, then twice as long each time, up to 5 s. */
export class Backoff {
  #nextMillis = FIRST_MILLIS

  /** Whether no wait was taken since the last reset. */
  get isFresh(): boolean {
    return this.#nextMillis === FIRST_MILLIS
  }

  /** The next wait, in milliseconds. */
  take(): number {
    const millis = this.#nextMillis
    this.#nextMillis = Math.min(2 * millis, LONGEST_MILLIS)
    return millis
  }

  /** The Store has answered: the next wait is the shortest again. */
  reset(): void {
    this.#nextMillis = FIRST_MILLIS
  }
}
