/** The ACLs of a Store in memory. */
import * as Effect from "effect/Effect"
import { type Acls, MAX_ACLS } from "../store/Acls.ts"
import type { Acl } from "../values/Acl.ts"
import { StoreUnavailable } from "../values/Errors.ts"

export class MemoryAcls implements Acls {
  readonly #kept: Map<string, Acl> = new Map()

  list: Effect.Effect<ReadonlyMap<string, Acl>> = Effect.sync(() => new Map(this.#kept))

  put = (pipelineId: string, acl: Acl): Effect.Effect<void, StoreUnavailable> =>
    Effect.suspend(() => {
      if (this.#kept.size >= MAX_ACLS && !this.#kept.has(pipelineId)) {
        return Effect.fail(new StoreUnavailable(`No new ACL is taken: there are ${MAX_ACLS}`))
      }
      this.#kept.set(pipelineId, acl)
      return Effect.void
    })

  remove = (pipelineId: string): Effect.Effect<void> => Effect.sync(() => void this.#kept.delete(pipelineId))

  changed: Effect.Effect<void> = Effect.never
}
