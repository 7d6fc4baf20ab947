/** Operations on runs. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Guard, GuardError } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import type { RunInput } from "../pipeline/Parameters.ts"
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { Registry } from "../registry/Registry.ts"
import type { Event } from "../run/Event.ts"
import type { Outline } from "../run/Outline.ts"
import * as PartialRun from "../run/PartialRun.ts"
import * as Run from "../run/Run.ts"
import * as Start from "../run/Start.ts"
import { after } from "../runtime/Eager.ts"
import type { FeedItem, FeedRequest } from "../store/Feed.ts"
import { found, type ListRequest, newestRun, type RunList, type Store } from "../store/Store.ts"
import type { Lines } from "../task/Log.ts"
import {
  IdempotencyConflict,
  InvalidOption,
  type ParametersInvalid,
  type PipelineNotFound,
  RunCancelled,
  RunFailed,
  RunMismatch,
  RunNotFound,
  RunNotRepeatable,
  RunUnfinished,
  StoreUnavailable,
  type UnknownStep,
  WaitTimedOut
} from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import { type Caller, ownerOf, type Permission } from "../values/Principal.ts"
import * as Text from "../values/Text.ts"
import * as ItemsToKeep from "./ItemsToKeep.ts"
import * as RunPages from "./RunPages.ts"

/** Why a run can't be started. */
export type StartError =
  | PipelineNotFound
  | ParametersInvalid
  | InvalidOption
  | UnknownStep
  | IdempotencyConflict
  | GuardError

/** Why a wait does not end in a completed run. */
export type WaitError = InvalidOption | RunNotFound | RunFailed | RunCancelled | WaitTimedOut | GuardError

/** Why a run can't be retried. */
export type RetryError =
  | InvalidOption
  | RunNotFound
  | RunUnfinished
  | RunNotRepeatable
  | PipelineNotFound
  | UnknownStep
  | GuardError

/** Operations on runs. */
export interface RunOperations {
  /** A pipeline, and its current run: the newest running one, else the newest one. A run that is still delayed counts only without an older one. */
  readonly latest: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<
    { readonly pipeline: Pipeline.Any; readonly run: Option.Option<Run.Summary> },
    PipelineNotFound | GuardError
  >
  /** A run of the pipeline's current version, with the pipeline. Fails with `RunMismatch` for another pipeline's run, or another version's. */
  readonly runOfPipeline: (
    caller: Caller,
    pipelineId: string,
    runId: string
  ) => Effect.Effect<
    { readonly pipeline: Pipeline.Any; readonly run: Run.Run },
    PipelineNotFound | RunNotFound | RunMismatch | GuardError
  >
  /** Checks the parameters and starts a run. Gives its id, or the id of the caller's run with the same idempotency key. */
  readonly start: (
    caller: Caller,
    pipelineId: string,
    given: RunInput,
    options?: Start.Options & Start.PartOptions
  ) => Effect.Effect<string, StartError>
  /**
   * Starts a run that repeats an earlier one, and gives its id. Runs the steps that did not complete, the steps `from`, and
   * every step that depends on one of these; keeps the values of the others. A map or filter keeps the items that
   * completed, unless it is named or its inputs change. The result is that of a fresh run.
   */
  readonly retry: (caller: Caller, runId: string, from?: ReadonlyArray<string>) => Effect.Effect<string, RetryError>
  /** The names of the steps that such a retry would run, unless a branch or a failure skips them. Starts nothing. */
  readonly retriedSteps: (
    caller: Caller,
    runId: string,
    from?: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<string>, RetryError>
  /**
   * Starts a run and waits for it. Fails with `WaitTimedOut` after `waitMillis` (default: never); the run goes on. Needs only
   * the permission of `start`: a caller may read the result of a run that it starts.
   */
  readonly execute: (
    caller: Caller,
    pipelineId: string,
    given: RunInput,
    options?: Start.Options & Start.PartOptions,
    waitMillis?: number
  ) => Effect.Effect<Run.Run, StartError | WaitError>
  /** The current state of a run. */
  readonly run: (caller: Caller, runId: string) => Effect.Effect<Run.Run, RunNotFound | GuardError>
  /** The log lines of the run's tasks. */
  readonly lines: (caller: Caller, runId: string) => Effect.Effect<Lines, RunNotFound | GuardError>
  /** The completed run. Fails with `WaitTimedOut` after `waitMillis` (default: never); the run goes on. */
  readonly wait: (caller: Caller, runId: string, waitMillis?: number) => Effect.Effect<Run.Run, WaitError>
  /** Ends a run as CANCELLED, and gives it. A finished run stays as it is. */
  readonly cancel: (
    caller: Caller,
    runId: string,
    reason?: string
  ) => Effect.Effect<Run.Run, RunNotFound | InvalidOption | GuardError>
  /** Ends one step as CANCELLED, and gives the run, which goes on as after a failure of the step. A finished step stays as it is. */
  readonly cancelStep: (
    caller: Caller,
    runId: string,
    step: string,
    reason?: string
  ) => Effect.Effect<Run.Run, RunNotFound | UnknownStep | InvalidOption | GuardError>
  /** Deletes a finished run. */
  readonly remove: (caller: Caller, runId: string) => Effect.Effect<void, RunNotFound | RunUnfinished | GuardError>
  /** Runs without their values, newest first, at most 1,000 in one page. */
  readonly runs: (caller: Caller, request: ListRequest) => Effect.Effect<RunList, InvalidOption | GuardError>
  /** The run's events after sequence `after` (default: all), then new ones as they happen, up to the terminal one. */
  readonly watch: (
    caller: Caller,
    runId: string,
    after?: number
  ) => Stream.Stream<Event, InvalidOption | RunNotFound | GuardError>
  /** The events of all runs that the caller may read, or of one pipeline's, as they are recorded. */
  readonly feed: (
    caller: Caller,
    request: FeedRequest
  ) => Effect.Effect<Stream.Stream<FeedItem, StoreUnavailable>, InvalidOption | PipelineNotFound | GuardError>
  /**
   * The events of `watch`, and the current state of the run. Fails before the stream begins when the caller may not read it.
   * With `isBare` the events may lack values, which the Store then need not read. Default: false.
   */
  readonly follow: (
    caller: Caller,
    runId: string,
    after?: number,
    isBare?: boolean
  ) => Effect.Effect<
    { readonly run: Outline; readonly events: Stream.Stream<Event, RunNotFound | StoreUnavailable> },
    InvalidOption | RunNotFound | GuardError
  >
}

/** Makes the operations on runs. `shutdown` gives the failure of new runs once the program shuts down. */
export const make = (
  store: Store,
  registry: Registry,
  guard: Guard,
  shutdown: () => StoreUnavailable | undefined
): RunOperations => {
  /** The run, if the caller has the permission on its pipeline. */
  const permittedRun = (caller: Caller, permission: Permission, runId: string) =>
    Permit.runOf(guard, caller, permission, runId, (id) => store.get(id))

  /** Succeeds if the caller has the permission on the run's pipeline. */
  const permitted = (caller: Caller, permission: Permission, runId: string) =>
    Permit.forRun(store, guard, caller, permission, runId)

  /** A completed run; fails for any other finished run. */
  const completed = (run: Run.Run): Effect.Effect<Run.Run, RunFailed | RunCancelled> => {
    if (run.status === "FAILED") return Effect.fail(new RunFailed(run, run.error!))
    if (run.status === "CANCELLED") return Effect.fail(new RunCancelled(run, run.reason!))
    return Effect.succeed(run)
  }

  const submit = (
    caller: Caller,
    pipelineId: string,
    given: RunInput,
    options: Start.Options & Start.PartOptions
  ): Effect.Effect<string, StartError> =>
    Effect.flatMap(
      after(guard.check(caller, { permission: "execute", pipelineId }), () => registry.find(pipelineId)),
      ({ pipeline }): Effect.Effect<string, StartError> => {
        const refused = shutdown()
        if (refused !== undefined) return Effect.fail(refused)
        const owner = ownerOf(caller)
        const run = Start.newRun(pipeline, given, options, store.maxValueBytes, owner)
        if (Result.isFailure(run)) return Effect.fail(run.failure)
        const requestId = requestIdOf(caller)
        const submitted = store.submit(requestId === undefined ? run.success : { ...run.success, requestId })
        const { idempotencyKey: key } = options
        if (owner === undefined || key === undefined) return submitted
        return Effect.catchTag(submitted, "IdempotencyConflict", ({ runId, isGone }) =>
          Effect.fail(new IdempotencyConflict(pipelineId, key, runId, isGone))
        )
      }
    )

  /** Waits for the run to end, at most `waitMillis` milliseconds. */
  const waitFor = (runId: string, waitMillis: number | undefined): Effect.Effect<Run.Run, WaitError> => {
    const finished = Effect.flatMap(
      store.wait(runId),
      (run): Effect.Effect<Run.Run, WaitError> =>
        Run.isTerminal(run.status) ? completed(run) : Effect.fail(new WaitTimedOut(run, undefined))
    )
    if (waitMillis === undefined) return withRunId(runId, finished)
    const timedOut = Effect.flatMap(
      store.get(runId),
      (run): Effect.Effect<Run.Run, WaitError> =>
        Run.isTerminal(run.status) ? completed(run) : Effect.fail(new WaitTimedOut(run, waitMillis))
    )
    const within =
      waitMillis === 0 ? timedOut : Effect.timeoutOrElse(finished, { duration: waitMillis, orElse: () => timedOut })
    return withRunId(runId, within)
  }

  const invalidWait = (waitMillis: number | undefined) => OptionCheck.millis("waitMillis", waitMillis)

  /** The steps and values of a retry, with the pipeline. */
  const repeat = (run: Run.Run, from: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const mistake = OptionCheck.texts("from", from, "an array of step names")
      if (mistake !== undefined) return yield* mistake
      if (!Run.isTerminal(run.status)) return yield* new RunUnfinished(run.id, "retried")
      const { pipeline } = yield* registry.find(run.pipelineId)
      if (pipeline.version !== run.version) {
        const why = `its pipeline '${pipeline.id}' has another version now, so its values may not fit; start a new run`
        return yield* new RunNotRepeatable(run, why)
      }
      return { pipeline, ...(yield* Effect.fromResult(PartialRun.ofRun(pipeline, run, from))) }
    })

  const retry = (run: Run.Run, caller: Caller, from: ReadonlyArray<string>): Effect.Effect<string, RetryError> =>
    Effect.gen(function* () {
      const refused = shutdown()
      if (refused !== undefined) return yield* refused
      const { pipeline, part, kept, partly } = yield* repeat(run, from)
      const keptItems = yield* ItemsToKeep.gather(store, run.id, partly)
      const { onFailure, priority, parameters, given, targets, timeoutMillis } = run
      const submitted = store.submit({
        ...Start.plain(pipeline, parameters, { onFailure, priority }),
        timeoutMillis,
        plan: pipeline.planOf(part),
        given,
        kept,
        keptItems,
        targets,
        retryOf: run.id,
        requestId: requestIdOf(caller)
      })
      // A run without an idempotency key can't be in conflict.
      return yield* Effect.catchTag(submitted, "IdempotencyConflict", Effect.die)
    })

  /** Ends a run or a step, with the reason clipped, and gives the run. */
  const cancel = <E>(
    caller: Caller,
    runId: string,
    reason: unknown = DEFAULT_REASON,
    end: (reason: string) => Effect.Effect<void, E>
  ): Effect.Effect<Run.Run, E | RunNotFound | InvalidOption | GuardError> =>
    Effect.flatMap(
      permitted(caller, "execute", runId),
      (): Effect.Effect<Run.Run, E | RunNotFound | InvalidOption | StoreUnavailable> =>
        typeof reason === "string"
          ? Effect.andThen(end(Text.clip(reason, MAX_REASON)), store.get(runId))
          : Effect.fail(new InvalidOption("reason", reason, "a string"))
    )

  const follow: RunOperations["follow"] = (caller, runId, from, isBare) => {
    const mistake = OptionCheck.integer("after", from, 0) ?? OptionCheck.flag("isBare", isBare)
    return Effect.flatMap(
      Permit.runOf(guard, caller, "read", runId, (id) => store.outline(id)),
      (run) =>
        mistake === undefined ? Effect.succeed({ run, events: store.watch(runId, from, isBare) }) : Effect.fail(mistake)
    )
  }

  return {
    latest: (caller, pipelineId) =>
      Effect.gen(function* () {
        yield* guard.check(caller, { permission: "read", pipelineId })
        const { pipeline } = yield* registry.find(pipelineId)
        const newest = (yield* newestRun(store, pipelineId, ["RUNNING"])) ?? (yield* newestRun(store, pipelineId))
        const isDelayed =
          newest?.status === "PENDING" &&
          newest.startAtMillis > newest.submittedAtMillis &&
          newest.startAtMillis > (yield* store.now)
        const run = isDelayed ? ((yield* newestRun(store, pipelineId, Run.ENDED)) ?? newest) : newest
        return { pipeline, run: Option.fromUndefinedOr(run) }
      }),
    runOfPipeline: (caller, pipelineId, runId) =>
      Effect.gen(function* () {
        // Counts and records one request, about both.
        yield* guard.check(caller, { permission: "read", pipelineId, runId })
        const { pipeline } = yield* registry.find(pipelineId)
        const run = yield* found(runId, store.get)
        if (run.pipelineId === pipelineId && run.version === pipeline.version) return { pipeline, run }
        const isReadable = guard.may(caller, { permission: "read", pipelineId: run.pipelineId, runId })
        return yield* isReadable ? new RunMismatch(run, pipeline) : new RunNotFound(runId)
      }),
    start: (caller, pipelineId, given, options = {}) => submit(caller, pipelineId, given, options),
    execute: (caller, pipelineId, given, options = {}, waitMillis) => {
      const mistake = invalidWait(waitMillis)
      return mistake === undefined
        ? Effect.flatMap(submit(caller, pipelineId, given, options), (runId) => waitFor(runId, waitMillis))
        : Effect.fail(mistake)
    },
    retry: (caller, runId, from = []) =>
      Effect.flatMap(permittedRun(caller, "execute", runId), (run) => retry(run, caller, from)),
    retriedSteps: (caller, runId, from = []) =>
      Effect.flatMap(permittedRun(caller, "read", runId), (run) =>
        Effect.map(repeat(run, from), ({ pipeline, part }) =>
          pipeline.steps.flatMap(({ name }, index) => (part.initial[index] === undefined ? [name] : []))
        )
      ),
    run: (caller, runId) => permittedRun(caller, "read", runId),
    lines: (caller, runId) => Effect.andThen(permitted(caller, "read", runId), store.lines(runId)),
    wait: (caller, runId, waitMillis) =>
      Effect.flatMap(permittedRun(caller, "read", runId), (run): Effect.Effect<Run.Run, WaitError> => {
        const mistake = invalidWait(waitMillis)
        if (mistake !== undefined) return Effect.fail(mistake)
        if (Run.isTerminal(run.status)) return completed(run)
        // The run was read just now.
        return waitMillis === 0 ? Effect.fail(new WaitTimedOut(run, waitMillis)) : waitFor(runId, waitMillis)
      }),
    cancel: (caller, runId, reason) => cancel(caller, runId, reason, (kept) => store.cancel(runId, kept)),
    cancelStep: (caller, runId, step, reason) =>
      cancel(caller, runId, reason, (kept) => store.cancelStep(runId, step, kept)),
    remove: (caller, runId) => Effect.andThen(permitted(caller, "admin", runId), store.remove(runId)),
    runs: (caller, request) => RunPages.page(store, guard, caller, "read", request),
    watch: (caller, runId, from) => Stream.unwrap(Effect.map(follow(caller, runId, from), ({ events }) => events)),
    follow,
    feed: (caller, request) =>
      Effect.gen(function* () {
        const mistake =
          OptionCheck.required(OptionCheck.record, "request", request) ??
          OptionCheck.flag("isEndless", request.isEndless) ??
          OptionCheck.flag("isBare", request.isBare)
        if (mistake !== undefined) return yield* mistake
        const { pipelineId } = request
        yield* guard.check(caller, { permission: "read", pipelineId })
        if (pipelineId !== undefined) yield* registry.find(pipelineId)
        const items = yield* store.feed(request)
        // Asked for each event, because the caller's permissions can change during the stream.
        return Stream.map(items, (item) => {
          const { event } = item
          const isHidden =
            event !== undefined &&
            !guard.may(caller, { permission: "read", pipelineId: event.pipelineId, runId: event.runId })
          return isHidden ? { ...item, event: undefined } : item
        })
      })
  }
}

/** The longest reason of a cancellation, and the longest request id, in UTF-16 units. Longer ones are clipped. */
export const MAX_REASON = 1_000
const MAX_REQUEST_ID = 200

const requestIdOf = ({ origin: { requestId } }: Caller): string | undefined =>
  requestId === undefined ? undefined : Text.clip(requestId, MAX_REQUEST_ID)

/** Adds the run's id to `StoreUnavailable`, so that a caller can find the run later. */
const withRunId = <A, E>(runId: string, waiting: Effect.Effect<A, E | StoreUnavailable>) =>
  Effect.mapError(waiting, (error) =>
    error instanceof StoreUnavailable ? new StoreUnavailable(error.message, runId) : error
  )

/** The reason of a cancellation without one. */
const DEFAULT_REASON = "requested by a caller"
