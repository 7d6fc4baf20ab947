/**
 * Events: the only way a run changes, and what watchers see. Each run numbers its events 1, 2, 3… without a gap. The
 * first is `RunStarted`, unless the run ended or steps of it were cancelled before it started. The last is the terminal
 * event.
 */

import type { Json } from "../json/Value.ts"
import type { Kind } from "../pipeline/Pipeline.ts"
import type { ArmName } from "../pipeline/Step.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"

/** Fields of every event. */
interface Common {
  readonly runId: string
  readonly pipelineId: string
  readonly sequence: number
  /** Milliseconds since 1970 in UTC, by the Store's clock; never less than that of the event before. */
  readonly atMillis: number
}

/** Fields of every event of a step. */
interface OfStep extends Common {
  readonly step: string
  /** The step's index in the run's plan. */
  readonly index: number
  /** The number of the attempt; 0 when there was no attempt. */
  readonly attempt: number
}

/** The first step of the run began, or the run completed without running any step. */
export interface RunStarted extends Common {
  readonly type: "RunStarted"
  /** The kind of the run's pipeline. */
  readonly kind?: Kind
  /** The id of the request that started the run. */
  readonly requestId?: string
  /** Absent when together longer than the Store's `maxValueBytes`, and in events that were read without values. */
  readonly parameters?: Readonly<Record<string, Json>>
}

/** An attempt of the step began. For a map, filter or reduce: the attempt that reads its lists. */
export interface StepStarted extends OfStep {
  readonly type: "StepStarted"
  /** The worker that runs the attempt; absent when none does: the outputs are memoised, or the inputs are too long. */
  readonly worker?: string
}

/** Progress of the step: its finished items, or what its task reports. At most one event per percent. */
export interface StepProgressed extends OfStep {
  readonly type: "StepProgressed"
  readonly done: number
  readonly total: number
}

/** How a step completed, where that was more than one run of its task. */
export interface HowCompleted {
  /** The arm that the branch takes. */
  readonly arm?: ArmName
  /** Whether the outputs come from an earlier attempt with the same inputs, and the task was not called. */
  readonly memoised?: true
  /** How many items, if any, took the outputs of an earlier attempt. */
  readonly memoisedItems?: number
  /** How many items, if any, failed and are missing from the outputs. */
  readonly itemsFailed?: number
}

/** The step's outputs were recorded, under their names in the run. */
export interface StepCompleted extends OfStep, HowCompleted {
  readonly type: "StepCompleted"
  readonly outputs: Readonly<Record<string, Json>>
  readonly durationMillis: number
}

/** An attempt failed; the next one begins after `waitMillis`. */
export interface StepRetried extends OfStep {
  readonly type: "StepRetried"
  /** The index of the item, in a map, filter or reduce. A step has at most 1,000 events with an item. */
  readonly item?: number
  readonly error: ErrorInfo
  readonly waitMillis: number
}

/** An item failed for good, and the step goes on without it. A step has at most 1,000 of these events. */
export interface StepItemFailed extends OfStep {
  readonly type: "StepItemFailed"
  readonly item: number
  readonly error: ErrorInfo
}

/** The step failed for good. */
export interface StepFailed extends OfStep {
  readonly type: "StepFailed"
  readonly error: ErrorInfo
  readonly durationMillis: number
  /** How many of its items failed, if any, in a step that may go on without failed items. */
  readonly itemsFailed?: number
}

/** An attempt ended without an outcome: its worker was lost or gave the step back. The step is ready again. */
export interface StepReleased extends OfStep {
  readonly type: "StepReleased"
  readonly item?: number
  readonly reason: string
}

/** The step will not run: a branch took the other arm, or a step that it needs failed. */
export interface StepSkipped extends OfStep {
  readonly type: "StepSkipped"
  readonly cause: "branch" | "failure"
  readonly reason: string
}

/** The step was cancelled on request. Its dependents are treated as after a failure. */
export interface StepCancelled extends OfStep {
  readonly type: "StepCancelled"
  readonly reason: string
}

/** Every step is over, and the policy of the run allows the failures, if any. */
export interface RunCompleted extends Common {
  readonly type: "RunCompleted"
  /** Milliseconds since `RunStarted`. */
  readonly durationMillis: number
  /**
   * The names of the values in the run's result, and those that exist; see `Results.toJson`. Absent when together longer
   * than the Store's `maxValueBytes`, and in events that were read without values.
   */
  readonly result?: {
    readonly results: ReadonlyArray<string>
    readonly outputs: Readonly<Record<string, Json>>
  }
}

/** The run failed with `error`. */
export interface RunFailed extends Common {
  readonly type: "RunFailed"
  readonly error: ErrorInfo
}

/** The run was cancelled: on request, or because the program that keeps it in memory shuts down. */
export interface RunCancelled extends Common {
  readonly type: "RunCancelled"
  readonly reason: string
}

/** Any event of a run. */
export type Event =
  | RunStarted
  | StepStarted
  | StepProgressed
  | StepCompleted
  | StepRetried
  | StepItemFailed
  | StepFailed
  | StepReleased
  | StepSkipped
  | StepCancelled
  | RunCompleted
  | RunFailed
  | RunCancelled

/** Whether it is the last event of its run. */
export const isTerminal = (event: Event): event is RunCompleted | RunFailed | RunCancelled =>
  event.type === "RunCompleted" || event.type === "RunFailed" || event.type === "RunCancelled"
