/**
 * Serves a Levada inside an Elysia app.
 * @module
 */

// The declarations of a program that exports its app refer to these types.
export type { Elements } from "../../core/render/Cytoscape.ts"
export type { AuditQuery, TokenWishJson } from "../http/access/AccessRequests.ts"
export type {
  AclJson,
  AuditRecordJson,
  AuditRecords,
  MeJson,
  PipelineAclJson,
  StrangerJson,
  TokenJson
} from "../http/access/AccessWire.ts"
export type { Exchange, Exchanges } from "../http/docs/Contract.ts"
export type { EventsQuery, FeedQuery } from "../http/events/EventRequests.ts"
export type { ListenerJson, Listeners } from "../http/events/ListenerWire.ts"
export type { Health, Liveness, LoadJson, Readiness } from "../http/health/HealthWire.ts"
export type { SeriesQuery, StatisticsQuery } from "../http/health/StatisticsRequests.ts"
export type { NumbersJson, SeriesJson, StatisticsJson, StepNumbersJson } from "../http/health/StatisticsWire.ts"
export type { WorkersQuery } from "../http/health/WorkerRequests.ts"
export type { ClaimJson, WorkerJson, Workers } from "../http/health/WorkerWire.ts"
export type { LayoutQuery, PictureQuery } from "../http/pipelines/PictureRequests.ts"
export type { CriticalPathJson, LayoutJson } from "../http/pipelines/PictureWire.ts"
export type { DefinitionJson } from "../http/pipelines/PipelineRequests.ts"
export type {
  DagJson,
  Paused,
  PipelineDetail,
  PipelineRow,
  PipelineStatus,
  Visualization
} from "../http/pipelines/PipelineWire.ts"
export type { ManyCancellationsJson, ManyRetriesJson } from "../http/runs/BulkRequests.ts"
export type { ManyCancelled, ManyRetried, Results, Retried, Unchanged } from "../http/runs/BulkWire.ts"
export type { ExecutionJson, ExecutionQuery } from "../http/runs/ExecutionRequest.ts"
export type { AttemptsQuery, ItemsQuery, RetryQuery } from "../http/runs/RunPartRequests.ts"
export type { AttemptRow, AttemptsJson, ItemRow, Items, RetriedSteps } from "../http/runs/RunPartWire.ts"
export type { CancellationJson, RepetitionJson, RunQuery, RunsFilter, RunsQuery } from "../http/runs/RunRequests.ts"
export type {
  Cancelling,
  Completed,
  ErrorDetail,
  Logs,
  RunDetail,
  RunOutline,
  RunRow,
  Runs,
  Started,
  StepDetail,
  Unfinished
} from "../http/runs/RunWire.ts"
export type { NewScheduleJson } from "../http/schedules/ScheduleRequests.ts"
export type { ScheduleDetail, ScheduleJson, Schedules } from "../http/schedules/ScheduleWire.ts"
export type { ErrorJson, FailureStatus } from "../http/server/Failures.ts"
export type { PartQuery } from "../http/server/Paging.ts"
export type { EdenRoute, EdenRoutes } from "./Eden.ts"
export * as ElysiaPlugin from "./ElysiaPlugin.ts"
