/** The ACLs of a Store on Redis: one hash, as JSON by pipeline. */
import * as Effect from "effect/Effect"
import { type Acls, MAX_ACLS } from "../../../core/store/Acls.ts"
import type { Acl } from "../../../core/values/Acl.ts"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Notifications } from "../connection/Notifications.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { KEY } from "../lua/Codes.ts"
import { Table } from "./Tables.ts"

export class RedisAcls implements Acls {
  readonly #table: Table
  readonly changed: Effect.Effect<void, StoreUnavailable>

  constructor(scripts: Scripts, notifications: Notifications) {
    this.#table = new Table(scripts, notifications, KEY.acls, MAX_ACLS)
    this.changed = this.#table.changed
  }

  list: Effect.Effect<ReadonlyMap<string, Acl>, StoreUnavailable> = Effect.suspend(() =>
    Effect.map(this.#table.entries, (all) => new Map(Array.from(all, ([id, text]) => [id, JSON.parse(text) as Acl])))
  )

  put = (pipelineId: string, acl: Acl): Effect.Effect<void, StoreUnavailable> =>
    Effect.flatMap(this.#table.keep(pipelineId, JSON.stringify(acl), true), (kept) =>
      kept === "full"
        ? Effect.fail(new StoreUnavailable(`No new ACL is accepted: the Store has ${MAX_ACLS}`))
        : Effect.void
    )

  remove = (pipelineId: string): Effect.Effect<void, StoreUnavailable> => Effect.asVoid(this.#table.remove(pipelineId))
}
