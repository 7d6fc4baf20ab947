/** The ACLs that were set while programs run: in the Store, so that all its servers obey them. */
import type * as Effect from "effect/Effect"
import type { Acl } from "../values/Acl.ts"
import type { StoreUnavailable } from "../values/Errors.ts"

/** How many ACLs a Store takes. */
export const MAX_ACLS = 10_000

/** The ACLs of a Store, by the id of their pipeline. */
export interface Acls {
  readonly list: Effect.Effect<ReadonlyMap<string, Acl>, StoreUnavailable>
  /** Keeps an ACL in the place of the one that was there. */
  readonly put: (pipelineId: string, acl: Acl) => Effect.Effect<void, StoreUnavailable>
  /** Forgets an ACL, if there is one. */
  readonly remove: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
  /** Waits until they may have changed since somebody last looked. In memory, where only this process changes them, for ever. */
  readonly changed: Effect.Effect<void, StoreUnavailable>
}
