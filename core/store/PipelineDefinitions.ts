/** Pipelines that were registered while programs run: in the Store, so that all its servers and workers have them. */
import type * as Effect from "effect/Effect"
import type { Kind } from "../pipeline/Pipeline.ts"
import type { StoreUnavailable } from "../values/Errors.ts"

/** A pipeline to be built from the tasks that the host program offers. */
export interface PipelineDefinition {
  readonly id: string
  readonly kind: Kind
  readonly tasks: ReadonlyArray<string>
}

/** A definition as it is kept. */
export interface StoredDefinition extends PipelineDefinition {
  /** When it was registered, in milliseconds since 1970. */
  readonly createdAtMillis: number
}

/** How many definitions a Store takes. */
export const MAX_DEFINITIONS = 10_000

/** The definitions of a Store. */
export interface PipelineDefinitions {
  readonly get: (id: string) => Effect.Effect<StoredDefinition | undefined, StoreUnavailable>
  /** In order of registration. */
  readonly list: Effect.Effect<ReadonlyArray<StoredDefinition>, StoreUnavailable>
  /** Keeps a definition, unless there is one of its id. Gives whether it is kept. */
  readonly put: (definition: StoredDefinition) => Effect.Effect<boolean, StoreUnavailable>
  /** Forgets a definition. Gives whether there was one. */
  readonly remove: (id: string) => Effect.Effect<boolean, StoreUnavailable>
  /** Waits until they may have changed since somebody last looked. In memory, where only this process changes them, for ever. */
  readonly changed: Effect.Effect<void, StoreUnavailable>
}
