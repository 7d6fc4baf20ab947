/** A Levada over a Store in memory, for tests that need its Effects. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Access, Levada, type Operations, type Pipeline, Store } from "../../adapters/promise/index.ts"

type Options = Partial<Levada.LayerOptions<ReadonlyArray<Pipeline.Any>>> & {
  readonly store?: Parameters<typeof Store.layerMemory>[0]
}

/** Runs `body` with a Levada. What runs at its end is stopped at once: no time passes that nobody lets pass. */
export const within =
  (pipelines: ReadonlyArray<Pipeline.Any>, { store, ...options }: Options = {}) =>
  <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, unknown, Exclude<R, Operations.Operations>> =>
    body.pipe(
      Effect.provide(
        Levada.layer({
          pipelines,
          access: Access.open,
          ...options,
          worker: { graceMillis: 0, ...options.worker }
        }).pipe(Layer.provide(Store.layerMemory(store))) as Layer.Layer<Operations.Operations>
      )
    )
