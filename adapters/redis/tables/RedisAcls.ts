/** The ACLs of a Store on Redis: texts by pipeline, in one hash. */
import * as Effect from "effect/Effect"
import { type Acls, MAX_ACLS } from "../../../core/store/Acls.ts"
import type { Acl } from "../../../core/values/Acl.ts"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Look, Notifications } from "../connection/Notifications.ts"
import type { Scripts } from "../connection/Scripts.ts"
import * as Tables from "./Tables.ts"

const TABLE = "acls"

export class RedisAcls implements Acls {
  readonly #scripts: Scripts
  readonly #news: Notifications
  readonly #look: Look
  readonly changed: Effect.Effect<void, StoreUnavailable>

  constructor(scripts: Scripts, news: Notifications) {
    this.#scripts = scripts
    this.#news = news
    this.#look = news.look()
    this.changed = this.#look.changed
  }

  list: Effect.Effect<ReadonlyMap<string, Acl>, StoreUnavailable> = Effect.suspend(() => {
    this.#look.begin()
    return this.#scripts.ask(async () => {
      const all = await Tables.entries(this.#scripts, TABLE)
      return new Map(Array.from(all, ([id, text]) => [id, JSON.parse(text) as Acl]))
    })
  })

  put = (pipelineId: string, acl: Acl): Effect.Effect<void, StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() =>
        Tables.keep(this.#scripts, TABLE, {
          id: pipelineId,
          text: JSON.stringify(acl),
          most: MAX_ACLS,
          replace: true
        })
      ),
      (kept) =>
        kept === "full" ? Effect.fail(new StoreUnavailable(`No new ACL is taken: there are ${MAX_ACLS}`)) : Effect.void
    )

  remove = (pipelineId: string): Effect.Effect<void, StoreUnavailable> =>
    this.#scripts.ask(async (client, prefix) => {
      if ((await client.hdel(`${prefix}${TABLE}`, pipelineId)) === 1) await this.#news.tellChanged(client)
    })
}
