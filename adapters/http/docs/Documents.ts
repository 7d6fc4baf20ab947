/** Schemas of what each route takes and answers, for documentation. The compiler holds them against Eden's types. */
import * as Schema from "effect/Schema"
import { MAX_IDEMPOTENCY_KEY } from "../../../core/run/Start.ts"
import * as Access from "../access/AccessDocuments.ts"
import * as Events from "../events/EventDocuments.ts"
import * as Server from "../health/ServerDocuments.ts"
import * as Pipelines from "../pipelines/PipelineDocuments.ts"
import * as Runs from "../runs/RunDocuments.ts"
import * as Schedules from "../schedules/ScheduleDocuments.ts"
import type { ErrorJson, Exchange, Exchanges, FailureStatus } from "./Contract.ts"

/** Schemas of what a route takes and answers. They have to describe the types that Eden goes by. */
export type Document<E extends Exchange> = {
  readonly answers: { readonly [Status in keyof E["answers"]]: Schema.Codec<E["answers"][Status], unknown> }
  /** The content type of the answers. Default: `application/json`. */
  readonly contentType?: string
  /** What the headers that it heeds are for. */
  readonly headers?: Readonly<Record<string, Schema.Constraint>>
  readonly failures: ReadonlyArray<FailureStatus>
} & (E extends { readonly body: infer Body } ? { readonly body: Schema.Codec<Body> } : unknown) &
  (E extends { readonly query: infer Query } ? { readonly query: Schema.Codec<Query> } : unknown)

/** Any document. */
export interface AnyDocument {
  readonly answers: { readonly [status: number]: Schema.Constraint }
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, Schema.Constraint>>
  readonly failures: ReadonlyArray<FailureStatus>
  readonly body?: Schema.Constraint
  readonly query?: Schema.Constraint
}

/** Every document by `METHOD /path`. */
export type Documents = { readonly [Key in keyof Exchanges]: Document<Exchanges[Key]> }

const asset = {
  answers: { 200: Schema.String, 304: Schema.Undefined },
  contentType: "text/*",
  failures: [404]
} as const

/** The body of every failure. */
export const error: Schema.Codec<ErrorJson> = Schema.Struct({
  error: Schema.String,
  message: Schema.String,
  pipeline_id: Schema.optionalKey(Schema.String),
  step: Schema.optionalKey(Schema.String),
  task_id: Schema.optionalKey(Schema.String),
  details: Schema.optionalKey(Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))),
  timestamp: Schema.String
}).annotate({ identifier: "Error" })

/** The documents of the routes. */
export const documents: Documents = {
  "GET /health": { answers: { 200: Server.health, 503: Server.health }, failures: [] },
  "GET /health/live": { answers: { 200: Server.liveness }, failures: [] },
  "GET /health/ready": { answers: { 200: Server.readiness, 503: Server.readiness }, failures: [] },
  "GET /metrics": { answers: { 200: Schema.String }, contentType: "text/plain", failures: [] },
  "GET /pipelines": {
    query: Pipelines.partQuery,
    answers: { 200: Schema.Array(Pipelines.pipelineRow) },
    failures: [400, 503]
  },
  "GET /pipelines/result/{task_id}": {
    answers: { 200: Runs.completed, 202: Runs.unfinished },
    failures: [404, 500, 503]
  },
  "POST /pipelines/{pipeline_id}": {
    body: Pipelines.definition,
    answers: { 201: Pipelines.pipelineRow },
    failures: [400, 409, 413, 415, 422, 503]
  },
  "GET /pipelines/{pipeline_id}": { answers: { 200: Pipelines.pipelineDetail }, failures: [404, 503] },
  "DELETE /pipelines/{pipeline_id}": { answers: { 204: Schema.Undefined }, failures: [404, 409, 503] },
  "POST /pipelines/{pipeline_id}/pause": { answers: { 200: Pipelines.paused }, failures: [404, 503] },
  "POST /pipelines/{pipeline_id}/resume": { answers: { 200: Pipelines.paused }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/status": { answers: { 200: Pipelines.pipelineStatus }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/statistics": {
    query: Server.statisticsQuery,
    answers: { 200: Server.statistics },
    failures: [400, 404, 503]
  },
  "GET /pipelines/{pipeline_id}/dag": { answers: { 200: Pipelines.dag }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/dag/dot": {
    answers: { 200: Schema.String },
    contentType: "text/vnd.graphviz",
    failures: [404, 503]
  },
  "GET /pipelines/{pipeline_id}/visualize": { answers: { 200: Pipelines.visualization }, failures: [404, 503] },
  "POST /pipelines/{pipeline_id}/execute": {
    body: Runs.execution,
    query: Runs.executionQuery,
    headers: {
      "Idempotency-Key": Schema.String.annotate({
        description: "The same key once more, within 24 hours, answers the run that it started."
      }).check(Schema.isMinLength(1), Schema.isMaxLength(MAX_IDEMPOTENCY_KEY)),
      Prefer: Schema.String.annotate({
        description: "`wait=30` is the same wish as `wait` and `timeout`; the query and the body win."
      })
    },
    answers: { 200: Runs.completed, 202: Runs.started },
    failures: [400, 404, 409, 413, 415, 500, 503, 504]
  },
  "GET /runs": { query: Runs.runsQuery, answers: { 200: Runs.runs }, failures: [400, 503] },
  "GET /runs/{task_id}": { answers: { 200: Runs.runDetail }, failures: [404, 503] },
  "GET /runs/{task_id}/logs": { answers: { 200: Runs.logs }, failures: [404, 503] },
  "POST /runs/{task_id}/cancel": {
    body: Runs.cancellation,
    answers: { 202: Runs.cancelling },
    failures: [400, 404, 413, 415, 503]
  },
  "POST /runs/{task_id}/retry": {
    body: Runs.repetition,
    answers: { 202: Runs.started },
    failures: [400, 404, 409, 413, 415, 503]
  },
  "DELETE /runs/{task_id}": { answers: { 204: Schema.Undefined }, failures: [404, 409, 503] },
  "GET /runs/{task_id}/events": { ...Events.run, failures: [400, 404, 503] },
  "GET /pipelines/{pipeline_id}/events": { ...Events.feed, failures: [400, 404, 503] },
  "GET /events": { ...Events.feed, failures: [400, 503] },
  "GET /ws": { answers: { 101: Schema.Undefined, 426: error }, failures: [] },
  "GET /schedules": {
    query: Pipelines.partQuery,
    answers: { 200: Schedules.schedules },
    failures: [400, 503]
  },
  "POST /schedules": {
    body: Schedules.newSchedule,
    answers: { 201: Schedules.schedule },
    failures: [400, 404, 409, 413, 415, 422, 503]
  },
  "GET /schedules/{schedule_id}": { answers: { 200: Schedules.schedule }, failures: [404, 503] },
  "DELETE /schedules/{schedule_id}": { answers: { 204: Schema.Undefined }, failures: [404, 503] },
  "POST /schedules/{schedule_id}/pause": { answers: { 200: Schedules.schedule }, failures: [404, 503] },
  "POST /schedules/{schedule_id}/resume": { answers: { 200: Schedules.schedule }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/acl": { answers: { 200: Access.pipelineAcl }, failures: [404, 503] },
  "PUT /pipelines/{pipeline_id}/acl": {
    body: Access.newAcl,
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
