/** The ACLs of a Store on Redis: texts by pipeline, in one hash. */
import * as Effect from "effect/Effect"
import type { Acl } from "../../core/Acl.ts"
import { type Acls, MAX_ACLS } from "../../core/Acls.ts"
import { StoreUnavailable } from "../../core/Errors.ts"
import type { News } from "./News.ts"
import type { Scripts } from "./Scripts.ts"

export class RedisAcls implements Acls {
  readonly #scripts: Scripts
  readonly #news: News
  readonly changed: Effect.Effect<void, StoreUnavailable>

  constructor(scripts: Scripts, news: News) {
    this.#scripts = scripts
    this.changed = news.changed
    this.#news = news
  }

  list: Effect.Effect<ReadonlyMap<string, Acl>, StoreUnavailable> = Effect.suspend(() =>
    this.#scripts.ask(async (client, prefix) => {
      const all = await client.hgetall(`${prefix}acls`)
      return new Map(Object.entries(all).map(([id, text]) => [id, JSON.parse(text) as Acl]))
    })
  )

  put = (pipelineId: string, acl: Acl): Effect.Effect<void, StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask((client, prefix) => client.hlen(`${prefix}acls`)),
      (count) =>
        count >= MAX_ACLS
          ? Effect.fail(new StoreUnavailable(`No new ACL is taken: there are ${MAX_ACLS}`))
          : this.#scripts.ask(async (client, prefix) => {
              await client.hset(`${prefix}acls`, pipelineId, JSON.stringify(acl))
              await this.#news.tellChanged(client)
            })
    )

  remove = (pipelineId: string): Effect.Effect<void, StoreUnavailable> =>
    this.#scripts.ask(async (client, prefix) => {
      if ((await client.hdel(`${prefix}acls`, pipelineId)) === 1) await this.#news.tellChanged(client)
    })
}
