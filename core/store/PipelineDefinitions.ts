/** Pipelines that are registered at run time. The Store keeps them, so that all its servers and workers have them. */
import type * as Effect from "effect/Effect"
import type { Kind } from "../pipeline/Pipeline.ts"
import type { StoreUnavailable } from "../values/Errors.ts"

/** A pipeline to build from tasks of the host program. */
export interface PipelineDefinition {
  readonly id: string
  readonly kind: Kind
  /** The names of its tasks. */
  readonly tasks: ReadonlyArray<string>
}

/** A definition that the Store keeps. */
export interface StoredDefinition extends PipelineDefinition {
  /** When it was registered, in milliseconds since 1970. */
  readonly createdAtMillis: number
}

/** How many definitions a Store keeps at most. */
export const MAX_DEFINITIONS = 10_000

/** The definitions of a Store. */
export interface PipelineDefinitions {
  readonly get: (id: string) => Effect.Effect<StoredDefinition | undefined, StoreUnavailable>
  /** In order of registration. */
  readonly list: Effect.Effect<ReadonlyArray<StoredDefinition>, StoreUnavailable>
  /** Adds a definition. Gives false, and changes nothing, when its id is taken. */
  readonly put: (definition: StoredDefinition) => Effect.Effect<boolean, StoreUnavailable>
  /** Deletes a definition. Gives false when there is none. */
  readonly remove: (id: string) => Effect.Effect<boolean, StoreUnavailable>
  /** Waits until another process may have changed one. Never returns in memory, where only this process changes them. */
  readonly changed: Effect.Effect<void, StoreUnavailable>
}
