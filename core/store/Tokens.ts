/** Short-lived tokens for one pipeline or run, for browsers, which should hold no API key. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StoreUnavailable } from "../values/Errors.ts"
import type { Principal } from "../values/Principal.ts"

/** Makes tokens that can't be guessed. It needs secure random numbers and a digest, which core does not have. */
export interface TokenMaker {
  readonly make: () => { readonly token: string; readonly digest: string }
  /** The digest that the Store keeps of a token; undefined for a text that can't be a token. */
  readonly digest: (token: string) => string | undefined
}

/** How many tokens a Store keeps at most. */
export const MAX_TOKENS = 100_000

/** The longest and the default lifetime of a token, in milliseconds. */
export const MAX_MILLIS = 3_600_000
export const DEFAULT_MILLIS = 300_000

/** Keeps the principals of tokens by the tokens' digests. A digest is no credential. */
export interface Tokens {
  /** Keeps the principal of a token for `ttlMillis` milliseconds. */
  readonly put: (digest: string, principal: Principal, ttlMillis: number) => Effect.Effect<void, StoreUnavailable>
  /** The principal of a token; undefined when the token is unknown or has expired. */
  readonly get: (digest: string) => Effect.Effect<Principal | undefined, StoreUnavailable>
}

/** The key of the Tokens service. Default: the Store's. */
export const Tokens: Context.Service<Tokens, Tokens> = Context.Service<Tokens>("levada/Tokens")
