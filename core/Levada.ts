/** The API for programs written with Effect: one layer, and typed calls. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Operations from "./operations/Operations.ts"
import * as Warnings from "./operations/Warnings.ts"
import * as Parameters from "./pipeline/Parameters.ts"
import type * as Pipeline from "./pipeline/Pipeline.ts"
import { invalidPipeline } from "./pipeline/Step.ts"
import type * as Wiring from "./pipeline/Wiring.ts"
import * as Results from "./run/Results.ts"
import type { Run } from "./run/Run.ts"
import type * as Start from "./run/Start.ts"
import * as Services from "./Services.ts"
import * as Scheduler from "./schedule/Scheduler.ts"
import type { Store } from "./store/Store.ts"
import * as Task from "./task/Task.ts"
import {
  type AccessDenied,
  InvalidOption,
  type ParametersInvalid,
  type PipelineExists,
  type PipelineNotFound,
  type RateLimited,
  type ScheduleError,
  type ScheduleExists,
  type StoreUnavailable
} from "./values/Errors.ts"
import * as OptionCheck from "./values/OptionCheck.ts"
import { host } from "./values/Principal.ts"
import * as Worker from "./worker/Worker.ts"

/** Options of a Levada. */
export interface Options<Pipelines extends ReadonlyArray<Pipeline.Any>, Own = never, E = never>
  extends Services.Options<Own, E> {
  readonly pipelines: Pipelines
  /**
   * Options of the worker in this process; `false` for no worker, when other processes run the steps. Default: a worker with
   * default options.
   */
  readonly worker?: Worker.Options | false
  /** Schedules to create at start. Each replaces a different schedule with the same id. Default: none. */
  readonly schedules?: ReadonlyArray<Operations.NewSchedule>
}

/** Why a Levada can't be made. */
export type MakeError =
  | PipelineExists
  | InvalidOption
  | PipelineNotFound
  | ParametersInvalid
  | ScheduleError
  | ScheduleExists
  | StoreUnavailable

/**
 * Operations, a worker and a scheduler over a Store. The log warns of work in a shared Store that no worker can run. Needs the
 * services that the pipelines' tasks need. Invalid options fail the layer.
 */
export const layer = <
  const Pipelines extends ReadonlyArray<Pipeline.Any>,
  Own extends Services.Replaceable = never,
  E = never
>(
  options: Options<Pipelines, Own, E>
): Layer.Layer<Operations.Operations, MakeError | E, Store | Pipeline.RequirementsOf<Pipelines[number]>> => {
  const mistake = invalid(options)
  if (mistake !== undefined) return Layer.effect(Operations.Operations, Effect.fail(mistake))
  // Layers close in reverse order: the worker closes after the operations, so it still runs the steps of accepted runs.
  const operations = Operations.layer.pipe(
    Layer.provideMerge(
      options.worker === false ? Layer.empty : Worker.layer<Pipeline.RequirementsOf<Pipelines[number]>>(options.worker)
    )
  )
  const schedules = Layer.effectDiscard(
    Operations.Operations.use((operations) =>
      Effect.forEach(options.schedules ?? [], (schedule) => asHost(operations.addSchedule(host, schedule, true)), {
        discard: true
      })
    )
  )
  // The scheduler is built last, so that no schedule fires once closing begins.
  return Layer.mergeAll(Scheduler.layer, schedules, Warnings.layer).pipe(
    Layer.provideMerge(operations),
    Layer.provide(Services.layer(options))
  )
}

const NO_DEFAULT = "Access.open or Access.secured({ … }); it has no default"

/** The first mistake in the options; undefined when they are valid. The worker checks its own options. */
export const invalid = (options: Options<ReadonlyArray<Pipeline.Any>, never, unknown>): InvalidOption | undefined => {
  const mistake = OptionCheck.required(OptionCheck.record, "options", options)
  if (mistake !== undefined) return mistake
  const { access, pipelines, tasks, schedules, overrides, worker } = options
  return (
    OptionCheck.required(OptionCheck.record, "access", access, NO_DEFAULT) ??
    (access._tag === "Open" || access._tag === "Secured"
      ? undefined
      : new InvalidOption("access", access, NO_DEFAULT)) ??
    OptionCheck.required(OptionCheck.list, "pipelines", pipelines, "an array of pipelines") ??
    OptionCheck.first(pipelines, (pipeline, at) => invalidPipeline(`pipelines[${at}]`, pipeline)) ??
    OptionCheck.list("tasks", tasks, "an array of tasks") ??
    OptionCheck.first(tasks ?? [], (task, at) => Task.invalid(`tasks[${at}]`, task)) ??
    OptionCheck.list("schedules", schedules, "an array of schedules") ??
    (overrides === undefined || Layer.isLayer(overrides)
      ? undefined
      : new InvalidOption("overrides", overrides, "a Layer, such as Layer.succeed(Store.RateLimiter, limiter)")) ??
    (worker === false ? undefined : OptionCheck.record("worker", worker, "an object, or false for no worker"))
  )
}

/** The guard never refuses the host program, so two failures can't occur. */
const asHost = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Exclude<E, AccessDenied | RateLimited>, R> =>
  effect as Effect.Effect<A, Exclude<E, AccessDenied | RateLimited>, R>

/** Options of an execution. */
export interface ExecuteOptions extends Start.Options {
  /** How long to wait for the run, in milliseconds. Default: until it ends. */
  readonly waitMillis?: number
}

/** Why an execution has no result. */
export type ExecuteError = StartError | WaitError

/** Why a run can't be started. */
export type StartError = Exclude<Operations.StartError, AccessDenied | RateLimited>

/** Why a wait does not end in a completed run. */
export type WaitError = Exclude<Operations.WaitError, AccessDenied | RateLimited>

/** The parameters of a run. With `targets` or `given`, only a part of the pipeline runs, so all of them are optional. */
export type ParametersFor<P, O> = O extends { readonly targets: unknown } | { readonly given: unknown }
  ? Partial<Pipeline.ParametersOf<P>>
  : Pipeline.ParametersOf<P>

/** The type of a run's result; `unknown` for a run with `targets`. */
export type ResultFor<P, O> = O extends { readonly targets: unknown } ? unknown : Pipeline.ResultOf<P>

/** Options without unknown keys. */
export type Exactly<O, Known> = O & Wiring.Known<O, Known>

/** Runs a pipeline, and gives its result. */
export const execute = <P extends Pipeline.Any, const O extends ExecuteOptions & Start.PartOptions = {}>(
  pipeline: P,
  parameters: ParametersFor<P, O>,
  options?: Exactly<O, ExecuteOptions & Start.PartOptions>
): Effect.Effect<ResultFor<P, O>, ExecuteError, Operations.Operations> =>
  withPipeline(pipeline, (operations) =>
    Effect.flatMap(
      asHost(
        operations.execute(
          host,
          pipeline.id,
          Parameters.fromValues(parameters, options?.given),
          options,
          (options as ExecuteOptions | undefined)?.waitMillis
        )
      ),
      (run) => valueOf<ResultFor<P, O>>(pipeline, run)
    )
  )

const withPipeline = <A, E>(
  pipeline: unknown,
  ask: (operations: Operations.Operations) => Effect.Effect<A, E>
): Effect.Effect<A, E | InvalidOption, Operations.Operations> => {
  const mistake = invalidPipeline("pipeline", pipeline)
  return mistake === undefined ? Operations.Operations.use(ask) : Effect.fail(mistake)
}

const valueOf = <A>(pipeline: Pipeline.Any, run: Run): Effect.Effect<A, InvalidOption> =>
  Effect.fromResult(Results.toValue(pipeline, run)) as Effect.Effect<A, InvalidOption>

/** Starts a run, and gives its id. */
export const start = <P extends Pipeline.Any, const O extends Start.Options & Start.PartOptions = {}>(
  pipeline: P,
  parameters: ParametersFor<P, O>,
  options?: Exactly<O, Start.Options & Start.PartOptions>
): Effect.Effect<string, StartError, Operations.Operations> =>
  withPipeline(pipeline, (operations) =>
    asHost(operations.start(host, pipeline.id, Parameters.fromValues(parameters, options?.given), options))
  )

/** Waits for a run, and gives its result. Fails with `WaitTimedOut` after `waitMillis` (default: never). */
export const result = <P extends Pipeline.Any>(
  pipeline: P,
  runId: string,
  waitMillis?: number
): Effect.Effect<Pipeline.ResultOf<P>, WaitError, Operations.Operations> =>
  withPipeline(pipeline, (operations) =>
    Effect.flatMap(asHost(operations.wait(host, runId, waitMillis)), (run) =>
      valueOf<Pipeline.ResultOf<P>>(pipeline, run)
    )
  )

/** A schedule of a pipeline, for `schedules` or for `addSchedule`. Throws `InvalidOption` for invalid options. */
export const schedule = <P extends Pipeline.Any>(
  pipeline: P,
  options: Omit<Operations.NewSchedule, "pipelineId" | "given"> & {
    /** The parameters of its runs. */
    readonly parameters: Pipeline.ParametersOf<P>
  }
): Operations.NewSchedule => {
  const mistake =
    invalidPipeline("pipeline", pipeline) ?? OptionCheck.required(OptionCheck.record, "options of a schedule", options)
  if (mistake !== undefined) throw mistake
  const { parameters, ...rest } = options
  return { ...rest, pipelineId: pipeline.id, given: Parameters.fromValues(parameters) }
}
