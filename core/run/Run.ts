/** A run: one execution of a pipeline, as the fold of its events. */

import type { Json } from "../json/Value.ts"
import type { Initial } from "../pipeline/Plan.ts"
import type { ArmName } from "../pipeline/Step.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import type { Policy } from "../values/Policy.ts"
import type { Event } from "./Event.ts"

/** Where a run is. COMPLETED, FAILED and CANCELLED are final. */
export type RunStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED"

/** All of them. */
export const STATUSES: ReadonlyArray<RunStatus> = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]

/** Where a step is. */
export type StepStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "SKIPPED" | "CANCELLED"

/** How far a step is: items, or units of its task's own. */
export interface Progress {
  readonly done: number
  readonly total: number
}

/** One step of a run. Instants are milliseconds since 1970. */
export interface StepState {
  readonly name: string
  readonly status: StepStatus
  /** How many attempts began; 0 when nothing was run. */
  readonly attempts: number
  /** When its last attempt began. */
  readonly startedAtMillis: number | undefined
  readonly completedAtMillis: number | undefined
  /** Why it failed, or why its last attempt did. */
  readonly error: ErrorInfo | undefined
  /** When the next attempt begins, while it waits for that. */
  readonly retryAtMillis: number | undefined
  /** Why it was skipped or cancelled, and why it is completed without having run. */
  readonly reason: string | undefined
  /** Whether it was skipped by a branch; otherwise something failed. */
  readonly byBranch: boolean
  readonly progress: Progress | undefined
  /** Whether it gave what an earlier attempt with the same inputs gave. */
  readonly memoised: boolean
  /** Of how many items that is so, in a step that goes through some. */
  readonly memoisedItems: number
  /** How many of its items failed, counted up to 1,000 for as long as it runs and when it is cancelled. */
  readonly itemsFailed: number
  /** The arm that a branch took. */
  readonly arm: ArmName | undefined
}

/** What is known of a run before anything happens. */
export interface Submission {
  readonly id: string
  readonly pipelineId: string
  readonly version: string
  readonly parameters: Readonly<Record<string, Json>>
  /** Values of outputs that the caller has given; no step changes them. */
  readonly given: Readonly<Record<string, Json>>
  /** Values of outputs that are kept from the run that this one repeats. */
  readonly kept: Readonly<Record<string, Json>>
  readonly submittedAtMillis: number
  /** When its first step may begin at the earliest. */
  readonly startAtMillis: number
  readonly onFailure: Policy
  /** How long it may take in all from when it may start, in milliseconds; unlimited when undefined. */
  readonly timeoutMillis: number | undefined
  /** Of the runs that wait, those with the highest go first. */
  readonly priority: number
  /** The steps that it is about, when it is not about all. */
  readonly targets: ReadonlyArray<string> | undefined
  /** The names of the values that its result is made of. */
  readonly results: ReadonlyArray<string>
  /** The run that this one repeats. */
  readonly retryOf: string | undefined
  /** Names the request that it was started by. */
  readonly requestId: string | undefined
  /** The span that its steps' spans are children of, where it is traced. */
  readonly traceparent: string | undefined
  /** The schedule that started it, and for which of its instants. */
  readonly schedule: { readonly id: string; readonly tickMillis: number } | undefined
}

/** A run at one point of its log. Instants are milliseconds since 1970. */
export interface Run extends Submission {
  readonly status: RunStatus
  readonly steps: ReadonlyArray<StepState>
  readonly stepsCompleted: number
  /** What completed steps gave, and what was given, by the names of the run's values. */
  readonly outputs: Readonly<Record<string, Json>>
  readonly startedAtMillis: number | undefined
  readonly completedAtMillis: number | undefined
  /** Why it failed. */
  readonly error: ErrorInfo | undefined
  /** Why it was cancelled. */
  readonly reason: string | undefined
  /** The sequence of the last event that is in here; 0 before the first. */
  readonly sequence: number
}

/** Whether no event can follow. */
export const isTerminal = (status: RunStatus): boolean =>
  status === "COMPLETED" || status === "FAILED" || status === "CANCELLED"

/** What became of each step, and why, by status. */
export interface Report {
  readonly completed: ReadonlyArray<string>
  readonly failed: ReadonlyArray<{ readonly step: string; readonly error: ErrorInfo }>
  readonly skipped: ReadonlyArray<{ readonly step: string; readonly reason: string }>
  readonly cancelled: ReadonlyArray<{ readonly step: string; readonly reason: string }>
}

/** The report of a run; steps that are not over are in none of its lists. */
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

/** A run that no event has touched yet. */
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
 * The run after `events`, which follow it in its log. Linear in events and steps. Events that the run has already
 * seen are passed over; the given run is left as it was.
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
      // An item that waits keeps nobody from working on the others.
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
      // Where no item may fail, the first that does is the step's own error.
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

/** The end of a run ends its steps: what has begun is cancelled, what has not becomes `unstarted`. */
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
