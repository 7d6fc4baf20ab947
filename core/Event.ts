/**
 * Events: the only way a run changes, and what watchers see. Numbered 1, 2, 3… for each run, without a gap; the first
 * is `RunStarted` unless the run ended before it started, and the last is the one terminal event.
 */
import type { ErrorInfo } from "./Errors.ts"
import type { Json } from "./Value.ts"

/** What every event carries. */
interface Common {
  readonly runId: string
  readonly pipelineId: string
  readonly sequence: number
  /** Milliseconds since 1970 in UTC, by the Store's clock; never less than the event before. */
  readonly atMillis: number
}

/** What every event of a step carries. */
interface OfStep extends Common {
  readonly step: string
  /** The step's place in the run's plan. */
  readonly index: number
  readonly attempt: number
}

/** The first step of the run was claimed. */
export interface RunStarted extends Common {
  readonly type: "RunStarted"
}

/** A worker claimed the step. */
export interface StepStarted extends OfStep {
  readonly type: "StepStarted"
}

/** The step's outputs were recorded, by the names of the run's values. */
export interface StepCompleted extends OfStep {
  readonly type: "StepCompleted"
  readonly outputs: Readonly<Record<string, Json>>
  readonly durationMillis: number
}

/** The step failed for good. */
export interface StepFailed extends OfStep {
  readonly type: "StepFailed"
  readonly error: ErrorInfo
  readonly durationMillis: number
}

/** The attempt is over without an outcome, because its worker was lost or gave it back; the step is ready again. */
export interface StepReleased extends OfStep {
  readonly type: "StepReleased"
  readonly reason: string
}

/** Every step completed. */
export interface RunCompleted extends Common {
  readonly type: "RunCompleted"
}

/** The run is over because of `error`. */
export interface RunFailed extends Common {
  readonly type: "RunFailed"
  readonly error: ErrorInfo
}

/** The run is over because somebody or something asked for that. */
export interface RunCancelled extends Common {
  readonly type: "RunCancelled"
  readonly reason: string
}

/** Any event of a run. */
export type Event =
  | RunStarted
  | StepStarted
  | StepCompleted
  | StepFailed
  | StepReleased
  | RunCompleted
  | RunFailed
  | RunCancelled

/** Whether no event can follow. */
export const isTerminal = (event: Event): event is RunCompleted | RunFailed | RunCancelled =>
  event.type === "RunCompleted" || event.type === "RunFailed" || event.type === "RunCancelled"
