/** The JSON types of runs, and their conversion from the core's values. Parameters and outputs are already JSON text and are not parsed. */

import type { Json } from "../../../core/json/Value.ts"
import type { Outline } from "../../../core/run/Outline.ts"
import * as Results from "../../../core/run/Results.ts"
import type { Run, StepState, Summary } from "../../../core/run/Run.ts"
import type { RunList } from "../../../core/store/Store.ts"
import type { Lines } from "../../../core/task/Log.ts"
import type { ErrorInfo } from "../../../core/values/ErrorInfo.ts"
import { withoutHostPaths } from "../../../core/values/Text.ts"
import { instant } from "../server/Instant.ts"

/** An error in JSON. */
export interface ErrorDetail {
  /** The name of the failure, such as `TaskFailed`. */
  readonly error: string
  readonly message: string
  readonly step?: string
  readonly item?: number
  /** Where the task raised it, one frame a line, with paths of the host. Only for callers with `admin` on the pipeline. */
  readonly stack?: string
  readonly cause?: ErrorDetail
}

/** Converts an error. Host paths are removed from its message. `seesStacks`: whether the caller may see stacks. */
export const errorDetail = (
  { name, message, step, item, stack, cause }: ErrorInfo,
  seesStacks: boolean = false
): ErrorDetail => ({
  error: name,
  message: withoutHostPaths(message),
  ...(step !== undefined && { step }),
  ...(item !== undefined && { item }),
  ...(seesStacks && stack !== undefined && { stack }),
  ...(cause !== undefined && { cause: errorDetail(cause, seesStacks) })
})

// A reason may quote an error.
const maybeReason = (reason: string | undefined): string | null =>
  reason === undefined ? null : withoutHostPaths(reason)

/** An instant in JSON; null for none. */
export const maybeInstant = (millis: number | undefined): string | null =>
  millis === undefined ? null : instant(millis)

/** A row of `GET /runs`. */
export interface RunRow {
  readonly task_id: string
  readonly pipeline_id: string
  readonly status: Run["status"]
  readonly steps_completed: number
  readonly total_steps: number
  readonly submitted_at: string
  readonly started_at: string | null
  readonly completed_at: string | null
  readonly duration_ms: number | null
  readonly error: ErrorDetail | null
  /** Why the run was cancelled. */
  readonly reason: string | null
}

const runRow = (run: Summary, seesStacks: boolean): RunRow => ({
  task_id: run.id,
  pipeline_id: run.pipelineId,
  status: run.status,
  steps_completed: run.stepsCompleted,
  total_steps: run.steps.length,
  submitted_at: instant(run.submittedAtMillis),
  started_at: maybeInstant(run.startedAtMillis),
  completed_at: maybeInstant(run.completedAtMillis),
  duration_ms: duration(run.startedAtMillis, run.completedAtMillis),
  error: run.error === undefined ? null : errorDetail(run.error, seesStacks),
  reason: maybeReason(run.reason)
})

/** The time between two instants, in milliseconds; null unless both are known. */
export const duration = (from: number | undefined, to: number | undefined): number | null =>
  from === undefined || to === undefined ? null : to - from

/** `GET /runs`. */
export interface Runs {
  readonly runs: ReadonlyArray<RunRow>
  /** The `cursor` of the next page; null after the last. */
  readonly next_cursor: string | null
}

/** Converts a list of runs. */
export const runs = ({ runs, nextCursor }: RunList): Runs => ({
  runs: runs.map((run) => runRow(run, false)),
  next_cursor: nextCursor ?? null
})

/** One step of `GET /runs/{task_id}`. */
export interface StepDetail {
  readonly name: string
  readonly status: StepState["status"]
  readonly attempts: number
  readonly started_at: string | null
  readonly completed_at: string | null
  readonly duration_ms: number | null
  readonly error: ErrorDetail | null
  /** Why the step was skipped or cancelled, or why it is completed without having run. */
  readonly reason: string | null
  readonly progress: { readonly done: number; readonly total: number } | null
  /** When the next attempt begins. */
  readonly retry_at: string | null
  readonly memoised: boolean
  /** How many items of a map or filter step have a memoised result. */
  readonly memoised_items: number
  /** How many items failed. */
  readonly items_failed: number
  /** The arm that a branch took. */
  readonly arm: "yes" | "no" | null
}

const stepDetail = (step: StepState, seesStacks: boolean): StepDetail => ({
  name: step.name,
  status: step.status,
  attempts: step.attempts,
  started_at: maybeInstant(step.startedAtMillis),
  completed_at: maybeInstant(step.completedAtMillis),
  duration_ms: duration(step.startedAtMillis, step.completedAtMillis),
  error: step.error === undefined ? null : errorDetail(step.error, seesStacks),
  reason: maybeReason(step.reason),
  progress: step.progress ?? null,
  retry_at: maybeInstant(step.retryAtMillis),
  memoised: step.memoised,
  memoised_items: step.memoisedItems,
  items_failed: step.itemsFailed,
  arm: step.arm ?? null
})

/** What `GET /runs/{task_id}` answers with values and without. */
interface RunState extends RunRow {
  readonly version: string
  readonly on_failure: Run["onFailure"]
  readonly priority: number
  /** Earliest instant at which the first step may start. */
  readonly start_at: string
  readonly targets: ReadonlyArray<string> | null
  readonly retry_of: string | null
  /** The `X-Request-Id` of the request that started the run. */
  readonly request_id: string | null
  readonly schedule: { readonly id: string; readonly tick: string } | null
  readonly steps: ReadonlyArray<StepDetail>
}

/** `GET /runs/{task_id}`. */
export interface RunDetail extends RunState {
  readonly parameters: Readonly<Record<string, unknown>>
  /** The outputs of steps and the given values, by name. */
  readonly outputs: Readonly<Record<string, unknown>>
  /** The result, once the run is COMPLETED. */
  readonly result?: unknown
}

/** `GET /runs/{task_id}?values=false`. */
export interface RunOutline extends RunState {
  /** The values that `GET /runs/{task_id}/values/{name}` answers. */
  readonly values: ReadonlyArray<{
    readonly name: string
    readonly kind: "parameter" | "given" | "output"
    /** The step that produced it. */
    readonly step: string | null
    /** The length of its JSON in UTF-8. */
    readonly bytes: number
  }>
}

const runState = (run: Run | Outline, seesStacks: boolean): RunState => {
  const { schedule } = run
  return {
    ...runRow(run, seesStacks),
    version: run.version,
    on_failure: run.onFailure,
    priority: run.priority,
    start_at: instant(run.startAtMillis),
    targets: run.targets ?? null,
    retry_of: run.retryOf ?? null,
    request_id: run.requestId ?? null,
    schedule: schedule === undefined ? null : { id: schedule.id, tick: instant(schedule.tickMillis) },
    steps: run.steps.map((step) => stepDetail(step, seesStacks))
  }
}

/** Converts a run without its values. */
export const runOutline = (run: Outline, seesStacks: boolean = false): RunOutline => ({
  ...runState(run, seesStacks),
  values: run.values.map(({ name, kind, step = null, bytes }) => ({ name, kind, step, bytes }))
})

/** A run as JSON text of a `RunDetail`. */
export const runDetail = (run: Run, seesStacks: boolean = false): string => {
  const values = `"parameters":${recordText(run.parameters)},"outputs":${recordText(run.outputs)}`
  const result = run.status === "COMPLETED" ? `,"result":${Results.toJson(run)}` : ""
  return `${JSON.stringify(runState(run, seesStacks)).slice(0, -1)},${values}${result}}`
}

/** Values by name, as JSON text. */
export const recordText = (values: Readonly<Record<string, Json>>): string =>
  `{${Object.entries(values)
    .map(([name, json]) => `${JSON.stringify(name)}:${json}`)
    .join(",")}}`

/** `GET /runs/{task_id}/logs`. */
export interface Logs {
  readonly task_id: string
  readonly lines: ReadonlyArray<{
    readonly timestamp: string
    readonly level: "debug" | "info" | "warn" | "error"
    readonly step: string
    readonly item?: number
    readonly attempt: number
    readonly message: string
    readonly fields?: unknown
  }>
  /** How many older lines were dropped. */
  readonly dropped: number
}

/** Converts the log lines of a run. */
export const logs = (runId: string, { lines, dropped }: Lines): Logs => ({
  task_id: runId,
  lines: lines.map(({ atMillis, level, step, item, attempt, message, fields }) => ({
    timestamp: instant(atMillis),
    level,
    step,
    ...(item !== undefined && { item }),
    attempt,
    message,
    ...(fields !== undefined && { fields: JSON.parse(fields) as unknown })
  })),
  dropped
})

/** The answer to `POST /runs/{task_id}/cancel`. */
export interface Cancelling {
  readonly task_id: string
  readonly status: Run["status"]
}

/** The answer to `POST /pipelines/{id}/execute` without `wait`. */
export interface Started {
  readonly task_id: string
  readonly status: "STARTED"
}

/** The answer to `GET /pipelines/result/{task_id}` while the run is not finished. */
export interface Unfinished {
  readonly task_id: string
  readonly status: "PENDING" | "RUNNING"
}

/** The result of a completed run. */
export interface Completed<Result = unknown> {
  readonly task_id: string
  readonly status: "COMPLETED"
  readonly result: Result
}

/** JSON text of a `Completed`. `result` is already JSON text. */
export const completed = (runId: string, result: string): string =>
  `{"task_id":${JSON.stringify(runId)},"status":"COMPLETED","result":${result}}`
