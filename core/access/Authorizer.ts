/** Decides what a principal may do: by its grants, by the grants of its roles, and by the ACLs of pipelines. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Acls } from "../store/Acls.ts"
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
import type { Access, Rules } from "./Access.ts"

/** How long to wait after the Store failed to give the ACLs, in milliseconds. */
const RETRY_MILLIS = 1_000

/** Decides what a principal may do. */
export interface Authorizer {
  /** Whether it knows the ACLs that were set at run time. While it does not, the guard refuses every operation. */
  readonly isReady: boolean
  /** Whether the principal has the permission. `runId` names one run of the pipeline, for narrowed tokens. */
  readonly may: (principal: Principal, permission: Permission, on: Extent, runId?: string) => boolean
  /**
   * Whether the pipeline is hidden from the principal: its grants include the permission, but the pipeline's ACL leaves it
   * none at all. The caller then gets the answer for a pipeline that does not exist.
   */
  readonly hides: (principal: Principal, permission: Permission, pipelineId: string) => boolean
  /** Whether the principal may administer all pipelines, and no ACL hides one from it. */
  readonly seesAll: (principal: Principal) => boolean
  /** The ACL of a pipeline, and whether it was set at run time (`isOwn`). */
  readonly acl: (pipelineId: string) => { readonly acl: Acl.Acl | undefined; readonly isOwn: boolean }
  readonly put: (pipelineId: string, acl: Acl.Acl) => Effect.Effect<void, StoreUnavailable>
  readonly remove: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
}

/** The key of the Authorizer service. */
export const Authorizer: Context.Service<Authorizer, Authorizer> = Context.Service<Authorizer>("levada/Authorizer")

/** The authorizer of an access choice. The guard asks it only with secured access. */
export const layer = (access: Access): Layer.Layer<Authorizer, never, Acls> =>
  Layer.effect(
    Authorizer,
    Effect.flatMap(Acls, (acls) => (access._tag === "Open" ? Effect.succeed(open(acls)) : secured(access, acls)))
  )

const open = (acls: Acls): Authorizer => ({
  isReady: true,
  may: () => true,
  hides: () => false,
  seesAll: () => true,
  acl: () => ({ acl: undefined, isOwn: false }),
  put: (pipelineId, acl) => acls.put(pipelineId, acl),
  remove: (pipelineId) => acls.remove(pipelineId)
})

/** An authorizer that follows changes of the ACLs in the Store while the scope is open. */
const secured = (rules: Pick<Rules, "roles" | "acls">, acls: Acls): Effect.Effect<Authorizer, never, Scope.Scope> =>
  Effect.gen(function* () {
    let current: ReadonlyMap<string, Acl.Acl> | undefined
    const load = Effect.map(acls.list, (all) => {
      current = all
    })
    // Without notice of changes, the known ACLs may be outdated, so they are dropped.
    const unknown = Effect.suspend(() => {
      current = undefined
      return Effect.sleep(RETRY_MILLIS)
    })
    const following: Effect.Effect<never> = Effect.andThen(load, acls.changed).pipe(
      Effect.catch(() => unknown),
      Effect.catchDefect((defect) =>
        Effect.andThen(
          Effect.logError("The ACLs can't be read; until they can, every operation is refused", defect),
          unknown
        )
      ),
      Effect.forever
    )
    yield* Effect.ignore(load)
    yield* Effect.forkScoped(following)

    const aclOf = (pipelineId: string): Acl.Acl | undefined => current?.get(pipelineId) ?? rules.acls.get(pipelineId)

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

    /** Whether a condition holds for some pipeline that has an ACL. */
    const someWithAcl = (condition: (pipelineId: string) => boolean): boolean => {
      for (const acls of [rules.acls, current ?? NO_ACLS]) for (const id of acls.keys()) if (condition(id)) return true
      return false
    }

    const may: Authorizer["may"] = (principal, permission, on, runId) => {
      const { narrowed } = principal
      if (narrowed !== undefined && !isCovered(narrowed, permission, on, runId)) return false
      const granted = principal.grants ?? roleGrants(principal.roles)
      if (on !== "any" && on !== "all") return mayOn(principal, granted, permission, on.pipelineId)
      if (granted !== undefined) return grants(granted, permission, on)
      // The ACL of one pipeline gives no permission on all.
      if (on === "all") return false
      return someWithAcl((id) => mayOn(principal, granted, permission, id))
    }

    return {
      get isReady() {
        return current !== undefined
      },
      may,
      hides: isHidden,
      seesAll: (principal) => may(principal, "admin", "all") && !someWithAcl((id) => isHidden(principal, "admin", id)),
      acl: (pipelineId) => ({ acl: aclOf(pipelineId), isOwn: current?.has(pipelineId) === true }),
      put: (pipelineId, acl) => Effect.andThen(acls.put(pipelineId, acl), load),
      remove: (pipelineId) => Effect.andThen(acls.remove(pipelineId), load)
    }
  })

const NO_ACLS: ReadonlyMap<string, Acl.Acl> = new Map()

/** Whether a narrowed token covers the extent. A token for one run covers neither other runs nor the pipeline. */
const isCovered = (to: Narrowed, permission: Permission, on: Extent, runId: string | undefined): boolean => {
  if (permission !== "read" || on === "all") return false
  return on === "any" || (on.pipelineId === to.pipelineId && (to.runId === undefined || to.runId === runId))
}
