/**
 * What visitors use up whom no authenticator knows: permits and a list of their own, in this process and bounded, so that
 * they cost known principals nothing, however many they are and wherever they come from.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Monotonic from "../runtime/Monotonic.ts"
import { MemoryRateLimiter } from "../store/MemoryRateLimiter.ts"
import type { Taken } from "../store/RateLimiter.ts"
import * as Address from "../values/Address.ts"
import type { Permission, Visitor } from "../values/Principal.ts"
import type { Rate } from "../values/Rate.ts"

/** The denials of one address, counted. */
export interface Stranger {
  /** The address, or the network of an IPv6 address; `unknown` where the server does not tell. */
  readonly address: string
  readonly denied: number
  /** In milliseconds since 1970. */
  readonly firstAtMillis: number
  readonly lastAtMillis: number
  /** What was asked for last, and the failure that it was denied with. */
  readonly operation: string
  readonly reason: string
}

/** How many addresses are kept; the one that was denied the longest ago leaves first. */
export const MAX_STRANGERS = 1_000

/** How often the log tells of strangers, in milliseconds. */
const LOG_MILLIS = 10_000

/** Whom an address stands for. */
export const ownerOf = ({ address }: Visitor): string => (address === undefined ? "unknown" : Address.owner(address))

/** The strangers of one guard. */
export class Strangers {
  readonly #clock: Clock.Clock
  readonly #limiter: MemoryRateLimiter
  /** In the order of their last denial. */
  readonly #seen: Map<string, Stranger> = new Map()
  #unlogged = 0
  #loggedAtMillis = Number.NEGATIVE_INFINITY

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.#limiter = new MemoryRateLimiter(() => Monotonic.millis(clock))
  }

  /** The latest first. */
  get list(): ReadonlyArray<Stranger> {
    return [...this.#seen.values()].reverse()
  }

  /** Takes a permit of an address. */
  take(visitor: Visitor, permission: Permission, rate: Rate): Effect.Effect<Taken> {
    return this.#limiter.take(`${permission}:${ownerOf(visitor)}`, rate)
  }

  /** Counts a denial, and tells the log now and then. */
  denied(visitor: Visitor, reason: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { operation } = visitor
      const address = ownerOf(visitor)
      const lastAtMillis = this.#clock.currentTimeMillisUnsafe()
      const { denied = 0, firstAtMillis = lastAtMillis } = this.#seen.get(address) ?? {}
      this.#seen.delete(address)
      this.#seen.set(address, { address, denied: denied + 1, firstAtMillis, lastAtMillis, operation, reason })
      if (this.#seen.size > MAX_STRANGERS) this.#seen.delete(this.#seen.keys().next().value!)
      this.#unlogged++
      const now = Monotonic.millis(this.#clock)
      if (now - this.#loggedAtMillis < LOG_MILLIS) return Effect.void
      const count = this.#unlogged
      this.#loggedAtMillis = now
      this.#unlogged = 0
      return Effect.logWarning(
        `audit: ${count} denied since the last such line, of callers without valid credentials; the last: ${operation} from ${address}: ${reason}`
      )
    })
  }
}
