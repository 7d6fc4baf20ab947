/** What a caller may ask for about access itself: ACLs, tokens, and the audit log. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Guard, type GuardError, sought } from "../access/Guard.ts"
import type { Stranger } from "../access/Strangers.ts"
import type { Registry } from "../registry/Registry.ts"
import type { AuditList, AuditRecord, AuditRequest } from "../store/AuditLog.ts"
import { found, type Store } from "../store/Store.ts"
import * as Tokens from "../store/Tokens.ts"
import { AccessDenied, AccessNotSecured } from "../values/AccessErrors.ts"
import type * as Acl from "../values/Acl.ts"
import { type InvalidOption, type PipelineNotFound, RunNotFound } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Page from "../values/Page.ts"
import { type Caller, expiryOf, type Narrowed } from "../values/Principal.ts"

/** The ACL that holds for a pipeline. */
export interface PipelineAcl {
  readonly pipelineId: string
  /** Undefined where there is none: then grants say all. */
  readonly acl: Acl.Acl | undefined
  /** Where it comes from: set at run time, or in the program's configuration. */
  readonly source: "set" | "configured" | "none"
}

/** A token that was given out. */
export interface Issued {
  /** To be shown as a bearer token. It is told once, and kept nowhere. */
  readonly token: string
  readonly expiresAtMillis: number
  readonly narrowed: Narrowed
}

/** What a token is to be for. */
export type TokenWish = { readonly pipelineId: string } | { readonly runId: string }

/** Operations on access. */
export interface AccessOperations {
  /** The ACL of a pipeline. For those who may administer it, as all that is about ACLs. */
  readonly acl: (caller: Caller, pipelineId: string) => Effect.Effect<PipelineAcl, PipelineNotFound | GuardError>
  /** Sets the ACL of a pipeline, in the place of the one of the configuration, on all servers of the Store. */
  readonly setAcl: (
    caller: Caller,
    pipelineId: string,
    acl: Acl.Acl
  ) => Effect.Effect<PipelineAcl, PipelineNotFound | AccessNotSecured | GuardError>
  /** Forgets the ACL that was set; that of the configuration holds again. */
  readonly removeAcl: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<PipelineAcl, PipelineNotFound | AccessNotSecured | GuardError>
  /**
   * Gives out a token that may read one pipeline or one run, and nothing else, for `ttlMillis` (default: 300,000; 1,000 to
   * 3,600,000). It ends earlier when its owner's own credentials do, and when ACLs no longer let its owner read. A token
   * gives out no tokens.
   */
  readonly issueToken: (
    caller: Caller,
    wish: TokenWish,
    ttlMillis?: number
  ) => Effect.Effect<Issued, PipelineNotFound | RunNotFound | InvalidOption | AccessNotSecured | GuardError>
  /**
   * Records of the audit log, newest first, at most 1,000 at once: those about pipelines that there are and the caller may
   * administer, and the others for callers who may administer all and from whom no ACL hides a pipeline.
   */
  readonly auditRecords: (
    caller: Caller,
    request: AuditRequest
  ) => Effect.Effect<AuditAnswer, InvalidOption | GuardError>
}

/** Records, and for callers who may administer all, the strangers of this process. */
export interface AuditAnswer extends AuditList {
  readonly strangers: ReadonlyArray<Stranger>
}

/** The longest list of records. */
const MAX_LIST = 1_000

/** The operations over a Store, a Registry and a Guard. */
export const make = (store: Store, registry: Registry, guard: Guard): AccessOperations => {
  const { acls, tokens } = guard

  const shown = (pipelineId: string): PipelineAcl => {
    const { acl, isOwn } = acls?.acl(pipelineId) ?? { acl: undefined, isOwn: false }
    return { pipelineId, acl, source: isOwn ? "set" : acl === undefined ? "none" : "configured" }
  }

  const administrated = (caller: Caller, pipelineId: string) =>
    Effect.andThen(guard.check(caller, { permission: "admin", pipelineId }), registry.find(pipelineId))

  const changing = (
    caller: Caller,
    pipelineId: string,
    change: (own: NonNullable<Guard["acls"]>) => Effect.Effect<void, GuardError>
  ): Effect.Effect<PipelineAcl, PipelineNotFound | AccessNotSecured | GuardError> =>
    Effect.flatMap(
      administrated(caller, pipelineId),
      (): Effect.Effect<PipelineAcl, AccessNotSecured | GuardError> =>
        acls === undefined
          ? Effect.fail(new AccessNotSecured("ACLs mean nothing where access is open"))
          : Effect.map(change(acls), () => shown(pipelineId))
    )

  const narrowing = (
    caller: Caller,
    wish: TokenWish
  ): Effect.Effect<Narrowed, PipelineNotFound | RunNotFound | GuardError> => {
    if ("runId" in wish) {
      const { runId } = wish
      const run = sought(guard, caller, "read", found(store, runId), new RunNotFound(runId), runId)
      return Effect.map(run, ({ pipelineId }) => ({ pipelineId, runId }))
    }
    const { pipelineId } = wish
    return Effect.as(
      Effect.andThen(guard.check(caller, { permission: "read", pipelineId }), registry.find(pipelineId)),
      { pipelineId }
    )
  }

  return {
    acl: (caller, pipelineId) => Effect.map(administrated(caller, pipelineId), () => shown(pipelineId)),
    setAcl: (caller, pipelineId, acl) => changing(caller, pipelineId, (own) => own.put(pipelineId, acl)),
    removeAcl: (caller, pipelineId) => changing(caller, pipelineId, (own) => own.remove(pipelineId)),
    issueToken: (caller, wish, ttlMillis = Tokens.DEFAULT_MILLIS) =>
      Effect.gen(function* () {
        const { principal } = caller
        if (principal.narrowed !== undefined) return yield* new AccessDenied(principal, "read", undefined)
        const narrowed = yield* narrowing(caller, wish)
        if (tokens === undefined) return yield* new AccessNotSecured("This server gives out no tokens")
        const mistake = OptionCheck.number("ttlMillis", ttlMillis, 1_000, Tokens.MAX_MILLIS)
        if (mistake !== undefined) return yield* mistake
        const { token, digest } = tokens.make()
        const now = yield* Clock.currentTimeMillis
        const expiresAtMillis = Math.min(now + ttlMillis, expiryOf(principal))
        const leftMillis = OptionCheck.whole(Math.max(1, expiresAtMillis - now))
        // Member by member: an authenticator may give an instance of a class, whose getters no spread copies.
        const { id, roles, grants } = principal
        yield* store.tokens.put(digest, { id, roles, grants, narrowed, expiresAtMillis }, leftMillis)
        return { token, narrowed, expiresAtMillis }
      }),
    auditRecords: (caller, request) => {
      const { pipelineId } = request
      const mistake = OptionCheck.integer("limit", request.limit, 1, MAX_LIST)
      const isOverAll = guard.may(caller, { permission: "admin", isOfAll: true })
      const seesAll = guard.seesAll(caller)
      // To other admins, a pipeline that is not there is like one that an ACL hides: what was asked of it is not shown.
      const may = ({ pipelineId: id }: AuditRecord) =>
        guard.may(caller, { permission: "admin", pipelineId: id, isOfAll: true }) &&
        (seesAll || (id !== undefined && registry.ids.has(id)))
      const page = () =>
        Page.filtered(
          (part: AuditRequest) =>
            Effect.map(store.audit.list(part), ({ records, nextCursor }) => ({ items: records, nextCursor })),
          request,
          may
        )
      return Effect.map(
        Page.ifPermitted(guard.check(caller, { permission: "admin", pipelineId, isOfAll: true }), page, mistake),
        ({ items, nextCursor }) => ({ records: items, nextCursor, strangers: isOverAll ? guard.strangers() : [] })
      )
    }
  }
}
