/** A run: one execution of a pipeline, as the fold of its events. */

import type { Json } from "../json/Value.ts"
import type { Kind } from "../pipeline/Pipeline.ts"
import type { Initial } from "../pipeline/Plan.ts"
import type { ArmName } from "../pipeline/Step.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import type { Policy } from "../values/Policy.ts"
import type { Event } from "./Event.ts"

/** The status of a run. COMPLETED, FAILED and CANCELLED are final. */
export type RunStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED"

/** Every status of a run, in the order in which it can take them. */
export const STATUSES: ReadonlyArray<RunStatus> = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]

/** The status of a step. */
export type StepStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "SKIPPED" | "CANCELLED"

/** Progress of a step, in items or in units that its task defines. */
export interface Progress {
  readonly done: number
  readonly total: number
}

/** One step of a run. Instants are milliseconds since 1970. */
export interface StepState {
  readonly name: string
  readonly status: StepStatus
  /** How many attempts have begun; 0 when the task was never called. */
  readonly attempts: number
  /** When its last attempt began. */
  readonly startedAtMillis: number | undefined
  readonly completedAtMillis: number | undefined
  /** The error of its last failed attempt; undefined once it has completed. */
  readonly error: ErrorInfo | undefined
  /** When the next attempt begins, while it waits to retry. */
  readonly retryAtMillis: number | undefined
  /** Why it was skipped or cancelled, or why it counts as completed without having run. */
  readonly reason: string | undefined
  /** Whether a branch skipped it; a skipped step was skipped because of a failure otherwise. */
  readonly byBranch: boolean
  readonly progress: Progress | undefined
  /** Whether its outputs come from an earlier attempt with the same inputs. */
  readonly memoised: boolean
  /** How many of its items took the outputs of an earlier attempt. */
  readonly memoisedItems: number
  /** How many of its items failed. While it runs, and when it is cancelled, at most 1,000 are counted. */
  readonly itemsFailed: number
  /** The arm that a branch took. */
  readonly arm: ArmName | undefined
}

/** A run as it was submitted. */
export interface Submission {
  readonly id: string
  readonly pipelineId: string
  readonly version: string
  /** The kind of its pipeline. */
  readonly kind: Kind | undefined
  readonly parameters: Readonly<Record<string, Json>>
  /** Values of outputs that the caller gave; no step replaces them. */
  readonly given: Readonly<Record<string, Json>>
  /** Values of outputs kept from the run that this one retries. */
  readonly kept: Readonly<Record<string, Json>>
  readonly submittedAtMillis: number
  /** The earliest instant at which its first step may begin. */
  readonly startAtMillis: number
  readonly onFailure: Policy
  /** How long it may take after `startAtMillis`, in milliseconds; undefined: no limit. */
  readonly timeoutMillis: number | undefined
  /** Waiting runs with a higher priority go first. */
  readonly priority: number
  /** The target steps of a partial run; undefined: the whole pipeline. */
  readonly targets: ReadonlyArray<string> | undefined
  /** The names of the values in its result. */
  readonly results: ReadonlyArray<string>
  /** The id of the run that this one retries. */
  readonly retryOf: string | undefined
  /** The id of the request that started it. */
  readonly requestId: string | undefined
  /** The parent of its steps' spans, when it is traced. */
  readonly traceparent: string | undefined
  /** The schedule that started it, and the tick that it was started for. */
  readonly schedule: { readonly id: string; readonly tickMillis: number } | undefined
}

/** A run at one point of its log. Instants are milliseconds since 1970. */
export interface Run extends Submission {
  readonly status: RunStatus
  readonly steps: ReadonlyArray<StepState>
  readonly stepsCompleted: number
  /** Outputs of completed steps, kept and given values, by name. */
  readonly outputs: Readonly<Record<string, Json>>
  readonly startedAtMillis: number | undefined
  readonly completedAtMillis: number | undefined
  /** Why it failed. */
  readonly error: ErrorInfo | undefined
  /** Why it was cancelled. */
  readonly reason: string | undefined
  /** The sequence of the last event included; 0 before the first. */
  readonly sequence: number
}

/** A run without its values, as lists have it. */
export interface Summary extends Omit<Run, "parameters" | "given" | "kept" | "outputs"> {}

/** A run without its values. */
export const summary = ({ parameters: _, given: _given, kept: _kept, outputs: _outputs, ...rest }: Run): Summary => rest

/** Whether the status is final. */
export const isTerminal = (status: RunStatus): boolean =>
  status === "COMPLETED" || status === "FAILED" || status === "CANCELLED"

/** COMPLETED, FAILED and CANCELLED. */
export const ENDED: ReadonlyArray<RunStatus> = STATUSES.filter(isTerminal)
/** PENDING and RUNNING. */
export const UNFINISHED: ReadonlyArray<RunStatus> = STATUSES.filter((status) => !isTerminal(status))

/** The ended steps of a run by status, with errors and reasons. */
export interface Report {
  readonly completed: ReadonlyArray<string>
  readonly failed: ReadonlyArray<{ readonly step: string; readonly error: ErrorInfo }>
  readonly skipped: ReadonlyArray<{ readonly step: string; readonly reason: string }>
  readonly cancelled: ReadonlyArray<{ readonly step: string; readonly reason: string }>
}

/** The report of a run. A step that has not ended is in none of its lists. */
export const report = (run: Run): Report => {
  const of = (status: StepStatus): ReadonlyArray<StepState> => run.steps.filter((step) => step.status === status)
  const why = ({ name, reason }: StepState) => ({ step: name, reason: reason ?? "" })
  return {
    completed: of("COMPLETED").map(({ name }) => name),
    failed: of("FAILED").map(({ name, error }) => ({ step: name, error: error! })),
    skipped: of("SKIPPED").map(why),
    cancelled: of("CANCELLED").map(why)
  }
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** The run before its first event. */
export const pending = (
  submission: Submission,
  steps: ReadonlyArray<{ readonly name: string; readonly initial?: Initial }>
): Run => ({
  ...submission,
  status: "PENDING",
  steps: steps.map(({ name, initial }) => ({
    name,
    status: initial?.status ?? "PENDING",
    attempts: 0,
    startedAtMillis: undefined,
    completedAtMillis: undefined,
    error: undefined,
    retryAtMillis: undefined,
    reason: initial?.reason,
    byBranch: initial?.byBranch ?? false,
    progress: undefined,
    memoised: false,
    memoisedItems: 0,
    itemsFailed: 0,
    arm: initial?.arm
  })),
  stepsCompleted: steps.reduce((sum, { initial }) => sum + (initial?.status === "COMPLETED" ? 1 : 0), 0),
  outputs: { ...submission.kept, ...submission.given },
  startedAtMillis: undefined,
  completedAtMillis: undefined,
  error: undefined,
  reason: undefined,
  sequence: 0
})

/**
 * The run after `events`, in the order of its log. Linear in events and steps. Ignores events that the run already
 * includes; does not change the given run.
 */
export const fold = (run: Run, events: Iterable<Event>): Run => {
  const next: Mutable<Run> = { ...run }
  const steps = run.steps.map((step): Mutable<StepState> => ({ ...step }))
  const outputs: Record<string, Json> = { ...run.outputs }
  for (const event of events) {
    if (event.sequence <= next.sequence) continue
    next.sequence = event.sequence
    apply(next, steps, outputs, event)
  }
  next.steps = steps
  next.outputs = outputs
  return next
}

const apply = (
  run: Mutable<Run>,
  steps: ReadonlyArray<Mutable<StepState>>,
  outputs: Record<string, Json>,
  event: Event
): void => {
  switch (event.type) {
    case "RunStarted":
      run.status = "RUNNING"
      run.startedAtMillis = event.atMillis
      return
    case "RunCompleted":
    case "RunFailed":
    case "RunCancelled":
      endRun(run, steps, event)
      return
    default:
      applyToStep(run, steps[event.index]!, outputs, event)
      return
  }
}

const applyToStep = (
  run: Mutable<Run>,
  step: Mutable<StepState>,
  outputs: Record<string, Json>,
  event: Extract<Event, { readonly step: string }>
): void => {
  switch (event.type) {
    case "StepStarted":
      step.status = "RUNNING"
      step.attempts = event.attempt
      step.startedAtMillis = event.atMillis
      step.retryAtMillis = undefined
      step.progress = undefined
      step.itemsFailed = 0
      return
    case "StepProgressed":
      step.progress = { done: event.done, total: event.total }
      return
    case "StepCompleted":
      step.status = "COMPLETED"
      step.completedAtMillis = event.atMillis
      step.error = undefined
      step.memoised = event.memoised === true
      step.memoisedItems = event.memoisedItems ?? 0
      step.itemsFailed = event.itemsFailed ?? 0
      step.arm = event.arm
      run.stepsCompleted++
      Object.assign(outputs, event.outputs)
      return
    case "StepRetried":
      step.error = event.error
      // The other items of the step go on meanwhile.
      if (event.item !== undefined) return
      step.status = "PENDING"
      step.startedAtMillis = undefined
      step.retryAtMillis = event.atMillis + event.waitMillis
      return
    case "StepItemFailed":
      step.itemsFailed++
      return
    case "StepFailed":
      step.status = "FAILED"
      step.completedAtMillis = event.atMillis
      step.error = event.error
      // When no item may fail, the step's error is that of its first failed item.
      step.itemsFailed = event.itemsFailed ?? (event.error.item === undefined ? 0 : 1)
      return
    case "StepReleased":
      if (event.item !== undefined) return
      step.status = "PENDING"
      step.startedAtMillis = undefined
      return
    case "StepSkipped":
      step.status = "SKIPPED"
      step.completedAtMillis = event.atMillis
      step.reason = event.reason
      step.byBranch = event.cause === "branch"
      return
    case "StepCancelled":
      step.status = "CANCELLED"
      step.completedAtMillis = event.atMillis
      step.retryAtMillis = undefined
      step.reason = event.reason
      return
  }
}

const endRun = (
  run: Mutable<Run>,
  steps: ReadonlyArray<Mutable<StepState>>,
  event: Extract<Event, { readonly type: "RunCompleted" | "RunFailed" | "RunCancelled" }>
): void => {
  run.completedAtMillis = event.atMillis
  switch (event.type) {
    case "RunCompleted":
      run.status = "COMPLETED"
      return
    case "RunFailed":
      run.status = "FAILED"
      run.error = event.error
      endSteps(steps, event.atMillis, "SKIPPED", `the run failed: ${event.error.message}`)
      return
    case "RunCancelled":
      run.status = "CANCELLED"
      run.reason = event.reason
      endSteps(steps, event.atMillis, "CANCELLED", event.reason)
      return
  }
}

/** Ends the steps of an ended run: steps that have begun become CANCELLED, the others become `unstarted`. */
const endSteps = (
  steps: ReadonlyArray<Mutable<StepState>>,
  atMillis: number,
  unstarted: "SKIPPED" | "CANCELLED",
  reason: string
): void => {
  for (const step of steps) {
    if (step.status !== "RUNNING" && step.status !== "PENDING") continue
    step.status = step.status === "RUNNING" || step.attempts > 0 ? "CANCELLED" : unstarted
    step.completedAtMillis = atMillis
    step.retryAtMillis = undefined
    step.reason = reason
  }
}
