/** Asks the authenticators who a visitor is. Whatever goes wrong with one, nobody gets in by it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Rules } from "./Access.ts"
import { invalidGrant } from "./Access.ts"
import { AuthenticatorUnavailable, Unauthenticated, UnknownApiKey } from "./AccessErrors.ts"
import type { Answer, Authenticator, Rejection } from "./Authenticator.ts"
import type { StoreUnavailable } from "./Errors.ts"
import type { Principal, Visitor } from "./Principal.ts"
import type { Store } from "./Store.ts"

/** How long an authenticator may take, in milliseconds. */
const ANSWER_MILLIS = 5_000

/** Why nobody is let in. */
export type AuthenticationError = Rejection | StoreUnavailable

/** Finds who a visitor is. */
export const make = (
  { authenticators, tokens }: Pick<Rules, "authenticators" | "tokens">,
  store: Store
): ((visitor: Visitor) => Effect.Effect<Principal, AuthenticationError>) => {
  const schemes = [
    ...new Set([...authenticators.map(({ scheme }) => scheme), ...(tokens === undefined ? [] : ["Bearer"])])
  ]

  const byToken = (visitor: Visitor): Effect.Effect<Answer, AuthenticationError> => {
    const digest = visitor.bearer === undefined ? undefined : tokens?.digest(visitor.bearer)
    if (digest === undefined) return Effect.undefined
    return Effect.flatMap(store.tokens.get(digest), (principal) =>
      principal === undefined
        ? Effect.fail(new Unauthenticated("The token is unknown or has expired", true))
        : Effect.succeed(principal)
    )
  }

  const nobody = (visitor: Visitor): Unauthenticated =>
    visitor.apiKey === undefined && visitor.bearer === undefined
      ? new Unauthenticated("Credentials are needed, and none were shown", false, schemes)
      : new Unauthenticated("The credentials are not of a kind that is taken here", true, schemes)

  return (visitor) =>
    Effect.gen(function* () {
      let found = yield* byToken(visitor)
      for (const authenticator of authenticators) {
        const answer = yield* asked(authenticator, visitor)
        if (answer === undefined) continue
        // Whose limits would count, and whom would the audit log name?
        if (found !== undefined) return yield* new Unauthenticated("Several credentials were shown; send one", true)
        found = answer
      }
      return found ?? (yield* nobody(visitor))
    }).pipe(
      Effect.catchTag("Unauthenticated", ({ message, isInvalid }) =>
        Effect.fail(new Unauthenticated(message, isInvalid, schemes))
      )
    )
}

/** What an authenticator answers, as far as it is an answer. */
const asked = (authenticator: Authenticator, visitor: Visitor): Effect.Effect<Answer, Rejection> =>
  Effect.suspend(() => {
    const answer = authenticator.authenticate(visitor)
    if (Effect.isEffect(answer)) return answer
    return Predicate.isPromiseLike(answer)
      ? Effect.tryPromise({ try: () => answer, catch: (error) => error as Rejection })
      : Effect.succeed(answer)
  }).pipe(
    Effect.timeoutOrElse({ duration: ANSWER_MILLIS, orElse: () => Effect.die("It did not answer in time") }),
    Effect.tap((answer) => (isAnswer(answer) ? Effect.void : Effect.die("Its answer is no principal"))),
    Effect.catchCause((cause) => {
      const failure = Option.getOrUndefined(Cause.findErrorOption(cause))
      if (failure instanceof Unauthenticated || failure instanceof UnknownApiKey) return Effect.fail(failure)
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      return Effect.andThen(
        // The cause may quote the credentials.
        Effect.logError(`The authenticator for ${authenticator.scheme} credentials failed: ${kindOf(cause)}`),
        Effect.fail(new AuthenticatorUnavailable())
      )
    })
  )

/** What went wrong, in words that can't have come with the request. */
const kindOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (error instanceof AuthenticatorUnavailable) return "it is unavailable"
  return typeof error === "string" ? error : error instanceof Error ? `it threw ${error.name}` : "it threw"
}

const isAnswer = (answer: unknown): answer is Answer => answer === undefined || isPrincipal(answer)

const isPrincipal = (value: unknown): value is Principal => {
  if (!Predicate.isObject(value)) return false
  const { id, roles, grants, narrowed } = value as Readonly<Record<keyof Principal, unknown>>
  return (
    typeof id === "string" &&
    id !== "" &&
    Array.isArray(roles) &&
    roles.every((role) => typeof role === "string") &&
    (grants === undefined ||
      (Array.isArray(grants) && grants.every((grant) => invalidGrant("grants", grant) === undefined))) &&
    (narrowed === undefined ||
      (Predicate.isObject(narrowed) && typeof (narrowed as { pipelineId?: unknown }).pipelineId === "string"))
  )
}
