/**
 * Serves a Levada inside an Elysia app.
 * @module
 */

// A program that exports its app has these in its declarations, and so has to be able to name them.
export type {
  AclJson,
  AuditRecordJson,
  AuditRecords,
  PipelineAclJson,
  StrangerJson,
  TokenJson
} from "../http/access/AccessWire.ts"
export type {
  AuditQuery,
  CancellationJson,
  DefinitionJson,
  ErrorJson,
  EventsQuery,
  Exchange,
  Exchanges,
  ExecutionJson,
  ExecutionQuery,
  FailureStatus,
  FeedQuery,
  NewScheduleJson,
  PartQuery,
  RepetitionJson,
  RunsQuery,
  StatisticsQuery,
  TokenWishJson,
  Unfinished
} from "../http/docs/Contract.ts"
export type { Health, Liveness, LoadJson, Readiness } from "../http/health/HealthWire.ts"
export type { NumbersJson, StatisticsJson, StepNumbersJson } from "../http/health/StatisticsWire.ts"
export type {
  DagJson,
  Paused,
  PipelineDetail,
  PipelineRow,
  PipelineStatus,
  Visualization
} from "../http/pipelines/PipelineWire.ts"
export type {
  Cancelling,
  Completed,
  ErrorDetail,
  Logs,
  RunDetail,
  RunRow,
  Runs,
  Started,
  StepDetail
} from "../http/runs/RunWire.ts"
export type { ScheduleJson, Schedules } from "../http/schedules/ScheduleWire.ts"
export type { EdenRoute, EdenRoutes } from "./Eden.ts"
export * as ElysiaPlugin from "./ElysiaPlugin.ts"
