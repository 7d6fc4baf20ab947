/** The definitions of a Store on Redis: texts by id, in one hash. */
import * as Effect from "effect/Effect"
import {
  MAX_DEFINITIONS,
  type PipelineDefinitions,
  type StoredDefinition
} from "../../../core/store/PipelineDefinitions.ts"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Look, Notifications } from "../connection/Notifications.ts"
import type { Scripts } from "../connection/Scripts.ts"
import * as Tables from "./Tables.ts"

const TABLE = "definitions"

export class RedisDefinitions implements PipelineDefinitions {
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

  get = (id: string): Effect.Effect<StoredDefinition | undefined, StoreUnavailable> =>
    this.#scripts.ask(async (client, prefix) => {
      const text = await client.hget(`${prefix}${TABLE}`, id)
      return text === null ? undefined : read(text)
    })

  list: Effect.Effect<ReadonlyArray<StoredDefinition>, StoreUnavailable> = Effect.suspend(() => {
    this.#look.begin()
    return this.#scripts.ask(async () => {
      const all = Array.from((await Tables.entries(this.#scripts, TABLE)).values(), read)
      return all.sort((one, other) => one.createdAtMillis - other.createdAtMillis || (one.id < other.id ? -1 : 1))
    })
  })

  put = (definition: StoredDefinition): Effect.Effect<boolean, StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() =>
        Tables.keep(this.#scripts, TABLE, {
          id: definition.id,
          text: JSON.stringify(definition),
          most: MAX_DEFINITIONS,
          replace: false
        })
      ),
      (kept) =>
        kept === "full"
          ? Effect.fail(new StoreUnavailable(`No new pipeline is taken: ${MAX_DEFINITIONS} are registered`))
          : Effect.succeed(kept === "kept")
    )

  remove = (id: string): Effect.Effect<boolean, StoreUnavailable> =>
    this.#scripts.ask(async (client, prefix) => {
      const wasThere = (await client.hdel(`${prefix}${TABLE}`, id)) === 1
      if (wasThere) await this.#news.tellChanged(client)
      return wasThere
    })
}

const read = (text: string): StoredDefinition => JSON.parse(text) as StoredDefinition
