/** What a caller may ask for about runs. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Bound from "./Bound.ts"
import {
  type IdempotencyConflict,
  type InvalidOption,
  type ParametersInvalid,
  type PipelineNotFound,
  RunCancelled,
  RunFailed,
  type RunNotFound,
  RunNotRepeatable,
  RunUnfinished,
  StoreUnavailable,
  type UnknownStep,
  WaitTimedOut
} from "./Errors.ts"
import type { Event } from "./Event.ts"
import { after, type Guard } from "./Guard.ts"
import type { Lines } from "./Log.ts"
import type { Given } from "./Parameters.ts"
import * as Part from "./Part.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { Caller, Permission } from "./Principal.ts"
import type { Registry } from "./Registry.ts"
import * as Run from "./Run.ts"
import * as Start from "./Start.ts"
import { type ListRequest, newestRun, type RunList, type Store } from "./Store.ts"

/** A pipeline and one run of it. */
export interface Ran {
  readonly pipeline: Pipeline.Any
  readonly run: Run.Run
}

/** Why a run can't be started. */
export type StartError =
  | PipelineNotFound
  | ParametersInvalid
  | InvalidOption
  | UnknownStep
  | IdempotencyConflict
  | StoreUnavailable

/** Why a wait does not end in a completed run. */
export type WaitError = RunNotFound | RunFailed | RunCancelled | WaitTimedOut | PipelineNotFound | StoreUnavailable

/** Why a run can't be repeated. */
export type RetryError =
  | RunNotFound
  | RunUnfinished
  | RunNotRepeatable
  | PipelineNotFound
  | UnknownStep
  | IdempotencyConflict
  | StoreUnavailable

/** Operations on runs. */
export interface RunOperations {
  /** The pipeline's run that matters now: one that runs, else one that will, else the last one; none before the first. */
  readonly latest: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<Option.Option<Run.Run>, PipelineNotFound | StoreUnavailable>
  /** Checks what it is given and starts a run. Gives its id, or that of the run that has its idempotency key. */
  readonly start: (
    caller: Caller,
    pipelineId: string,
    given: Given,
    options?: Start.Options & Start.PartOptions
  ) => Effect.Effect<string, StartError>
  /**
   * Starts a run that keeps what an earlier one has completed, and runs the rest of it and, of what it completed, the
   * steps `from` and all that depends on them. Gives its id.
   */
  readonly retry: (caller: Caller, runId: string, from?: ReadonlyArray<string>) => Effect.Effect<string, RetryError>
  /** A run as it is now. */
  readonly run: (caller: Caller, runId: string) => Effect.Effect<Ran, RunNotFound | PipelineNotFound | StoreUnavailable>
  /** The lines that its tasks wrote. */
  readonly lines: (caller: Caller, runId: string) => Effect.Effect<Lines, RunNotFound | StoreUnavailable>
  /** The completed run. Fails with `WaitTimedOut` after `timeoutMillis` (default: never); the run goes on. */
  readonly wait: (caller: Caller, runId: string, timeoutMillis?: number) => Effect.Effect<Ran, WaitError>
  /** Ends a run as CANCELLED. One that is over stays as it is. */
  readonly cancel: (
    caller: Caller,
    runId: string,
    reason?: string
  ) => Effect.Effect<void, RunNotFound | StoreUnavailable>
  /** Ends one step as CANCELLED; the run goes on as after a failure of it. One that is over stays as it is. */
  readonly cancelStep: (
    caller: Caller,
    runId: string,
    step: string,
    reason?: string
  ) => Effect.Effect<void, RunNotFound | UnknownStep | StoreUnavailable>
  /** Forgets a run that is over. */
  readonly remove: (
    caller: Caller,
    runId: string
  ) => Effect.Effect<void, RunNotFound | RunUnfinished | StoreUnavailable>
  /** Runs, newest first, at most 1,000 at once. */
  readonly runs: (caller: Caller, request: ListRequest) => Effect.Effect<RunList, InvalidOption | StoreUnavailable>
  /** The run's events after sequence `after` (default: all), then as they happen, to the terminal one. */
  readonly watch: (
    caller: Caller,
    runId: string,
    after?: number
  ) => Stream.Stream<Event, RunNotFound | StoreUnavailable>
}

const SHUTTING_DOWN = "No new run is taken: the program is shutting down"

/** The operations over a Store, a Registry and a Guard. Once they are closed, no new run is taken. */
export const make = (
  store: Store,
  registry: Registry,
  guard: Guard
): RunOperations & { readonly close: Effect.Effect<void> } => {
  let closing = false

  /** The run, provided that the caller may do that with its pipeline. */
  const permitted = (caller: Caller, permission: Permission, runId: string) =>
    Effect.tap(store.get(runId), (run) => guard.check(caller, permission, run.pipelineId))

  const ended = (run: Run.Run): Effect.Effect<Ran, RunFailed | RunCancelled | PipelineNotFound | StoreUnavailable> => {
    if (run.status === "FAILED") return Effect.fail(new RunFailed(run, run.error!))
    if (run.status === "CANCELLED") return Effect.fail(new RunCancelled(run, run.reason!))
    return Effect.map(registry.find(run.pipelineId), ({ pipeline }) => ({ pipeline, run }))
  }

  const retry = (run: Run.Run, from: ReadonlyArray<string>): Effect.Effect<string, RetryError> =>
    Effect.gen(function* () {
      if (closing) return yield* new StoreUnavailable(SHUTTING_DOWN)
      if (!Run.isTerminal(run.status)) return yield* new RunUnfinished(run.id, "retried")
      const { pipeline } = yield* registry.find(run.pipelineId)
      if (pipeline.version !== run.version) {
        const why = `its pipeline '${pipeline.id}' has another version now, so what it gave may not fit; start a new run`
        return yield* new RunNotRepeatable(run, why)
      }
      const { part, given } = yield* Effect.fromResult(Part.ofRun(pipeline, run, from))
      const { onFailure, priority, parameters, targets } = run
      return yield* store.submit({
        ...Start.plain(pipeline, parameters, { onFailure, priority }),
        plan: pipeline.planOf(part),
        given,
        targets,
        retryOf: run.id
      })
    })

  return {
    close: Effect.sync(() => {
      closing = true
    }),
    latest: (caller, pipelineId) =>
      Effect.gen(function* () {
        yield* guard.check(caller, "read", pipelineId)
        yield* registry.find(pipelineId)
        for (const status of ["RUNNING", "PENDING", undefined] as const) {
          const run = yield* newestRun(store, pipelineId, status)
          if (run !== undefined) return Option.some(run)
        }
        return Option.none()
      }),
    start: (caller, pipelineId, given, options = {}) =>
      Effect.flatMap(
        after(guard.check(caller, "execute", pipelineId), () => registry.find(pipelineId)),
        ({ pipeline }): Effect.Effect<string, StartError> => {
          if (closing) return Effect.fail(new StoreUnavailable(SHUTTING_DOWN))
          const run = Start.newRun(pipeline, given, options, store.maxValueLength)
          return Result.isFailure(run) ? Effect.fail(run.failure) : store.submit(run.success)
        }
      ),
    retry: (caller, runId, from = []) => Effect.flatMap(permitted(caller, "execute", runId), (run) => retry(run, from)),
    run: (caller, runId) =>
      Effect.flatMap(permitted(caller, "read", runId), (run) =>
        Effect.map(registry.find(run.pipelineId), ({ pipeline }) => ({ pipeline, run }))
      ),
    lines: (caller, runId) => Effect.andThen(permitted(caller, "read", runId), store.lines(runId)),
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
    cancel: (caller, runId, reason = ASKED_FOR) =>
      Effect.andThen(permitted(caller, "execute", runId), store.cancel(runId, reason)),
    cancelStep: (caller, runId, step, reason = ASKED_FOR) =>
      Effect.andThen(permitted(caller, "execute", runId), store.cancelStep(runId, step, reason)),
    remove: (caller, runId) => Effect.andThen(permitted(caller, "admin", runId), store.remove(runId)),
    runs: (caller, request) => {
      const mistake = Bound.integer("limit", request.limit, 1, MAX_RUNS)
      return Effect.andThen(
        guard.check(caller, "read", request.pipelineId),
        mistake === undefined ? store.list(request) : Effect.fail(mistake)
      )
    },
    watch: (caller, runId, from) => Stream.unwrap(Effect.as(permitted(caller, "read", runId), store.watch(runId, from)))
  }
}

/** The longest list of runs. */
const MAX_RUNS = 1_000

const ASKED_FOR = "asked for by a caller"
