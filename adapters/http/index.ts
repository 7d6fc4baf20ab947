/**
 * The REST API, independent of the server: a handler over Operations, and an adapter to web-standard fetch.
 * @module
 */
export type * as AccessWire from "./access/AccessWire.ts"
export * as Handler from "./Handler.ts"
export type * as HealthWire from "./health/HealthWire.ts"
export type * as StatisticsWire from "./health/StatisticsWire.ts"
export type * as PictureWire from "./pipelines/PictureWire.ts"
export type * as PipelineWire from "./pipelines/PipelineWire.ts"
export { routes } from "./Routes.ts"
export type * as RunWire from "./runs/RunWire.ts"
export type * as ScheduleWire from "./schedules/ScheduleWire.ts"
export * as Fetch from "./server/Fetch.ts"
export type { HttpReply, HttpRequest } from "./server/Message.ts"
export type { Route } from "./server/Route.ts"
