/** Runs pipelines in tests: on virtual time, with replaced tasks and injected failures. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Access from "../../core/access/Access.ts"
import * as CoreLevada from "../../core/Levada.ts"
import { Operations } from "../../core/operations/Operations.ts"
import type * as Pipeline from "../../core/pipeline/Pipeline.ts"
import type { Event } from "../../core/run/Event.ts"
import * as Results from "../../core/run/Results.ts"
import * as Run from "../../core/run/Run.ts"
import type * as Start from "../../core/run/Start.ts"
import * as Store from "../../core/StoreModule.ts"
import type { MemoryBounds } from "../../core/store/StoreBounds.ts"
import type { Lines } from "../../core/task/Log.ts"
import { MAX_MILLIS } from "../../core/values/OptionCheck.ts"
import { host } from "../../core/values/Principal.ts"
import * as Threads from "../threads/Threads.ts"
import { type Changes, rehearse, unknownNames } from "./Rehearsal.ts"
import { story } from "./Story.ts"
import * as VirtualTime from "./VirtualTime.ts"

export type { At, Changes, Replacement } from "./Rehearsal.ts"
export { replace } from "./Rehearsal.ts"
export { story } from "./Story.ts"

/** Options of a test. */
export type Options<Pipelines extends ReadonlyArray<Pipeline.Any>> = Omit<
  CoreLevada.Options<Pipelines, never, unknown>,
  "access"
> &
  Changes & {
    /** The bounds of the memory Store. Default: its own defaults, but with leases and history that outlast any test. */
    readonly store?: MemoryBounds
  } & ([Pipeline.RequirementsOf<Pipelines[number]>] extends [never]
    ? { readonly services?: undefined }
    : {
        /** The services that the pipelines' tasks need. */
        readonly services: Layer.Layer<Pipeline.RequirementsOf<Pipelines[number]>>
      })

/** A finished run, with its result, events and log. */
export interface Ran<Result = unknown> {
  readonly run: Run.Run
  readonly status: Run.RunStatus
  /** The result; undefined unless the run is COMPLETED. */
  readonly result: Result | undefined
  /** The outcome of each step, with its reason. */
  readonly report: Run.Report
  readonly events: ReadonlyArray<Event>
  /** The events as lines: `"1000 StepStarted fetch #2"`. */
  readonly story: ReadonlyArray<string>
  /** The log lines of its tasks. */
  readonly lines: Lines["lines"]
}

/** Pipelines on virtual time. Time begins at 1970-01-01 and advances only when a test calls a method that advances it. */
export interface Testing {
  /** Starts a run and advances time until it has finished. Rejects if the run cannot finish. */
  readonly run: <P extends Pipeline.Any, const O extends Start.Options & Start.PartOptions = {}>(
    pipeline: P,
    parameters: CoreLevada.ParametersFor<P, O>,
    options?: CoreLevada.Exactly<O, Start.Options & Start.PartOptions>
  ) => Promise<Ran<CoreLevada.ResultFor<P, O>>>
  /** Starts a run and settles. Resolves to its id. */
  readonly start: <P extends Pipeline.Any, const O extends Start.Options & Start.PartOptions = {}>(
    pipeline: P,
    parameters: CoreLevada.ParametersFor<P, O>,
    options?: CoreLevada.Exactly<O, Start.Options & Start.PartOptions>
  ) => Promise<string>
  /** Advances time until a run has finished. */
  readonly finish: (runId: string) => Promise<Ran>
  /** Calls any operation, with all permissions, and settles. */
  readonly ask: <A, E>(call: (operations: Operations) => Effect.Effect<A, E>) => Promise<A>
  /** The current state of a run. */
  readonly look: (runId: string) => Promise<Run.Run>
  /** The events of a run so far. */
  readonly events: (runId: string) => Promise<ReadonlyArray<Event>>
  /** Advances time by `millis`, and runs everything that becomes due on the way. */
  readonly advance: (millis: number) => Promise<void>
  /** Runs everything that is due now, without advancing time. */
  readonly settle: () => Promise<void>
  /** The virtual time, in milliseconds since 1970. */
  readonly now: () => number
  readonly close: () => Promise<void>
}

/** Longer than any test, in milliseconds. No worker dies in a test, so advancing time need not stop at the renewals of leases. */
const NEVER = MAX_MILLIS

/** How long closing may take, in milliseconds of virtual time. */
const CLOSING_MILLIS = 30_000

/** How many runs are listed at a time to cancel them. */
const CANCEL_BATCH = 1_000

/**
 * Prepares pipelines for a test. Rejects if they are invalid, or if a change names a step or task that they do not have. Call
 * `close` when the test ends.
 *
 * Time advances when no task is at work: sleeps of Effects, injected delays, retries, timeouts, delayed runs and schedules
 * take no real time. Tasks that wait for the outside world are waited for in real time, so replace them.
 */
export const make = async <const Pipelines extends ReadonlyArray<Pipeline.Any>>(
  options: Options<Pipelines>
): Promise<Testing> => {
  const unknown = unknownNames(options.pipelines, options)
  if (unknown.length > 0) throw new Error(`There is no ${unknown.join(" and no ")} in the pipelines under test`)
  const scope = Scope.makeUnsafe()
  const time = await VirtualTime.make(scope)
  const services = (options.services ?? Layer.empty) as Layer.Layer<unknown>
  const layer = CoreLevada.layer({
    ...(options as CoreLevada.Options<Pipelines, never, unknown>),
    access: Access.open,
    pipelines: options.pipelines.map((pipeline) => rehearse(pipeline, options, time))
  }).pipe(
    Layer.provide([
      Store.layerMemory({ leaseMillis: NEVER, historyMillis: NEVER, ...options.store }),
      services,
      Threads.layer()
    ])
  )
  const built = await Effect.runPromiseExit(
    Effect.provideContext(
      Layer.buildWithScope(layer, scope) as Effect.Effect<Context.Context<Operations>>,
      time.context
    )
  )
  if (Exit.isFailure(built)) {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    throw Cause.squash(built.cause)
  }
  const context = Context.merge(time.context, built.value)
  const operations = Context.get(context, Operations)
  const runNow = Effect.runPromiseWith(context)

  const ask: Testing["ask"] = async (call) => {
    const answer = await runNow(call(operations))
    await time.settle()
    return answer
  }
  const look: Testing["look"] = (runId) => runNow(operations.run(host, runId))
  const events: Testing["events"] = async (runId) => {
    const { sequence } = await look(runId)
    return runNow(Stream.runCollect(Stream.take(operations.watch(host, runId), sequence)))
  }
  const resultOf = (run: Run.Run): Promise<unknown> =>
    runNow(
      Effect.flatMap(operations.pipeline(host, run.pipelineId), ({ pipeline }) =>
        Effect.fromResult(Results.toValue(pipeline, run))
      )
    )
  const finish: Testing["finish"] = async (runId) => {
    const isOver = await time.advanceUntil(async () => Run.isTerminal((await look(runId)).status))
    const run = await look(runId)
    if (!isOver) {
      throw new Error(
        `Run '${runId}' of pipeline '${run.pipelineId}' is ${run.status} and cannot finish: ` +
          "is the pipeline paused, or does another run use up a limit?"
      )
    }
    const history = await events(runId)
    return {
      run,
      status: run.status,
      result: run.status === "COMPLETED" ? await resultOf(run) : undefined,
      report: Run.report(run),
      events: history,
      story: story(history),
      lines: (await runNow(operations.lines(host, runId))).lines
    }
  }
  const start: Testing["start"] = async (pipeline, parameters, startOptions) => {
    const runId = await runNow(CoreLevada.start(pipeline, parameters, startOptions))
    await time.settle()
    return runId
  }

  const close = async (): Promise<void> => {
    for (const status of ["RUNNING", "PENDING"] as const) {
      const next = () => runNow(operations.runs(host, { statuses: [status], limit: CANCEL_BATCH }))
      for (let { runs } = await next(); runs.length > 0; { runs } = await next()) {
        for (const { id } of runs) await runNow(operations.cancel(host, id))
      }
    }
    const closing = Effect.runPromiseWith(time.context)(Effect.exit(Scope.close(scope, Exit.void)))
    // Closing abandons attempts that do not stop after a grace period, which passes only if virtual time advances.
    await time.advance(CLOSING_MILLIS)
    await closing
  }

  return {
    run: async (pipeline, parameters, startOptions) =>
      (await finish(await runNow(CoreLevada.start(pipeline, parameters, startOptions)))) as never,
    start,
    finish,
    ask,
    look,
    events,
    advance: (millis) => time.advance(millis),
    settle: () => time.settle(),
    now: () => time.nowMillis,
    close
  }
}
