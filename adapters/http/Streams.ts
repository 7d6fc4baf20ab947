/** Answers that go on: how many there are at once is bounded, and the server can end them. */
import { EventTexts } from "./EventWire.ts"
import { BadRequest } from "./Failures.ts"

/** How many answers may go on at once, unless set otherwise. */
export const MAX_STREAMS = 1_000

/** The longest wait of a timer, in milliseconds: some 24 days. */
const MAX_TIMER_MILLIS = 2 ** 31 - 1

/** How long the last events may take to be read, in milliseconds. */
const LAST_MILLIS = 100

export class Streams {
  readonly #max: number
  readonly #ends: Set<() => void> = new Set()
  #isClosed = false
  /** What is told on several of them. */
  readonly texts: EventTexts = new EventTexts()

  constructor(max: number) {
    this.#max = max
  }

  /** How many go on. */
  get size(): number {
    return this.#ends.size
  }

  /**
   * Takes a place; gives what frees it, or the refusal when there is none. `end` is called when it has to end: with the
   * server, and in so many milliseconds.
   */
  open(end: () => void, leftMillis: number = Number.POSITIVE_INFINITY): (() => void) | BadRequest {
    if (this.#isClosed) return refusal("The server is shutting down")
    if (this.#ends.size >= this.#max) return refusal(`There are ${this.#max} streams already; try again later`)
    const own = () => end()
    this.#ends.add(own)
    const late = endIn(leftMillis, own)
    return () => {
      clearTimeout(late)
      this.#ends.delete(own)
    }
  }

  /** Takes no more, and ends all of them; a moment later, as what has just happened is on its way to them. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#ends.size > 0) await new Promise((resolve) => setTimeout(resolve, LAST_MILLIS))
    for (const end of [...this.#ends]) end()
  }
}

/** Ends something in so many milliseconds, or where that is too long for a timer, when that is over; never, if infinite. */
export const endIn = (millis: number, end: () => void): ReturnType<typeof setTimeout> | undefined =>
  millis === Number.POSITIVE_INFINITY ? undefined : setTimeout(end, Math.min(millis, MAX_TIMER_MILLIS))

const refusal = (message: string): BadRequest =>
  new BadRequest(503, "TooManyStreamsError", message, { headers: { "retry-after": "5" } })
