/** The front door for programs written with Effect: one layer, and typed calls. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Access } from "./access/Access.ts"
import * as Guard from "./access/Guard.ts"
import * as Operations from "./operations/Operations.ts"
import * as Warnings from "./operations/Warnings.ts"
import * as Parameters from "./pipeline/Parameters.ts"
import type * as Pipeline from "./pipeline/Pipeline.ts"
import { invalidPipeline } from "./pipeline/Step.ts"
import type * as Wiring from "./pipeline/Wiring.ts"
import * as Registry from "./registry/Registry.ts"
import * as Results from "./run/Results.ts"
import type { Run } from "./run/Run.ts"
import type * as Start from "./run/Start.ts"
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

/** What a program says about its Levada. */
export interface Options<Pipelines extends ReadonlyArray<Pipeline.Any>> extends Registry.Options {
  readonly pipelines: Pipelines
  /** Who gets in. There is no default. */
  readonly access: Access
  /**
   * How this process runs steps; `false` when it runs none, and other processes work on the same Store. Default: it
   * runs steps.
   */
  readonly worker?: Worker.Options | false
  /** Schedules that are there from the start; one that was kept with the same id gives way. Default: none. */
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
 * Operations with a worker and a scheduler beside them, over any Store, of which the log warns when work is left there. Needs
 * the services that the pipelines' tasks need.
 */
export const layer = <const Pipelines extends ReadonlyArray<Pipeline.Any>>(
  options: Options<Pipelines>
): Layer.Layer<Operations.Operations, MakeError, Store | Pipeline.RequirementsOf<Pipelines[number]>> => {
  const mistake = invalid(options)
  if (mistake !== undefined) throw mistake
  // The worker is built before the operations, so it is closed after them: what was taken is worked off.
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
  // No schedule fires any more once closing begins: the scheduler is built last.
  return Layer.mergeAll(Scheduler.layer, schedules, Warnings.layer).pipe(
    Layer.provideMerge(operations),
    Layer.provide([
      Registry.layer(options),
      Guard.layer(
        options.access,
        options.pipelines.map(({ id }) => id)
      )
    ])
  )
}

const NO_DEFAULT = "a choice such as Access.open: who gets in has no default"

/** What is wrong with options; nothing when they can be used. What the worker does is the worker's to check. */
const invalid = (options: Options<ReadonlyArray<Pipeline.Any>>): InvalidOption | undefined => {
  const mistake = OptionCheck.required(OptionCheck.record, "options", options)
  if (mistake !== undefined) return mistake
  const { access, pipelines, tasks, schedules, worker } = options
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
    (worker === false ? undefined : OptionCheck.record("worker", worker, "an object, or false for none"))
  )
}

/** The guard asks nothing of the program itself. */
const asHost = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Exclude<E, AccessDenied | RateLimited>, R> =>
  effect as Effect.Effect<A, Exclude<E, AccessDenied | RateLimited>, R>

/** What may be said about an execution. */
export interface ExecuteOptions extends Start.Options {
  /** How long to wait for the run, in milliseconds. Default: until it is over. */
  readonly waitMillis?: number
}

/** Why an execution does not give a result. */
export type ExecuteError = StartError | WaitError

/** Why a run can't be started. */
export type StartError = Exclude<Operations.StartError, AccessDenied | RateLimited>

/** Why a wait does not end in a completed run. */
export type WaitError = Exclude<Operations.WaitError, AccessDenied | RateLimited>

/** The parameters of a run: those that a part of the pipeline does not take may be missing. */
export type ParametersFor<P, O> = O extends { readonly targets: unknown } | { readonly given: unknown }
  ? Partial<Pipeline.ParametersOf<P>>
  : Pipeline.ParametersOf<P>

/** The result of a run: with targets, what these give, of which the types know nothing. */
export type ResultFor<P, O> = O extends { readonly targets: unknown } ? unknown : Pipeline.ResultOf<P>

/** Options of which no other keys are known. */
export type Exactly<O, Known> = O & Wiring.Known<O, Known>

/** Runs a pipeline to its end. Gives its result. */
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

/** Starts a run and gives its id. */
export const start = <P extends Pipeline.Any, const O extends Start.Options & Start.PartOptions = {}>(
  pipeline: P,
  parameters: ParametersFor<P, O>,
  options?: Exactly<O, Start.Options & Start.PartOptions>
): Effect.Effect<string, StartError, Operations.Operations> =>
  withPipeline(pipeline, (operations) =>
    asHost(operations.start(host, pipeline.id, Parameters.fromValues(parameters, options?.given), options))
  )

/** The result of a run that was started, once it is over. Fails with `WaitTimedOut` after `waitMillis` (default: never). */
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

/** A schedule of a pipeline, for `schedules` or to be added later. */
export const schedule = <P extends Pipeline.Any>(
  pipeline: P,
  options: Omit<Operations.NewSchedule, "pipelineId" | "given"> & {
    /** What its runs are started with. */
    readonly parameters: Pipeline.ParametersOf<P>
  }
): Operations.NewSchedule => {
  const mistake =
    invalidPipeline("pipeline", pipeline) ?? OptionCheck.required(OptionCheck.record, "options of a schedule", options)
  if (mistake !== undefined) throw mistake
  const { parameters, ...rest } = options
  return { ...rest, pipelineId: pipeline.id, given: Parameters.fromValues(parameters) }
}
