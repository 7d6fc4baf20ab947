/**
 * The one place that says whether a caller may do a thing, in one order: encryption, authentication, limit by address (of
 * known principals, and apart from these, of strangers); then, for each operation, authorisation, limit by principal, audit.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { after } from "../runtime/Eager.ts"
import type { NewRecord } from "../store/AuditLog.ts"
import type { Taken } from "../store/RateLimiter.ts"
import { Store } from "../store/Store.ts"
import type { TokenMaker } from "../store/Tokens.ts"
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
import * as Authorizer from "./Authorizer.ts"
import { ownerOf, type Stranger, Strangers } from "./Strangers.ts"

/** Why a visitor is not let in. */
export type EntryError = HttpsRequired | RateLimited | Authentication.AuthenticationError

/** Why a caller may not do a thing. */
export type GuardError = AccessDenied | PipelineNotFound | RateLimited | StoreUnavailable

/** What a caller wants to do, and to what. */
export interface Wish {
  readonly permission: Permission
  /** Default: any one, or the server as a whole when `isOfAll`. */
  readonly pipelineId?: string | undefined
  readonly runId?: string | undefined
  readonly isOfAll?: boolean
}

/** Says whether somebody may do a thing. */
export interface Guard {
  /** Finds who a visitor is that wants to do something of that kind. */
  readonly enter: (visitor: Visitor, permission: Permission) => Effect.Effect<Caller, EntryError>
  /** Once for each operation, before it is done. A pipeline that an ACL hides from the caller is `PipelineNotFound`. */
  readonly check: (caller: Caller, wish: Wish) => Effect.Effect<void, GuardError>
  /** The same question without count and record: for what a list shows. */
  readonly may: (caller: Caller, wish: Wish) => boolean
  /** Whether the caller may administer all, and no ACL hides a pipeline from it: then ids tell it nothing that it may not know. */
  readonly seesAll: (caller: Caller) => boolean
  /** The ACLs of pipelines; nothing where access is open. */
  readonly acls: Pick<Authorizer.Authorizer, "acl" | "put" | "remove"> | undefined
  /** The addresses of callers without valid credentials that this process has denied, the latest first. */
  readonly strangers: () => ReadonlyArray<Stranger>
  /** Makes tokens, where they are given out. */
  readonly tokens: TokenMaker | undefined
}

/** The key of the Guard service. */
export const Guard: Context.Service<Guard, Guard> = Context.Service<Guard>("levada/Guard")

/**
 * Something that has an id of its own and belongs to a pipeline, provided that the caller may do that with it. Whoever may
 * not even read that pipeline is told what they would be told if there were nothing, and it costs them as much.
 */
export const sought = <A extends { readonly pipelineId: string }, E, N extends object>(
  guard: Guard,
  caller: Caller,
  permission: Permission,
  find: Effect.Effect<A, E | N>,
  absent: N,
  runId?: string
): Effect.Effect<A, E | N | GuardError> => {
  if (!guard.may(caller, { permission })) {
    // Nobody learns what there is who may do nothing of the kind.
    return Effect.andThen(guard.check(caller, { permission, runId }), Effect.fail(absent))
  }
  const noted = Effect.andThen(guard.check(caller, { permission, runId }), Effect.fail(absent))
  return Effect.matchEffect(find, {
    onFailure: (failure): Effect.Effect<never, E | N | GuardError> =>
      failure instanceof absent.constructor ? noted : Effect.fail(failure),
    onSuccess: (item): Effect.Effect<A, N | GuardError> => {
      const { pipelineId } = item
      const wish = { permission, pipelineId, runId }
      const isSeen = guard.may(caller, wish) || guard.may(caller, { ...wish, permission: "read" })
      const checked = guard.check(caller, wish)
      if (isSeen) return after(checked, () => Effect.succeed(item))
      // What was counted already is not counted again.
      return Effect.catch(checked, (failure) =>
        failure._tag === "AccessDenied" ? noted : Effect.fail(failure._tag === "PipelineNotFound" ? absent : failure)
      ) as Effect.Effect<never, N | GuardError>
    }
  })
}

/** The guard of an access choice. An ACL for none of these pipelines, or with a role that nobody has, is warned of. */
export const layer = (access: Access, pipelines: ReadonlyArray<string> = []): Layer.Layer<Guard, never, Store> =>
  access._tag === "Open"
    ? Layer.succeed(Guard, openGuard)
    : Layer.effect(
        Guard,
        Effect.andThen(
          warn(access, pipelines),
          Effect.flatMap(Store, (store) => secured(access, store))
        )
      )

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

const secured = (rules: Rules, store: Store): Effect.Effect<Guard, never, Scope.Scope> =>
  Effect.gen(function* () {
    const authorizer = yield* Authorizer.make(rules, store)
    const clock = yield* Clock.Clock
    const authenticate = Authentication.make(rules, store, clock)
    const strangers = new Strangers(clock)

    const record = (record: NewRecord): Effect.Effect<void, StoreUnavailable> =>
      Effect.andThen(store.audit.append(record), log(record))

    /** It is refused anyway, whether or not that can be recorded. */
    const denied =
      (about: Origin, wish: Wish, principal?: Principal) =>
      (failure: { readonly _tag: string }): Effect.Effect<void> =>
        Effect.ignore(record(recordOf(about, wish, "denied", principal, failure._tag)))

    /** Takes a permit, and tells the caller what is left. */
    const take = (
      rate: Rate,
      whose: "address" | "principal",
      name: string,
      permission: Permission,
      caller?: Caller
    ): Effect.Effect<void, RateLimited | StoreUnavailable> =>
      Effect.flatMap(store.limiter.take(`${whose}:${permission}:${name}`, rate), (taken) => {
        const quota = quotaOf(permission, rate, taken)
        if (caller !== undefined) caller.quota = quota
        return taken.isAllowed ? Effect.void : Effect.fail(new RateLimited(whose, quota))
      })

    /** Counted apart from known principals, who may be behind the same address. */
    const refused = (
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

    const known = (visitor: Visitor, permission: Permission): Effect.Effect<Caller, EntryError> => {
      if (rules.requireHttps && !visitor.secure) return refused(visitor, permission, new HttpsRequired())
      const rate = rules.limitsByAddress.get(permission)
      return after(
        Effect.catch(authenticate(visitor), (failure) => refused(visitor, permission, failure)),
        (principal): Effect.Effect<Caller, EntryError> => {
          const caller = { principal, origin: visitor }
          if (rate === undefined) return Effect.succeed(caller)
          const taken = take(rate, "address", ownerOf(visitor), permission)
          return Effect.as(Effect.tapError(taken, denied(visitor, { permission }, principal)), caller)
        }
      )
    }

    return {
      acls: authorizer,
      tokens: rules.tokens,
      strangers: () => strangers.list,
      enter: (visitor, permission) => Effect.suspend(() => known(visitor, permission)),
      check: (caller, wish) => {
        // The program itself is asked for nothing.
        if (caller === host) return Exit.void
        const { principal, origin } = caller
        const { permission, pipelineId, runId } = wish
        const on = extentOf(wish)
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
          if (authorizer.may(principal, permission, on, runId)) {
            return Effect.andThen(counted, record(recordOf(origin, wish, "allowed", principal)))
          }
          const refused = new AccessDenied(principal, permission, pipelineId)
          if (pipelineId === undefined || !authorizer.hides(principal, permission, pipelineId)) return refuse(refused)
          // As it goes where there is none: counted, looked for and not found. The record says what it was.
          return counted.pipe(
            Effect.andThen(denied(origin, wish, principal)(refused)),
            Effect.andThen(Name.isName(pipelineId) ? Effect.asVoid(store.definitions.get(pipelineId)) : Effect.void),
            Effect.andThen(Effect.fail(new PipelineNotFound(pipelineId)))
          )
        })
      },
      may: (caller, wish) =>
        caller === host || authorizer.may(caller.principal, wish.permission, extentOf(wish), wish.runId),
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

/** Nobody gets by on what the ACLs were. */
const ACLS_UNKNOWN = new StoreUnavailable("The Store does not say which ACLs hold; try again soon")

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

/** How much is kept of names that a caller made up. */
const MAX_NAME = 200

/** What was refused stands out; what was only looked at does not. */
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

/** Says which credentials are easy to guess, and which of the ACLs' names mean nothing: a typing error there may keep people out. */
const warn = (rules: Rules, pipelines: ReadonlyArray<string>): Effect.Effect<void> => {
  const areKnown = rules.authenticators.every(({ roles }) => roles !== undefined)
  const known = new Set([...rules.roles.keys(), ...rules.authenticators.flatMap(({ roles = [] }) => roles)])
  const schemes = new Set(rules.authenticators.map(({ scheme }) => scheme))
  const weak = Effect.forEach(weaknesses({ _tag: "Secured", ...rules }), (why) => Effect.logWarning(why), {
    discard: true
  })
  const strangeNames = Effect.forEach(
    rules.acls,
    ([id, acl]) => {
      const strange = areKnown ? Acl.roles(acl).filter((role) => !known.has(role)) : []
      const unknown = [...new Set(Acl.schemes(acl))].filter((scheme) => !schemes.has(scheme))
      return Effect.andThen(
        pipelines.includes(id)
          ? Effect.void
          : Effect.logWarning(
              `The ACL for '${id}' names no pipeline of this program; it holds for one that is registered later`
            ),
        Effect.forEach(
          [
            ...strange.map((role) => `names role '${role}', which nobody has`),
            ...unknown.map((scheme) => `names a principal of the scheme '${scheme}', which no authenticator has`)
          ],
          (what) => Effect.logWarning(`The ACL for '${id}' ${what}`),
          { discard: true }
        )
      )
    },
    { discard: true }
  )
  return Effect.andThen(weak, strangeNames)
}
