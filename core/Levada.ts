/** The front door for programs written with Effect: one layer, and typed calls. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Access } from "./Access.ts"
import type { PipelineExists } from "./Errors.ts"
import * as Guard from "./Guard.ts"
import * as Operations from "./Operations.ts"
import * as Parameters from "./Parameters.ts"
import type * as Pipeline from "./Pipeline.ts"
import { host } from "./Principal.ts"
import * as Registry from "./Registry.ts"
import * as Results from "./Results.ts"
import type { Store } from "./Store.ts"
import * as Worker from "./Worker.ts"

/** What a program says about its Levada. */
export interface Options<Pipelines extends ReadonlyArray<Pipeline.Any>> extends Registry.Options {
  readonly pipelines: Pipelines
  /** Who gets in. There is no default. */
  readonly access: Access
  /** How this process runs steps. */
  readonly worker?: Worker.Options
}

/** Operations with a worker beside them, over any Store. Needs the services that the pipelines' tasks need. */
export const layer = <const Pipelines extends ReadonlyArray<Pipeline.Any>>(
  options: Options<Pipelines>
): Layer.Layer<Operations.Operations, PipelineExists, Store | Pipeline.RequirementsOf<Pipelines[number]>> =>
  // The worker is built before the operations, so it is closed after them: what was taken is worked off.
  Operations.layer.pipe(
    Layer.provideMerge(Worker.layer<Pipeline.RequirementsOf<Pipelines[number]>>(options.worker)),
    Layer.provide([Registry.layerMemory(options), Guard.layer(options.access)])
  )

/** What may be said about an execution. */
export interface ExecuteOptions extends Operations.StartOptions {
  /** How long to wait for the run, in milliseconds. Default: until it is over. */
  readonly waitMillis?: number
}

/** Why an execution does not give a result. */
export type ExecuteError = Operations.StartError | Operations.WaitError

/** Runs a pipeline to its end. Gives its result. */
export const execute = <P extends Pipeline.Any>(
  pipeline: P,
  parameters: Pipeline.ParametersOf<P>,
  options?: ExecuteOptions
): Effect.Effect<Pipeline.ResultOf<P>, ExecuteError, Operations.Operations> =>
  Effect.flatMap(start(pipeline, parameters, options), (runId) => result(pipeline, runId, options?.waitMillis))

/** Starts a run and gives its id. */
export const start = <P extends Pipeline.Any>(
  pipeline: P,
  parameters: Pipeline.ParametersOf<P>,
  options?: Operations.StartOptions
): Effect.Effect<string, Operations.StartError, Operations.Operations> =>
  Operations.Operations.use((operations) =>
    operations.start(host, pipeline.id, Parameters.fromValues(parameters), options)
  )

/** The result of a run that was started, once it is over. Fails with `WaitTimedOut` after `waitMillis` (default: never). */
export const result = <P extends Pipeline.Any>(
  pipeline: P,
  runId: string,
  waitMillis?: number
): Effect.Effect<Pipeline.ResultOf<P>, Operations.WaitError, Operations.Operations> =>
  Operations.Operations.use((operations) =>
    Effect.map(
      operations.wait(host, runId, waitMillis),
      ({ run }) => Results.toValue(pipeline, run.outputs) as Pipeline.ResultOf<P>
    )
  )
