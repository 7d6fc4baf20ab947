/** Answers that go on: how many there are at once is bounded. */
import { BadRequest } from "./Failures.ts"

/** How many answers may go on at once, unless set otherwise. */
export const MAX_STREAMS = 1_000

export class Streams {
  readonly #max: number
  #open = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Takes a place; gives what frees it, or the refusal when there is none. */
  open(): (() => void) | BadRequest {
    if (this.#open >= this.#max) {
      return new BadRequest(503, "TooManyStreamsError", `There are ${this.#max} streams already; try again later`, {
        headers: { "retry-after": "5" }
      })
    }
    this.#open++
    let isOpen = true
    return () => {
      if (isOpen) this.#open--
      isOpen = false
    }
  }
}
