/** Who a caller is, and what it may do. */
import * as Effect from "effect/Effect"
import type { Guard, GuardError } from "../access/Guard.ts"
import type { Registry } from "../registry/Registry.ts"
import { type Caller, ownerOf, PERMISSIONS, type Permission, type Principal } from "../values/Principal.ts"

/** Who a caller is, and what the guard lets it do at the moment. */
export interface CallerAccess {
  /** Undefined with open access, and for the host program. */
  readonly principal: Principal | undefined
  /** The permissions on all pipelines and the server itself. The ACL of a pipeline may allow less on that one. */
  readonly permissions: ReadonlyArray<Permission>
  /** The pipelines that the caller may read, with its permissions on each: the first 1,000, in order of registration. */
  readonly pipelines: ReadonlyMap<string, ReadonlyArray<Permission>>
  /** Whether the caller may read more pipelines than these. */
  readonly isTruncated: boolean
}

/** The most pipelines of one answer. */
const MAX_PIPELINES = 1_000

/** Makes the operation. Every caller may call it; it counts and is recorded as reading. */
export const make =
  (registry: Registry, guard: Guard): ((caller: Caller) => Effect.Effect<CallerAccess, GuardError>) =>
  (caller) =>
    Effect.andThen(
      guard.check(caller, { permission: "read", isOfSelf: true }),
      Effect.map(registry.list, (all): CallerAccess => {
        const pipelines = new Map<string, ReadonlyArray<Permission>>()
        let isTruncated = false
        for (const { pipeline } of all) {
          const pipelineId = pipeline.id
          if (!guard.may(caller, { permission: "read", pipelineId })) continue
          isTruncated = pipelines.size === MAX_PIPELINES
          if (isTruncated) break
          pipelines.set(
            pipelineId,
            PERMISSIONS.filter((permission) => guard.may(caller, { permission, pipelineId }))
          )
        }
        return {
          principal: ownerOf(caller) === undefined ? undefined : caller.principal,
          permissions: PERMISSIONS.filter((permission) => guard.may(caller, { permission, isOfAll: true })),
          pipelines,
          isTruncated
        }
      })
    )
