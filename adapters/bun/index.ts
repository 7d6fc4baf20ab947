/**
 * Serves a Levada with `Bun.serve`.
 * @module
 */
export * as BunServer from "./BunServer.ts"
