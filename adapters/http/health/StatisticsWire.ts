/** The JSON of statistics: what the core's values are called on the wire. Times are milliseconds. */
import type { Numbers, PipelineNumbers } from "../../../core/statistics/Statistics.ts"
import { errorDetail } from "../runs/RunWire.ts"
import { instant } from "../server/Instant.ts"

/** Numbers of one step, or of runs. Quantiles are at most a tenth too high; null without any durations. */
export interface NumbersJson {
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** From 0 to 1; null when none completed or failed. */
  readonly success_rate: number | null
  readonly p50_ms: number | null
  readonly p95_ms: number | null
  readonly max_ms: number | null
  /** Why, the most frequent first, 20 kinds at most. */
  readonly failures: ReadonlyArray<{ readonly error: string; readonly message: string; readonly count: number }>
}

/** Numbers of one step. */
export interface StepNumbersJson extends NumbersJson {
  readonly step_name: string
  readonly retried: number
  readonly skipped: number
  readonly memoised: number
}

/** `GET /pipelines/{id}/statistics`. */
export interface StatisticsJson extends NumbersJson {
  readonly pipeline_id: string
  readonly since: string
  readonly until: string
  readonly steps: ReadonlyArray<StepNumbersJson>
  readonly slowest_step: string | null
  readonly most_failing_step: string | null
}

const numbers = (of: Numbers): NumbersJson => ({
  completed: of.completed,
  failed: of.failed,
  cancelled: of.cancelled,
  success_rate: of.successRate ?? null,
  p50_ms: of.p50Millis ?? null,
  p95_ms: of.p95Millis ?? null,
  max_ms: of.maxMillis ?? null,
  failures: of.failures.map(({ name, message, count }) => ({ ...errorDetail({ name, message }), count }))
})

/** How a pipeline's runs went, up to now. */
export const statistics = (of: PipelineNumbers, nowMillis: number): StatisticsJson => ({
  pipeline_id: of.pipelineId,
  since: instant(of.sinceMillis),
  until: instant(nowMillis),
  ...numbers(of),
  steps: of.steps.map((step) => ({
    step_name: step.step,
    ...numbers(step),
    retried: step.retried,
    skipped: step.skipped,
    memoised: step.memoised
  })),
  slowest_step: of.slowestStep ?? null,
  most_failing_step: of.mostFailingStep ?? null
})
