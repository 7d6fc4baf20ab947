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
} from "../http/AccessWire.ts"
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
} from "../http/Exchanges.ts"
export type { Cancelling, ErrorDetail, Logs, RunDetail, RunRow, Runs, StepDetail } from "../http/RunWire.ts"
export type { ScheduleJson, Schedules } from "../http/ScheduleWire.ts"
export type { NumbersJson, StatisticsJson, StepNumbersJson } from "../http/StatisticsWire.ts"
export type {
  Completed,
  DagJson,
  Health,
  Liveness,
  LoadJson,
  Paused,
  PipelineDetail,
  PipelineRow,
  PipelineStatus,
  Readiness,
  Started,
  Visualization
} from "../http/Wire.ts"
export type { EdenRoute, EdenRoutes } from "./Eden.ts"
export * as ElysiaPlugin from "./ElysiaPlugin.ts"
