/** Says what a principal may do: by its grants, by those of its roles, and by the ACLs of pipelines. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Rules } from "./Access.ts"
import * as Acl from "./Acl.ts"
import { StoreUnavailable } from "./Errors.ts"
import { grants, grantsSomewhere, type Permission, type Principal } from "./Principal.ts"
import type { Store } from "./Store.ts"

/** How long to wait before asking a Store again that did not answer, in milliseconds. */
const RETRY_MILLIS = 1_000

/** Says what a principal may do. */
export interface Authorizer {
  /** Fails while the ACLs that were set at run time can't be known: nobody gets by on what they were. */
  readonly ready: Effect.Effect<void, StoreUnavailable>
  /** Without a pipeline: whether there could be one that it may do that with. */
  readonly may: (principal: Principal, permission: Permission, pipelineId?: string, runId?: string) => boolean
  /** Whether there could be a pipeline that it may do that with; for `admin` as well, over whatever that is. */
  readonly maySomewhere: (principal: Principal, permission: Permission) => boolean
  /**
   * Whether a principal that may not do that has to be told that there is no such pipeline: its grants would allow it, so
   * that is what it is told of others, and an ACL keeps from it what there is.
   */
  readonly hides: (principal: Principal, permission: Permission, pipelineId: string, runId?: string) => boolean
  /** The ACL that holds for a pipeline, and whether it was set at run time. */
  readonly acl: (pipelineId: string) => { readonly acl: Acl.Acl | undefined; readonly isOwn: boolean }
  readonly put: (pipelineId: string, acl: Acl.Acl) => Effect.Effect<void, StoreUnavailable>
  readonly remove: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
}

const UNKNOWN = new StoreUnavailable("The Store does not say which ACLs hold; try again soon")

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
      if (granted !== undefined && !grants(granted, permission, pipelineId)) return false
      const acl = aclOf(pipelineId)
      return (acl === undefined ? undefined : Acl.names(acl, permission, principal)) ?? granted !== undefined
    }

    /** A narrowed token may read what it is for. */
    const isWithin = (
      { narrowed }: Principal,
      permission: Permission,
      pipelineId?: string,
      runId?: string
    ): boolean => {
      if (narrowed === undefined) return true
      if (permission !== "read") return false
      if (pipelineId === undefined) return true
      // A token for one run says nothing of the others, nor of the pipeline.
      return pipelineId === narrowed.pipelineId && (narrowed.runId === undefined || runId === narrowed.runId)
    }

    const grantsOf = (principal: Principal): Principal["grants"] => principal.grants ?? roleGrants(principal.roles)

    const mayByAcl = (principal: Principal, permission: Permission): boolean =>
      [rules.acls, kept ?? new Map<string, Acl.Acl>()].some((acls) =>
        [...acls.keys()].some((id) => mayOn(principal, undefined, permission, id))
      )

    const may: Authorizer["may"] = (principal, permission, pipelineId, runId) => {
      if (!isWithin(principal, permission, pipelineId, runId)) return false
      const granted = grantsOf(principal)
      if (pipelineId !== undefined) return mayOn(principal, granted, permission, pipelineId)
      if (granted !== undefined) return grants(granted, permission, undefined)
      // Nobody is over the server as a whole by the ACL of a pipeline.
      return permission !== "admin" && mayByAcl(principal, permission)
    }

    return {
      ready: Effect.suspend(() => (kept === undefined ? Effect.fail(UNKNOWN) : Effect.void)),
      may,
      maySomewhere: (principal, permission) => {
        if (!isWithin(principal, permission)) return false
        const granted = grantsOf(principal)
        return granted === undefined ? mayByAcl(principal, permission) : grantsSomewhere(granted, permission)
      },
      hides: (principal, permission, pipelineId, runId) => {
        const granted = grantsOf(principal)
        return (
          granted !== undefined &&
          grants(granted, permission, pipelineId) &&
          isWithin(principal, permission, pipelineId, runId) &&
          !may(principal, "read", pipelineId, runId)
        )
      },
      acl: (pipelineId) => ({ acl: aclOf(pipelineId), isOwn: kept?.has(pipelineId) === true }),
      put: (pipelineId, acl) => Effect.andThen(acls.put(pipelineId, acl), load),
      remove: (pipelineId) => Effect.andThen(acls.remove(pipelineId), load)
    }
  })
