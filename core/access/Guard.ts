/**
 * The guard in front of every operation. For each request, in this order: HTTPS, authentication, limit by address (counted
 * apart for callers without valid credentials). Then for each operation: authorisation, limit by principal, audit.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import { after } from "../runtime/Eager.ts"
import { AuditLog, type NewRecord } from "../store/AuditLog.ts"
import { RateLimiter, type Taken } from "../store/RateLimiter.ts"
import { Store } from "../store/Store.ts"
import { type TokenMaker, Tokens } from "../store/Tokens.ts"
import { AccessDenied, HttpsRequired, RateLimited } from "../values/AccessErrors.ts"
import * as Acl from "../values/Acl.ts"
import { PipelineNotFound, StoreUnavailable } from "../values/Errors.ts"
import * as Name from "../values/Name.ts"
import {
  anonymous,
  type Caller,
  type Extent,
  host,
  nobody,
  type Origin,
  type Permission,
  type Principal,
  type Quota,
  type Visitor
} from "../values/Principal.ts"
import type { Rate } from "../values/Rate.ts"
import * as Text from "../values/Text.ts"
import { type Access, type Rules, weaknesses } from "./Access.ts"
import * as Authentication from "./Authentication.ts"
import { Authorizer } from "./Authorizer.ts"
import { countedAddress, type Stranger, Strangers } from "./Strangers.ts"

/** Why a visitor is not let in. */
export type EntryError = HttpsRequired | RateLimited | Authentication.AuthenticationError

/** Why an operation is refused. */
export type GuardError = AccessDenied | PipelineNotFound | RateLimited | StoreUnavailable

/** The operation that a caller requests: its permission and its object. */
export interface Wish {
  readonly permission: Permission
  /** Default: any pipeline, or with `isOfAll` all pipelines and the server itself. */
  readonly pipelineId?: string | undefined
  readonly runId?: string | undefined
  readonly isOfAll?: boolean
  /** Whether it is about the caller alone: every authenticated caller may do it, with or without the permission. */
  readonly isOfSelf?: boolean
}

/** Decides whether a caller may do an operation. */
export interface Guard {
  /** Authenticates a visitor and counts its request. `permission` is what its operation requires. */
  readonly enter: (visitor: Visitor, permission: Permission) => Effect.Effect<Caller, EntryError>
  /**
   * Authorises, counts and records an operation. Called once, before the operation. Fails with `PipelineNotFound` for a
   * pipeline that an ACL hides from the caller.
   */
  readonly check: (caller: Caller, wish: Wish) => Effect.Effect<void, GuardError>
  /** Whether the caller may do it. Counts and records nothing; for the items of a list. */
  readonly may: (caller: Caller, wish: Wish) => boolean
  /** Whether the caller may administer all pipelines and no ACL hides one from it, so that no id has to be kept from it. */
  readonly seesAll: (caller: Caller) => boolean
  /** The ACLs of pipelines; undefined with open access. */
  readonly acls: Pick<Authorizer, "acl" | "put" | "remove"> | undefined
  /** The addresses whose requests without valid credentials this process has denied, the latest first. */
  readonly strangers: () => ReadonlyArray<Stranger>
  /** Makes tokens; undefined when the server issues none. */
  readonly tokens: TokenMaker | undefined
}

/** The key of the Guard service. */
export const Guard: Context.Service<Guard, Guard> = Context.Service<Guard>("levada/Guard")

/**
 * Loads an object of a pipeline, such as a run, and authorises the caller. A caller that may not even read the pipeline gets
 * the same answer, and is counted the same, as for an absent object: it can't learn that the object exists.
 */
export const sought = <A extends { readonly pipelineId: string }, E, N extends object>(
  guard: Guard,
  caller: Caller,
  permission: Permission,
  find: Effect.Effect<A, E | N>,
  absent: N,
  runId?: string
): Effect.Effect<A, E | N | GuardError> =>
  // A guard that throws fails the effect, not its caller.
  Effect.suspend(() => {
    if (!guard.may(caller, { permission })) {
      // A caller without the permission on any pipeline gets no hint whether the object exists.
      return Effect.andThen(guard.check(caller, { permission, runId }), Effect.fail(absent))
    }
    const countedAsAbsent = Effect.andThen(guard.check(caller, { permission, runId }), Effect.fail(absent))
    return Effect.matchEffect(find, {
      onFailure: (failure): Effect.Effect<never, E | N | GuardError> =>
        failure instanceof absent.constructor ? countedAsAbsent : Effect.fail(failure),
      onSuccess: (item): Effect.Effect<A, N | GuardError> => {
        const { pipelineId } = item
        const wish = { permission, pipelineId, runId }
        const isReadable = guard.may(caller, wish) || guard.may(caller, { ...wish, permission: "read" })
        const checked = guard.check(caller, wish)
        if (isReadable) return after(checked, () => Effect.succeed(item))
        // `AccessDenied` was not counted yet; the other failures need no count.
        return Effect.catch(checked, (failure) =>
          failure._tag === "AccessDenied"
            ? countedAsAbsent
            : Effect.fail(failure._tag === "PipelineNotFound" ? absent : failure)
        ) as Effect.Effect<never, N | GuardError>
      }
    })
  })

/**
 * The guard of an access choice. At start, the log warns of ACLs for other pipelines than these, and of ACLs with unknown
 * roles or schemes.
 */
export const layer = (
  access: Access,
  pipelines: ReadonlyArray<string> = []
): Layer.Layer<Guard, never, Store | Authorizer | RateLimiter | AuditLog | Tokens> =>
  access._tag === "Open"
    ? Layer.succeed(Guard, openGuard)
    : Layer.effect(Guard, Effect.andThen(warn(access, pipelines), secured(access)))

const openGuard: Guard = {
  enter: (visitor) => Exit.succeed({ principal: anonymous, origin: visitor }),
  check: (caller, { permission, pipelineId }) =>
    caller === nobody ? Exit.fail(new AccessDenied(caller.principal, permission, pipelineId)) : Exit.void,
  may: (caller) => caller !== nobody,
  seesAll: (caller) => caller !== nobody,
  acls: undefined,
  strangers: () => [],
  tokens: undefined
}

const secured = (rules: Rules): Effect.Effect<Guard, never, Store | Authorizer | RateLimiter | AuditLog | Tokens> =>
  Effect.gen(function* () {
    const { definitions } = yield* Store
    const authorizer = yield* Authorizer
    const limiter = yield* RateLimiter
    const audit = yield* AuditLog
    const clock = yield* Clock.Clock
    const authenticate = Authentication.make(rules, yield* Tokens, clock)
    const strangers = new Strangers(clock)

    const record = (record: NewRecord): Effect.Effect<void, StoreUnavailable> =>
      Effect.andThen(audit.append(record), log(record))

    /** Records a denial. Ignores a failing audit log, because the request is refused anyway. */
    const denied =
      (about: Origin, wish: Wish, principal?: Principal) =>
      (failure: { readonly _tag: string }): Effect.Effect<void> =>
        Effect.ignore(record(recordOf(about, wish, "denied", principal, failure._tag)))

    /** Takes a permit, and sets the caller's quota. */
    const take = (
      rate: Rate,
      counted: "address" | "principal",
      name: string,
      permission: Permission,
      caller?: Caller
    ): Effect.Effect<void, RateLimited | StoreUnavailable> =>
      Effect.flatMap(limiter.take(`${counted}:${permission}:${name}`, rate), (taken) => {
        const quota = quotaOf(permission, rate, taken)
        if (caller !== undefined) caller.quota = quota
        return taken.isAllowed ? Effect.void : Effect.fail(new RateLimited(counted, quota))
      })

    /** Refuses a visitor. Requests without valid credentials are counted apart from principals behind the same address. */
    const refuseVisitor = (
      visitor: Visitor,
      permission: Permission,
      failure: EntryError
    ): Effect.Effect<never, EntryError> => {
      const isUnproven = failure._tag === "Unauthenticated" || failure._tag === "UnknownApiKey"
      const rate = rules.limitsByAddress.get(permission) ?? rules.failuresByAddress
      const answer: Effect.Effect<never, EntryError> = isUnproven
        ? Effect.flatMap(strangers.take(visitor, permission, rate), (taken) =>
            Effect.fail(taken.isAllowed ? failure : new RateLimited("address", quotaOf(permission, rate, taken)))
          )
        : Effect.fail(failure)
      return Effect.andThen(strangers.denied(visitor, failure._tag), answer)
    }

    const enter = (visitor: Visitor, permission: Permission): Effect.Effect<Caller, EntryError> => {
      if (rules.requireHttps && !visitor.secure) return refuseVisitor(visitor, permission, new HttpsRequired())
      const rate = rules.limitsByAddress.get(permission)
      return after(
        Effect.catch(authenticate(visitor), (failure) => refuseVisitor(visitor, permission, failure)),
        (principal): Effect.Effect<Caller, EntryError> => {
          const caller = { principal, origin: visitor }
          if (rate === undefined) return Effect.succeed(caller)
          const taken = take(rate, "address", countedAddress(visitor), permission)
          return Effect.as(Effect.tapError(taken, denied(visitor, { permission }, principal)), caller)
        }
      )
    }

    const may = ({ principal }: Caller, wish: Wish): boolean =>
      wish.isOfSelf === true || authorizer.may(principal, wish.permission, extentOf(wish), wish.runId)

    return {
      acls: authorizer,
      tokens: rules.tokens,
      strangers: () => strangers.list,
      enter: (visitor, permission) => Effect.suspend(() => enter(visitor, permission)),
      check: (caller, wish) => {
        // The host program may do everything. Nothing is counted or recorded for it.
        if (caller === host) return Exit.void
        const { principal, origin } = caller
        const { permission, pipelineId } = wish
        const refuse = (failure: GuardError) =>
          Effect.andThen(denied(origin, wish, principal)(failure), Effect.fail(failure))
        return Effect.suspend(() => {
          if (!authorizer.isReady) return refuse(ACLS_UNKNOWN)
          const rate = rules.limits.get(permission)
          const counted =
            rate === undefined
              ? Effect.void
              : Effect.tapError(
                  take(rate, "principal", principal.id, permission, caller),
                  denied(origin, wish, principal)
                )
          if (may(caller, wish)) {
            return Effect.andThen(counted, record(recordOf(origin, wish, "allowed", principal)))
          }
          const refused = new AccessDenied(principal, permission, pipelineId)
          if (pipelineId === undefined || !authorizer.hides(principal, permission, pipelineId)) return refuse(refused)
          // The same steps as for an absent pipeline: count, look it up, not found. The record has the real reason.
          return counted.pipe(
            Effect.andThen(denied(origin, wish, principal)(refused)),
            Effect.andThen(Name.isName(pipelineId) ? Effect.asVoid(definitions.get(pipelineId)) : Effect.void),
            Effect.andThen(Effect.fail(new PipelineNotFound(pipelineId)))
          )
        })
      },
      may: (caller, wish) => caller === host || may(caller, wish),
      seesAll: (caller) => caller === host || authorizer.seesAll(caller.principal)
    }
  })

const quotaOf = (
  permission: Permission,
  { permits, periodMillis }: Rate,
  { remaining, resetMillis }: Taken
): Quota => ({ permission, permits, periodMillis, remaining, resetMillis })

const extentOf = ({ pipelineId, isOfAll }: Wish): Extent =>
  pipelineId === undefined ? (isOfAll === true ? "all" : "any") : { pipelineId }

/** While the ACLs are unknown, every operation is refused. */
const ACLS_UNKNOWN = new StoreUnavailable("The ACLs can't be read at the moment; try again soon")

const recordOf = (
  { operation, address, requestId }: Origin,
  { permission, pipelineId, runId }: Wish,
  outcome: NewRecord["outcome"],
  principal: Principal | undefined,
  reason?: string
): NewRecord => ({
  operation,
  permission,
  outcome,
  ...(reason !== undefined && { reason }),
  ...(principal !== undefined && { principal: principal.id, roles: principal.roles }),
  ...(address !== undefined && { address }),
  ...(requestId !== undefined && { requestId }),
  ...(pipelineId !== undefined && { pipelineId: Text.clip(pipelineId, MAX_NAME) }),
  ...(runId !== undefined && { runId: Text.clip(runId, MAX_NAME) })
})

/** How much of an id from a caller is recorded, in UTF-16 units. */
const MAX_NAME = 200

/** Logs a record: denials as warnings, reads as debug messages. */
const log = (record: NewRecord): Effect.Effect<void> => {
  const level = record.outcome === "denied" ? "Warn" : record.permission === "read" ? "Debug" : "Info"
  return Effect.flatMap(ENABLED[level], (isEnabled) =>
    isEnabled
      ? Effect.annotateLogs(Effect.logWithLevel(level)(`audit: ${record.operation} ${record.outcome}`), {
          audit: record
        })
      : Effect.void
  )
}

const ENABLED = {
  Debug: LogLevel.isEnabled("Debug"),
  Info: LogLevel.isEnabled("Info"),
  Warn: LogLevel.isEnabled("Warn")
} as const

/** Warns of credentials that are easy to guess, and of unknown names in ACLs: a misspelt name keeps its owner out. */
const warn = (rules: Rules, pipelines: ReadonlyArray<string>): Effect.Effect<void> => {
  const areRolesKnown = rules.authenticators.every(({ roles }) => roles !== undefined)
  const known = new Set([...rules.roles.keys(), ...rules.authenticators.flatMap(({ roles = [] }) => roles)])
  const schemes = new Set(rules.authenticators.map(({ scheme }) => scheme))
  const weak = Effect.forEach(weaknesses({ _tag: "Secured", ...rules }), (why) => Effect.logWarning(why), {
    discard: true
  })
  const unknownNames = Effect.forEach(
    rules.acls,
    ([id, acl]) => {
      const unknownRoles = areRolesKnown ? Acl.roles(acl).filter((role) => !known.has(role)) : []
      const unknownSchemes = [...new Set(Acl.schemes(acl))].filter((scheme) => !schemes.has(scheme))
      return Effect.andThen(
        pipelines.includes(id)
          ? Effect.void
          : Effect.logWarning(
              `The ACL for '${id}' is for no pipeline of this program; it takes effect if one with this id is registered`
            ),
        Effect.forEach(
          [
            ...unknownRoles.map(
              (role) => `names the role '${role}', which neither access.roles nor any authenticator has`
            ),
            ...unknownSchemes.map((scheme) => `names a principal of the scheme '${scheme}', which no authenticator has`)
          ],
          (what) => Effect.logWarning(`The ACL for '${id}' ${what}`),
          { discard: true }
        )
      )
    },
    { discard: true }
  )
  return Effect.andThen(weak, unknownNames)
}
