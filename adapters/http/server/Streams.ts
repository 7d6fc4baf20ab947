/** Answers that go on: how many there are at once is bounded, and the server can end them. */
import type { Event } from "../../../core/run/Event.ts"
import { BadRequest } from "./Failures.ts"
import { TextCache } from "./TextCache.ts"

/** How many answers may go on at once, unless set otherwise. */
export const MAX_STREAMS = 1_000

/** How many connections may wait for their credentials at once, of all addresses and of one that is known. */
export const MAX_UNPROVEN = 100
export const MAX_UNPROVEN_BY_ADDRESS = 10

/** The longest wait of a timer, in milliseconds: some 24 days. */
const MAX_TIMER_MILLIS = 2 ** 31 - 1

/** How long the last events may take to be read, in milliseconds. */
const LAST_MILLIS = 100

export class Streams {
  readonly #max: number
  readonly #ends: Set<() => void> = new Set()
  /** Connections that have not sent credentials yet. They take no place of the others. */
  readonly #unproven: Set<() => void> = new Set()
  readonly #byAddress: Map<string, number> = new Map()
  #isClosed = false
  /** The events that several of them tell. */
  readonly texts: TextCache<Event> = new TextCache()

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

  /**
   * Takes one of the few places for connections without credentials; gives what frees it, or the refusal. `owner`: whom the
   * address stands for that it comes from, where the server tells.
   */
  openUnproven(end: () => void, owner: string | undefined): (() => void) | BadRequest {
    if (this.#isClosed) return refusal("The server is shutting down")
    const ofOwner = owner === undefined ? 0 : (this.#byAddress.get(owner) ?? 0)
    if (this.#unproven.size >= MAX_UNPROVEN || ofOwner >= MAX_UNPROVEN_BY_ADDRESS) {
      return refusal("Too many connections wait for their credentials; try again later, or show them in the request")
    }
    const own = () => end()
    this.#unproven.add(own)
    if (owner !== undefined) this.#byAddress.set(owner, ofOwner + 1)
    return () => {
      if (!this.#unproven.delete(own) || owner === undefined) return
      const left = this.#byAddress.get(owner)! - 1
      if (left === 0) this.#byAddress.delete(owner)
      else this.#byAddress.set(owner, left)
    }
  }

  /** Takes no more, and ends all of them; a moment later, as what has just happened is on its way to them. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#ends.size > 0) await new Promise((resolve) => setTimeout(resolve, LAST_MILLIS))
    for (const end of [...this.#ends, ...this.#unproven]) end()
  }
}

/** Ends something in so many milliseconds, or where that is too long for a timer, when that is over; never, if infinite. */
export const endIn = (millis: number, end: () => void): ReturnType<typeof setTimeout> | undefined =>
  millis === Number.POSITIVE_INFINITY ? undefined : setTimeout(end, Math.min(millis, MAX_TIMER_MILLIS))

const refusal = (message: string): BadRequest =>
  new BadRequest(503, "TooManyStreamsError", message, { headers: { "retry-after": "5" } })
