/** The types of each route's requests and answers. */

import type { Elements } from "../../../core/render/Cytoscape.ts"
import type * as AccessRequests from "../access/AccessRequests.ts"
import type * as AccessWire from "../access/AccessWire.ts"
import type * as EventRequests from "../events/EventRequests.ts"
import type { Listeners } from "../events/ListenerWire.ts"
import type * as HealthWire from "../health/HealthWire.ts"
import type { SeriesQuery, StatisticsQuery } from "../health/StatisticsRequests.ts"
import type * as StatisticsWire from "../health/StatisticsWire.ts"
import type { WorkersQuery } from "../health/WorkerRequests.ts"
import type * as WorkerWire from "../health/WorkerWire.ts"
import type { RootJson } from "../pages/DashboardRoutes.ts"
import type { LayoutQuery, PictureQuery } from "../pipelines/PictureRequests.ts"
import type * as PictureWire from "../pipelines/PictureWire.ts"
import type { DefinitionJson } from "../pipelines/PipelineRequests.ts"
import type * as PipelineWire from "../pipelines/PipelineWire.ts"
import type * as BulkRequests from "../runs/BulkRequests.ts"
import type * as BulkWire from "../runs/BulkWire.ts"
import type { ExecutionJson, ExecutionQuery } from "../runs/ExecutionRequest.ts"
import type * as RunPartRequests from "../runs/RunPartRequests.ts"
import type * as RunPartWire from "../runs/RunPartWire.ts"
import type * as RunRequests from "../runs/RunRequests.ts"
import type * as RunWire from "../runs/RunWire.ts"
import type { NewScheduleJson } from "../schedules/ScheduleRequests.ts"
import type * as ScheduleWire from "../schedules/ScheduleWire.ts"
import type { ErrorJson } from "../server/Failures.ts"
import type { PartQuery } from "../server/Paging.ts"

/** A route's body and query, and its successful answers by status. */
export interface Exchange {
  readonly body?: unknown
  readonly query?: unknown
  readonly answers: { readonly [status: number]: unknown }
}

/** Every route by `METHOD /path`. A test compares the keys with the table of routes. */
export type Exchanges = {
  readonly "GET /health": { readonly answers: { readonly 200: HealthWire.Health; readonly 503: HealthWire.Health } }
  readonly "GET /health/live": { readonly answers: { readonly 200: HealthWire.Liveness } }
  readonly "GET /health/ready": {
    readonly answers: { readonly 200: HealthWire.Readiness; readonly 503: HealthWire.Readiness }
  }
  readonly "GET /workers": { readonly query: WorkersQuery; readonly answers: { readonly 200: WorkerWire.Workers } }
  readonly "GET /metrics": { readonly answers: { readonly 200: string } }
  readonly "GET /pipelines": {
    readonly query: PartQuery
    readonly answers: { readonly 200: ReadonlyArray<PipelineWire.PipelineRow>; readonly 304: undefined }
  }
  readonly "GET /pipelines/result/{task_id}": {
    readonly answers: { readonly 200: RunWire.Completed; readonly 202: RunWire.Unfinished }
  }
  readonly "POST /pipelines/{pipeline_id}": {
    readonly body: DefinitionJson
    readonly answers: { readonly 201: PipelineWire.PipelineRow }
  }
  readonly "GET /pipelines/{pipeline_id}": {
    readonly answers: { readonly 200: PipelineWire.PipelineDetail; readonly 304: undefined }
  }
  readonly "DELETE /pipelines/{pipeline_id}": { readonly answers: { readonly 204: undefined } }
  readonly "POST /pipelines/{pipeline_id}/pause": { readonly answers: { readonly 200: PipelineWire.Paused } }
  readonly "POST /pipelines/{pipeline_id}/resume": { readonly answers: { readonly 200: PipelineWire.Paused } }
  readonly "GET /pipelines/{pipeline_id}/status": { readonly answers: { readonly 200: PipelineWire.PipelineStatus } }
  readonly "GET /pipelines/{pipeline_id}/statistics": {
    readonly query: StatisticsQuery
    readonly answers: { readonly 200: StatisticsWire.StatisticsJson }
  }
  readonly "GET /pipelines/{pipeline_id}/statistics/series": {
    readonly query: SeriesQuery
    readonly answers: { readonly 200: StatisticsWire.SeriesJson }
  }
  readonly "GET /statistics/series": {
    readonly query: SeriesQuery
    readonly answers: { readonly 200: StatisticsWire.SeriesJson }
  }
  readonly "GET /pipelines/{pipeline_id}/dag": {
    readonly answers: { readonly 200: PipelineWire.DagJson; readonly 304: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/dag/dot": {
    readonly answers: { readonly 200: string; readonly 304: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/visualize": {
    readonly answers: { readonly 200: PipelineWire.Visualization; readonly 304: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/dag/svg": {
    readonly query: LayoutQuery
    readonly answers: { readonly 200: string; readonly 304: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/dag/layout": {
    readonly query: LayoutQuery
    readonly answers: { readonly 200: PictureWire.LayoutJson; readonly 304: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/dag/cytoscape": {
    readonly query: LayoutQuery
    readonly answers: { readonly 200: Elements; readonly 304: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/dag/mermaid": {
    readonly query: PictureQuery
    readonly answers: { readonly 200: string; readonly 304: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/dag/ascii": {
    readonly query: PictureQuery
    readonly answers: { readonly 200: string; readonly 304: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/dag/critical-path": {
    readonly query: PictureQuery
    readonly answers: { readonly 200: PictureWire.CriticalPathJson; readonly 304: undefined }
  }
  readonly "POST /pipelines/{pipeline_id}/execute": {
    readonly body: ExecutionJson
    readonly query: ExecutionQuery
    readonly answers: { readonly 200: RunWire.Completed; readonly 202: RunWire.Started }
  }
  readonly "GET /runs": { readonly query: RunRequests.RunsQuery; readonly answers: { readonly 200: RunWire.Runs } }
  readonly "GET /runs/{task_id}": {
    readonly query: RunRequests.RunQuery
    readonly answers: { readonly 200: RunWire.RunDetail | RunWire.RunOutline; readonly 304: undefined }
  }
  readonly "GET /runs/{task_id}/values/{name}": { readonly answers: { readonly 200: unknown } }
  readonly "GET /runs/{task_id}/steps/{step}/items": {
    readonly query: RunPartRequests.ItemsQuery
    readonly answers: { readonly 200: RunPartWire.Items }
  }
  readonly "GET /runs/{task_id}/steps/{step}/attempts": {
    readonly query: RunPartRequests.AttemptsQuery
    readonly answers: { readonly 200: RunPartWire.AttemptsJson }
  }
  readonly "GET /runs/{task_id}/retry": {
    readonly query: RunPartRequests.RetryQuery
    readonly answers: { readonly 200: RunPartWire.RetriedSteps }
  }
  readonly "GET /runs/{task_id}/events": {
    readonly query: EventRequests.EventsQuery
    readonly answers: { readonly 200: string; readonly 204: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/events": {
    readonly query: EventRequests.FeedQuery
    readonly answers: { readonly 200: string }
  }
  readonly "GET /ws": { readonly answers: { readonly 101: undefined; readonly 426: ErrorJson } }
  readonly "GET /events": { readonly query: EventRequests.FeedQuery; readonly answers: { readonly 200: string } }
  readonly "GET /runs/{task_id}/logs": { readonly answers: { readonly 200: RunWire.Logs } }
  readonly "POST /runs/{task_id}/cancel": {
    readonly body: RunRequests.CancellationJson
    readonly answers: { readonly 202: RunWire.Cancelling }
  }
  readonly "POST /runs/{task_id}/retry": {
    readonly body: RunRequests.RepetitionJson
    readonly answers: { readonly 202: RunWire.Started }
  }
  readonly "POST /runs/cancel": {
    readonly body: BulkRequests.ManyCancellationsJson
    readonly answers: { readonly 202: BulkWire.ManyCancelled }
  }
  readonly "POST /runs/retry": {
    readonly body: BulkRequests.ManyRetriesJson
    readonly answers: { readonly 202: BulkWire.ManyRetried }
  }
  readonly "DELETE /runs/{task_id}": { readonly answers: { readonly 204: undefined } }
  readonly "GET /schedules": { readonly query: PartQuery; readonly answers: { readonly 200: ScheduleWire.Schedules } }
  readonly "POST /schedules": {
    readonly body: NewScheduleJson
    readonly answers: { readonly 201: ScheduleWire.ScheduleJson }
  }
  readonly "GET /schedules/{schedule_id}": { readonly answers: { readonly 200: ScheduleWire.ScheduleDetail } }
  readonly "DELETE /schedules/{schedule_id}": { readonly answers: { readonly 204: undefined } }
  readonly "POST /schedules/{schedule_id}/pause": { readonly answers: { readonly 200: ScheduleWire.ScheduleJson } }
  readonly "POST /schedules/{schedule_id}/resume": { readonly answers: { readonly 200: ScheduleWire.ScheduleJson } }
  readonly "GET /me": { readonly answers: { readonly 200: AccessWire.MeJson } }
  readonly "GET /listeners": { readonly answers: { readonly 200: Listeners } }
  readonly "GET /pipelines/{pipeline_id}/acl": { readonly answers: { readonly 200: AccessWire.PipelineAclJson } }
  readonly "PUT /pipelines/{pipeline_id}/acl": {
    readonly body: AccessWire.AclJson
    readonly answers: { readonly 200: AccessWire.PipelineAclJson }
  }
  readonly "DELETE /pipelines/{pipeline_id}/acl": { readonly answers: { readonly 200: AccessWire.PipelineAclJson } }
  readonly "POST /tokens": {
    readonly body: AccessRequests.TokenWishJson
    readonly answers: { readonly 201: AccessWire.TokenJson }
  }
  readonly "GET /audit": {
    readonly query: AccessRequests.AuditQuery
    readonly answers: { readonly 200: AccessWire.AuditRecords }
  }
  readonly "GET /openapi.json": {
    readonly answers: { readonly 200: Readonly<Record<string, unknown>>; readonly 304: undefined }
  }
  readonly "GET /docs": { readonly answers: { readonly 200: string } }
  readonly "GET /docs/{file}": { readonly answers: { readonly 200: string; readonly 304: undefined } }
  readonly "GET /redoc": { readonly answers: { readonly 200: string } }
  readonly "GET /redoc/{file}": { readonly answers: { readonly 200: string; readonly 304: undefined } }
  readonly "GET /dashboard": { readonly answers: { readonly 200: string; readonly 304: undefined } }
  readonly "GET /dashboard/{file}": { readonly answers: { readonly 200: string; readonly 304: undefined } }
  readonly "GET /": { readonly answers: { readonly 200: RootJson; readonly 302: undefined } }
  readonly "GET /audit/lines": { readonly query: AccessRequests.AuditQuery; readonly answers: { readonly 200: string } }
}
