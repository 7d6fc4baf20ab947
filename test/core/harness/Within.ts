/** A Levada over a Store in memory, for tests that need its Effects. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Access, Levada, type Operations, type Pipeline, Store } from "../../../adapters/promise/index.ts"

type Options = Partial<Levada.LayerOptions<ReadonlyArray<Pipeline.Any>>> & {
  readonly store?: Parameters<typeof Store.layerMemory>[0]
  /** The Store as its users are to see it: slow, or out of order. */
  readonly through?: (store: Store.Store) => Store.Store
}

/** A Levada over a Store in memory. It stops at once when it is closed: no time passes that nobody lets pass. */
export const layerOver = (
  pipelines: ReadonlyArray<Pipeline.Any>,
  { store, through = (same) => same, ...options }: Options = {}
): Layer.Layer<Operations.Operations, unknown> =>
  Levada.layer({
    pipelines,
    access: Access.open,
    ...options,
    worker: { graceMillis: 0, ...options.worker }
  }).pipe(
    Layer.provide(Layer.effect(Store.Store, Effect.map(Store.Store, through))),
    Layer.provide(Store.layerMemory(store))
  ) as Layer.Layer<Operations.Operations, unknown>

/** Runs `body` with a Levada. */
export const within =
  (pipelines: ReadonlyArray<Pipeline.Any>, options?: Options) =>
  <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, unknown, Exclude<R, Operations.Operations>> =>
    Effect.provide(body, layerOver(pipelines, options))
