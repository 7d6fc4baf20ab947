/** Schemas of what the routes about runs take and answer. */
import * as Schema from "effect/Schema"
import { MAX_REASON } from "../../../core/operations/RunOperations.ts"
import { STATUSES } from "../../../core/run/Run.ts"
import { POLICIES } from "../../../core/values/Policy.ts"
import type {
  CancellationJson,
  ExecutionJson,
  ExecutionQuery,
  RepetitionJson,
  RunsQuery,
  Unfinished
} from "../docs/Contract.ts"
import { instant, limit, millis, nextCursor, priority, record, seconds, strings, text } from "../server/SchemaParts.ts"
import type * as RunWire from "./RunWire.ts"

export const completed: Schema.Codec<RunWire.Completed> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literal("COMPLETED"),
  result: Schema.Unknown
}).annotate({ identifier: "Completed" })

export const unfinished: Schema.Codec<Unfinished> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literals(["PENDING", "RUNNING"])
}).annotate({ identifier: "Unfinished" })

export const started: Schema.Codec<RunWire.Started> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literal("STARTED")
}).annotate({ identifier: "Started" })

const wait = Schema.optionalKey(
  Schema.Boolean.annotate({ description: "Whether to answer when the run is over. Default: false." })
)
const timeout = Schema.optionalKey(
  Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 86_400 })).annotate({
    description: "How long to wait, in seconds; the run goes on. Default: 30."
  })
)

const policy: Schema.Codec<"fail-fast" | "continue" | "skip"> = Schema.Literals(POLICIES)

export const execution: Schema.Codec<ExecutionJson> = Schema.Struct({
  parameters: Schema.optionalKey(record),
  wait,
  timeout,
  given: Schema.optionalKey(record),
  targets: Schema.optionalKey(
    Schema.Array(Schema.String)
      .check(Schema.isMinLength(1))
      .annotate({ description: "Names of steps, at least one. Default: all." })
  ),
  on_failure: Schema.optionalKey(policy),
  priority,
  delay: seconds("How long until the run may begin, in seconds. Default: 0."),
  run_timeout: seconds("How long the run may take, in seconds. Default: the pipeline's.", 0.001)
}).annotate({ identifier: "Execution" })

export const executionQuery: Schema.Codec<ExecutionQuery> = Schema.Struct({ wait, timeout })

const runStatus: Schema.Codec<RunWire.RunRow["status"]> = Schema.Literals(STATUSES)

const errorDetail: Schema.Codec<RunWire.ErrorDetail> = Schema.Struct({
  error: Schema.String,
  message: Schema.String,
  step: Schema.optionalKey(Schema.String),
  item: Schema.optionalKey(Schema.Int),
  cause: Schema.optionalKey(Schema.suspend((): Schema.Codec<RunWire.ErrorDetail> => errorDetail))
}).annotate({ identifier: "ErrorDetail" })

const runFields = {
  task_id: Schema.String,
  pipeline_id: Schema.String,
  status: runStatus,
  steps_completed: Schema.Int,
  total_steps: Schema.Int,
  submitted_at: Schema.String,
  started_at: text,
  completed_at: text,
  duration_ms: millis,
  error: Schema.NullOr(errorDetail),
  reason: text
}

export const runs: Schema.Codec<RunWire.Runs> = Schema.Struct({
  runs: Schema.Array(Schema.Struct(runFields).annotate({ identifier: "Run" })),
  next_cursor: text
}).annotate({ identifier: "Runs" })

const stepDetail: Schema.Codec<RunWire.StepDetail> = Schema.Struct({
  name: Schema.String,
  status: Schema.Literals(["PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED", "CANCELLED"]),
  attempts: Schema.Int,
  started_at: text,
  completed_at: text,
  duration_ms: millis,
  error: Schema.NullOr(errorDetail),
  reason: text,
  progress: Schema.NullOr(Schema.Struct({ done: Schema.Finite, total: Schema.Finite })),
  retry_at: text,
  memoised: Schema.Boolean,
  memoised_items: Schema.Int,
  items_failed: Schema.Int,
  arm: Schema.NullOr(Schema.Literals(["yes", "no"]))
}).annotate({ identifier: "StepDetail" })

export const runDetail: Schema.Codec<RunWire.RunDetail> = Schema.Struct({
  ...runFields,
  version: Schema.String,
  on_failure: policy,
  priority: Schema.Int,
  start_at: Schema.String,
  targets: Schema.NullOr(strings),
  retry_of: text,
  request_id: text,
  schedule: Schema.NullOr(Schema.Struct({ id: Schema.String, tick: Schema.String })),
  steps: Schema.Array(stepDetail),
  parameters: record,
  outputs: record,
  result: Schema.optionalKey(Schema.Unknown)
}).annotate({ identifier: "RunDetail" })

export const logs: Schema.Codec<RunWire.Logs> = Schema.Struct({
  task_id: Schema.String,
  lines: Schema.Array(
    Schema.Struct({
      timestamp: Schema.String,
      level: Schema.Literals(["debug", "info", "warn", "error"]),
      step: Schema.String,
      item: Schema.optionalKey(Schema.Int),
      attempt: Schema.Int,
      message: Schema.String,
      fields: Schema.optionalKey(Schema.Unknown)
    }).annotate({ identifier: "LogLine" })
  ),
  dropped: Schema.Int
}).annotate({ identifier: "Logs" })

export const runsQuery: Schema.Codec<RunsQuery> = Schema.Struct({
  pipeline_id: Schema.optionalKey(Schema.String),
  status: Schema.optionalKey(runStatus),
  since: instant("Submitted at this instant or later."),
  until: instant("Submitted before this instant."),
  limit: limit(200, "From 1 to 200. Default: 50."),
  cursor: nextCursor
})

export const cancelling: Schema.Codec<RunWire.Cancelling> = Schema.Struct({
  task_id: Schema.String,
  status: runStatus
}).annotate({ identifier: "Cancelling" })

export const cancellation: Schema.Codec<CancellationJson> = Schema.Struct({
  reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(MAX_REASON))),
  step: Schema.optionalKey(Schema.String.annotate({ description: "Ends this step only." }))
}).annotate({ identifier: "Cancellation" })

export const repetition: Schema.Codec<RepetitionJson> = Schema.Struct({
  from: Schema.optionalKey(strings)
}).annotate({ identifier: "Repetition" })
