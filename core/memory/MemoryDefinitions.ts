/** The definitions of a Store in memory. */
import * as Effect from "effect/Effect"
import { type Definitions, type KeptDefinition, MAX_DEFINITIONS } from "../store/PipelineDefinitions.ts"
import { StoreUnavailable } from "../values/Errors.ts"

export class MemoryDefinitions implements Definitions {
  readonly #kept: Map<string, KeptDefinition> = new Map()

  get = (id: string): Effect.Effect<KeptDefinition | undefined> => Effect.sync(() => this.#kept.get(id))

  list: Effect.Effect<ReadonlyArray<KeptDefinition>> = Effect.sync(() => [...this.#kept.values()])

  put = (definition: KeptDefinition): Effect.Effect<boolean, StoreUnavailable> =>
    Effect.suspend(() => {
      if (this.#kept.has(definition.id)) return Effect.succeed(false)
      if (this.#kept.size >= MAX_DEFINITIONS) {
        return Effect.fail(new StoreUnavailable(`No new pipeline is taken: ${MAX_DEFINITIONS} are registered`))
      }
      this.#kept.set(definition.id, definition)
      return Effect.succeed(true)
    })

  remove = (id: string): Effect.Effect<boolean> => Effect.sync(() => this.#kept.delete(id))

  changed: Effect.Effect<void> = Effect.never
}
