/** The rate limiter of a Store on Redis, by the server's clock. */
import * as Effect from "effect/Effect"
import type { RateLimiter, Taken } from "../../../core/store/RateLimiter.ts"
import type { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Rate } from "../../../core/values/Rate.ts"
import type { Scripts } from "../connection/Scripts.ts"

export class RedisRateLimiter implements RateLimiter {
  readonly #scripts: Scripts

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  take = (key: string, { permits, periodMillis }: Rate): Effect.Effect<Taken, StoreUnavailable> =>
    Effect.map(
      this.#scripts.run<readonly [0 | 1, number, number]>("take", [key, permits, periodMillis]),
      ([isAllowed, remaining, resetMillis]) => ({ isAllowed: isAllowed === 1, remaining, resetMillis })
    )
}
