/**
 * Serves a Levada with `Deno.serve`.
 * @module
 */
export * as DenoServer from "./DenoServer.ts"
