/** The definitions of a Store on Redis: texts by id, in one hash. */
import * as Effect from "effect/Effect"
import { type Definitions, type KeptDefinition, MAX_DEFINITIONS } from "../../core/Definitions.ts"
import { StoreUnavailable } from "../../core/Errors.ts"
import type { News } from "./News.ts"
import type { Client, Scripts } from "./Scripts.ts"

export class RedisDefinitions implements Definitions {
  readonly #scripts: Scripts
  readonly #news: News
  readonly changed: Effect.Effect<void, StoreUnavailable>

  constructor(scripts: Scripts, news: News) {
    this.#scripts = scripts
    this.changed = news.changed
    this.#news = news
  }

  get = (id: string): Effect.Effect<KeptDefinition | undefined, StoreUnavailable> =>
    this.#do(async (client, key) => {
      const text = await client.hget(key, id)
      return text === null ? undefined : read(text)
    })

  list: Effect.Effect<ReadonlyArray<KeptDefinition>, StoreUnavailable> = Effect.suspend(() =>
    this.#do(async (client, key) => {
      const all = (await client.hvals(key)).map(read)
      return all.sort((one, other) => one.createdAtMillis - other.createdAtMillis || (one.id < other.id ? -1 : 1))
    })
  )

  put = (definition: KeptDefinition): Effect.Effect<boolean, StoreUnavailable> =>
    Effect.flatMap(
      this.#do((client, key) => client.hlen(key)),
      (count) =>
        count >= MAX_DEFINITIONS
          ? Effect.fail(new StoreUnavailable(`No new pipeline is taken: ${MAX_DEFINITIONS} are registered`))
          : this.#do(async (client, key) => {
              const isNew = (await client.hsetnx(key, definition.id, JSON.stringify(definition))) === 1
              if (isNew) await this.#news.tellChanged(client)
              return isNew
            })
    )

  remove = (id: string): Effect.Effect<boolean, StoreUnavailable> =>
    this.#do(async (client, key) => {
      const wasThere = (await client.hdel(key, id)) === 1
      if (wasThere) await this.#news.tellChanged(client)
      return wasThere
    })

  #do<A>(ask: (client: Client, key: string) => Promise<A>): Effect.Effect<A, StoreUnavailable> {
    return this.#scripts.ask((client, prefix) => ask(client, `${prefix}definitions`))
  }
}

const read = (text: string): KeptDefinition => JSON.parse(text) as KeptDefinition
