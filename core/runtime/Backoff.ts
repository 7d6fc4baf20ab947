/** How long to wait before asking a Store again after it failed. */

/** The first wait and the longest, in milliseconds. */
const FIRST_MILLIS = 250
const LONGEST_MILLIS = 5_000

/** Waits of 250 ms, 500 ms and so on, doubling up to 5 s. */
export class Backoff {
  #nextMillis = FIRST_MILLIS

  /** Whether `take` was not called since the last reset. */
  get isFresh(): boolean {
    return this.#nextMillis === FIRST_MILLIS
  }

  /** Returns the next wait in milliseconds, and doubles the one after it. */
  take(): number {
    const millis = this.#nextMillis
    this.#nextMillis = Math.min(2 * millis, LONGEST_MILLIS)
    return millis
  }

  /** Starts again with the shortest wait, after the Store has answered. */
  reset(): void {
    this.#nextMillis = FIRST_MILLIS
  }
}
