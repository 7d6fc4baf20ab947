/** Says what a principal may do: by its grants, by those of its roles, and by the ACLs of pipelines. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Store } from "../store/Store.ts"
import * as Acl from "../values/Acl.ts"
import type { StoreUnavailable } from "../values/Errors.ts"
import {
  type Extent,
  grants,
  type Narrowed,
  PERMISSIONS,
  type Permission,
  type Principal
} from "../values/Principal.ts"
import type { Rules } from "./Access.ts"

/** How long to wait before asking a Store again that did not answer, in milliseconds. */
const RETRY_MILLIS = 1_000

/** Says what a principal may do. */
export interface Authorizer {
  /** Whether the ACLs that were set at run time are known. */
  readonly isReady: boolean
  /** Whether it may do that, also with that one run of the pipeline. */
  readonly may: (principal: Principal, permission: Permission, on: Extent, runId?: string) => boolean
  /**
   * Whether an ACL alone keeps a principal from a pipeline with which it may do nothing: then it is told what it is told
   * where there is no such pipeline.
   */
  readonly hides: (principal: Principal, permission: Permission, pipelineId: string) => boolean
  /** Whether it may administer all pipelines, and no ACL hides one of them from it. */
  readonly seesAll: (principal: Principal) => boolean
  /** The ACL that holds for a pipeline, and whether it was set at run time. */
  readonly acl: (pipelineId: string) => { readonly acl: Acl.Acl | undefined; readonly isOwn: boolean }
  readonly put: (pipelineId: string, acl: Acl.Acl) => Effect.Effect<void, StoreUnavailable>
  readonly remove: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
}

/** An authorizer that follows what is set in the Store, for as long as the scope is open. */
export const make = (
  rules: Pick<Rules, "roles" | "acls">,
  { acls }: Store
): Effect.Effect<Authorizer, never, Scope.Scope> =>
  Effect.gen(function* () {
    let kept: ReadonlyMap<string, Acl.Acl> | undefined
    const load = Effect.map(acls.list, (all) => {
      kept = all
    })
    const following: Effect.Effect<never> = Effect.andThen(load, acls.changed).pipe(
      Effect.catch(() => {
        kept = undefined
        return Effect.sleep(RETRY_MILLIS)
      }),
      Effect.forever
    )
    yield* Effect.ignore(load)
    yield* Effect.forkScoped(following)

    const aclOf = (pipelineId: string): Acl.Acl | undefined => kept?.get(pipelineId) ?? rules.acls.get(pipelineId)

    const roleGrants = (roles: ReadonlyArray<string>): Principal["grants"] => {
      const granted = roles.flatMap((role) => rules.roles.get(role) ?? [])
      return granted.length > 0 ? granted : undefined
    }

    const mayOn = (principal: Principal, granted: Principal["grants"], permission: Permission, pipelineId: string) => {
      if (granted !== undefined && !grants(granted, permission, { pipelineId })) return false
      const acl = aclOf(pipelineId)
      return (acl === undefined ? undefined : Acl.names(acl, permission, principal)) ?? granted !== undefined
    }

    const isHidden = (principal: Principal, permission: Permission, pipelineId: string): boolean => {
      const granted = principal.grants ?? roleGrants(principal.roles)
      return (
        principal.narrowed === undefined &&
        granted !== undefined &&
        grants(granted, permission, { pipelineId }) &&
        !PERMISSIONS.some((each) => mayOn(principal, granted, each, pipelineId))
      )
    }

    /** Whether that is so of a pipeline that has an ACL. */
    const someWithAcl = (is: (pipelineId: string) => boolean): boolean => {
      for (const acls of [rules.acls, kept ?? NO_ACLS]) for (const id of acls.keys()) if (is(id)) return true
      return false
    }

    const may: Authorizer["may"] = (principal, permission, on, runId) => {
      const { narrowed } = principal
      if (narrowed !== undefined && !isNarrow(narrowed, permission, on, runId)) return false
      const granted = principal.grants ?? roleGrants(principal.roles)
      if (on !== "any" && on !== "all") return mayOn(principal, granted, permission, on.pipelineId)
      if (granted !== undefined) return grants(granted, permission, on)
      // Nobody is over all of them by the ACL of one.
      if (on === "all") return false
      return someWithAcl((id) => mayOn(principal, granted, permission, id))
    }

    return {
      get isReady() {
        return kept !== undefined
      },
      may,
      hides: isHidden,
      seesAll: (principal) => may(principal, "admin", "all") && !someWithAcl((id) => isHidden(principal, "admin", id)),
      acl: (pipelineId) => ({ acl: aclOf(pipelineId), isOwn: kept?.has(pipelineId) === true }),
      put: (pipelineId, acl) => Effect.andThen(acls.put(pipelineId, acl), load),
      remove: (pipelineId) => Effect.andThen(acls.remove(pipelineId), load)
    }
  })

const NO_ACLS: ReadonlyMap<string, Acl.Acl> = new Map()

/** Whether that is within what a token was narrowed to: one for a run says nothing of others, nor of the pipeline. */
const isNarrow = (to: Narrowed, permission: Permission, on: Extent, runId: string | undefined): boolean => {
  if (permission !== "read" || on === "all") return false
  return on === "any" || (on.pipelineId === to.pipelineId && (to.runId === undefined || to.runId === runId))
}
