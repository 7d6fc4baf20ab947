/** Operations on access itself: ACLs, tokens and the audit log. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Guard, GuardError } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import type { Stranger } from "../access/Strangers.ts"
import type { Registry } from "../registry/Registry.ts"
import type { AuditList, AuditLog, AuditRecord, AuditRequest } from "../store/AuditLog.ts"
import type { Store } from "../store/Store.ts"
import * as Tokens from "../store/Tokens.ts"
import { AccessDenied, AccessNotSecured } from "../values/AccessErrors.ts"
import * as Acl from "../values/Acl.ts"
import { InvalidOption, type PipelineNotFound, type RunNotFound } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Page from "../values/Page.ts"
import { type Caller, expiryOf, type Narrowed } from "../values/Principal.ts"
import * as CallerAccess from "./CallerAccess.ts"

/** The ACL of a pipeline, and its source. */
export interface PipelineAcl {
  readonly pipelineId: string
  /** Undefined when the pipeline has none, so that grants alone decide. */
  readonly acl: Acl.Acl | undefined
  /** `set` at run time, or `configured` by the program. */
  readonly source: "set" | "configured" | "none"
}

/** An issued token. */
export interface Issued {
  /** The bearer token. The server does not keep it: this is the only time that the caller sees it. */
  readonly token: string
  readonly expiresAtMillis: number
  readonly narrowed: Narrowed
}

/** The pipeline or run that a new token may read. */
export type TokenWish = { readonly pipelineId: string } | { readonly runId: string }

/** Operations on access. */
export interface AccessOperations {
  /** Who the caller is, and what it may do. Needs no permission. */
  readonly me: (caller: Caller) => Effect.Effect<CallerAccess.CallerAccess, GuardError>
  /**
   * Checks that the caller may administer all pipelines and the server itself. Gives whether it may administer a single
   * pipeline: the ids of all others are hidden from it.
   */
  readonly administer: (caller: Caller) => Effect.Effect<(pipelineId: string) => boolean, GuardError>
  /** The ACL of a pipeline. Like all operations on ACLs, it needs `admin` on the pipeline. */
  readonly acl: (caller: Caller, pipelineId: string) => Effect.Effect<PipelineAcl, PipelineNotFound | GuardError>
  /** Sets the ACL of a pipeline on all servers of the Store. It replaces the program's ACL. */
  readonly setAcl: (
    caller: Caller,
    pipelineId: string,
    acl: Acl.Acl
  ) => Effect.Effect<PipelineAcl, PipelineNotFound | InvalidOption | AccessNotSecured | GuardError>
  /** Deletes the ACL that was set at run time. The program's ACL applies again. */
  readonly removeAcl: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<PipelineAcl, PipelineNotFound | AccessNotSecured | GuardError>
  /**
   * Issues a token that may only read one pipeline or one run, for `ttlMillis` (default: 300,000; 1,000 to 3,600,000). It
   * expires no later than the caller's credentials, and stops working when ACLs no longer let the caller read. A caller that
   * authenticates with such a token can't issue another one.
   */
  readonly issueToken: (
    caller: Caller,
    wish: TokenWish,
    ttlMillis?: number
  ) => Effect.Effect<Issued, PipelineNotFound | RunNotFound | InvalidOption | AccessNotSecured | GuardError>
  /**
   * Records of the audit log, newest first, at most 1,000 in one page. A caller gets the records about existing pipelines
   * that it may administer. Records about no pipeline or an absent one need `admin` on all pipelines, and that no ACL hides
   * a pipeline from the caller.
   */
  readonly auditRecords: (
    caller: Caller,
    request: AuditRequest
  ) => Effect.Effect<AuditAnswer, InvalidOption | GuardError>
}

/** One page of records; and the strangers of this process, for callers that may administer all pipelines. */
export interface AuditAnswer extends AuditList {
  readonly strangers: ReadonlyArray<Stranger>
}

/** The most records of one page. */
const MAX_LIST = 1_000

/** Makes the operations on access. */
export const make = (
  store: Store,
  registry: Registry,
  guard: Guard,
  audit: AuditLog,
  tokens: Tokens.Tokens
): AccessOperations => {
  const { acls, tokens: maker } = guard

  const aclOf = (pipelineId: string): PipelineAcl => {
    const { acl, isOwn } = acls?.acl(pipelineId) ?? { acl: undefined, isOwn: false }
    return { pipelineId, acl, source: isOwn ? "set" : acl === undefined ? "none" : "configured" }
  }

  const administered = (caller: Caller, pipelineId: string) =>
    Effect.andThen(guard.check(caller, { permission: "admin", pipelineId }), registry.find(pipelineId))

  const changeAcl = <E>(
    caller: Caller,
    pipelineId: string,
    change: (acls: NonNullable<Guard["acls"]>) => Effect.Effect<void, E | GuardError>
  ): Effect.Effect<PipelineAcl, E | PipelineNotFound | AccessNotSecured | GuardError> =>
    Effect.flatMap(
      administered(caller, pipelineId),
      (): Effect.Effect<PipelineAcl, E | AccessNotSecured | GuardError> =>
        acls === undefined
          ? Effect.fail(new AccessNotSecured("ACLs have no effect with open access"))
          : Effect.map(change(acls), () => aclOf(pipelineId))
    )

  const narrow = (
    caller: Caller,
    wish: TokenWish
  ): Effect.Effect<Narrowed, PipelineNotFound | RunNotFound | GuardError> => {
    if ("runId" in wish) {
      const { runId } = wish
      return Effect.map(Permit.forRun(store, guard, caller, "read", runId), (pipelineId) => ({ pipelineId, runId }))
    }
    const { pipelineId } = wish
    return Effect.as(
      Effect.andThen(guard.check(caller, { permission: "read", pipelineId }), registry.find(pipelineId)),
      { pipelineId }
    )
  }

  return {
    me: CallerAccess.make(registry, guard),
    administer: (caller) =>
      Effect.as(guard.check(caller, { permission: "admin", isOfAll: true }), (pipelineId: string) =>
        guard.may(caller, { permission: "admin", pipelineId })
      ),
    acl: (caller, pipelineId) => Effect.map(administered(caller, pipelineId), () => aclOf(pipelineId)),
    setAcl: (caller, pipelineId, acl) =>
      changeAcl(caller, pipelineId, (acls) => {
        const [problem] = Acl.problems(acl)
        if (problem === undefined) return acls.put(pipelineId, acl)
        const path = ["acl", ...problem.path].join(".")
        return Effect.fail(new InvalidOption(path, acl, problem.message, `${path}: ${problem.message}`))
      }),
    removeAcl: (caller, pipelineId) => changeAcl(caller, pipelineId, (acls) => acls.remove(pipelineId)),
    issueToken: (caller, wish, ttlMillis = Tokens.DEFAULT_MILLIS) =>
      Effect.gen(function* () {
        const unreadable = OptionCheck.required(OptionCheck.record, "wish", wish, "a pipelineId or a runId")
        if (unreadable !== undefined) return yield* unreadable
        const { principal } = caller
        if (principal.narrowed !== undefined) return yield* new AccessDenied(principal, "read", undefined)
        const narrowed = yield* narrow(caller, wish)
        if (maker === undefined) return yield* new AccessNotSecured("This server issues no tokens")
        const mistake = OptionCheck.number("ttlMillis", ttlMillis, 1_000, Tokens.MAX_MILLIS)
        if (mistake !== undefined) return yield* mistake
        const { token, digest } = maker.make()
        const now = yield* Clock.currentTimeMillis
        const expiresAtMillis = Math.min(now + ttlMillis, expiryOf(principal))
        const leftMillis = OptionCheck.whole(Math.max(1, expiresAtMillis - now))
        // Copied by name: an authenticator may return an instance of a class, whose getters a spread does not copy.
        const { id, roles, grants } = principal
        yield* tokens.put(digest, { id, roles, grants, narrowed, expiresAtMillis }, leftMillis)
        return { token, narrowed, expiresAtMillis }
      }),
    auditRecords: (caller, request) =>
      Effect.suspend(() => {
        const unreadable = OptionCheck.required(OptionCheck.record, "request", request)
        if (unreadable !== undefined) return Effect.fail(unreadable)
        const { pipelineId } = request
        const mistake = OptionCheck.integer("limit", request.limit, 1, MAX_LIST)
        const mayAdministerAll = guard.may(caller, { permission: "admin", isOfAll: true })
        const seesAll = guard.seesAll(caller)
        // To other callers, an absent pipeline must look like a hidden one: records about either are left out.
        const isVisible = ({ pipelineId: id }: AuditRecord) =>
          guard.may(caller, { permission: "admin", pipelineId: id, isOfAll: true }) &&
          (seesAll || (id !== undefined && registry.ids.has(id)))
        const page = () =>
          Page.filtered(
            (part: AuditRequest) =>
              Effect.map(audit.list(part), ({ records, nextCursor }) => ({ items: records, nextCursor })),
            request,
            isVisible
          )
        return Effect.map(
          Page.ifPermitted(guard.check(caller, { permission: "admin", pipelineId, isOfAll: true }), page, mistake),
          ({ items, nextCursor }) => ({
            records: items,
            nextCursor,
            strangers: mayAdministerAll ? guard.strangers() : []
          })
        )
      })
  }
}
