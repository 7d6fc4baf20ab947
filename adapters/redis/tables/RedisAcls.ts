/** The ACLs of a Store on Redis: one hash, as JSON by pipeline. */
import * as Effect from "effect/Effect"
import { type Acls, MAX_ACLS } from "../../../core/store/Acls.ts"
import type { Acl } from "../../../core/values/Acl.ts"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Look, Notifications } from "../connection/Notifications.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { KEY } from "../lua/Codes.ts"
import * as Tables from "./Tables.ts"

export class RedisAcls implements Acls {
  readonly #scripts: Scripts
  readonly #notifications: Notifications
  readonly #look: Look
  readonly changed: Effect.Effect<void, StoreUnavailable>

  constructor(scripts: Scripts, notifications: Notifications) {
    this.#scripts = scripts
    this.#notifications = notifications
    this.#look = notifications.look()
    this.changed = this.#look.changed
  }

  list: Effect.Effect<ReadonlyMap<string, Acl>, StoreUnavailable> = Effect.suspend(() => {
    this.#look.begin()
    return this.#scripts.ask(async () => {
      const all = await Tables.entries(this.#scripts, KEY.acls)
      return new Map(Array.from(all, ([id, text]) => [id, JSON.parse(text) as Acl]))
    })
  })

  put = (pipelineId: string, acl: Acl): Effect.Effect<void, StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() =>
        Tables.keep(this.#scripts, KEY.acls, {
          id: pipelineId,
          text: JSON.stringify(acl),
          most: MAX_ACLS,
          replace: true
        })
      ),
      (kept) =>
        kept === "full"
          ? Effect.fail(new StoreUnavailable(`No new ACL is accepted: the Store has ${MAX_ACLS}`))
          : Effect.void
    )

  remove = (pipelineId: string): Effect.Effect<void, StoreUnavailable> =>
    this.#scripts.ask(async (client, prefix) => {
      if ((await client.hdel(`${prefix}${KEY.acls}`, pipelineId)) === 1)
        await this.#notifications.publishChanged(client)
    })
}
