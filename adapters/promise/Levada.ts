/** The front door for programs that speak Promises: one object that runs pipelines and serves the API. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { weaknesses } from "../../core/access/Access.ts"
import * as Front from "../../core/Levada.ts"
import { type NewSchedule, Operations } from "../../core/operations/Operations.ts"
import type * as Pipeline from "../../core/pipeline/Pipeline.ts"
import type { Event } from "../../core/run/Event.ts"
import type { Run } from "../../core/run/Run.ts"
import type { Schedule } from "../../core/run/Schedule.ts"
import type * as Start from "../../core/run/Start.ts"
import * as Store from "../../core/StoreModule.ts"
import type { PipelineNumbers } from "../../core/statistics/Statistics.ts"
import type { FeedItem, FeedRequest } from "../../core/store/Feed.ts"
import type { Lines } from "../../core/task/Log.ts"
import { InvalidOption, StoreUnavailable } from "../../core/values/Errors.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { host } from "../../core/values/Principal.ts"
import * as Handler from "../http/Handler.ts"
import * as Fetch from "../http/server/Fetch.ts"
import type { Handler as Handle } from "../http/server/Message.ts"
import { MAX_STREAMS, Streams } from "../http/server/Streams.ts"
import * as Leaks from "../leaks/Leaks.ts"
import * as Threads from "../threads/Threads.ts"

export {
  type ExecuteOptions,
  execute,
  layer,
  type Options as LayerOptions,
  result,
  schedule,
  start
} from "../../core/Levada.ts"

/** What a program says about its Levada. */
export type Options<Pipelines extends ReadonlyArray<Pipeline.Any>> = Front.Options<Pipelines> &
  Handler.Options & {
    /** Where runs live. Default: in the memory of this process. */
    readonly store?: Layer.Layer<Store.Store, unknown>
    /**
     * Where spans and logs go: a layer with a `Tracer`, loggers, or both, such as effect's `Otlp`. Default: nothing is traced,
     * and logs go to the console.
     */
    readonly telemetry?: Layer.Layer<never, unknown>
    /** The threads of tasks that have one; none starts before a task needs it. Default: as many as there are cores, but one. */
    readonly threads?: Threads.Options
  } & ([Pipeline.RequirementsOf<Pipelines[number]>] extends [never]
    ? { readonly services?: undefined }
    : {
        /** The services that the pipelines' tasks need. */
        readonly services: Layer.Layer<Pipeline.RequirementsOf<Pipelines[number]>>
      })

/** Pipelines, ready to run. Every method rejects with the typed failure that its counterpart in Operations has. */
export interface Levada {
  /** Runs a pipeline to its end. Gives its result. */
  readonly execute: <P extends Pipeline.Any, const O extends Front.ExecuteOptions & Start.PartOptions = {}>(
    pipeline: P,
    parameters: Front.ParametersFor<P, O>,
    options?: Front.Exactly<O, Front.ExecuteOptions & Start.PartOptions>
  ) => Promise<Front.ResultFor<P, O>>
  /** Starts a run and gives its id. */
  readonly start: <P extends Pipeline.Any, const O extends Start.Options & Start.PartOptions = {}>(
    pipeline: P,
    parameters: Front.ParametersFor<P, O>,
    options?: Front.Exactly<O, Start.Options & Start.PartOptions>
  ) => Promise<string>
  /** The result of a run that was started, once it is over. Rejects with `WaitTimedOut` after `waitMillis` (default: never). */
  readonly result: <P extends Pipeline.Any>(
    pipeline: P,
    runId: string,
    waitMillis?: number
  ) => Promise<Pipeline.ResultOf<P>>
  /** A run as it is now. Its `parameters` and `outputs` are JSON texts; `result` gives values. */
  readonly run: (runId: string) => Promise<Run>
  /** Runs, newest first, at most 50 unless told otherwise. */
  readonly runs: (request?: Partial<Store.ListRequest>) => Promise<Store.RunList>
  /** The lines that its tasks wrote. */
  readonly lines: (runId: string) => Promise<Lines>
  /** The run's events after sequence `after` (default: all), then as they happen, to the terminal one. */
  readonly watch: (runId: string, after?: number) => AsyncIterable<Event>
  /** The events of all runs, or of one pipeline's, from now on or from a cursor. It does not end; leave the loop. */
  readonly feed: (request?: FeedRequest) => AsyncIterable<FeedItem>
  /**
   * How a pipeline's runs went, in numbers, over the last `windowMillis` (default: an hour, at most a day). Counting begins
   * when somebody first asks, with what the Store's feed has kept: the last 10,000 changes at least.
   */
  readonly statistics: (pipelineId: string, windowMillis?: number) => Promise<PipelineNumbers>
  /** Ends a run as CANCELLED. One that is over stays as it is. */
  readonly cancel: (runId: string, reason?: string) => Promise<void>
  /** Ends one step as CANCELLED; the run goes on as after a failure of it. */
  readonly cancelStep: (runId: string, step: string, reason?: string) => Promise<void>
  /**
   * Starts a run that repeats an earlier one, and gives its id. Runs the steps that did not complete, the steps `from`, and
   * every step that depends on one of these; keeps the values of the others. A map or filter keeps the items that
   * completed, unless it is named or its inputs change. It gives what a fresh run would give.
   */
  readonly retry: (runId: string, from?: ReadonlyArray<string>) => Promise<string>
  /** Forgets a run that is over. */
  readonly remove: (runId: string) => Promise<void>
  /** Starts no step of the pipeline any more, until it is resumed; what runs goes on. */
  readonly pause: (pipelineId: string) => Promise<void>
  readonly resume: (pipelineId: string) => Promise<void>
  /** The schedules, by id. */
  readonly schedules: () => Promise<ReadonlyArray<Schedule>>
  /** Makes a schedule; one that was kept with its id gives way. */
  readonly addSchedule: (schedule: NewSchedule) => Promise<Schedule>
  readonly removeSchedule: (scheduleId: string) => Promise<void>
  /** Lets its instants pass until it is resumed. */
  readonly pauseSchedule: (scheduleId: string) => Promise<Schedule>
  readonly resumeSchedule: (scheduleId: string) => Promise<Schedule>
  /**
   * Resolves once the Store can be used, at once with one in memory; rejects with the reason when it can't be. Until
   * then the API answers 503, and every other method waits.
   */
  readonly ready: Promise<void>
  /**
   * The API for any server that takes a web-standard fetch handler. It knows nobody's address, and by the URL alone
   * whether a request came over HTTPS: Deno's own server takes that from the client, so `DenoServer` is for where it counts.
   */
  readonly fetch: (request: Request) => Promise<Response>
  /** The API for the server bindings. */
  readonly handler: Handle
  /** Why credentials are easy to guess: while there is any, server bindings listen on this machine only. */
  readonly weaknesses: ReadonlyArray<string>
  /** Where the API's paths begin: nothing, or a path such as `/flows`. */
  readonly basePath: string
  /**
   * Takes no new run, lets what runs finish within the grace period (`worker.graceMillis`, default 10,000 ms), cancels
   * the rest, and answers everybody who waits. Again: the same Promise.
   */
  readonly close: () => Promise<void>
}

/**
 * Makes a Levada and starts its worker.
 *
 * Throws what is wrong with what it was told, such as `PipelineExists` when two pipelines have one id. Close it when the
 * program ends.
 */
export const make = <const Pipelines extends ReadonlyArray<Pipeline.Any>>(options: Options<Pipelines>): Levada => {
  const mistake = invalid(options)
  if (mistake !== undefined) throw mistake
  const scope = Scope.makeUnsafe()
  // After everything else has come to its end, and has been told to whoever watches it.
  const streams = new Streams(options.maxStreams ?? MAX_STREAMS)
  Effect.runSync(
    Scope.addFinalizer(
      scope,
      Effect.promise(() => streams.close())
    )
  )
  const services = (options.services ?? Layer.empty) as Layer.Layer<Pipeline.RequirementsOf<Pipelines[number]>>
  const layer = Front.layer<Pipelines>(options).pipe(
    Layer.provide([
      options.store ?? Store.layerMemory(),
      services,
      Threads.layer(options.threads),
      // Only where tasks run.
      options.worker === false ? Layer.empty : Leaks.layer
    ]),
    // The API, too, begins spans.
    Layer.provideMerge(options.telemetry ?? Layer.empty)
  )
  const building = Effect.runFork(
    Effect.flatMap(Layer.buildWithScope(layer, scope), (context) =>
      Effect.map(Effect.provideContext(Handler.make(options, streams), context), (handler) => ({ context, handler }))
    )
  )
  // With a Store in memory there is nothing to wait for, so a mistake is thrown here and now.
  const built = building.pollUnsafe()
  if (built !== undefined && Exit.isFailure(built)) {
    Effect.runFork(Scope.close(scope, built))
    throw Cause.squash(built.cause)
  }
  const ready = built === undefined ? Effect.runPromise(Fiber.join(building)) : Promise.resolve(built.value)
  // A failure reaches whoever calls a method; it must not bring the program down before.
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
    execute: (pipeline, parameters, executeOptions) => run(Front.execute(pipeline, parameters, executeOptions)),
    start: (pipeline, parameters, startOptions) => run(Front.start(pipeline, parameters, startOptions)),
    result: (pipeline, runId, waitMillis) => run(Front.result(pipeline, runId, waitMillis)),
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
    // Servers pass things of their own after the request; none of them is taken for what it is not.
    fetch: async (request) => fetch(request, undefined),
    handler,
    weaknesses: weaknesses(options.access),
    basePath: Handler.basePath(options.basePath ?? ""),
    close: () => {
      closing ??= Effect.runPromise(Scope.close(scope, Exit.void))
      return closing
    }
  }
}

/** What is wrong with options here; what they say of pipelines and access is looked at where that is used. */
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

/** The API of a Levada that is not ready yet. */
const whenReady = (ready: Promise<{ readonly handler: Handle }>, options: Handler.Options): Handle => {
  let handler = Effect.runSync(Effect.provideService(Handler.make(options), Operations, unready(ready)))
  ready.then(
    (late) => {
      handler = late.handler
    },
    () => undefined
  )
  return (request) => handler(request)
}

/** Operations that take nothing. */
const EFFECTS: ReadonlySet<string | symbol> = new Set(["ping", "ready", "load"] satisfies ReadonlyArray<
  keyof Operations
>)

/** What may be asked for before there is a Store: everything, and it fails with why that can't be done. */
const unready = (ready: Promise<unknown>): Operations => {
  let why = new StoreUnavailable("The Store is not ready yet; try again soon")
  ready.catch((error: unknown) => {
    if (error instanceof StoreUnavailable) why = error
  })
  const failing = Effect.suspend(() => Effect.fail(why))
  return new Proxy({} as Operations, {
    get: (_, name) =>
      EFFECTS.has(name) ? failing : name === "watch" ? () => Stream.fromEffect(failing) : () => failing
  })
}
