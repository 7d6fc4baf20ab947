/** Says who a visitor is. */
import type * as Effect from "effect/Effect"
import type { AuthenticatorUnavailable, Unauthenticated, UnknownApiKey } from "../values/AccessErrors.ts"
import type { Principal, Visitor } from "../values/Principal.ts"

/** Why a visitor is not let in. */
export type Rejection = Unauthenticated | UnknownApiKey | AuthenticatorUnavailable

/** The principal; nothing when the visitor shows no credentials of the kind that this authenticator knows. */
export type Answer = Principal | undefined

/** Says who a visitor is. */
export interface Authenticator {
  /**
   * The kind of credentials, as clients are told when they show none, and in front of the ids of its principals: `ApiKey`,
   * `Bearer` or one of its own, without a colon.
   */
  readonly scheme: string
  /** The roles that it may give, where it knows them: an ACL that names others is warned of. */
  readonly roles?: ReadonlyArray<string> | undefined
  /** What makes its credentials easy to guess, by the names of settings and never by a secret: warned of at start, and served on this machine only. */
  readonly weaknesses?: ReadonlyArray<string> | undefined
  /**
   * Who that is at this time, in milliseconds since 1970: as a value, a Promise or an Effect. Fails with `Unauthenticated` for credentials that are of its kind
   * and prove nothing. Whatever else it throws, 5 seconds without an answer, or an answer that is no principal, is a
   * 503: nobody gets in by breaking it.
   */
  readonly authenticate: (
    visitor: Visitor,
    nowMillis: number
  ) => Answer | Promise<Answer> | Effect.Effect<Answer, Rejection>
}
