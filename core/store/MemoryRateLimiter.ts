/** A rate limiter in memory. It keeps the instants of the taken permits, by key. */
import * as Effect from "effect/Effect"
import type { Rate } from "../values/Rate.ts"
import type { RateLimiter, Taken } from "./RateLimiter.ts"

/** How many instants are kept in all. Beyond that, the least recently used keys are dropped. */
const MAX_INSTANTS = 2_000_000

/** The permits taken under one key. */
interface Permits {
  /** When they were taken, oldest first. */
  instants: Array<number>
  /** The index of the first instant within the period. */
  first: number
}

export class MemoryRateLimiter implements RateLimiter {
  /** In milliseconds, by a monotonic clock. */
  readonly #now: () => number
  /** The least recently used key comes first. */
  readonly #permits: Map<string, Permits> = new Map()
  #count = 0

  constructor(now: () => number) {
    this.#now = now
  }

  take = (key: string, rate: Rate): Effect.Effect<Taken> => Effect.sync(() => this.#take(key, rate))

  #take(key: string, { permits, periodMillis }: Rate): Taken {
    const now = this.#now()
    const taken = this.#permits.get(key) ?? { instants: [], first: 0 }
    this.#permits.delete(key)
    this.#permits.set(key, taken)
    const { instants } = taken
    while (taken.first < instants.length && instants[taken.first]! <= now - periodMillis) taken.first++
    if (taken.first > 32 && taken.first * 2 > instants.length) {
      this.#count -= taken.first
      instants.splice(0, taken.first)
      taken.first = 0
    }
    const used = instants.length - taken.first
    const resetMillis = used === 0 ? periodMillis : Math.ceil(instants[taken.first]! + periodMillis - now)
    if (used >= permits) return { isAllowed: false, remaining: 0, resetMillis }
    instants.push(now)
    this.#count++
    this.#makeRoom()
    return { isAllowed: true, remaining: permits - used - 1, resetMillis }
  }

  #makeRoom(): void {
    for (const [key, { instants }] of this.#permits) {
      if (this.#count <= MAX_INSTANTS) return
      this.#count -= instants.length
      this.#permits.delete(key)
    }
  }
}
