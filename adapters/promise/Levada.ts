/** The Promise API: one object that runs pipelines and serves the REST API. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { weaknesses } from "../../core/access/Access.ts"
import * as CoreLevada from "../../core/Levada.ts"
import { type NewSchedule, Operations } from "../../core/operations/Operations.ts"
import type * as Pipeline from "../../core/pipeline/Pipeline.ts"
import type { Event } from "../../core/run/Event.ts"
import type { Run } from "../../core/run/Run.ts"
import type { Schedule } from "../../core/run/Schedule.ts"
import type * as Start from "../../core/run/Start.ts"
import type { Replaceable } from "../../core/Services.ts"
import * as Store from "../../core/StoreModule.ts"
import type { PipelineNumbers } from "../../core/statistics/Statistics.ts"
import type { FeedItem, FeedRequest } from "../../core/store/Feed.ts"
import type { Lines } from "../../core/task/Log.ts"
import { InvalidOption, StoreUnavailable } from "../../core/values/Errors.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { host } from "../../core/values/Principal.ts"
import * as Handler from "../http/Handler.ts"
import { routesFor } from "../http/Routes.ts"
import * as Fetch from "../http/server/Fetch.ts"
import type { Handler as Handle } from "../http/server/Message.ts"
import type { Route } from "../http/server/Route.ts"
import { MAX_STREAMS, Streams } from "../http/server/Streams.ts"
import * as Leaks from "../leaks/Leaks.ts"
import * as Threads from "../threads/Threads.ts"

export {
  type ExecuteOptions,
  execute,
  layer,
  type MakeError,
  type Options as LayerOptions,
  result,
  schedule,
  start
} from "../../core/Levada.ts"

/** Options of a Levada. */
export type Options<Pipelines extends ReadonlyArray<Pipeline.Any>, Own = never> = CoreLevada.Options<
  Pipelines,
  Own,
  unknown
> &
  Handler.Options & {
    /** Where runs are stored. Default: in the memory of this process. */
    readonly store?: Layer.Layer<Store.Store, unknown>
    /**
     * Where spans and logs go: a layer with a `Tracer`, loggers, or both, such as effect's `Otlp`. Default: no tracing, and
     * logs on the console.
     */
    readonly telemetry?: Layer.Layer<never, unknown>
    /** The pool of threads for tasks with the option `thread`. Threads start on first use. Default size: one less than the number of cores. */
    readonly threads?: Threads.Options
  } & ([Pipeline.RequirementsOf<Pipelines[number]>] extends [never]
    ? { readonly services?: undefined }
    : {
        /** The services that the pipelines' tasks need. */
        readonly services: Layer.Layer<Pipeline.RequirementsOf<Pipelines[number]>>
      })

/** Pipelines, ready to run. Every method rejects with the same typed failures as its counterpart in Operations. */
export interface Levada {
  /** Runs a pipeline to its end. Resolves to its result. */
  readonly execute: <P extends Pipeline.Any, const O extends CoreLevada.ExecuteOptions & Start.PartOptions = {}>(
    pipeline: P,
    parameters: CoreLevada.ParametersFor<P, O>,
    options?: CoreLevada.Exactly<O, CoreLevada.ExecuteOptions & Start.PartOptions>
  ) => Promise<CoreLevada.ResultFor<P, O>>
  /** Starts a run. Resolves to its id. */
  readonly start: <P extends Pipeline.Any, const O extends Start.Options & Start.PartOptions = {}>(
    pipeline: P,
    parameters: CoreLevada.ParametersFor<P, O>,
    options?: CoreLevada.Exactly<O, Start.Options & Start.PartOptions>
  ) => Promise<string>
  /** Waits until a run has finished. Resolves to its result. Rejects with `WaitTimedOut` after `waitMillis` (default: never). */
  readonly result: <P extends Pipeline.Any>(
    pipeline: P,
    runId: string,
    waitMillis?: number
  ) => Promise<Pipeline.ResultOf<P>>
  /** The current state of a run. Its `parameters` and `outputs` are JSON texts; use `result` for values. */
  readonly run: (runId: string) => Promise<Run>
  /** Runs without their values, newest first. Default `limit`: 50. */
  readonly runs: (request?: Partial<Store.ListRequest>) => Promise<Store.RunList>
  /** The log lines of a run's tasks. */
  readonly lines: (runId: string) => Promise<Lines>
  /** The run's events after sequence `after` (default: all): past ones first, then live ones to the terminal event. */
  readonly watch: (runId: string, after?: number) => AsyncIterable<Event>
  /** The events of all runs or of one pipeline's runs, live or after a cursor. The iteration does not end; leave the loop to stop it. */
  readonly feed: (request?: FeedRequest) => AsyncIterable<FeedItem>
  /**
   * Statistics of a pipeline's runs over the last `windowMillis` (default: an hour, at most a day). Counting starts with the
   * first call, from the events that the Store's feed has kept: at least the last 10,000 changes.
   */
  readonly statistics: (pipelineId: string, windowMillis?: number) => Promise<PipelineNumbers>
  /** Cancels a run. A finished run does not change. */
  readonly cancel: (runId: string, reason?: string) => Promise<void>
  /** Cancels one step; the run goes on as if the step had failed. */
  readonly cancelStep: (runId: string, step: string, reason?: string) => Promise<void>
  /**
   * Starts a new run that repeats an earlier one. Resolves to its id. It runs the steps that did not complete, the steps
   * `from`, and every step that depends on one of these; it keeps the values of the others. A map or filter step keeps its
   * completed items, unless `from` names the step or its inputs change. The result is that of a fresh run.
   */
  readonly retry: (runId: string, from?: ReadonlyArray<string>) => Promise<string>
  /** Deletes a finished run. */
  readonly remove: (runId: string) => Promise<void>
  /** Pauses a pipeline: running steps go on, and no other step starts until it is resumed. */
  readonly pause: (pipelineId: string) => Promise<void>
  readonly resume: (pipelineId: string) => Promise<void>
  /** All schedules, ordered by id. */
  readonly schedules: () => Promise<ReadonlyArray<Schedule>>
  /** Adds a schedule; it replaces an existing one with the same id. */
  readonly addSchedule: (schedule: NewSchedule) => Promise<Schedule>
  readonly removeSchedule: (scheduleId: string) => Promise<void>
  /** Pauses a schedule: it starts no runs until it is resumed. */
  readonly pauseSchedule: (scheduleId: string) => Promise<Schedule>
  readonly resumeSchedule: (scheduleId: string) => Promise<Schedule>
  /**
   * Resolves when the Store is ready (immediately for the memory Store), and rejects if it cannot be used. Until then the API
   * answers 503 and every other method waits.
   */
  readonly ready: Promise<void>
  /**
   * The API as a web-standard fetch handler, for any server. It does not know the client's address, and it takes the protocol
   * from the request's URL. On Deno the client decides that URL, so use `DenoServer` if HTTPS is required.
   */
  readonly fetch: (request: Request) => Promise<Response>
  /** The API for the server bindings. */
  readonly handler: Handle
  /** The routes of the API, for the server bindings. */
  readonly routes: ReadonlyArray<Route>
  /** Warnings about credentials that are easy to guess. If there are any, server bindings listen on this machine only. */
  readonly weaknesses: ReadonlyArray<string>
  /** The base path of the API, such as `/flows`; empty for the root. */
  readonly basePath: string
  /**
   * Accepts no new runs, lets running steps finish within the grace period (`worker.graceMillis`, default 10,000 ms), cancels
   * the rest, and answers all waiting callers. Further calls return the same Promise.
   */
  readonly close: () => Promise<void>
}

/**
 * Makes a Levada and starts its worker.
 *
 * Throws on invalid options, for example `PipelineExists` if two pipelines have the same id. Call `close` when the program
 * ends.
 */
export const make = <const Pipelines extends ReadonlyArray<Pipeline.Any>, Own extends Replaceable = never>(
  options: Options<Pipelines, Own>
): Levada => {
  const mistake = CoreLevada.invalid(options) ?? invalid(options)
  if (mistake !== undefined) throw mistake
  const scope = Scope.makeUnsafe()
  // Finalizers run in reverse order: streams close last, so that their clients get the final events.
  const streams = new Streams(options.maxStreams ?? MAX_STREAMS)
  Effect.runSync(
    Scope.addFinalizer(
      scope,
      Effect.promise(() => streams.close())
    )
  )
  const services = (options.services ?? Layer.empty) as Layer.Layer<Pipeline.RequirementsOf<Pipelines[number]>>
  const layer = CoreLevada.layer<Pipelines, Own, unknown>(options).pipe(
    Layer.provide([
      options.store ?? Store.layerMemory(),
      services,
      Threads.layer(options.threads),
      // Only a process with a worker runs tasks.
      options.worker === false ? Layer.empty : Leaks.layer
    ]),
    // Provided to the API too, because it begins spans.
    Layer.provideMerge(options.telemetry ?? Layer.empty)
  )
  const building = Effect.runFork(
    Effect.flatMap(Layer.buildWithScope(layer, scope), (context) =>
      Effect.map(Effect.provideContext(Handler.make(options, streams), context), (handler) => ({ context, handler }))
    )
  )
  // With the memory Store the build is synchronous, so a mistake is thrown here.
  const built = building.pollUnsafe()
  if (built !== undefined && Exit.isFailure(built)) {
    Effect.runFork(Scope.close(scope, built))
    throw Cause.squash(built.cause)
  }
  const ready = built === undefined ? Effect.runPromise(Fiber.join(building)) : Promise.resolve(built.value)
  // Every method rejects with the failure; the catch keeps it from being an unhandled rejection.
  const isReady = ready.then(() => undefined)
  isReady.catch((error: unknown) => Effect.runFork(Scope.close(scope, Exit.die(error))))

  const runNow = built === undefined ? undefined : Effect.runPromiseWith(built.value.context)
  const run = <A, E>(effect: Effect.Effect<A, E, Operations>): Promise<A> =>
    runNow === undefined ? ready.then(({ context }) => Effect.runPromiseWith(context)(effect)) : runNow(effect)
  const withOperations = <A, E>(f: (operations: Operations) => Effect.Effect<A, E>): Promise<A> =>
    run(Operations.use(f))

  const streaming = <A, E>(f: (operations: Operations) => Stream.Stream<A, E>): AsyncIterable<A> =>
    Stream.toAsyncIterable(
      Stream.unwrap(
        Effect.map(
          Effect.promise(() => ready),
          ({ context }) => f(Context.get(context, Operations))
        )
      )
    )

  const handler = built?.value.handler ?? whenReady(ready, options)
  const fetch = Fetch.toFetch(handler, Fetch.web)
  let closing: Promise<void> | undefined

  return {
    execute: (pipeline, parameters, executeOptions) => run(CoreLevada.execute(pipeline, parameters, executeOptions)),
    start: (pipeline, parameters, startOptions) => run(CoreLevada.start(pipeline, parameters, startOptions)),
    result: (pipeline, runId, waitMillis) => run(CoreLevada.result(pipeline, runId, waitMillis)),
    run: (runId) => withOperations((operations) => operations.run(host, runId)),
    runs: (request = {}) =>
      withOperations((operations) =>
        operations.runs(host, OptionCheck.isRecord(request) ? { limit: 50, ...request } : request)
      ),
    lines: (runId) => withOperations((operations) => operations.lines(host, runId)),
    watch: (runId, after) => streaming((operations) => operations.watch(host, runId, after)),
    feed: (request = {}) => streaming((operations) => Stream.unwrap(operations.feed(host, request))),
    statistics: (pipelineId, windowMillis) =>
      withOperations((operations) => operations.statistics(host, pipelineId, windowMillis)),
    cancel: (runId, reason) => withOperations((operations) => Effect.asVoid(operations.cancel(host, runId, reason))),
    cancelStep: (runId, step, reason) =>
      withOperations((operations) => Effect.asVoid(operations.cancelStep(host, runId, step, reason))),
    retry: (runId, from) => withOperations((operations) => operations.retry(host, runId, from)),
    remove: (runId) => withOperations((operations) => operations.remove(host, runId)),
    pause: (pipelineId) => withOperations((operations) => operations.pause(host, pipelineId)),
    resume: (pipelineId) => withOperations((operations) => operations.resume(host, pipelineId)),
    schedules: () => withOperations((operations) => operations.schedules(host)),
    addSchedule: (schedule) => withOperations((operations) => operations.addSchedule(host, schedule, true)),
    removeSchedule: (id) => withOperations((operations) => operations.removeSchedule(host, id)),
    pauseSchedule: (id) => withOperations((operations) => operations.pauseSchedule(host, id)),
    resumeSchedule: (id) => withOperations((operations) => operations.resumeSchedule(host, id)),
    ready: isReady,
    // Servers may pass more arguments after the request; they are ignored.
    fetch: async (request) => fetch(request, undefined),
    handler,
    routes: routesFor(options),
    weaknesses: weaknesses(options.access),
    basePath: Handler.basePath(options.basePath ?? ""),
    close: () => {
      closing ??= Effect.runPromise(Scope.close(scope, Exit.void))
      return closing
    }
  }
}

/** The first invalid option of the Promise API. The core checks the options that it shares with the Effect API. */
const invalid = (
  options: Handler.Options & {
    readonly store?: unknown
    readonly telemetry?: unknown
    readonly services?: unknown
  }
): InvalidOption | undefined =>
  Handler.invalid(options) ??
  OptionCheck.first(["store", "telemetry", "services"] as const, (name) =>
    options[name] === undefined || Layer.isLayer(options[name])
      ? undefined
      : new InvalidOption(name, options[name], "a Layer, such as RedisStore.layer({ url })")
  )

/** The API's handler before the Store is ready: it answers 503 until then. */
const whenReady = (ready: Promise<{ readonly handler: Handle }>, options: Handler.Options): Handle => {
  let handler = Effect.runSync(Effect.provideService(Handler.make(options), Operations, unready(ready)))
  ready.then(
    (built) => {
      handler = built.handler
    },
    () => undefined
  )
  return (request) => handler(request)
}

/** The members of Operations that are Effects and not functions. */
const EFFECTS: ReadonlySet<string | symbol> = new Set(["ping", "ready", "load"] satisfies ReadonlyArray<
  keyof Operations
>)

/** Operations for the time before the Store is ready: each fails with `StoreUnavailable`. */
const unready = (ready: Promise<unknown>): Operations => {
  let failure = new StoreUnavailable("The Store is not ready yet; try again soon")
  ready.catch((error: unknown) => {
    if (error instanceof StoreUnavailable) failure = error
  })
  const failing = Effect.suspend(() => Effect.fail(failure))
  return new Proxy({} as Operations, {
    get: (_, name) =>
      EFFECTS.has(name) ? failing : name === "watch" ? () => Stream.fromEffect(failing) : () => failing
  })
}
