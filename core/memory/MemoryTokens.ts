/** The tokens of a Store in memory. */
import * as Effect from "effect/Effect"
import { MAX_TOKENS, type Tokens } from "../store/Tokens.ts"
import { StoreUnavailable } from "../values/Errors.ts"
import type { Principal } from "../values/Principal.ts"

export class MemoryTokens implements Tokens {
  readonly #now: () => number
  readonly #kept: Map<string, { readonly principal: Principal; readonly endsAtMillis: number }> = new Map()

  constructor(now: () => number) {
    this.#now = now
  }

  put = (digest: string, principal: Principal, ttlMillis: number): Effect.Effect<void, StoreUnavailable> =>
    Effect.suspend(() => {
      const now = this.#now()
      if (this.#kept.size >= MAX_TOKENS) {
        for (const [other, { endsAtMillis }] of this.#kept) if (endsAtMillis <= now) this.#kept.delete(other)
      }
      if (this.#kept.size >= MAX_TOKENS) {
        return Effect.fail(new StoreUnavailable(`No new token is given out: ${MAX_TOKENS} are in use`))
      }
      this.#kept.set(digest, { principal, endsAtMillis: now + ttlMillis })
      return Effect.void
    })

  get = (digest: string): Effect.Effect<Principal | undefined> =>
    Effect.sync(() => {
      const kept = this.#kept.get(digest)
      if (kept === undefined || kept.endsAtMillis > this.#now()) return kept?.principal
      this.#kept.delete(digest)
      return undefined
    })
}
