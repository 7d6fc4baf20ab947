/**
 * Services that a program puts in the place of Levada's, so that access stays closed when one of them fails. A service that
 * throws, does not answer within 5 seconds, or gives an answer of another type lets nobody in: the caller gets
 * `StoreUnavailable`, and the log names the service.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Registry } from "../registry/Registry.ts"
import type { Acls } from "../store/Acls.ts"
import type { AuditLog } from "../store/AuditLog.ts"
import type { RateLimiter, Taken } from "../store/RateLimiter.ts"
import type { Tokens } from "../store/Tokens.ts"
import type { Acl } from "../values/Acl.ts"
import { StoreUnavailable } from "../values/Errors.ts"
import { Failure } from "../values/Failure.ts"
import type { Caller } from "../values/Principal.ts"
import { isAnswer, kindOf, LATE, NoAnswer } from "./Authentication.ts"
import type { Authorizer } from "./Authorizer.ts"
import type { Guard } from "./Guard.ts"

const ANOTHER_TYPE = new NoAnswer("its answer has another type")

/** What a service gives, as an Effect: no handler would see that a fiber was given something else. */
const asked = <A, E>(ask: () => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const given = ask()
    return Effect.isEffect(given) ? given : Effect.die(ANOTHER_TYPE)
  })

/** What a service answers in time, provided that the answer is of its type. */
const answer = <A, E>(
  service: string,
  ask: () => Effect.Effect<A, E>,
  isFit: (answer: A) => boolean
): Effect.Effect<A, E | StoreUnavailable> => checked(service, Effect.timeoutOrElse(asked(ask), LATE), isFit)

const checked = <A, E>(
  service: string,
  answering: Effect.Effect<A, E>,
  isFit: (answer: A) => boolean
): Effect.Effect<A, E | StoreUnavailable> =>
  answering.pipe(
    Effect.tap((given) => (isFit(given) ? Effect.void : Effect.die(ANOTHER_TYPE))),
    Effect.catchCause((cause): Effect.Effect<never, E | StoreUnavailable> => {
      const failure = Option.getOrUndefined(Cause.findErrorOption(cause))
      if (failure instanceof Failure || Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      return Effect.andThen(
        // The cause may quote credentials.
        Effect.logError(`The ${service} of this program failed: ${kindOf(cause)}`),
        Effect.fail(new StoreUnavailable(`The ${service} does not work at the moment; try again soon`))
      )
    })
  )

const anything = (): boolean => true
const isNothing = (value: unknown): boolean => value === undefined

/** A rate limiter that lets nobody pass when it fails. */
export const rateLimiter = (own: RateLimiter): RateLimiter => ({
  take: (key, rate) => answer("RateLimiter", () => own.take(key, rate), isTaken)
})

const isTaken = (value: Taken): boolean =>
  Predicate.isObject(value) &&
  typeof value.isAllowed === "boolean" &&
  Number.isFinite(value.remaining) &&
  Number.isFinite(value.resetMillis)

/** An audit log without which nothing is done. */
export const auditLog = (own: AuditLog): AuditLog => ({
  append: (record) => answer("AuditLog", () => own.append(record), anything),
  list: (request) => answer("AuditLog", () => own.list(request), isList)
})

const isList = (value: { readonly records: ReadonlyArray<unknown> }): boolean =>
  Predicate.isObject(value) && Array.isArray(value.records)

/** ACLs without which nobody may do anything. */
export const acls = (own: Acls): Acls => ({
  get list() {
    return answer("Acls", () => own.list, isMap)
  },
  put: (pipelineId, acl) => answer("Acls", () => own.put(pipelineId, acl), anything),
  remove: (pipelineId) => answer("Acls", () => own.remove(pipelineId), anything),
  // It waits for as long as nothing changes.
  get changed() {
    return checked(
      "Acls",
      asked(() => own.changed),
      anything
    )
  }
})

const isMap = (value: ReadonlyMap<string, Acl>): boolean => value instanceof Map

/** Tokens that stand for nobody when they can't be looked up. */
export const tokens = (own: Tokens): Tokens => ({
  put: (digest, principal, ttlMillis) => answer("Tokens", () => own.put(digest, principal, ttlMillis), anything),
  get: (digest) => answer("Tokens", () => own.get(digest), isAnswer)
})

/** An authorizer that says yes only with `true`. What it throws is a defect of the operation that asked. */
export const authorizer = (own: Authorizer): Authorizer => ({
  get isReady() {
    return isTrue(own.isReady)
  },
  may: (principal, permission, on, runId) => isTrue(own.may(principal, permission, on, runId)),
  hides: (principal, permission, pipelineId) => isTrue(own.hides(principal, permission, pipelineId)),
  seesAll: (principal) => isTrue(own.seesAll(principal)),
  acl: (pipelineId) => own.acl(pipelineId),
  put: (pipelineId, acl) => answer("Authorizer", () => own.put(pipelineId, acl), anything),
  remove: (pipelineId) => answer("Authorizer", () => own.remove(pipelineId), anything)
})

/** In JavaScript it may be a Promise, which is no yes. */
const isTrue = (value: unknown): boolean => value === true

/** A guard that lets nobody in when it fails. */
export const guard = (own: Guard): Guard => ({
  enter: (visitor, permission) => answer("Guard", () => own.enter(visitor, permission), isCaller),
  check: (caller, wish) => answer("Guard", () => own.check(caller, wish), isNothing),
  may: (caller, wish) => isTrue(own.may(caller, wish)),
  seesAll: (caller) => isTrue(own.seesAll(caller)),
  acls: own.acls,
  strangers: () => own.strangers(),
  tokens: own.tokens
})

const isCaller = (value: Caller): boolean =>
  Predicate.isObject(value) &&
  value.principal !== undefined &&
  isAnswer(value.principal) &&
  Predicate.isObject(value.origin)

/** A registry: what it throws is a defect of the operation that asked. */
export const registry = (own: Registry): Registry => ({
  find: (pipelineId) => asked(() => own.find(pipelineId)),
  get list() {
    return asked(() => own.list)
  },
  register: (definition, usable) => asked(() => own.register(definition, usable)),
  remove: (pipelineId) => asked(() => own.remove(pipelineId)),
  get ids() {
    return own.ids
  },
  get versions() {
    return own.versions
  },
  onGrowth: (listener) => own.onGrowth(listener),
  executable: (pipelineId, version) => own.executable(pipelineId, version)
})
