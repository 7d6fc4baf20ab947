/**
 * Serves a Levada with `node:http`.
 * @module
 */
export * as NodeServer from "./NodeServer.ts"
