/** A run that is to be started, and how it is kept before anything happens to it. */

import type { Json } from "../json/Value.ts"
import type { Plan } from "../pipeline/Plan.ts"
import type { Limit } from "../values/Limit.ts"
import type { Policy } from "../values/Policy.ts"
import type { KeptItems } from "./KeptItems.ts"
import type { Run, Submission } from "./Run.ts"

/** A run to be started. What is left out has its default from `Run.Submission`. */
export interface NewRun {
  readonly pipelineId: string
  readonly version: string
  readonly plan: Plan
  /** Checked against the pipeline's schemas by whoever submits. */
  readonly parameters: Readonly<Record<string, Json>>
  /** Values of outputs that are there from the start, and stay. */
  readonly given?: Readonly<Record<string, Json>>
  /** Values of outputs that are there from the start. */
  readonly kept?: Readonly<Record<string, Json>>
  /**
   * Completed units of steps that go through items, by step. The Store gives each to the claim that expands the step, as
   * the value `KEPT_ITEMS`, and takes them from the outcome of that claim.
   */
  readonly keptItems?: Readonly<Record<string, KeptItems>>
  /** How long the run may take from when it may start, in milliseconds; then it fails with `RunTimedOut`. */
  readonly timeoutMillis?: number | undefined
  /** How long from now until its first step may begin, in milliseconds. Default: 0. */
  readonly delayMillis?: number
  /** Default: `fail-fast`. */
  readonly onFailure?: Policy
  /** Default: 0. */
  readonly priority?: number
  /** The run waits until it can hold all of them, and holds them to its end. */
  readonly limits?: ReadonlyArray<Limit>
  /** Names the run for whoever started it, per pipeline, for 24 hours. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string }
  readonly targets?: ReadonlyArray<string> | undefined
  readonly retryOf?: string
  /** Names the request that it was started by. */
  readonly requestId?: string | undefined
  /** The span that its steps' spans are children of. */
  readonly traceparent?: string | undefined
  readonly schedule?: Run["schedule"]
}

/** How long an idempotency key names its run, in milliseconds. */
export const IDEMPOTENCY_MILLIS = 86_400_000

const NO_VALUES: Readonly<Record<string, Json>> = {}

/** What is known of a run from the start. */
export const submissionOf = (run: NewRun, id: string, nowMillis: number): Submission => ({
  id,
  pipelineId: run.pipelineId,
  version: run.version,
  parameters: run.parameters,
  given: run.given ?? NO_VALUES,
  kept: run.kept ?? NO_VALUES,
  submittedAtMillis: nowMillis,
  startAtMillis: nowMillis + (run.delayMillis ?? 0),
  timeoutMillis: run.timeoutMillis,
  onFailure: run.onFailure ?? "fail-fast",
  priority: run.priority ?? 0,
  targets: run.targets,
  results: run.plan.results,
  retryOf: run.retryOf,
  requestId: run.requestId,
  traceparent: run.traceparent,
  schedule: run.schedule
})
