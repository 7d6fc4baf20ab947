/** Pipelines worked off over the Store that a suite is about, for what a worker and a Store have to agree on. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Access from "../../../../core/access/Access.ts"
import * as Levada from "../../../../core/Levada.ts"
import type { Operations } from "../../../../core/operations/Operations.ts"
import type * as Pipeline from "../../../../core/pipeline/Pipeline.ts"
import { Store } from "../../../../core/store/Store.ts"

/** Runs `body` with a worker for these pipelines beside the Store. */
export const serving = <A, E, R>(
  pipelines: ReadonlyArray<Pipeline.Any>,
  body: Effect.Effect<A, E, R | Operations>,
  access: Access.Access = Access.open
): Effect.Effect<A, unknown, Exclude<R, Operations> | Store | Scope.Scope> =>
  Effect.flatMap(Store, (store) =>
    Effect.provide(
      body,
      Levada.layer({ pipelines, access, worker: { graceMillis: 0 } }).pipe(
        Layer.provide(Layer.succeed(Store, store))
      ) as Layer.Layer<Operations>
    )
  )
