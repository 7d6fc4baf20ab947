/** Authenticates visitors. An authenticator that fails lets no visitor in. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { after } from "../runtime/Eager.ts"
import type { Tokens } from "../store/Tokens.ts"
import { AuthenticatorUnavailable, Unauthenticated, UnknownApiKey } from "../values/AccessErrors.ts"
import type { StoreUnavailable } from "../values/Errors.ts"
import { expiryOf, MAX_PRINCIPAL_NAME, MAX_ROLES, type Principal, type Visitor } from "../values/Principal.ts"
import * as Text from "../values/Text.ts"
import type { Rules } from "./Access.ts"
import { invalidGrant } from "./Access.ts"
import type { Answer, Authenticator, Rejection } from "./Authenticator.ts"

/** How long an authenticator, or a replaced service, may take to answer, in milliseconds. */
const ANSWER_MILLIS = 5_000

/** Why a visitor can't be authenticated. */
export type AuthenticationError = Rejection | StoreUnavailable

/** Makes the function that gives the principal of a visitor. */
export const make = (
  { authenticators, tokens: maker }: Pick<Rules, "authenticators" | "tokens">,
  tokens: Tokens,
  clock: Clock.Clock
): ((visitor: Visitor) => Effect.Effect<Principal, AuthenticationError>) => {
  const tokenSchemes = maker === undefined ? [] : ["Bearer"]
  const schemes = [...new Set([...authenticators.map(({ scheme }) => scheme), ...tokenSchemes])]
  const refuse = (why: string, isInvalid: boolean) => Effect.fail(new Unauthenticated(why, isInvalid, schemes))

  const byToken = (visitor: Visitor): Effect.Effect<Answer, AuthenticationError> => {
    const digest = maker === undefined || visitor.bearer === undefined ? undefined : maker.digest(visitor.bearer)
    if (digest === undefined) return Exit.succeed(undefined)
    return Effect.flatMap(tokens.get(digest), (principal) =>
      principal === undefined ? refuse("The token is unknown or has expired", true) : Effect.succeed(principal)
    )
  }

  const unknown = (visitor: Visitor) =>
    visitor.apiKey === undefined && visitor.bearer === undefined
      ? refuse("Credentials are required, and the request has none", false)
      : refuse("This server does not accept credentials of this kind", true)

  /**
   * Asks the authenticators from index `at` on. Asks all of them, because two matches are refused: the request could not be
   * counted for one of them.
   */
  const from = (
    at: number,
    visitor: Visitor,
    found: Answer,
    nowMillis: number
  ): Effect.Effect<Principal, AuthenticationError> => {
    const authenticator = authenticators[at]
    if (authenticator === undefined) {
      if (found === undefined) return unknown(visitor)
      return expiryOf(found) > nowMillis ? Exit.succeed(found) : refuse("The credentials have expired", true)
    }
    return after(ask(authenticator, visitor, nowMillis, schemes), (answer) => {
      if (answer !== undefined && found !== undefined) {
        return refuse("The request has more than one kind of credentials; send one", true)
      }
      return from(at + 1, visitor, answer === undefined ? found : withScheme(authenticator, answer), nowMillis)
    })
  }

  return (visitor) => after(byToken(visitor), (found) => from(0, visitor, found, clock.currentTimeMillisUnsafe()))
}

/**
 * Adds the scheme to a principal's id, because two authenticators may use one id for different principals. Copies each
 * member by name, because a spread copies no getters.
 */
const withScheme = (
  { scheme }: Authenticator,
  { id, roles, grants, narrowed, expiresAtMillis }: Principal
): Principal => ({ id: `${scheme}:${id}`, roles, grants, narrowed, expiresAtMillis })

/** The checked answer of an authenticator. Synchronous when the authenticator is. */
const ask = (
  authenticator: Authenticator,
  visitor: Visitor,
  nowMillis: number,
  schemes: ReadonlyArray<string>
): Effect.Effect<Answer, Rejection> => {
  let answer: ReturnType<Authenticator["authenticate"]>
  try {
    answer = authenticator.authenticate(visitor, nowMillis)
  } catch (error) {
    return reject(authenticator, Cause.die(error), schemes)
  }
  if (isAnswer(answer)) return Exit.succeed(answer)
  const pending = Effect.isEffect(answer)
    ? answer
    : Predicate.isPromiseLike(answer)
      ? Effect.tryPromise({ try: () => answer, catch: (error) => error as Rejection })
      : Exit.die(NO_PRINCIPAL)
  // An Exit needs no time limit.
  return (Exit.isExit(pending) ? pending : Effect.timeoutOrElse(pending, TIME_LIMIT)).pipe(
    Effect.tap((answer) => (isAnswer(answer) ? Effect.void : Effect.die(NO_PRINCIPAL))),
    Effect.catchCause((cause) => reject(authenticator, cause, schemes))
  )
}

/** Why there is no valid answer. Unlike an error, it can't contain credentials. */
export class NoAnswer {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

const NO_PRINCIPAL = new NoAnswer("its answer is not a principal")

/** Options of `Effect.timeoutOrElse`: no answer within 5 seconds is a defect. */
export const TIME_LIMIT: { readonly duration: number; readonly orElse: () => Effect.Effect<never> } = {
  duration: ANSWER_MILLIS,
  orElse: () => Effect.die(new NoAnswer("it did not answer in time"))
}

const reject = (
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

/** A description of a cause for the log. It quotes nothing of the cause, which may contain credentials. */
export const kindOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (error instanceof AuthenticatorUnavailable) return "it is unavailable"
  return error instanceof NoAnswer ? error.why : error instanceof Error ? `it threw ${error.name}` : "it threw"
}

/** Principals that were checked already: an authenticator may return the same object for each request. */
const checked = new WeakSet<object>()

/** Whether a value is a principal or undefined. */
export const isAnswer = (answer: unknown): answer is Answer => {
  if (answer === undefined || checked.has(answer as object)) return true
  const isValid = isPrincipal(answer)
  if (isValid) checked.add(answer)
  return isValid
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
