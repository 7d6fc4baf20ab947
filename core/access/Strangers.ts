/**
 * Strangers: callers without valid credentials. They have rate limits and a list of denials of their own, bounded and in
 * this process, so that any number of them uses up nothing of the principals' limits or of the audit log.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Monotonic from "../runtime/Monotonic.ts"
import { MemoryRateLimiter } from "../store/MemoryRateLimiter.ts"
import type { Taken } from "../store/RateLimiter.ts"
import * as Address from "../values/Address.ts"
import type { Permission, Visitor } from "../values/Principal.ts"
import type { Rate } from "../values/Rate.ts"

/** The denied requests of one address. */
export interface Stranger {
  /** The address, or the /64 network of an IPv6 address; `unknown` when the server does not know it. */
  readonly address: string
  /** How many requests were denied. */
  readonly denied: number
  /** The first and the last denial, in milliseconds since 1970. */
  readonly firstAtMillis: number
  readonly lastAtMillis: number
  /** The operation of the last denied request, and its failure. */
  readonly operation: string
  readonly reason: string
}

/** How many addresses are kept. The one with the oldest last denial is dropped first. */
export const MAX_STRANGERS = 1_000

/** The shortest time between two log lines about strangers, in milliseconds. */
const LOG_MILLIS = 10_000

/** The address that a visitor's requests are counted for; an IPv6 address counts as its /64 network. */
export const countedAddress = ({ address }: Visitor): string =>
  address === undefined ? "unknown" : Address.owner(address)

/** The strangers of one guard. */
export class Strangers {
  readonly #clock: Clock.Clock
  readonly #limiter: MemoryRateLimiter
  /** By address, in the order of their last denial. */
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

  /** Takes a permit of the visitor's address. */
  take(visitor: Visitor, permission: Permission, rate: Rate): Effect.Effect<Taken> {
    return this.#limiter.take(`${permission}:${countedAddress(visitor)}`, rate)
  }

  /** Counts a denial. Logs a summary every 10 seconds at most. */
  denied(visitor: Visitor, reason: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { operation } = visitor
      const address = countedAddress(visitor)
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
        `audit: ${count} denied requests without valid credentials since the last such line; the latest: ${operation} from ${address}: ${reason}`
      )
    })
  }
}
