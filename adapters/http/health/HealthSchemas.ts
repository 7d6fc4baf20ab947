/** Schemas of the answers of health checks and statistics. */
import * as Schema from "effect/Schema"
import { millis } from "../server/SchemaParts.ts"
import type * as HealthWire from "./HealthWire.ts"
import type * as StatisticsWire from "./StatisticsWire.ts"

const about = { timestamp: Schema.String, memory_mb: Schema.optionalKey(Schema.Finite) }

/** `GET /health`. */
export const health: Schema.Codec<HealthWire.Health> = Schema.Struct({
  status: Schema.Literals(["healthy", "unhealthy"]),
  broker_connected: Schema.Boolean,
  ...about
}).annotate({ identifier: "Health" })

/** `GET /health/live`. */
export const liveness: Schema.Codec<HealthWire.Liveness> = Schema.Struct({
  status: Schema.Literal("alive"),
  ...about
}).annotate({ identifier: "Liveness" })

/** `GET /health/ready`. */
export const readiness: Schema.Codec<HealthWire.Readiness> = Schema.Struct({
  status: Schema.Literals(["ready", "unready"]),
  ...about,
  workers: Schema.optionalKey(Schema.Int),
  steps_waiting: Schema.optionalKey(Schema.Int),
  steps_running: Schema.optionalKey(Schema.Int),
  runs_unfinished: Schema.optionalKey(Schema.Int),
  oldest_waiting_ms: Schema.optionalKey(Schema.Finite),
  abandoned: Schema.optionalKey(
    Schema.Array(Schema.Struct({ pipeline_id: Schema.String, version: Schema.String, steps: Schema.Int }))
  ),
  overdue_schedules: Schema.optionalKey(Schema.Array(Schema.String))
}).annotate({ identifier: "Readiness" })

const numbers = {
  completed: Schema.Int,
  failed: Schema.Int,
  cancelled: Schema.Int,
  success_rate: Schema.NullOr(Schema.Finite),
  p50_ms: millis,
  p95_ms: millis,
  max_ms: millis,
  failures: Schema.Array(
    Schema.Struct({ error: Schema.String, message: Schema.String, count: Schema.Int }).annotate({
      identifier: "FailureCount"
    })
  )
}

/** `GET /pipelines/{pipeline_id}/statistics`. */
export const statistics: Schema.Codec<StatisticsWire.StatisticsJson> = Schema.Struct({
  pipeline_id: Schema.String,
  since: Schema.String,
  until: Schema.String,
  ...numbers,
  steps: Schema.Array(
    Schema.Struct({
      step_name: Schema.String,
      ...numbers,
      retried: Schema.Int,
      skipped: Schema.Int,
      memoised: Schema.Int
    }).annotate({ identifier: "StepStatistics" })
  ),
  slowest_step: Schema.NullOr(Schema.String),
  most_failing_step: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Statistics" })

/** `GET /pipelines/{pipeline_id}/statistics/series` and `GET /statistics/series`. */
export const series: Schema.Codec<StatisticsWire.SeriesJson> = Schema.Struct({
  since: Schema.String,
  until: Schema.String,
  points: Schema.Array(
    Schema.Struct({
      at: Schema.String,
      completed: Schema.Int,
      failed: Schema.Int,
      cancelled: Schema.Int,
      p50_ms: millis,
      p95_ms: millis
    }).annotate({ identifier: "SeriesPoint" })
  )
}).annotate({ identifier: "Series" })
