/** The work that a Store grants to workers, and what workers report: claims, outcomes, settlements and notes. */

import type { Json } from "../json/Value.ts"
import type { ArmName } from "../pipeline/Step.ts"
import type { DoneUnit } from "../run/KeptItems.ts"
import type { Progress } from "../run/Run.ts"
import type { Line } from "../task/Log.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import type { Limit } from "../values/Limit.ts"

/** One attempt of one step, leased to a worker. */
export interface Claim {
  readonly runId: string
  readonly pipelineId: string
  readonly version: string
  readonly step: string
  readonly index: number
  /**
   * The worker's job: `run` the step or one of its units; `probe` it: compute the limits and the memo key that depend on its
   * inputs; `expand` it into units.
   */
  readonly phase: "run" | "probe" | "expand"
  /** The unit of a step with items; undefined otherwise. */
  readonly item: { readonly index: number; readonly value: Json } | undefined
  /** 1 for the first attempt; 0 for a probe. */
  readonly attempt: number
  /** How many earlier attempts failed. */
  readonly failures: number
  /** How long before this claim the first attempt began, in milliseconds by the Store's clock; 0 for the first. */
  readonly elapsedMillis: number
  /** Whether it runs alone in its worker, because it has lost workers before. The worker gets no other claim meanwhile. */
  readonly isAlone: boolean
  /** Identifies this lease. A later claim of the step has another token, which makes this one stale. */
  readonly token: string
  /** The span of its run, if the request has `isTraced`. */
  readonly traceparent?: string | undefined
  /** The values of the run: at least the inputs of the step that exist. */
  readonly values: { readonly get: (name: string) => Json | undefined }
}

/** A worker's request for work. */
export interface ClaimRequest {
  readonly worker: string
  /** How many claims at most; at least 1. */
  readonly max: number
  /** The pipelines that this worker can run, as `Version.key`s. The Store reads the set each time it grants work. */
  readonly versions: ReadonlySet<string>
  /** Whether the worker runs nothing. Only an idle worker gets a unit that runs alone. Default: false. */
  readonly isIdle?: boolean
  /** Called when a unit that runs alone waits and the worker does not get it, because it is not idle. */
  readonly onAloneWaiting?: () => void
  /** Whether claims have a `traceparent`. Default: false. */
  readonly isTraced?: boolean
  /** Called when the claim has to wait. `giveUp` ends the wait, without claims. */
  readonly onWait?: (giveUp: () => void) => void
}

/** Identifies the outputs of a step for its inputs, across runs. */
export interface MemoKey {
  /** The task, its version and its inputs, or a digest of long inputs: at most some thousand characters. */
  readonly text: string
  /** How long the outputs are reused, in milliseconds; 0: as long as the Store has room for them. */
  readonly ttlMillis: number
}

/** The outcome of a claim. */
export type Outcome =
  | {
      readonly _tag: "Completed"
      readonly outputs: Readonly<Record<string, Json>>
      /** The arm that a branch takes. */
      readonly arm?: ArmName
      /** The failed items of a unit of several. `outputs` are of its other items. */
      readonly failed?: FailedInUnit
    }
  | { readonly _tag: "Failed"; readonly error: ErrorInfo }
  /** It failed, and is retried after `waitMillis`. */
  | { readonly _tag: "Retried"; readonly error: ErrorInfo; readonly waitMillis: number }
  /** Unfinished; the step becomes ready again. */
  | { readonly _tag: "Released"; readonly reason: string }
  /** The result of a probe. */
  | { readonly _tag: "Probed"; readonly limits: ReadonlyArray<Limit>; readonly memo?: MemoKey | undefined }
  /**
   * The units of a list, at least one, in order. Each becomes a claim of its own. A unit has `size` of the `count` items,
   * the last one the rest. Units in `done` are completed already and never granted.
   */
  | {
      readonly _tag: "Expanded"
      readonly units: ReadonlyArray<Json>
      readonly count: number
      readonly size: number
      readonly done?: ReadonlyArray<DoneUnit>
    }

/** The failed items of a unit of several. */
export interface FailedInUnit {
  /** How many items failed, after their retries; at least 1. */
  readonly count: number
  /** The errors of the first 100 of them, in order, each with its `item`. */
  readonly errors: ReadonlyArray<ErrorInfo>
}

/** A claim and its outcome. */
export interface Settlement {
  readonly claim: Claim
  readonly outcome: Outcome
}

/** The result of settling a batch. */
export interface Settled {
  /** The settlements with a stale token. They changed nothing. */
  readonly refused: ReadonlyArray<Settlement>
  /** The claims that the request got. Empty when no work was ready, or without a request. */
  readonly claims: ReadonlyArray<Claim>
}

/** Progress or a log line of a running attempt. With a stale token, the progress is ignored and the line is kept. */
export interface Note {
  readonly claim: Claim
  readonly progress?: Progress
  readonly line?: Pick<Line, "level" | "message" | "fields"> & { readonly item?: number }
  /** How many lines of the run the worker dropped before this note. */
  readonly dropped?: number
}
