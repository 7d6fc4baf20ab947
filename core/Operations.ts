/** Everything that a caller may ask for, each with its permission. There is no HTTP in here. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  ParametersInvalid,
  type PipelineError,
  type PipelineExists,
  type PipelineNotFound,
  RunCancelled,
  RunFailed,
  type RunNotFound,
  StoreUnavailable,
  WaitTimedOut
} from "./Errors.ts"
import type { Event } from "./Event.ts"
import { Guard } from "./Guard.ts"
import type { Given } from "./Parameters.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { Caller } from "./Principal.ts"
import { type Definition, type Registered, Registry } from "./Registry.ts"
import * as Run from "./Run.ts"
import { type ListRequest, Store } from "./Store.ts"

/** What may be said about a run when it is started. */
export interface StartOptions {
  /** How long the run may take in all, in milliseconds. Default: the pipeline's. */
  readonly timeoutMillis?: number
}

/** A pipeline and one run of it. */
export interface Ran {
  readonly pipeline: Pipeline.Any
  readonly run: Run.Run
}

/** Why a run can't be started. */
export type StartError = PipelineNotFound | ParametersInvalid | StoreUnavailable

/** Why a wait does not end in a completed run. */
export type WaitError = RunNotFound | RunFailed | RunCancelled | WaitTimedOut | PipelineNotFound | StoreUnavailable

/** What a caller may ask for. */
export interface Operations {
  /** Succeeds when the Store answers. For everybody. */
  readonly ping: Effect.Effect<void, StoreUnavailable>
  /** The pipelines that the caller may read, in order of registration. */
  readonly pipelines: (caller: Caller) => Effect.Effect<ReadonlyArray<Registered>, StoreUnavailable>
  readonly pipeline: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<Registered, PipelineNotFound | StoreUnavailable>
  /** Builds a pipeline from tasks that the program offers. */
  readonly register: (
    caller: Caller,
    definition: Definition
  ) => Effect.Effect<Registered, PipelineExists | PipelineError | StoreUnavailable>
  /** The pipeline's run that matters now: one that runs, else one that will, else the last one; none before the first. */
  readonly latest: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<Option.Option<Run.Run>, PipelineNotFound | StoreUnavailable>
  /** Checks the parameters and starts a run. Gives its id. */
  readonly start: (
    caller: Caller,
    pipelineId: string,
    given: Given,
    options?: StartOptions
  ) => Effect.Effect<string, StartError>
  /** A run as it is now. */
  readonly run: (caller: Caller, runId: string) => Effect.Effect<Ran, RunNotFound | PipelineNotFound | StoreUnavailable>
  /** The completed run. Fails with `WaitTimedOut` after `timeoutMillis` (default: never); the run goes on. */
  readonly wait: (caller: Caller, runId: string, timeoutMillis?: number) => Effect.Effect<Ran, WaitError>
  /** Ends a run as CANCELLED. One that is over stays as it is. */
  readonly cancel: (
    caller: Caller,
    runId: string,
    reason?: string
  ) => Effect.Effect<void, RunNotFound | StoreUnavailable>
  /** Runs, newest first. */
  readonly runs: (caller: Caller, request: ListRequest) => Effect.Effect<ReadonlyArray<Run.Run>, StoreUnavailable>
  /** The run's events after sequence `after` (default: all), then as they happen, to the terminal one. */
  readonly watch: (
    caller: Caller,
    runId: string,
    after?: number
  ) => Stream.Stream<Event, RunNotFound | StoreUnavailable>
}

/** The key of the Operations service. */
export const Operations: Context.Service<Operations, Operations> = Context.Service<Operations>("levada/Operations")

/** The operations over a Store, a Registry and a Guard. Once the layer's scope begins to close, no new run is taken. */
export const layer: Layer.Layer<Operations, never, Store | Registry | Guard> = Layer.effect(
  Operations,
  Effect.gen(function* () {
    const operations = make(yield* Store, yield* Registry, yield* Guard)
    yield* Effect.addFinalizer(() => operations.close)
    return operations
  })
)

const make = (store: Store, registry: Registry, guard: Guard): Operations & { readonly close: Effect.Effect<void> } => {
  let closing = false

  /** The run, provided that the caller may `permission` its pipeline. */
  const permitted = (caller: Caller, permission: "read" | "execute", runId: string) =>
    Effect.tap(store.get(runId), (run) => guard.check(caller, permission, run.pipelineId))

  const ended = (run: Run.Run): Effect.Effect<Ran, RunFailed | RunCancelled | PipelineNotFound | StoreUnavailable> => {
    if (run.status === "FAILED") return Effect.fail(new RunFailed(run, run.error!))
    if (run.status === "CANCELLED") return Effect.fail(new RunCancelled(run, run.reason!))
    return Effect.map(registry.find(run.pipelineId), ({ pipeline }) => ({ pipeline, run }))
  }

  return {
    close: Effect.sync(() => {
      closing = true
    }),
    ping: store.ping,
    pipelines: (caller) => Effect.andThen(guard.check(caller, "read"), registry.list),
    pipeline: (caller, pipelineId) => after(guard.check(caller, "read", pipelineId), () => registry.find(pipelineId)),
    register: (caller, definition) =>
      Effect.andThen(guard.check(caller, "admin", definition.id), registry.register(definition)),
    latest: (caller, pipelineId) =>
      Effect.gen(function* () {
        yield* guard.check(caller, "read", pipelineId)
        yield* registry.find(pipelineId)
        for (const status of ["RUNNING", "PENDING", undefined] as const) {
          const [run] = yield* store.list({ pipelineId, limit: 1, ...(status && { status }) })
          if (run !== undefined) return Option.some(run)
        }
        return Option.none()
      }),
    start: (caller, pipelineId, given, options) =>
      Effect.flatMap(
        after(guard.check(caller, "execute", pipelineId), () => registry.find(pipelineId)),
        ({ pipeline }): Effect.Effect<string, ParametersInvalid | StoreUnavailable> => {
          if (closing) return Effect.fail(new StoreUnavailable("No new run is taken: the program is shutting down"))
          const parameters = given(pipeline)
          if (Result.isFailure(parameters)) return Effect.fail(parameters.failure)
          const tooLong = Object.keys(parameters.success).filter(
            (name) => parameters.success[name]!.length > store.maxValueLength
          )
          if (tooLong.length > 0) {
            const message = `Longer than the ${store.maxValueLength} characters of JSON that are kept of a value`
            return Effect.fail(
              new ParametersInvalid(
                pipelineId,
                tooLong.map((name) => ({ path: ["parameters", name], message }))
              )
            )
          }
          return store.submit({
            pipelineId,
            version: pipeline.version,
            plan: pipeline.plan,
            parameters: parameters.success,
            timeoutMillis: options?.timeoutMillis ?? pipeline.timeoutMillis
          })
        }
      ),
    run: (caller, runId) =>
      Effect.flatMap(permitted(caller, "read", runId), (run) =>
        Effect.map(registry.find(run.pipelineId), ({ pipeline }) => ({ pipeline, run }))
      ),
    wait: (caller, runId, timeoutMillis) =>
      Effect.flatMap(permitted(caller, "read", runId), (run) => {
        if (Run.isTerminal(run.status)) return ended(run)
        const waiting = Effect.flatMap(store.wait(runId), ended)
        return timeoutMillis === undefined
          ? waiting
          : Effect.timeoutOrElse(waiting, {
              duration: timeoutMillis,
              orElse: () => Effect.fail(new WaitTimedOut(run, timeoutMillis))
            })
      }),
    cancel: (caller, runId, reason) =>
      Effect.andThen(permitted(caller, "execute", runId), store.cancel(runId, reason ?? "asked for by a caller")),
    runs: (caller, request) => Effect.andThen(guard.check(caller, "read", request.pipelineId), store.list(request)),
    watch: (caller, runId, after) =>
      Stream.unwrap(Effect.as(permitted(caller, "read", runId), store.watch(runId, after)))
  }
}

/** The guard first. Where it has its answer at once, so may what follows: no fiber has to be started for either. */
const after = <A, E, E2>(
  check: Effect.Effect<unknown, E2>,
  next: () => Effect.Effect<A, E>
): Effect.Effect<A, E | E2> => (Exit.isExit(check) && Exit.isSuccess(check) ? next() : Effect.flatMap(check, next))
