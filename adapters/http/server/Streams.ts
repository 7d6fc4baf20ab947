/** Open streams (server-sent events and WebSockets): their number is bounded, and the server can close them. */
import type { Event } from "../../../core/run/Event.ts"
import type { Caller } from "../../../core/values/Principal.ts"
import { BadRequest } from "./Failures.ts"
import { TextCache } from "./TextCache.ts"

/** The default of `maxStreams`. */
export const MAX_STREAMS = 1_000

/** How many unauthenticated connections may be open at once: from all addresses, and from one. */
export const MAX_UNAUTHENTICATED = 100
export const MAX_UNAUTHENTICATED_BY_ADDRESS = 10

/** The longest delay of a timer, in milliseconds: about 24 days. */
const MAX_TIMER_MILLIS = 2 ** 31 - 1

/** How long streams stay open after the server starts to close, in milliseconds, so that clients get the last events. */
const FLUSH_MILLIS = 100

/** Which events a listener gets: of all runs (pipeline `*`), of one pipeline's runs, or of one run. */
export interface Subscription {
  readonly pipelineId: string
  readonly runId?: string | undefined
}

/** The client of an open stream. */
export interface StreamListener {
  readonly kind: "sse" | "websocket"
  /** The path of the route, which has no ids and no query. */
  readonly path: string
  readonly openedAtMillis: number
  readonly caller: Caller | undefined
  readonly subscriptions: Iterable<Subscription>
  /** How many bytes wait in this server until the client takes them. */
  readonly bufferedBytes: number
  /** Closes the stream. */
  readonly end: () => void
}

export class Streams {
  readonly #max: number
  readonly #open: Set<StreamListener> = new Set()
  /** Connections that are not authenticated yet. They do not count as open streams. */
  readonly #unauthenticated: Set<() => void> = new Set()
  readonly #byAddress: Map<string, number> = new Map()
  #isClosed = false
  /** The JSON texts of events, shared by all streams: with values, and without. */
  readonly texts: TextCache<Event> = new TextCache()
  readonly bareTexts: TextCache<Event> = new TextCache()

  constructor(max: number) {
    this.#max = max
  }

  /** Number of open streams. */
  get size(): number {
    return this.#open.size
  }

  /** The clients of the open streams, the earliest first. */
  get listeners(): Iterable<StreamListener> {
    return this.#open
  }

  /**
   * Counts a new stream. Returns a function to call when the stream is closed, or the refusal if too many are open. The
   * listener's `end` is called when the stream must close: when the server closes, or after `leftMillis` milliseconds.
   */
  open(listener: StreamListener, leftMillis: number = Number.POSITIVE_INFINITY): (() => void) | BadRequest {
    if (this.#isClosed) return refusal("The server is shutting down")
    if (this.#open.size >= this.#max)
      return refusal(`Too many open streams; the limit is ${this.#max}. Try again later`)
    this.#open.add(listener)
    const timer = endIn(leftMillis, listener.end)
    return () => {
      clearTimeout(timer)
      this.#open.delete(listener)
    }
  }

  /**
   * Counts a new unauthenticated connection. Returns a function to call when it is closed or authenticated, or the refusal if
   * too many are open. `owner`: the address or network that the connection counts under, if the server knows it.
   */
  openUnauthenticated(end: () => void, owner: string | undefined): (() => void) | BadRequest {
    if (this.#isClosed) return refusal("The server is shutting down")
    const ofOwner = owner === undefined ? 0 : (this.#byAddress.get(owner) ?? 0)
    if (this.#unauthenticated.size >= MAX_UNAUTHENTICATED || ofOwner >= MAX_UNAUTHENTICATED_BY_ADDRESS) {
      return refusal("Too many unauthenticated connections; try again later, or send the credentials with the request")
    }
    const own = () => end()
    this.#unauthenticated.add(own)
    if (owner !== undefined) this.#byAddress.set(owner, ofOwner + 1)
    return () => {
      if (!this.#unauthenticated.delete(own) || owner === undefined) return
      const left = this.#byAddress.get(owner)! - 1
      if (left === 0) this.#byAddress.delete(owner)
      else this.#byAddress.set(owner, left)
    }
  }

  /** Refuses new streams and closes the open ones, after 100 ms, so that clients get the last events. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#open.size > 0) await new Promise((resolve) => setTimeout(resolve, FLUSH_MILLIS))
    for (const end of [...Array.from(this.#open, (listener) => listener.end), ...this.#unauthenticated]) end()
  }
}

/** Calls `end` after `millis` milliseconds, or after the longest delay of a timer if that is shorter; never if `millis` is infinite. */
export const endIn = (millis: number, end: () => void): ReturnType<typeof setTimeout> | undefined =>
  millis === Number.POSITIVE_INFINITY ? undefined : setTimeout(end, Math.min(millis, MAX_TIMER_MILLIS))

const refusal = (message: string): BadRequest =>
  new BadRequest(503, "TooManyStreamsError", message, { headers: { "retry-after": "5" } })
