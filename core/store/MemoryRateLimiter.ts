/** A rate limiter in memory: the instants of what was taken, for each key. */
import * as Effect from "effect/Effect"
import type { Rate } from "../values/Rate.ts"
import type { RateLimiter, Taken } from "./RateLimiter.ts"

/** How many instants are kept in all. Beyond that, the keys leave that were not asked for the longest. */
const MAX_INSTANTS = 2_000_000

/** What was taken under one key, oldest first. */
interface Log {
  instants: Array<number>
  /** Those before this place are over. */
  first: number
}

export class MemoryRateLimiter implements RateLimiter {
  /** In milliseconds, by a monotonic clock. */
  readonly #now: () => number
  /** In the order in which they were last asked for. */
  readonly #logs: Map<string, Log> = new Map()
  #count = 0

  constructor(now: () => number) {
    this.#now = now
  }

  take = (key: string, rate: Rate): Effect.Effect<Taken> => Effect.sync(() => this.#take(key, rate))

  #take(key: string, { permits, periodMillis }: Rate): Taken {
    const now = this.#now()
    const log = this.#logs.get(key) ?? { instants: [], first: 0 }
    this.#logs.delete(key)
    this.#logs.set(key, log)
    const { instants } = log
    while (log.first < instants.length && instants[log.first]! <= now - periodMillis) log.first++
    if (log.first > 32 && log.first * 2 > instants.length) {
      this.#count -= log.first
      instants.splice(0, log.first)
      log.first = 0
    }
    const used = instants.length - log.first
    const resetMillis = used === 0 ? periodMillis : Math.ceil(instants[log.first]! + periodMillis - now)
    if (used >= permits) return { isAllowed: false, remaining: 0, resetMillis }
    instants.push(now)
    this.#count++
    this.#makeRoom()
    return { isAllowed: true, remaining: permits - used - 1, resetMillis }
  }

  #makeRoom(): void {
    for (const [key, { instants }] of this.#logs) {
      if (this.#count <= MAX_INSTANTS) return
      this.#count -= instants.length
      this.#logs.delete(key)
    }
  }
}
