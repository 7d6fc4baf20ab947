/** Counts how often something was done, over all processes that share the Store. */
import type * as Effect from "effect/Effect"
import type { StoreUnavailable } from "../values/Errors.ts"
import type { Rate } from "../values/Rate.ts"

/** What became of a wish for a permit. */
export interface Taken {
  readonly isAllowed: boolean
  /** How many more could be taken now. */
  readonly remaining: number
  /** In how many milliseconds the oldest permit of the period is free again. */
  readonly resetMillis: number
}

/** The rate limiter of a Store. */
export interface RateLimiter {
  /**
   * Takes a permit, unless as many as the rate has were taken under this key within the last period: in no period of
   * that length, wherever it begins, are there more. What is refused counts for nothing.
   */
  readonly take: (key: string, rate: Rate) => Effect.Effect<Taken, StoreUnavailable>
}
