/** Counts requests against rate limits. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StoreUnavailable } from "../values/Errors.ts"
import type { Rate } from "../values/Rate.ts"

/** The outcome of taking a permit. */
export interface Taken {
  readonly isAllowed: boolean
  /** How many more permits are free now. */
  readonly remaining: number
  /** In how many milliseconds the oldest taken permit becomes free again. */
  readonly resetMillis: number
}

/** Limits how often requests are made. The Store's limiter counts the requests of all its servers together. */
export interface RateLimiter {
  /**
   * Takes a permit of a key, unless all permits of the rate were taken within the last period: a sliding window, so no
   * period of that length has more. A refused request takes no permit.
   */
  readonly take: (key: string, rate: Rate) => Effect.Effect<Taken, StoreUnavailable>
}

/** The key of the RateLimiter service. Default: the Store's. */
export const RateLimiter: Context.Service<RateLimiter, RateLimiter> = Context.Service<RateLimiter>("levada/RateLimiter")
