/** Runs pipelines as a test wants to see them: on virtual time, with tasks replaced and failures injected. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Access from "../../core/access/Access.ts"
import * as Front from "../../core/Levada.ts"
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

/** What a test says about what it tests. */
export type Options<Pipelines extends ReadonlyArray<Pipeline.Any>> = Omit<Front.Options<Pipelines>, "access"> &
  Changes & {
    /** The bounds of the Store. Default: its own, but leases and history outlast any test. */
    readonly store?: MemoryBounds
  } & ([Pipeline.RequirementsOf<Pipelines[number]>] extends [never]
    ? { readonly services?: undefined }
    : {
        /** The services that the pipelines' tasks need. */
        readonly services: Layer.Layer<Pipeline.RequirementsOf<Pipelines[number]>>
      })

/** A run that is over, and all that a test may want to know of it. */
export interface Ran<Result = unknown> {
  readonly run: Run.Run
  readonly status: Run.RunStatus
  /** What it gave; undefined unless it is COMPLETED. */
  readonly result: Result | undefined
  /** What became of each step, and why. */
  readonly report: Run.Report
  readonly events: ReadonlyArray<Event>
  /** The events as lines: `"1000 StepStarted fetch #2"`. */
  readonly story: ReadonlyArray<string>
  /** What its tasks have logged. */
  readonly lines: Lines["lines"]
}

/** Pipelines on virtual time. It begins at 1970 and moves only when a test says so. */
export interface Testing {
  /** Starts a run and brings time on until it is over. Rejects when no time will bring that. */
  readonly run: <P extends Pipeline.Any, const O extends Start.Options & Start.PartOptions = {}>(
    pipeline: P,
    parameters: Front.ParametersFor<P, O>,
    options?: Front.Exactly<O, Start.Options & Start.PartOptions>
  ) => Promise<Ran<Front.ResultFor<P, O>>>
  /** Starts a run, and lets everything happen that needs no time. Gives its id. */
  readonly start: <P extends Pipeline.Any, const O extends Start.Options & Start.PartOptions = {}>(
    pipeline: P,
    parameters: Front.ParametersFor<P, O>,
    options?: Front.Exactly<O, Start.Options & Start.PartOptions>
  ) => Promise<string>
  /** Brings time on until a run is over. */
  readonly finish: (runId: string) => Promise<Ran>
  /** Asks for anything else, as the program itself, and lets everything happen that comes of it and needs no time. */
  readonly ask: <A, E>(wish: (operations: Operations) => Effect.Effect<A, E>) => Promise<A>
  /** A run as it is now. */
  readonly look: (runId: string) => Promise<Run.Run>
  /** The events of a run so far. */
  readonly events: (runId: string) => Promise<ReadonlyArray<Event>>
  /** Moves time on, and lets everything happen on the way. */
  readonly advance: (millis: number) => Promise<void>
  /** Lets everything happen that needs no time. */
  readonly settle: () => Promise<void>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly close: () => Promise<void>
}

/** Longer than any test, in milliseconds. No worker dies in a test, and time that passes at once is not to stop for its leases. */
const NEVER = MAX_MILLIS

/** How long closing may take, in milliseconds of virtual time. */
const CLOSING_MILLIS = 30_000
const CANCELLED_AT_ONCE = 1_000

/**
 * Makes pipelines ready for being tested. Rejects with what is wrong with them, and when a change names a step or task
 * that they do not have. Close it when the test ends.
 *
 * Time moves on when no task is at work: sleeps of Effects, injected delays, retries, timeouts, delayed runs and schedules
 * take no real time. Tasks that wait for the world outside are waited for; replace them.
 */
export const make = async <const Pipelines extends ReadonlyArray<Pipeline.Any>>(
  options: Options<Pipelines>
): Promise<Testing> => {
  const unknown = unknownNames(options.pipelines, options)
  if (unknown.length > 0) throw new Error(`There is no ${unknown.join(" and no ")} in the pipelines under test`)
  const scope = Scope.makeUnsafe()
  const time = await VirtualTime.make(scope)
  const services = (options.services ?? Layer.empty) as Layer.Layer<unknown>
  const layer = Front.layer({
    ...(options as Front.Options<Pipelines>),
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

  const ask: Testing["ask"] = async (wish) => {
    const answer = await runNow(wish(operations))
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
        `Run '${runId}' of pipeline '${run.pipelineId}' is ${run.status}, and no time will end it: ` +
          "is the pipeline paused, or a limit used up by another run?"
      )
    }
    const told = await events(runId)
    return {
      run,
      status: run.status,
      result: run.status === "COMPLETED" ? await resultOf(run) : undefined,
      report: Run.report(run),
      events: told,
      story: story(told),
      lines: (await runNow(operations.lines(host, runId))).lines
    }
  }
  const start: Testing["start"] = async (pipeline, parameters, startOptions) => {
    const runId = await runNow(Front.start(pipeline, parameters, startOptions))
    await time.settle()
    return runId
  }

  const close = async (): Promise<void> => {
    for (const status of ["RUNNING", "PENDING"] as const) {
      const next = () => runNow(operations.runs(host, { status, limit: CANCELLED_AT_ONCE }))
      for (let { runs } = await next(); runs.length > 0; { runs } = await next()) {
        for (const { id } of runs) await runNow(operations.cancel(host, id))
      }
    }
    const closing = Effect.runPromiseWith(time.context)(Effect.exit(Scope.close(scope, Exit.void)))
    // What does not stop is given up after a while, and a while passes only when somebody lets it.
    await time.advance(CLOSING_MILLIS)
    await closing
  }

  return {
    run: async (pipeline, parameters, startOptions) =>
      (await finish(await runNow(Front.start(pipeline, parameters, startOptions)))) as never,
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
