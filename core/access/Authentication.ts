/** Asks the authenticators who a visitor is. Whatever goes wrong with one, nobody gets in by it. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { after } from "../runtime/Eager.ts"
import type { Store } from "../store/Store.ts"
import { AuthenticatorUnavailable, Unauthenticated, UnknownApiKey } from "../values/AccessErrors.ts"
import type { StoreUnavailable } from "../values/Errors.ts"
import { expiryOf, MAX_PRINCIPAL_NAME, MAX_ROLES, type Principal, type Visitor } from "../values/Principal.ts"
import * as Text from "../values/Text.ts"
import type { Rules } from "./Access.ts"
import { invalidGrant } from "./Access.ts"
import type { Answer, Authenticator, Rejection } from "./Authenticator.ts"

/** How long an authenticator may take, in milliseconds. */
const ANSWER_MILLIS = 5_000

/** Why nobody is let in. */
export type AuthenticationError = Rejection | StoreUnavailable

/** Finds who a visitor is. */
export const make = (
  { authenticators, tokens }: Pick<Rules, "authenticators" | "tokens">,
  store: Store,
  clock: Clock.Clock
): ((visitor: Visitor) => Effect.Effect<Principal, AuthenticationError>) => {
  const own = tokens === undefined ? [] : ["Bearer"]
  const schemes = [...new Set([...authenticators.map(({ scheme }) => scheme), ...own])]
  const refuse = (why: string, isInvalid: boolean) => Effect.fail(new Unauthenticated(why, isInvalid, schemes))

  const byToken = (visitor: Visitor): Effect.Effect<Answer, AuthenticationError> => {
    const digest = tokens === undefined || visitor.bearer === undefined ? undefined : tokens.digest(visitor.bearer)
    if (digest === undefined) return Exit.succeed(undefined)
    return Effect.flatMap(store.tokens.get(digest), (principal) =>
      principal === undefined ? refuse("The token is unknown or has expired", true) : Effect.succeed(principal)
    )
  }

  const nobody = (visitor: Visitor) =>
    visitor.apiKey === undefined && visitor.bearer === undefined
      ? refuse("Credentials are needed, and none were shown", false)
      : refuse("The credentials are not of a kind that is taken here", true)

  /** What the authenticators from that place on say. All are asked: whose limits would count, if two knew somebody? */
  const from = (
    at: number,
    visitor: Visitor,
    found: Answer,
    nowMillis: number
  ): Effect.Effect<Principal, AuthenticationError> => {
    const authenticator = authenticators[at]
    if (authenticator === undefined) {
      if (found === undefined) return nobody(visitor)
      return expiryOf(found) > nowMillis ? Exit.succeed(found) : refuse("The credentials have expired", true)
    }
    return after(asked(authenticator, visitor, nowMillis, schemes), (answer) => {
      if (answer !== undefined && found !== undefined) return refuse("Several credentials were shown; send one", true)
      return from(at + 1, visitor, answer === undefined ? found : qualified(authenticator, answer), nowMillis)
    })
  }

  return (visitor) => after(byToken(visitor), (found) => from(0, visitor, found, clock.currentTimeMillisUnsafe()))
}

/** Two authenticators may know different principals by one id. Member by member, because a spread copies no getters. */
const qualified = (
  { scheme }: Authenticator,
  { id, roles, grants, narrowed, expiresAtMillis }: Principal
): Principal => ({ id: `${scheme}:${id}`, roles, grants, narrowed, expiresAtMillis })

/** What an authenticator answers, as far as it is an answer; at once, where it is there at once. */
const asked = (
  authenticator: Authenticator,
  visitor: Visitor,
  nowMillis: number,
  schemes: ReadonlyArray<string>
): Effect.Effect<Answer, Rejection> => {
  let answer: ReturnType<Authenticator["authenticate"]>
  try {
    answer = authenticator.authenticate(visitor, nowMillis)
  } catch (error) {
    return rejected(authenticator, Cause.die(error), schemes)
  }
  if (isAnswer(answer)) return Exit.succeed(answer)
  const coming = Effect.isEffect(answer)
    ? answer
    : Predicate.isPromiseLike(answer)
      ? Effect.tryPromise({ try: () => answer, catch: (error) => error as Rejection })
      : Exit.die(NO_PRINCIPAL)
  // A failure that is there at once needs no time limit.
  return (Exit.isExit(coming) ? coming : Effect.timeoutOrElse(coming, LATE)).pipe(
    Effect.tap((late) => (isAnswer(late) ? Effect.void : Effect.die(NO_PRINCIPAL))),
    Effect.catchCause((cause) => rejected(authenticator, cause, schemes))
  )
}

const NO_PRINCIPAL = "Its answer is no principal"
const LATE = { duration: ANSWER_MILLIS, orElse: () => Effect.die("It did not answer in time") } as const

const rejected = (
  { scheme }: Authenticator,
  cause: Cause.Cause<Rejection>,
  schemes: ReadonlyArray<string>
): Effect.Effect<never, Rejection> => {
  const failure = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (failure instanceof UnknownApiKey) return Effect.fail(failure)
  if (failure instanceof Unauthenticated) {
    return Effect.fail(new Unauthenticated(failure.message, failure.isInvalid, schemes))
  }
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
  return Effect.andThen(
    // The cause may quote the credentials.
    Effect.logError(`The authenticator for ${scheme} credentials failed: ${kindOf(cause)}`),
    Effect.fail(new AuthenticatorUnavailable())
  )
}

/** What went wrong, in words that can't have come with the request. */
const kindOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (error instanceof AuthenticatorUnavailable) return "it is unavailable"
  return typeof error === "string" ? error : error instanceof Error ? `it threw ${error.name}` : "it threw"
}

/** Principals that were looked at: an authenticator may give the same again and again. */
const known = new WeakSet<object>()

const isAnswer = (answer: unknown): answer is Answer => {
  if (answer === undefined || known.has(answer as object)) return true
  const isFine = isPrincipal(answer)
  if (isFine) known.add(answer)
  return isFine
}

const isPrincipal = (value: unknown): value is Principal => {
  if (!Predicate.isObject(value)) return false
  const { id, roles, grants, narrowed, expiresAtMillis } = value as Readonly<Record<keyof Principal, unknown>>
  return (
    Text.isKey(id, MAX_PRINCIPAL_NAME) &&
    Array.isArray(roles) &&
    roles.length <= MAX_ROLES &&
    roles.every((role) => Text.isKey(role, MAX_PRINCIPAL_NAME)) &&
    (grants === undefined ||
      (Array.isArray(grants) && grants.every((grant) => invalidGrant("grants", grant) === undefined))) &&
    (narrowed === undefined ||
      (Predicate.isObject(narrowed) && typeof (narrowed as { pipelineId?: unknown }).pipelineId === "string")) &&
    (expiresAtMillis === undefined || (typeof expiresAtMillis === "number" && !Number.isNaN(expiresAtMillis)))
  )
}
