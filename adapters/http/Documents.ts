/** Schemas of what each route takes and answers, for documentation. The compiler holds them against Eden's types. */
import * as Schema from "effect/Schema"
import { MAX_MILLIS } from "../../core/Bound.ts"
import { POLICIES } from "../../core/Policy.ts"
import { STATUSES } from "../../core/Run.ts"
import { CATCH_UPS, MAX_PRIORITY, OVERLAPS } from "../../core/Schedule.ts"
import * as Access from "./AccessDocuments.ts"
import * as Events from "./EventDocuments.ts"
import type {
  CancellationJson,
  DefinitionJson,
  ErrorJson,
  Exchange,
  Exchanges,
  ExecutionJson,
  ExecutionQuery,
  FailureStatus,
  NewScheduleJson,
  PartQuery,
  RepetitionJson,
  RunsQuery,
  Unfinished
} from "./Exchanges.ts"
import type * as RunWire from "./RunWire.ts"
import type * as ScheduleWire from "./ScheduleWire.ts"
import * as Server from "./ServerDocuments.ts"
import type * as Wire from "./Wire.ts"

/** Schemas of what a route takes and answers. They have to describe the types that Eden goes by. */
export type Document<E extends Exchange> = {
  readonly answers: { readonly [Status in keyof E["answers"]]: Schema.Codec<E["answers"][Status], unknown> }
  /** The content type of the answers. Default: `application/json`. */
  readonly contentType?: string
  /** What the headers that it heeds are for. */
  readonly headers?: Readonly<Record<string, string>>
  readonly failures: ReadonlyArray<FailureStatus>
} & (E extends { readonly body: infer Body } ? { readonly body: Schema.Codec<Body> } : unknown) &
  (E extends { readonly query: infer Query } ? { readonly query: Schema.Codec<Query> } : unknown)

/** Any document. */
export interface AnyDocument {
  readonly answers: { readonly [status: number]: Schema.Constraint }
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly failures: ReadonlyArray<FailureStatus>
  readonly body?: Schema.Constraint
  readonly query?: Schema.Constraint
}

/** Every document by `METHOD /path`. */
export type Documents = { readonly [Key in keyof Exchanges]: Document<Exchanges[Key]> }

const kind: Schema.Codec<"dataflow" | "sequential"> = Schema.Literals(["dataflow", "sequential"])
const strings: Schema.Codec<ReadonlyArray<string>> = Schema.Array(Schema.String)

const pipelineRow: Schema.Codec<Wire.PipelineRow> = Schema.Struct({
  pipeline_id: Schema.String,
  pipeline_type: kind,
  tasks: strings,
  created_at: Schema.String
})

const pipelineStatus: Schema.Codec<Wire.PipelineStatus> = Schema.Struct({
  pipeline_id: Schema.String,
  status: Schema.Literals(["IDLE", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]),
  steps_completed: Schema.Int,
  total_steps: Schema.Int,
  started_at: Schema.NullOr(Schema.String),
  task_id: Schema.NullOr(Schema.String)
})

const dag: Schema.Codec<Wire.DagJson> = Schema.Struct({
  nodes: Schema.Array(Schema.Struct({ id: Schema.String, inputs: Schema.optionalKey(strings), outputs: strings })),
  edges: Schema.Array(Schema.Struct({ from: Schema.String, to: Schema.String }))
})

const visualization: Schema.Codec<Wire.Visualization> = Schema.Struct({
  pipeline_id: Schema.String,
  type: kind,
  tasks: Schema.Array(
    Schema.Struct({ name: Schema.String, outputs: strings, inputs: strings, description: Schema.String })
  ),
  execution_levels: Schema.Array(strings)
})

const completed: Schema.Codec<Wire.Completed> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literal("COMPLETED"),
  result: Schema.Unknown
})

const unfinished: Schema.Codec<Unfinished> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literals(["PENDING", "RUNNING"])
})

const started: Schema.Codec<Wire.Started> = Schema.Struct({ task_id: Schema.String, status: Schema.Literal("STARTED") })

const definition: Schema.Codec<DefinitionJson> = Schema.Struct({ pipeline_type: kind, tasks: strings })

const wait = Schema.optionalKey(
  Schema.Boolean.annotate({ description: "Whether to answer when the run is over. Default: false." })
)
const timeout = Schema.optionalKey(
  Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 86_400 })).annotate({
    description: "How long to wait, in seconds; the run goes on. Default: 30."
  })
)

const record: Schema.Codec<Readonly<Record<string, unknown>>> = Schema.Record(Schema.String, Schema.Unknown)
const policy: Schema.Codec<"fail-fast" | "continue" | "skip"> = Schema.Literals(POLICIES)
/** The longest time, in seconds. */
const MAX_SECONDS = MAX_MILLIS / 1_000
const seconds = (description: string, minimum = 0) =>
  Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum, maximum: MAX_SECONDS })).annotate({ description }))
const priority = Schema.optionalKey(
  Schema.Int.check(Schema.isBetween({ minimum: -MAX_PRIORITY, maximum: MAX_PRIORITY }))
)

const execution: Schema.Codec<ExecutionJson> = Schema.Struct({
  parameters: Schema.optionalKey(record),
  wait,
  timeout,
  given: Schema.optionalKey(record),
  targets: Schema.optionalKey(Schema.Array(Schema.String).check(Schema.isMinLength(1))),
  on_failure: Schema.optionalKey(policy),
  priority,
  delay: seconds("How long until the run may begin, in seconds. Default: 0."),
  run_timeout: seconds("How long the run may take, in seconds. Default: the pipeline's.", 0.001)
})

const executionQuery: Schema.Codec<ExecutionQuery> = Schema.Struct({ wait, timeout })

const runStatus: Schema.Codec<RunWire.RunRow["status"]> = Schema.Literals(STATUSES)
const text: Schema.Codec<string | null> = Schema.NullOr(Schema.String)
const millis: Schema.Codec<number | null> = Schema.NullOr(Schema.Finite)

const errorDetail: Schema.Codec<RunWire.ErrorDetail> = Schema.Struct({
  error: Schema.String,
  message: Schema.String,
  step: Schema.optionalKey(Schema.String),
  item: Schema.optionalKey(Schema.Int),
  cause: Schema.optionalKey(Schema.suspend((): Schema.Codec<RunWire.ErrorDetail> => errorDetail))
})

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

const runs: Schema.Codec<RunWire.Runs> = Schema.Struct({
  runs: Schema.Array(Schema.Struct(runFields)),
  next_cursor: text
})

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
})

const runDetail: Schema.Codec<RunWire.RunDetail> = Schema.Struct({
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
})

const logs: Schema.Codec<RunWire.Logs> = Schema.Struct({
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
    })
  ),
  dropped: Schema.Int
})

const runsQuery: Schema.Codec<RunsQuery> = Schema.Struct({
  pipeline_id: Schema.optionalKey(Schema.String),
  status: Schema.optionalKey(runStatus),
  since: Schema.optionalKey(Schema.String.annotate({ description: "Submitted at this instant or later." })),
  until: Schema.optionalKey(Schema.String.annotate({ description: "Submitted before this instant." })),
  limit: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 })).annotate({
      description: "From 1 to 200. Default: 50."
    })
  ),
  cursor: Schema.optionalKey(Schema.String.annotate({ description: "The `next_cursor` of an earlier list." }))
})

const partQuery: Schema.Codec<PartQuery> = Schema.Struct({
  limit: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })).annotate({
      description: "From 1 to 1,000. Default: 1,000 schedules, or all pipelines."
    })
  ),
  cursor: Schema.optionalKey(
    Schema.String.annotate({ description: "Where an earlier list ended: its `next_cursor`, or in its `Link` header." })
  )
})

const asset = {
  answers: { 200: Schema.String, 304: Schema.Undefined },
  contentType: "text/*",
  failures: [404]
} as const

const cancellation: Schema.Codec<CancellationJson> = Schema.Struct({
  reason: Schema.optionalKey(Schema.String),
  step: Schema.optionalKey(Schema.String.annotate({ description: "Ends this step only." }))
})

const repetition: Schema.Codec<RepetitionJson> = Schema.Struct({
  from: Schema.optionalKey(strings)
})

const catchUp: Schema.Codec<"skip" | "one" | "all"> = Schema.Literals(CATCH_UPS)
const overlap: Schema.Codec<"allow" | "skip" | "queue"> = Schema.Literals(OVERLAPS)

const newSchedule: Schema.Codec<NewScheduleJson> = Schema.Struct({
  id: Schema.optionalKey(Schema.String),
  pipeline_id: Schema.String,
  cron: Schema.optionalKey(
    Schema.String.annotate({ description: "Minute, hour, day, month, weekday. Or else `every`." })
  ),
  time_zone: Schema.optionalKey(Schema.String.annotate({ description: "IANA name. Default: UTC." })),
  every: seconds("An interval in seconds, at least 1. Or else `cron`.", 1),
  parameters: Schema.optionalKey(record),
  catch_up: Schema.optionalKey(
    catchUp.annotate({ description: "Default: skip. `all` needs the overlap `queue` or `allow`." })
  ),
  overlap: Schema.optionalKey(overlap.annotate({ description: "Default: skip." })),
  priority,
  grace: seconds("How late a run may start and still count as on time, in seconds. Default: 60.")
})

const schedule: Schema.Codec<ScheduleWire.ScheduleJson> = Schema.Struct({
  id: Schema.String,
  pipeline_id: Schema.String,
  cron: text,
  time_zone: text,
  every: millis,
  parameters: record,
  catch_up: catchUp,
  overlap,
  priority: Schema.Int,
  grace: Schema.Finite,
  paused: Schema.Boolean,
  created_at: Schema.String,
  next_at: text,
  last_at: text,
  last_task_id: text,
  fired: Schema.Int,
  skipped: Schema.Int
})

const pipelineDetail: Schema.Codec<Wire.PipelineDetail> = Schema.Struct({
  pipeline_id: Schema.String,
  pipeline_type: kind,
  tasks: strings,
  created_at: Schema.String,
  version: Schema.String,
  paused: Schema.Boolean,
  parameters: record,
  result: record
})

const paused: Schema.Codec<Wire.Paused> = Schema.Struct({ pipeline_id: Schema.String, paused: Schema.Boolean })

/** The body of every failure. */
export const error: Schema.Codec<ErrorJson> = Schema.Struct({
  error: Schema.String,
  message: Schema.String,
  pipeline_id: Schema.optionalKey(Schema.String),
  step: Schema.optionalKey(Schema.String),
  task_id: Schema.optionalKey(Schema.String),
  details: Schema.optionalKey(Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))),
  timestamp: Schema.String
})

/** The documents of the routes. */
export const documents: Documents = {
  "GET /health": { answers: { 200: Server.health, 503: Server.health }, failures: [] },
  "GET /health/live": { answers: { 200: Server.liveness }, failures: [] },
  "GET /health/ready": { answers: { 200: Server.readiness, 503: Server.readiness }, failures: [] },
  "GET /metrics": { answers: { 200: Schema.String }, contentType: "text/plain", failures: [] },
  "GET /pipelines": { query: partQuery, answers: { 200: Schema.Array(pipelineRow) }, failures: [400, 503] },
  "GET /pipelines/result/{task_id}": { answers: { 200: completed, 202: unfinished }, failures: [404, 500, 503] },
  "POST /pipelines/{pipeline_id}": {
    body: definition,
    answers: { 201: pipelineRow },
    failures: [400, 409, 413, 415, 422, 503]
  },
  "GET /pipelines/{pipeline_id}": { answers: { 200: pipelineDetail }, failures: [404, 503] },
  "DELETE /pipelines/{pipeline_id}": { answers: { 204: Schema.Undefined }, failures: [404, 409, 503] },
  "POST /pipelines/{pipeline_id}/pause": { answers: { 200: paused }, failures: [404, 503] },
  "POST /pipelines/{pipeline_id}/resume": { answers: { 200: paused }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/status": { answers: { 200: pipelineStatus }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/statistics": {
    query: Server.statisticsQuery,
    answers: { 200: Server.statistics },
    failures: [400, 404, 503]
  },
  "GET /pipelines/{pipeline_id}/dag": { answers: { 200: dag }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/dag/dot": {
    answers: { 200: Schema.String },
    contentType: "text/vnd.graphviz",
    failures: [404, 503]
  },
  "GET /pipelines/{pipeline_id}/visualize": { answers: { 200: visualization }, failures: [404, 503] },
  "POST /pipelines/{pipeline_id}/execute": {
    body: execution,
    query: executionQuery,
    headers: {
      "Idempotency-Key": "The same key once more, within 24 hours, answers the run that it started.",
      Prefer: "`wait=30` is the same wish as `wait` and `timeout`; the query and the body win."
    },
    answers: { 200: completed, 202: started },
    failures: [400, 404, 409, 413, 415, 500, 503, 504]
  },
  "GET /runs": { query: runsQuery, answers: { 200: runs }, failures: [400, 503] },
  "GET /runs/{task_id}": { answers: { 200: runDetail }, failures: [404, 503] },
  "GET /runs/{task_id}/logs": { answers: { 200: logs }, failures: [404, 503] },
  "POST /runs/{task_id}/cancel": {
    body: cancellation,
    answers: { 202: Schema.Struct({ task_id: Schema.String, status: runStatus }) },
    failures: [400, 404, 413, 415, 503]
  },
  "POST /runs/{task_id}/retry": {
    body: repetition,
    answers: { 202: started },
    failures: [400, 404, 409, 413, 415, 503]
  },
  "DELETE /runs/{task_id}": { answers: { 204: Schema.Undefined }, failures: [404, 409, 503] },
  "GET /runs/{task_id}/events": { ...Events.run, failures: [400, 404, 503] },
  "GET /pipelines/{pipeline_id}/events": { ...Events.feed, failures: [400, 404, 503] },
  "GET /events": { ...Events.feed, failures: [400, 503] },
  "GET /ws": { answers: { 101: Schema.Undefined, 426: error }, failures: [] },
  "GET /schedules": {
    query: partQuery,
    answers: { 200: Schema.Struct({ schedules: Schema.Array(schedule), next_cursor: text }) },
    failures: [400, 503]
  },
  "POST /schedules": {
    body: newSchedule,
    answers: { 201: schedule },
    failures: [400, 404, 409, 413, 415, 422, 503]
  },
  "GET /schedules/{schedule_id}": { answers: { 200: schedule }, failures: [404, 503] },
  "DELETE /schedules/{schedule_id}": { answers: { 204: Schema.Undefined }, failures: [404, 503] },
  "POST /schedules/{schedule_id}/pause": { answers: { 200: schedule }, failures: [404, 503] },
  "POST /schedules/{schedule_id}/resume": { answers: { 200: schedule }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/acl": { answers: { 200: Access.pipelineAcl }, failures: [404, 503] },
  "PUT /pipelines/{pipeline_id}/acl": {
    body: Access.acl,
    answers: { 200: Access.pipelineAcl },
    failures: [400, 404, 409, 413, 415, 503]
  },
  "DELETE /pipelines/{pipeline_id}/acl": { answers: { 200: Access.pipelineAcl }, failures: [404, 409, 503] },
  "POST /tokens": {
    body: Access.tokenWish,
    answers: { 201: Access.token },
    failures: [400, 404, 409, 413, 415, 503]
  },
  "GET /audit": { query: Access.auditQuery, answers: { 200: Access.auditRecords }, failures: [400, 503] },
  "GET /audit/lines": {
    query: Access.auditQuery,
    answers: { 200: Schema.String },
    contentType: "application/x-ndjson",
    failures: [400, 503]
  },
  "GET /openapi.json": { answers: { 200: Schema.Record(Schema.String, Schema.Unknown) }, failures: [] },
  "GET /docs": { answers: { 200: Schema.String }, contentType: "text/html", failures: [] },
  "GET /docs/{file}": asset,
  "GET /redoc": { answers: { 200: Schema.String }, contentType: "text/html", failures: [] },
  "GET /redoc/{file}": asset
}
