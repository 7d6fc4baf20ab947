/** The work that a Store lends to workers, and what they give back: claims, outcomes, settlements and notes. */

import type { Json } from "../json/Value.ts"
import type { ArmName } from "../pipeline/Step.ts"
import type { DoneUnit } from "../run/KeptItems.ts"
import type { Progress } from "../run/Run.ts"
import type { Line } from "../task/Log.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import type { Limit } from "../values/Limit.ts"

/** One attempt of one step, lent to a worker until the lease ends. */
export interface Claim {
  readonly runId: string
  readonly pipelineId: string
  readonly version: string
  readonly step: string
  readonly index: number
  /**
   * What is asked for: `run` the step or one of its items; `probe` it, for the limits and the memo key that depend on its
   * inputs; `expand` it into items.
   */
  readonly phase: "run" | "probe" | "expand"
  /** The item, when it is one of a step that goes through items. */
  readonly item: { readonly index: number; readonly value: Json } | undefined
  /** 1 for the first attempt; 0 for a probe. */
  readonly attempt: number
  /** How many attempts ended in a failure before this one. */
  readonly failures: number
  /** How long before this claim the first attempt began, in milliseconds by the Store's clock; 0 for the first. */
  readonly elapsedMillis: number
  /** Whether it has its worker to itself, because it lost workers before: nothing else is lent to it meanwhile. */
  readonly isAlone: boolean
  /** Proves that the lease is this worker's. A later claim of the step has another one. */
  readonly token: string
  /** The span that its run belongs to, where the request wants to know. */
  readonly traceparent?: string | undefined
  /** Values of the run: at least every input of the step that is there. */
  readonly values: { readonly get: (name: string) => Json | undefined }
}

/** What a worker asks for. */
export interface ClaimRequest {
  readonly worker: string
  /** At most so many claims; at least 1. */
  readonly max: number
  /** The pipelines that this worker can run, as `Version.key`s. Read anew whenever work is handed out. */
  readonly versions: ReadonlySet<string>
  /** Whether the worker has nothing at work: only then it is lent a unit that runs alone. Default: false. */
  readonly isIdle?: boolean
  /** Called when units wait that run alone, which the worker was not lent because it is not idle. */
  readonly onAloneWaiting?: () => void
  /** Whether claims are to say which span their runs belong to. Default: false. */
  readonly isTraced?: boolean
  /** Called when the claim has to wait, with a way to end the waiting: then it gives nothing. */
  readonly onWait?: (giveUp: () => void) => void
}

/** A name for what a step gives for its inputs, across runs. */
export interface MemoKey {
  /** The task, its version and its inputs, spelt out, or the digest of long ones: at most some thousand characters. */
  readonly text: string
  /** How long what it gave is taken, in milliseconds; 0 for as long as there is room. */
  readonly ttlMillis: number
}

/** How a claim ended. */
export type Outcome =
  | {
      readonly _tag: "Completed"
      readonly outputs: Readonly<Record<string, Json>>
      /** The arm that a branch takes. */
      readonly arm?: ArmName
      /** What failed of a unit of several items. The outputs are those of its other items. */
      readonly failed?: FailedInUnit
    }
  | { readonly _tag: "Failed"; readonly error: ErrorInfo }
  /** It failed, and is to be attempted again after `waitMillis`. */
  | { readonly _tag: "Retried"; readonly error: ErrorInfo; readonly waitMillis: number }
  /** Given back unfinished; the step is ready again. */
  | { readonly _tag: "Released"; readonly reason: string }
  /** What a probe found. */
  | { readonly _tag: "Probed"; readonly limits: ReadonlyArray<Limit>; readonly memo?: MemoKey | undefined }
  /**
   * The units of work that a list makes, at least one, in order: each is a claim of its own. A unit has `size` of the
   * `count` items, the last one what is left. Those that are `done` are completed from the start, and never lent.
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
  /** How many failed for good; at least 1. */
  readonly count: number
  /** The errors of the first 100 of them, in order, each with its `item`. */
  readonly errors: ReadonlyArray<ErrorInfo>
}

/** The outcome of one claim. */
export interface Settlement {
  readonly claim: Claim
  readonly outcome: Outcome
}

/** What became of a batch of settlements. */
export interface Settled {
  /** Those whose token is stale; they changed nothing. */
  readonly refused: ReadonlyArray<Settlement>
  /** Work that was asked for along with them; none when none is ready. */
  readonly claims: ReadonlyArray<Claim>
}

/** What an attempt says while it runs. With a stale token its progress is passed over; its lines are kept. */
export interface Note {
  readonly claim: Claim
  readonly progress?: Progress
  readonly line?: Pick<Line, "level" | "message" | "fields"> & { readonly item?: number }
  /** How many of its run's lines were lost before that. */
  readonly dropped?: number
}
