/**
 * The REST API, whatever the server: a handler over Operations, and the bridge to web-standard fetch.
 * @module
 */
export * as Fetch from "./Fetch.ts"
export * as Handler from "./Handler.ts"
export type { HttpReply, HttpRequest } from "./Message.ts"
export { type Route, routes } from "./Routes.ts"
export type * as Wire from "./Wire.ts"
