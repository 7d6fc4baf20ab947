/** What each route takes and what it answers, as types. */
import type * as AccessWire from "../access/AccessWire.ts"
import type * as HealthWire from "../health/HealthWire.ts"
import type * as StatisticsWire from "../health/StatisticsWire.ts"
import type * as PipelineWire from "../pipelines/PipelineWire.ts"
import type * as RunWire from "../runs/RunWire.ts"
import type * as ScheduleWire from "../schedules/ScheduleWire.ts"

/** What `POST /pipelines/{pipeline_id}` takes. */
export interface DefinitionJson {
  readonly pipeline_type: "dataflow" | "sequential"
  /** Names of tasks that the program offers. */
  readonly tasks: ReadonlyArray<string>
}

/** What `POST /pipelines/{pipeline_id}/execute` takes. */
export interface ExecutionJson {
  /** The pipeline's parameters. Default: none. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** Whether to answer when the run is over. Default: false. */
  readonly wait?: boolean
  /** How long to wait, in seconds. Default: 30. */
  readonly timeout?: number
  /** Values of outputs, that take the place of the steps that would produce them. Default: none. */
  readonly given?: Readonly<Record<string, unknown>>
  /** The steps that the run is about; they and what they need are run. Default: all. */
  readonly targets?: ReadonlyArray<string>
  /** What becomes of the run when one of its steps has failed. Default: the pipeline's. */
  readonly on_failure?: "fail-fast" | "continue" | "skip"
  /** A whole number from -100 to 100; the highest go first. Default: 0. */
  readonly priority?: number
  /** How long until it may begin, in seconds. Default: 0. */
  readonly delay?: number
  /** How long it may take, in seconds. Default: the pipeline's. */
  readonly run_timeout?: number
}

/** What `POST /runs/{task_id}/cancel` takes. */
export interface CancellationJson {
  readonly reason?: string
  /** Ends this step only. */
  readonly step?: string
}

/** What `POST /runs/{task_id}/retry` takes. */
export interface RepetitionJson {
  /** Steps to run again although they completed, and all that depends on them. */
  readonly from?: ReadonlyArray<string>
}

/** What `GET /runs` takes. */
export interface RunsQuery {
  readonly pipeline_id?: string
  readonly status?: "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED"
  /** Submitted at this instant or later, and before that one. */
  readonly since?: string
  readonly until?: string
  /** From 1 to 200. Default: 50. */
  readonly limit?: number
  readonly cursor?: string
}

/** What `GET /pipelines` and `GET /schedules` take. */
export interface PartQuery {
  /** From 1 to 1,000. Default: 1,000 schedules, or all pipelines. */
  readonly limit?: number
  /** Where an earlier list ended: its `next_cursor`, or in its `Link` header. */
  readonly cursor?: string
}

/** What `POST /schedules` takes: either `cron` or `every`. */
export interface NewScheduleJson {
  /** Default: one that nothing has. */
  readonly id?: string
  readonly pipeline_id: string
  readonly cron?: string
  /** Default: UTC. */
  readonly time_zone?: string
  /** An interval in seconds, at least 1. */
  readonly every?: number
  /** The pipeline's parameters. Default: none. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** Default: `skip`. */
  readonly catch_up?: "skip" | "one" | "all"
  /** Default: `skip`. */
  readonly overlap?: "allow" | "skip" | "queue"
  /** Default: 0. */
  readonly priority?: number
  /** How late a run may start and still count as on time, in seconds. Default: 60. */
  readonly grace?: number
}

/** What `POST /tokens` takes: either `pipeline_id` or `task_id`. */
export interface TokenWishJson {
  readonly pipeline_id?: string
  readonly task_id?: string
  /** How long it is good for, in seconds, 3,600 at most. Default: 300. */
  readonly expires_in?: number
}

/** What `GET /audit` takes. */
export interface AuditQuery {
  readonly principal?: string
  readonly pipeline_id?: string
  readonly outcome?: "allowed" | "denied"
  /** At this instant or later, and before that one. */
  readonly since?: string
  readonly until?: string
  /** From 1 to 1,000. Default: 100. */
  readonly limit?: number
  readonly cursor?: string
}

/** What `GET /pipelines/{pipeline_id}/statistics` takes. */
export interface StatisticsQuery {
  /** Over how many of the last seconds, 86,400 at most. Default: 3,600. */
  readonly window?: number
}

/** What `GET /runs/{task_id}/events` takes. */
export interface EventsQuery {
  /** Goes on behind this sequence. Default: 0. */
  readonly after?: number
  /** Types of events, with commas between them. Default: all. */
  readonly types?: string
}

/** What `GET /events` and `GET /pipelines/{pipeline_id}/events` take. */
export interface FeedQuery {
  /** Goes on behind the event with this id; `0` begins with the oldest that is kept. Default: what happens from now on. */
  readonly after?: string
  /** Types of events, with commas between them. Default: all. */
  readonly types?: string
}

/** The same wishes in the query; the body wins. */
export interface ExecutionQuery {
  readonly wait?: boolean
  readonly timeout?: number
}

/** A run that is not over. */
export interface Unfinished {
  readonly task_id: string
  readonly status: "PENDING" | "RUNNING"
}

/** The body of every failure. */
export interface ErrorJson {
  /** The name of the failure, such as `PipelineNotFoundError`. */
  readonly error: string
  readonly message: string
  readonly pipeline_id?: string
  readonly step?: string
  readonly task_id?: string
  /** What is wrong with a request, all at once. */
  readonly details?: ReadonlyArray<{ readonly path: string; readonly message: string }>
  readonly timestamp: string
}

/** The statuses of failures. */
export type FailureStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503 | 504

/** What a route takes, and what it answers by status when it does not fail. */
export interface Exchange {
  readonly body?: unknown
  readonly query?: unknown
  readonly answers: { readonly [status: number]: unknown }
}

/** Every route by `METHOD /path`. The paths are the table's; a test compares them. */
export type Exchanges = {
  readonly "GET /health": { readonly answers: { readonly 200: HealthWire.Health; readonly 503: HealthWire.Health } }
  readonly "GET /health/live": { readonly answers: { readonly 200: HealthWire.Liveness } }
  readonly "GET /health/ready": {
    readonly answers: { readonly 200: HealthWire.Readiness; readonly 503: HealthWire.Readiness }
  }
  readonly "GET /metrics": { readonly answers: { readonly 200: string } }
  readonly "GET /pipelines": {
    readonly query: PartQuery
    readonly answers: { readonly 200: ReadonlyArray<PipelineWire.PipelineRow> }
  }
  readonly "GET /pipelines/result/{task_id}": {
    readonly answers: { readonly 200: RunWire.Completed; readonly 202: Unfinished }
  }
  readonly "POST /pipelines/{pipeline_id}": {
    readonly body: DefinitionJson
    readonly answers: { readonly 201: PipelineWire.PipelineRow }
  }
  readonly "GET /pipelines/{pipeline_id}": { readonly answers: { readonly 200: PipelineWire.PipelineDetail } }
  readonly "DELETE /pipelines/{pipeline_id}": { readonly answers: { readonly 204: undefined } }
  readonly "POST /pipelines/{pipeline_id}/pause": { readonly answers: { readonly 200: PipelineWire.Paused } }
  readonly "POST /pipelines/{pipeline_id}/resume": { readonly answers: { readonly 200: PipelineWire.Paused } }
  readonly "GET /pipelines/{pipeline_id}/status": { readonly answers: { readonly 200: PipelineWire.PipelineStatus } }
  readonly "GET /pipelines/{pipeline_id}/statistics": {
    readonly query: StatisticsQuery
    readonly answers: { readonly 200: StatisticsWire.StatisticsJson }
  }
  readonly "GET /pipelines/{pipeline_id}/dag": { readonly answers: { readonly 200: PipelineWire.DagJson } }
  readonly "GET /pipelines/{pipeline_id}/dag/dot": { readonly answers: { readonly 200: string } }
  readonly "GET /pipelines/{pipeline_id}/visualize": { readonly answers: { readonly 200: PipelineWire.Visualization } }
  readonly "POST /pipelines/{pipeline_id}/execute": {
    readonly body: ExecutionJson
    readonly query: ExecutionQuery
    readonly answers: { readonly 200: RunWire.Completed; readonly 202: RunWire.Started }
  }
  readonly "GET /runs": { readonly query: RunsQuery; readonly answers: { readonly 200: RunWire.Runs } }
  readonly "GET /runs/{task_id}": { readonly answers: { readonly 200: RunWire.RunDetail } }
  readonly "GET /runs/{task_id}/events": {
    readonly query: EventsQuery
    readonly answers: { readonly 200: string; readonly 204: undefined }
  }
  readonly "GET /pipelines/{pipeline_id}/events": {
    readonly query: FeedQuery
    readonly answers: { readonly 200: string }
  }
  readonly "GET /ws": { readonly answers: { readonly 101: undefined; readonly 426: ErrorJson } }
  readonly "GET /events": { readonly query: FeedQuery; readonly answers: { readonly 200: string } }
  readonly "GET /runs/{task_id}/logs": { readonly answers: { readonly 200: RunWire.Logs } }
  readonly "POST /runs/{task_id}/cancel": {
    readonly body: CancellationJson
    readonly answers: { readonly 202: RunWire.Cancelling }
  }
  readonly "POST /runs/{task_id}/retry": {
    readonly body: RepetitionJson
    readonly answers: { readonly 202: RunWire.Started }
  }
  readonly "DELETE /runs/{task_id}": { readonly answers: { readonly 204: undefined } }
  readonly "GET /schedules": { readonly query: PartQuery; readonly answers: { readonly 200: ScheduleWire.Schedules } }
  readonly "POST /schedules": {
    readonly body: NewScheduleJson
    readonly answers: { readonly 201: ScheduleWire.ScheduleJson }
  }
  readonly "GET /schedules/{schedule_id}": { readonly answers: { readonly 200: ScheduleWire.ScheduleJson } }
  readonly "DELETE /schedules/{schedule_id}": { readonly answers: { readonly 204: undefined } }
  readonly "POST /schedules/{schedule_id}/pause": { readonly answers: { readonly 200: ScheduleWire.ScheduleJson } }
  readonly "POST /schedules/{schedule_id}/resume": { readonly answers: { readonly 200: ScheduleWire.ScheduleJson } }
  readonly "GET /pipelines/{pipeline_id}/acl": { readonly answers: { readonly 200: AccessWire.PipelineAclJson } }
  readonly "PUT /pipelines/{pipeline_id}/acl": {
    readonly body: AccessWire.AclJson
    readonly answers: { readonly 200: AccessWire.PipelineAclJson }
  }
  readonly "DELETE /pipelines/{pipeline_id}/acl": { readonly answers: { readonly 200: AccessWire.PipelineAclJson } }
  readonly "POST /tokens": {
    readonly body: TokenWishJson
    readonly answers: { readonly 201: AccessWire.TokenJson }
  }
  readonly "GET /audit": {
    readonly query: AuditQuery
    readonly answers: { readonly 200: AccessWire.AuditRecords }
  }
  readonly "GET /openapi.json": { readonly answers: { readonly 200: Readonly<Record<string, unknown>> } }
  readonly "GET /docs": { readonly answers: { readonly 200: string } }
  readonly "GET /docs/{file}": { readonly answers: { readonly 200: string; readonly 304: undefined } }
  readonly "GET /redoc": { readonly answers: { readonly 200: string } }
  readonly "GET /redoc/{file}": { readonly answers: { readonly 200: string; readonly 304: undefined } }
  readonly "GET /audit/lines": { readonly query: AuditQuery; readonly answers: { readonly 200: string } }
}
