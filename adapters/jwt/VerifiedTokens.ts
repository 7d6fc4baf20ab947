/** Caches verified tokens, because verifying a signature takes longer than the rest of a request. */
import { expiryOf, type Principal } from "../../core/values/Principal.ts"

/** How long a token is not verified again, in milliseconds. A revoked key stays valid for at most so long. */
const FRESH_MILLIS = 30_000

/** How many tokens are kept; the oldest are removed first. */
const MAX_TOKENS = 1_000

export class VerifiedTokens {
  readonly #known: Map<string, { readonly principal: Principal; readonly endsAtMillis: number }> = new Map()

  /** The principal of a token; undefined if the token must be verified again. */
  get(token: string, nowMillis: number): Principal | undefined {
    const known = this.#known.get(token)
    if (known === undefined || known.endsAtMillis > nowMillis) return known?.principal
    this.#known.delete(token)
    return undefined
  }

  add(token: string, principal: Principal, nowMillis: number): void {
    if (this.#known.size >= MAX_TOKENS) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(token, { principal, endsAtMillis: Math.min(expiryOf(principal), nowMillis + FRESH_MILLIS) })
  }
}
