/** Programs that end and begin again over one Store. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Access, Levada, type Pipeline, Store } from "../../../adapters/promise/index.ts"

/** The Store outlives the programs that share it. */
export const sharing = async (
  body: (serve: <P extends Pipeline.Any>(pipeline: P) => Levada.Levada) => Promise<void>
): Promise<void> => {
  await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(Layer.build(Store.layerMemory()), (context) =>
        Effect.promise(() =>
          body((pipeline) =>
            Levada.make({
              pipelines: [pipeline] as ReadonlyArray<Pipeline.Any>,
              access: Access.open,
              store: Layer.succeedContext(context)
            } as never)
          )
        )
      )
    )
  )
}

/** The run once it is over. */
export const over = async (levada: Levada.Levada, runId: string) => {
  for await (const _ of levada.watch(runId)) void _
  return levada.run(runId)
}
