/**
 * Wraps the services that replace Levada's, so that access stays closed when one of them fails. When a service throws, does
 * not answer within 5 seconds, or gives an answer of another type, the caller gets `StoreUnavailable` and the log names the
 * service.
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
import { isAnswer, kindOf, NoAnswer, TIME_LIMIT } from "./Authentication.ts"
import type { Authorizer } from "./Authorizer.ts"
import type { Guard } from "./Guard.ts"

const ANOTHER_TYPE = new NoAnswer("its answer has another type")

/** The Effect that a service returns. Any other value is a defect, which the handlers below then see. */
const ask = <A, E>(call: () => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const returned = call()
    return Effect.isEffect(returned) ? returned : Effect.die(ANOTHER_TYPE)
  })

/** The answer of a service, checked, within the time limit. */
const answer = <A, E>(
  service: string,
  call: () => Effect.Effect<A, E>,
  isValid: (answer: A) => boolean
): Effect.Effect<A, E | StoreUnavailable> => checked(service, Effect.timeoutOrElse(ask(call), TIME_LIMIT), isValid)

const checked = <A, E>(
  service: string,
  answering: Effect.Effect<A, E>,
  isValid: (answer: A) => boolean
): Effect.Effect<A, E | StoreUnavailable> =>
  answering.pipe(
    Effect.tap((given) => (isValid(given) ? Effect.void : Effect.die(ANOTHER_TYPE))),
    Effect.catchCause((cause): Effect.Effect<never, E | StoreUnavailable> => {
      const failure = Option.getOrUndefined(Cause.findErrorOption(cause))
      if (failure instanceof Failure || Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      return Effect.andThen(
        // The cause may quote credentials.
        Effect.logError(`The program's own ${service} failed: ${kindOf(cause)}`),
        Effect.fail(new StoreUnavailable("A service of this server does not answer; try again soon"))
      )
    })
  )

const anything = (): boolean => true
const isNothing = (value: unknown): boolean => value === undefined

/** A rate limiter that lets no request pass when it fails. */
export const rateLimiter = (own: RateLimiter): RateLimiter => ({
  take: (key, rate) => answer("RateLimiter", () => own.take(key, rate), isTaken)
})

const isTaken = (value: Taken): boolean =>
  Predicate.isObject(value) &&
  typeof value.isAllowed === "boolean" &&
  Number.isFinite(value.remaining) &&
  Number.isFinite(value.resetMillis)

/** An audit log. When it fails, no operation runs. */
export const auditLog = (own: AuditLog): AuditLog => ({
  append: (record) => answer("AuditLog", () => own.append(record), anything),
  list: (request) => answer("AuditLog", () => own.list(request), isList)
})

const isList = (value: { readonly records: ReadonlyArray<unknown> }): boolean =>
  Predicate.isObject(value) && Array.isArray(value.records)

/** ACLs. When they fail, every operation is refused. */
export const acls = (own: Acls): Acls => ({
  get list() {
    return answer("Acls", () => own.list, isMap)
  },
  put: (pipelineId, acl) => answer("Acls", () => own.put(pipelineId, acl), anything),
  remove: (pipelineId) => answer("Acls", () => own.remove(pipelineId), anything),
  // Has no time limit: it waits until an ACL changes.
  get changed() {
    return checked(
      "Acls",
      ask(() => own.changed),
      anything
    )
  }
})

const isMap = (value: ReadonlyMap<string, Acl>): boolean => value instanceof Map

/** Tokens. When they fail, no token authenticates. */
export const tokens = (own: Tokens): Tokens => ({
  put: (digest, principal, ttlMillis) => answer("Tokens", () => own.put(digest, principal, ttlMillis), anything),
  get: (digest) => answer("Tokens", () => own.get(digest), isAnswer)
})

/** An authorizer. Only `true` counts as yes. An error that it throws is a defect of the operation. */
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

/** A JavaScript program may return a Promise, which must not count as yes. */
const isTrue = (value: unknown): boolean => value === true

/** A guard that lets no caller in when it fails. */
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

/** A registry. An error that it throws is a defect of the operation. */
export const registry = (own: Registry): Registry => ({
  find: (pipelineId) => ask(() => own.find(pipelineId)),
  get list() {
    return ask(() => own.list)
  },
  register: (definition, usable) => ask(() => own.register(definition, usable)),
  remove: (pipelineId) => ask(() => own.remove(pipelineId)),
  get ids() {
    return own.ids
  },
  get versions() {
    return own.versions
  },
  onGrowth: (listener) => own.onGrowth(listener),
  executable: (pipelineId, version) => own.executable(pipelineId, version)
})
