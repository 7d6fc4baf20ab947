/**
 * Serves a Levada inside an Elysia app.
 * @module
 */
export * as ElysiaPlugin from "./ElysiaPlugin.ts"
