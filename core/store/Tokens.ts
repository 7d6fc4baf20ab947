/** Short-lived, narrowed tokens: for browsers, which should hold no key. */
import type * as Effect from "effect/Effect"
import type { StoreUnavailable } from "../values/Errors.ts"
import type { Principal } from "../values/Principal.ts"

/** Makes tokens that nobody can guess. What it takes is beyond core: a source of chance, and a digest. */
export interface TokenMaker {
  readonly make: () => { readonly token: string; readonly digest: string }
  /** What a token is kept as; undefined for a text that can't be one. */
  readonly digest: (token: string) => string | undefined
}

/** How many tokens a Store takes. */
export const MAX_TOKENS = 100_000

/** How long a token may live at most, and lives unless told otherwise, in milliseconds. */
export const MAX_MILLIS = 3_600_000
export const DEFAULT_MILLIS = 300_000

/** The tokens of a Store, by their digests: whoever reads the Store can't use them. */
export interface Tokens {
  /** Keeps whom a token stands for, for so many milliseconds. */
  readonly put: (digest: string, principal: Principal, ttlMillis: number) => Effect.Effect<void, StoreUnavailable>
  /** Whom it stands for, unless it has expired. */
  readonly get: (digest: string) => Effect.Effect<Principal | undefined, StoreUnavailable>
}
