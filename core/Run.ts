/** A run: one execution of a pipeline, as the fold of its events. */
import type { ErrorInfo } from "./Errors.ts"
import type { Event } from "./Event.ts"
import type { Json } from "./Value.ts"

/** Where a run is. COMPLETED, FAILED and CANCELLED are final. */
export type RunStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED"

/** Where a step is. */
export type StepStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "SKIPPED" | "CANCELLED"

/** One step of a run. Instants are milliseconds since 1970. */
export interface StepState {
  readonly name: string
  readonly status: StepStatus
  /** How often it was claimed. */
  readonly attempts: number
  readonly startedAtMillis: number | undefined
  readonly completedAtMillis: number | undefined
  readonly error: ErrorInfo | undefined
}

/** What is known of a run before anything happens. */
export interface Submission {
  readonly id: string
  readonly pipelineId: string
  readonly version: string
  readonly parameters: Readonly<Record<string, Json>>
  readonly submittedAtMillis: number
}

/** A run at one point of its log. Instants are milliseconds since 1970. */
export interface Run extends Submission {
  readonly status: RunStatus
  readonly steps: ReadonlyArray<StepState>
  readonly stepsCompleted: number
  /** What completed steps gave, by the names of the run's values. */
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

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** A run that no event has touched yet. */
export const pending = (submission: Submission, steps: ReadonlyArray<{ readonly name: string }>): Run => ({
  ...submission,
  status: "PENDING",
  steps: steps.map(({ name }) => ({
    name,
    status: "PENDING",
    attempts: 0,
    startedAtMillis: undefined,
    completedAtMillis: undefined,
    error: undefined
  })),
  stepsCompleted: 0,
  outputs: {},
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
    case "StepStarted": {
      const step = steps[event.index]!
      step.status = "RUNNING"
      step.attempts = event.attempt
      step.startedAtMillis = event.atMillis
      return
    }
    case "StepCompleted": {
      const step = steps[event.index]!
      step.status = "COMPLETED"
      step.completedAtMillis = event.atMillis
      run.stepsCompleted++
      Object.assign(outputs, event.outputs)
      return
    }
    case "StepFailed": {
      const step = steps[event.index]!
      step.status = "FAILED"
      step.completedAtMillis = event.atMillis
      step.error = event.error
      return
    }
    case "StepReleased": {
      const step = steps[event.index]!
      step.status = "PENDING"
      step.startedAtMillis = undefined
      return
    }
    case "RunCompleted":
      run.status = "COMPLETED"
      run.completedAtMillis = event.atMillis
      return
    case "RunFailed":
      run.status = "FAILED"
      run.completedAtMillis = event.atMillis
      run.error = event.error
      end(steps, event.atMillis, "SKIPPED")
      return
    case "RunCancelled":
      run.status = "CANCELLED"
      run.completedAtMillis = event.atMillis
      run.reason = event.reason
      end(steps, event.atMillis, "CANCELLED")
      return
  }
}

/** The end of a run ends its steps: what runs is cancelled, what never ran becomes `unstarted`. */
const end = (steps: ReadonlyArray<Mutable<StepState>>, atMillis: number, unstarted: "SKIPPED" | "CANCELLED"): void => {
  for (const step of steps) {
    if (step.status === "RUNNING") {
      step.status = "CANCELLED"
      step.completedAtMillis = atMillis
    } else if (step.status === "PENDING") step.status = unstarted
  }
}
