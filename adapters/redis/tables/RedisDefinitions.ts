/** The registered pipelines of a Store on Redis: one hash, as JSON by id. */
import * as Effect from "effect/Effect"
import {
  MAX_DEFINITIONS,
  type PipelineDefinitions,
  type StoredDefinition
} from "../../../core/store/PipelineDefinitions.ts"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Notifications } from "../connection/Notifications.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { KEY } from "../lua/Codes.ts"
import { Table } from "./Tables.ts"

export class RedisDefinitions implements PipelineDefinitions {
  readonly #table: Table
  readonly changed: Effect.Effect<void, StoreUnavailable>

  constructor(scripts: Scripts, notifications: Notifications) {
    this.#table = new Table(scripts, notifications, KEY.definitions, MAX_DEFINITIONS)
    this.changed = this.#table.changed
  }

  get = (id: string): Effect.Effect<StoredDefinition | undefined, StoreUnavailable> =>
    Effect.map(this.#table.get(id), (text) => (text === null ? undefined : read(text)))

  list: Effect.Effect<ReadonlyArray<StoredDefinition>, StoreUnavailable> = Effect.suspend(() =>
    Effect.map(this.#table.entries, (all) =>
      Array.from(all.values(), read).sort(
        (one, other) => one.createdAtMillis - other.createdAtMillis || (one.id < other.id ? -1 : 1)
      )
    )
  )

  put = (definition: StoredDefinition): Effect.Effect<boolean, StoreUnavailable> =>
    Effect.flatMap(this.#table.keep(definition.id, JSON.stringify(definition), false), (kept) =>
      kept === "full"
        ? Effect.fail(new StoreUnavailable(`No new pipeline is accepted: ${MAX_DEFINITIONS} are registered`))
        : Effect.succeed(kept === "kept")
    )

  remove = (id: string): Effect.Effect<boolean, StoreUnavailable> => this.#table.remove(id)
}

const read = (text: string): StoredDefinition => JSON.parse(text) as StoredDefinition
