/**
 * Serves a Levada inside an Elysia app.
 * @module
 */

// A program that exports its app has these in its declarations, and so has to be able to name them.
export type {
  Completed,
  DagJson,
  Health,
  PipelineRow,
  PipelineStatus,
  Started,
  Visualization
} from "../http/Wire.ts"
export type {
  DefinitionJson,
  EdenRoute,
  EdenRoutes,
  ErrorJson,
  Exchange,
  Exchanges,
  ExecutionJson,
  ExecutionQuery,
  FailureStatus,
  Unfinished
} from "./Eden.ts"
export * as ElysiaPlugin from "./ElysiaPlugin.ts"
