/** Tokens that were verified a moment ago: a signature takes longer to verify than all the rest of a request. */
import { expiryOf, type Principal } from "../../core/values/Principal.ts"

/** How long a token is not verified again, in milliseconds: a key that is withdrawn is good for so long. */
const FRESH_MILLIS = 30_000

/** How many are kept; the oldest leave first. */
const MAX_TOKENS = 1_000

export class Verified {
  readonly #known: Map<string, { readonly principal: Principal; readonly endsAtMillis: number }> = new Map()

  /** Whose token it is, unless that has to be looked into again. */
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
