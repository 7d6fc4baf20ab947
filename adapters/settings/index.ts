/**
 * Reads access and server options from the environment: `Levada.make({ pipelines, ...(await Settings.read(process.env)) })`.
 * @module
 */
export * as Settings from "./Settings.ts"
