/** A run to start, and the submission that a Store keeps of it. */

import type { Json } from "../json/Value.ts"
import type { Kind } from "../pipeline/Pipeline.ts"
import type { Plan } from "../pipeline/Plan.ts"
import type { Limit } from "../values/Limit.ts"
import type { Policy } from "../values/Policy.ts"
import type { KeptItems } from "./KeptItems.ts"
import type { Run, Submission } from "./Run.ts"

/** A run to start. */
export interface NewRun {
  readonly pipelineId: string
  readonly version: string
  /** The kind of its pipeline. */
  readonly kind?: Kind
  readonly plan: Plan
  /** The caller of `submit` has checked them against the pipeline's schemas. */
  readonly parameters: Readonly<Record<string, Json>>
  /** Values of outputs, present from the start; no step replaces them. */
  readonly given?: Readonly<Record<string, Json>>
  /** Values of outputs, present from the start, kept from the run that this one retries. */
  readonly kept?: Readonly<Record<string, Json>>
  /**
   * Completed units of maps and filters, by step. The claim that expands a step reads them as the value `KEPT_ITEMS`;
   * its outcome returns those that still match.
   */
  readonly keptItems?: Readonly<Record<string, KeptItems>>
  /** How long the run may take after its delay, in milliseconds; then `RunTimedOut` ends it. Default: no limit. */
  readonly timeoutMillis?: number | undefined
  /** How long from now until its first step may begin, in milliseconds. Default: 0. */
  readonly delayMillis?: number
  /** Default: `fail-fast`. */
  readonly onFailure?: Policy
  /** Default: 0. */
  readonly priority?: number
  /** The run waits until it can hold all of them, and holds them until it ends. */
  readonly limits?: ReadonlyArray<Limit>
  /** The key names this run of the pipeline for 24 hours; the fingerprint identifies its parameters and options. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string }
  readonly targets?: ReadonlyArray<string> | undefined
  readonly retryOf?: string
  /** The id of the request that started it. */
  readonly requestId?: string | undefined
  /** The parent of its steps' spans. */
  readonly traceparent?: string | undefined
  readonly schedule?: Run["schedule"]
}

/** How long an idempotency key names its run, in milliseconds. */
export const IDEMPOTENCY_MILLIS = 86_400_000

const NO_VALUES: Readonly<Record<string, Json>> = {}

/** The submission of a run, with defaults filled in. */
export const submissionOf = (run: NewRun, id: string, nowMillis: number): Submission => ({
  id,
  pipelineId: run.pipelineId,
  version: run.version,
  kind: run.kind,
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
