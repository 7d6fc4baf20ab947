/** The JSON types of statistics, and their conversion from the core's values. Times are milliseconds. */
import type { Series } from "../../../core/statistics/Series.ts"
import type { Numbers, PipelineNumbers } from "../../../core/statistics/Statistics.ts"
import { errorDetail } from "../runs/RunWire.ts"
import { instant } from "../server/Instant.ts"

/** Statistics of runs, or of one step. Quantiles are at most 10% too high; null without durations. */
export interface NumbersJson {
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** From 0 to 1; null if none completed or failed. */
  readonly success_rate: number | null
  readonly p50_ms: number | null
  readonly p95_ms: number | null
  readonly max_ms: number | null
  /** The failures by name and message, the most frequent first, at most 20. */
  readonly failures: ReadonlyArray<{ readonly error: string; readonly message: string; readonly count: number }>
}

/** Statistics of one step. */
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

/** `GET /pipelines/{id}/statistics/series` and `GET /statistics/series`. */
export interface SeriesJson {
  /** From when on all finished runs are counted; there are no points of intervals that ended before. */
  readonly since: string
  readonly until: string
  /** In order of time, at equal intervals; the last interval is the current one. */
  readonly points: ReadonlyArray<PointJson>
}

/** The finished runs of one interval. Quantiles are at most 10% too high; null without durations. */
export interface PointJson {
  /** The start of the interval. */
  readonly at: string
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  readonly p50_ms: number | null
  readonly p95_ms: number | null
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

/** Converts the statistics of a pipeline. */
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

/** Converts a series. */
export const series = ({ sinceMillis, untilMillis, points }: Series): SeriesJson => ({
  since: instant(sinceMillis),
  until: instant(untilMillis),
  points: points.map(({ atMillis, completed, failed, cancelled, p50Millis, p95Millis }) => ({
    at: instant(atMillis),
    ...{ completed, failed, cancelled },
    p50_ms: p50Millis ?? null,
    p95_ms: p95Millis ?? null
  }))
})
