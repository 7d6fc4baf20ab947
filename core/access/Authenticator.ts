/** The contract of authenticators, which find the principal of a visitor. */
import type * as Effect from "effect/Effect"
import type { AuthenticatorUnavailable, Unauthenticated, UnknownApiKey } from "../values/AccessErrors.ts"
import type { Principal, Visitor } from "../values/Principal.ts"

/** Why an authenticator rejects a visitor. */
export type Rejection = Unauthenticated | UnknownApiKey | AuthenticatorUnavailable

/** The principal; undefined when the visitor has no credentials of this authenticator's kind. */
export type Answer = Principal | undefined

/** Finds the principal of a visitor. */
export interface Authenticator {
  /**
   * The kind of credentials: `ApiKey`, `Bearer` or one of your own, without a colon. The guard lists it to clients that
   * fail to authenticate, and adds it in front of the ids of the principals.
   */
  readonly scheme: string
  /** All roles that its principals can have, if known. At start, the log warns of ACLs that name other roles. */
  readonly roles?: ReadonlyArray<string> | undefined
  /**
   * Why its credentials are easy to guess: names of settings, never a secret. At start, the log warns of them, and the server
   * refuses to listen beyond this machine.
   */
  readonly weaknesses?: ReadonlyArray<string> | undefined
  /**
   * The principal of a visitor at `nowMillis`, in milliseconds since 1970: a value, a Promise or an Effect. Fails with
   * `Unauthenticated` for invalid credentials of its kind. Any other failure, 5 seconds without an answer, or an answer that
   * is not a principal becomes `AuthenticatorUnavailable`, so that a broken authenticator lets no visitor in.
   */
  readonly authenticate: (
    visitor: Visitor,
    nowMillis: number
  ) => Answer | Promise<Answer> | Effect.Effect<Answer, Rejection>
}
