/** The Schemas of each route's requests and answers, for documentation. The compiler checks them against the types in `Contract.ts`. */
import * as Schema from "effect/Schema"
import { auditQuery, newAcl, tokenWish } from "../access/AccessRequests.ts"
import * as Access from "../access/AccessSchemas.ts"
import * as Events from "../events/EventRequests.ts"
import { listeners } from "../events/ListenerSchemas.ts"
import * as Health from "../health/HealthSchemas.ts"
import { seriesQuery, statisticsQuery } from "../health/StatisticsRequests.ts"
import { workersQuery } from "../health/WorkerRequests.ts"
import { workers } from "../health/WorkerSchemas.ts"
import { rootJson } from "../pages/DashboardRoutes.ts"
import { layoutQuery, pictureQuery } from "../pipelines/PictureRequests.ts"
import * as Pictures from "../pipelines/PictureSchemas.ts"
import { definition } from "../pipelines/PipelineRequests.ts"
import * as Pipelines from "../pipelines/PipelineSchemas.ts"
import { manyCancellations, manyRetries } from "../runs/BulkRequests.ts"
import * as Bulk from "../runs/BulkSchemas.ts"
import * as Execution from "../runs/ExecutionRequest.ts"
import { attemptsQuery, itemsQuery, retryQuery } from "../runs/RunPartRequests.ts"
import * as RunParts from "../runs/RunPartSchemas.ts"
import { cancellation, repetition, runQuery, runsQuery } from "../runs/RunRequests.ts"
import * as Runs from "../runs/RunSchemas.ts"
import { newSchedule } from "../schedules/ScheduleRequests.ts"
import * as Schedules from "../schedules/ScheduleSchemas.ts"
import { error, type FailureStatus } from "../server/Failures.ts"
import { partQuery } from "../server/Paging.ts"
import type { Exchange, Exchanges } from "./Contract.ts"

/** The Schemas of a route's requests and answers. Their types must be those of its `Exchange`. */
export type Document<E extends Exchange> = {
  readonly answers: { readonly [Status in keyof E["answers"]]: Schema.Codec<E["answers"][Status], unknown> }
  /** The content type of the answers. Default: `application/json`. */
  readonly contentType?: string
  /** The request headers that the route reads. */
  readonly headers?: Readonly<Record<string, Schema.Constraint>>
  readonly failures: ReadonlyArray<FailureStatus>
} & (E extends { readonly body: infer Body } ? { readonly body: Schema.Codec<Body> } : unknown) &
  (E extends { readonly query: infer Query } ? { readonly query: Schema.Codec<Query> } : unknown)

/** The document of any route. */
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

const pictureHeaders = { "if-none-match": Schema.String }

const pictureText = {
  query: pictureQuery,
  headers: pictureHeaders,
  answers: { 200: Schema.String, 304: Schema.Undefined },
  contentType: "text/plain",
  failures: [400, 404, 409, 503]
} as const

const feed = {
  query: Events.feedQuery,
  headers: Events.feedHeaders,
  answers: { 200: Schema.String },
  contentType: Events.EVENT_STREAM
} as const

/** The documents of the routes. */
export const documents: Documents = {
  "GET /health": { answers: { 200: Health.health, 503: Health.health }, failures: [] },
  "GET /health/live": { answers: { 200: Health.liveness }, failures: [] },
  "GET /health/ready": { answers: { 200: Health.readiness, 503: Health.readiness }, failures: [] },
  "GET /workers": { query: workersQuery, answers: { 200: workers }, failures: [400, 503] },
  "GET /metrics": { answers: { 200: Schema.String }, contentType: "text/plain", failures: [] },
  "GET /pipelines": {
    query: partQuery,
    answers: { 200: Schema.Array(Pipelines.pipelineRow), 304: Schema.Undefined },
    failures: [400, 503]
  },
  "GET /pipelines/result/{task_id}": {
    answers: { 200: Runs.completed, 202: Runs.unfinished },
    failures: [404, 500, 503]
  },
  "POST /pipelines/{pipeline_id}": {
    body: definition,
    answers: { 201: Pipelines.pipelineRow },
    failures: [400, 409, 413, 415, 422, 503]
  },
  "GET /pipelines/{pipeline_id}": {
    answers: { 200: Pipelines.pipelineDetail, 304: Schema.Undefined },
    failures: [404, 503]
  },
  "DELETE /pipelines/{pipeline_id}": { answers: { 204: Schema.Undefined }, failures: [404, 409, 503] },
  "POST /pipelines/{pipeline_id}/pause": { answers: { 200: Pipelines.paused }, failures: [404, 503] },
  "POST /pipelines/{pipeline_id}/resume": { answers: { 200: Pipelines.paused }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/status": { answers: { 200: Pipelines.pipelineStatus }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/statistics": {
    query: statisticsQuery,
    answers: { 200: Health.statistics },
    failures: [400, 404, 503]
  },
  "GET /pipelines/{pipeline_id}/statistics/series": {
    query: seriesQuery,
    answers: { 200: Health.series },
    failures: [400, 404, 503]
  },
  "GET /statistics/series": { query: seriesQuery, answers: { 200: Health.series }, failures: [400, 503] },
  "GET /pipelines/{pipeline_id}/dag": { answers: { 200: Pipelines.dag, 304: Schema.Undefined }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/dag/dot": {
    answers: { 200: Schema.String, 304: Schema.Undefined },
    contentType: "text/vnd.graphviz",
    failures: [404, 503]
  },
  "GET /pipelines/{pipeline_id}/visualize": {
    answers: { 200: Pipelines.visualization, 304: Schema.Undefined },
    failures: [404, 503]
  },
  "GET /pipelines/{pipeline_id}/dag/svg": {
    query: layoutQuery,
    headers: pictureHeaders,
    answers: { 200: Schema.String, 304: Schema.Undefined },
    contentType: "image/svg+xml",
    failures: [400, 404, 409, 422, 501, 503]
  },
  "GET /pipelines/{pipeline_id}/dag/layout": {
    query: layoutQuery,
    headers: pictureHeaders,
    answers: { 200: Pictures.layout, 304: Schema.Undefined },
    failures: [400, 404, 409, 422, 501, 503]
  },
  "GET /pipelines/{pipeline_id}/dag/cytoscape": {
    query: layoutQuery,
    headers: pictureHeaders,
    answers: { 200: Pictures.cytoscape, 304: Schema.Undefined },
    failures: [400, 404, 409, 422, 503]
  },
  "GET /pipelines/{pipeline_id}/dag/mermaid": pictureText,
  "GET /pipelines/{pipeline_id}/dag/ascii": pictureText,
  "GET /pipelines/{pipeline_id}/dag/critical-path": {
    query: pictureQuery,
    headers: pictureHeaders,
    answers: { 200: Pictures.criticalPath, 304: Schema.Undefined },
    failures: [400, 404, 409, 503]
  },
  "POST /pipelines/{pipeline_id}/execute": {
    body: Execution.execution,
    query: Execution.executionQuery,
    headers: Execution.executionHeaders,
    answers: { 200: Runs.completed, 202: Runs.started },
    failures: [400, 404, 409, 413, 415, 500, 503, 504]
  },
  "GET /runs": { query: runsQuery, answers: { 200: Runs.runs }, failures: [400, 503] },
  "GET /runs/{task_id}": {
    query: runQuery,
    answers: { 200: Runs.run, 304: Schema.Undefined },
    failures: [400, 404, 503]
  },
  "GET /runs/{task_id}/values/{name}": { answers: { 200: Schema.Unknown }, failures: [404, 503] },
  "GET /runs/{task_id}/steps/{step}/items": {
    query: itemsQuery,
    answers: { 200: RunParts.items },
    failures: [400, 404, 503]
  },
  "GET /runs/{task_id}/steps/{step}/attempts": {
    query: attemptsQuery,
    answers: { 200: RunParts.attempts },
    failures: [400, 404, 503]
  },
  "GET /runs/{task_id}/retry": {
    query: retryQuery,
    answers: { 200: RunParts.retriedSteps },
    failures: [400, 404, 409, 503]
  },
  "GET /runs/{task_id}/logs": { answers: { 200: Runs.logs }, failures: [404, 503] },
  "POST /runs/{task_id}/cancel": {
    body: cancellation,
    answers: { 202: Runs.cancelling },
    failures: [400, 404, 413, 415, 503]
  },
  "POST /runs/{task_id}/retry": {
    body: repetition,
    answers: { 202: Runs.started },
    failures: [400, 404, 409, 413, 415, 503]
  },
  "POST /runs/cancel": {
    body: manyCancellations,
    answers: { 202: Bulk.manyCancelled },
    failures: [400, 413, 415, 503]
  },
  "POST /runs/retry": {
    body: manyRetries,
    answers: { 202: Bulk.manyRetried },
    failures: [400, 413, 415, 503]
  },
  "DELETE /runs/{task_id}": { answers: { 204: Schema.Undefined }, failures: [404, 409, 503] },
  "GET /runs/{task_id}/events": {
    query: Events.eventsQuery,
    headers: Events.eventsHeaders,
    answers: { 200: Schema.String, 204: Schema.Undefined },
    contentType: Events.EVENT_STREAM,
    failures: [400, 404, 503]
  },
  "GET /pipelines/{pipeline_id}/events": { ...feed, failures: [400, 404, 503] },
  "GET /events": { ...feed, failures: [400, 503] },
  "GET /ws": { answers: { 101: Schema.Undefined, 426: error }, failures: [] },
  "GET /schedules": {
    query: partQuery,
    answers: { 200: Schedules.schedules },
    failures: [400, 503]
  },
  "POST /schedules": {
    body: newSchedule,
    answers: { 201: Schedules.schedule },
    failures: [400, 404, 409, 413, 415, 422, 503]
  },
  "GET /schedules/{schedule_id}": { answers: { 200: Schedules.scheduleDetail }, failures: [404, 503] },
  "DELETE /schedules/{schedule_id}": { answers: { 204: Schema.Undefined }, failures: [404, 503] },
  "POST /schedules/{schedule_id}/pause": { answers: { 200: Schedules.schedule }, failures: [404, 503] },
  "POST /schedules/{schedule_id}/resume": { answers: { 200: Schedules.schedule }, failures: [404, 503] },
  "GET /me": { answers: { 200: Access.me }, failures: [503] },
  "GET /listeners": { answers: { 200: listeners }, failures: [503] },
  "GET /pipelines/{pipeline_id}/acl": { answers: { 200: Access.pipelineAcl }, failures: [404, 503] },
  "PUT /pipelines/{pipeline_id}/acl": {
    body: newAcl,
    answers: { 200: Access.pipelineAcl },
    failures: [400, 404, 409, 413, 415, 503]
  },
  "DELETE /pipelines/{pipeline_id}/acl": { answers: { 200: Access.pipelineAcl }, failures: [404, 409, 503] },
  "POST /tokens": {
    body: tokenWish,
    answers: { 201: Access.token },
    failures: [400, 404, 409, 413, 415, 503]
  },
  "GET /audit": { query: auditQuery, answers: { 200: Access.auditRecords }, failures: [400, 503] },
  "GET /audit/lines": {
    query: auditQuery,
    answers: { 200: Schema.String },
    contentType: "application/x-ndjson",
    failures: [400, 503]
  },
  "GET /openapi.json": {
    answers: { 200: Schema.Record(Schema.String, Schema.Unknown), 304: Schema.Undefined },
    failures: []
  },
  "GET /docs": { answers: { 200: Schema.String }, contentType: "text/html", failures: [] },
  "GET /docs/{file}": asset,
  "GET /redoc": { answers: { 200: Schema.String }, contentType: "text/html", failures: [] },
  "GET /redoc/{file}": asset,
  "GET /dashboard": { answers: { 200: Schema.String, 304: Schema.Undefined }, contentType: "text/html", failures: [] },
  "GET /dashboard/{file}": asset,
  "GET /": { answers: { 200: rootJson, 302: Schema.Undefined }, failures: [] }
}
