/**
 * The REST API, whatever the server: a handler over Operations, and the bridge to web-standard fetch.
 * @module
 */
export type * as AccessWire from "./AccessWire.ts"
export * as Fetch from "./Fetch.ts"
export * as Handler from "./Handler.ts"
export type { HttpReply, HttpRequest } from "./Message.ts"
export type { Route } from "./Route.ts"
export { routes } from "./Routes.ts"
export type * as RunWire from "./RunWire.ts"
export type * as ScheduleWire from "./ScheduleWire.ts"
export type * as StatisticsWire from "./StatisticsWire.ts"
export type * as Wire from "./Wire.ts"
