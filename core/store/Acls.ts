/** The ACLs that are set at run time. The Store keeps them, so that all its servers obey them. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Acl } from "../values/Acl.ts"
import type { StoreUnavailable } from "../values/Errors.ts"

/** How many ACLs a Store keeps at most. */
export const MAX_ACLS = 10_000

/** The ACLs that were set at run time, by pipeline id. */
export interface Acls {
  readonly list: Effect.Effect<ReadonlyMap<string, Acl>, StoreUnavailable>
  /** Sets the ACL of a pipeline, and replaces an earlier one. */
  readonly put: (pipelineId: string, acl: Acl) => Effect.Effect<void, StoreUnavailable>
  /** Deletes the ACL of a pipeline, if it has one. */
  readonly remove: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
  /** Waits until another process may have changed an ACL. Never returns in memory, where only this process changes them. */
  readonly changed: Effect.Effect<void, StoreUnavailable>
}

/** The key of the Acls service. Default: the Store's. */
export const Acls: Context.Service<Acls, Acls> = Context.Service<Acls>("levada/Acls")
