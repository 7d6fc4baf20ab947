/**
 * Events: the only way a run changes, and what watchers see. Numbered 1, 2, 3… for each run, without a gap; the first
 * is `RunStarted` unless the run ended, or steps of it were cancelled, before it started, and the last is the one
 * terminal event.
 */

import type { Json } from "../json/Value.ts"
import type { ArmName } from "../pipeline/Step.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"

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
  /** Which attempt; 0 where none was made. */
  readonly attempt: number
}

/** The first step of the run began. */
export interface RunStarted extends Common {
  readonly type: "RunStarted"
  /** Names the request that it was started by. */
  readonly requestId?: string
}

/** An attempt of the step began. Of a step that goes through items, the reading of its list. */
export interface StepStarted extends OfStep {
  readonly type: "StepStarted"
}

/** The step is so far: items that are done, or what its task says. One for each percent at most. */
export interface StepProgressed extends OfStep {
  readonly type: "StepProgressed"
  readonly done: number
  readonly total: number
}

/** How a step came to its outputs, besides by being run. */
export interface HowCompleted {
  /** The arm that a branch takes. */
  readonly arm?: ArmName
  /** Whether the outputs are those of an earlier attempt with the same inputs, and nothing was run. */
  readonly memoised?: true
  /** Of a step that goes through items: of how many, if any, that is so. */
  readonly memoisedItems?: number
  /** How many items, if any, failed and are left out of the outputs. */
  readonly itemsFailed?: number
}

/** The step's outputs were recorded, by the names of the run's values. */
export interface StepCompleted extends OfStep, HowCompleted {
  readonly type: "StepCompleted"
  readonly outputs: Readonly<Record<string, Json>>
  readonly durationMillis: number
}

/** An attempt failed and another one follows after `waitMillis`. */
export interface StepRetried extends OfStep {
  readonly type: "StepRetried"
  /** Which item, in a step that goes through items. A step has at most 1,000 such events with an item. */
  readonly item?: number
  readonly error: ErrorInfo
  readonly waitMillis: number
}

/** An item failed for good, and the step goes on without it. A step has at most 1,000 such events. */
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
  /** How many of its items, if any, it had gone on without until then. */
  readonly itemsFailed?: number
}

/** The attempt is over without an outcome, because its worker was lost or gave it back; the step is ready again. */
export interface StepReleased extends OfStep {
  readonly type: "StepReleased"
  readonly item?: number
  readonly reason: string
}

/** The step will not run: a branch took the other arm, or a step that it needs gave nothing. */
export interface StepSkipped extends OfStep {
  readonly type: "StepSkipped"
  readonly cause: "branch" | "failure"
  readonly reason: string
}

/** The step was ended because somebody asked for that. What needs it goes the way of a failure. */
export interface StepCancelled extends OfStep {
  readonly type: "StepCancelled"
  readonly reason: string
}

/** Every step is over, and none is missing from the result. */
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

/** Whether no event can follow. */
export const isTerminal = (event: Event): event is RunCompleted | RunFailed | RunCancelled =>
  event.type === "RunCompleted" || event.type === "RunFailed" || event.type === "RunCancelled"
