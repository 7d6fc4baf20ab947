/** Schemas of the answers of the routes about runs. */
import * as Schema from "effect/Schema"
import { millis, record, strings, text } from "../server/SchemaParts.ts"
import { policy } from "./ExecutionRequest.ts"
import { runStatus } from "./RunRequests.ts"
import type * as RunWire from "./RunWire.ts"

export const completed: Schema.Codec<RunWire.Completed> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literal("COMPLETED"),
  result: Schema.Unknown
}).annotate({ identifier: "Completed" })

export const unfinished: Schema.Codec<RunWire.Unfinished> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literals(["PENDING", "RUNNING"])
}).annotate({ identifier: "Unfinished" })

export const started: Schema.Codec<RunWire.Started> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literal("STARTED")
}).annotate({ identifier: "Started" })

export const errorDetail: Schema.Codec<RunWire.ErrorDetail> = Schema.Struct({
  error: Schema.String,
  message: Schema.String,
  step: Schema.optionalKey(Schema.String),
  item: Schema.optionalKey(Schema.Int),
  stack: Schema.optionalKey(
    Schema.String.annotate({
      description:
        "Where the task raised it. Only for callers with admin on the pipeline, and never in events and lists of runs."
    })
  ),
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

const stateFields = {
  ...runFields,
  version: Schema.String,
  on_failure: policy,
  priority: Schema.Int,
  start_at: Schema.String,
  targets: Schema.NullOr(strings),
  retry_of: text,
  request_id: text,
  schedule: Schema.NullOr(Schema.Struct({ id: Schema.String, tick: Schema.String })),
  steps: Schema.Array(stepDetail)
}

export const runDetail: Schema.Codec<RunWire.RunDetail> = Schema.Struct({
  ...stateFields,
  parameters: record,
  outputs: record,
  result: Schema.optionalKey(Schema.Unknown)
}).annotate({ identifier: "RunDetail" })

const runOutline: Schema.Codec<RunWire.RunOutline> = Schema.Struct({
  ...stateFields,
  values: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      kind: Schema.Literals(["parameter", "given", "output"]),
      step: text,
      bytes: Schema.Int
    }).annotate({ identifier: "ValueSize" })
  )
}).annotate({ identifier: "RunOutline" })

export const run: Schema.Codec<RunWire.RunDetail | RunWire.RunOutline> = Schema.Union([runDetail, runOutline]).annotate(
  {
    identifier: "RunState"
  }
)

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

export const cancelling: Schema.Codec<RunWire.Cancelling> = Schema.Struct({
  task_id: Schema.String,
  status: runStatus
}).annotate({ identifier: "Cancelling" })
