/** What the documentation plugins are told of each route. */
import * as Schema from "effect/Schema"
import type { DocumentDecoration } from "elysia"
import type { Route } from "../http/Routes.ts"
import type * as Wire from "../http/Wire.ts"
import type {
  DefinitionJson,
  ErrorJson,
  Exchange,
  Exchanges,
  ExecutionJson,
  ExecutionQuery,
  FailureStatus,
  Unfinished
} from "./Eden.ts"

/** Schemas of what a route takes and answers. They have to describe the types that Eden goes by. */
export type Document<E extends Exchange> = {
  readonly answers: { readonly [Status in keyof E["answers"]]: Schema.Codec<E["answers"][Status]> }
  /** The content type of the answers. Default: `application/json`. */
  readonly contentType?: string
  readonly failures: ReadonlyArray<FailureStatus>
} & (E extends { readonly body: infer Body } ? { readonly body: Schema.Codec<Body> } : unknown) &
  (E extends { readonly query: infer Query } ? { readonly query: Schema.Codec<Query> } : unknown)

interface AnyDocument {
  readonly answers: { readonly [status: number]: Schema.Constraint }
  readonly contentType?: string
  readonly failures: ReadonlyArray<FailureStatus>
  readonly body?: Schema.Constraint
  readonly query?: Schema.Constraint
}

/** Every document by `METHOD /path`. */
export type Documents = { readonly [Key in keyof Exchanges]: Document<Exchanges[Key]> }

const kind: Schema.Codec<"dataflow" | "sequential"> = Schema.Literals(["dataflow", "sequential"])
const strings: Schema.Codec<ReadonlyArray<string>> = Schema.Array(Schema.String)

const health: Schema.Codec<Wire.Health> = Schema.Struct({
  status: Schema.Literals(["healthy", "unhealthy"]),
  timestamp: Schema.String,
  broker_connected: Schema.Boolean,
  memory_mb: Schema.optionalKey(Schema.Finite)
})

const pipelineRow: Schema.Codec<Wire.PipelineRow> = Schema.Struct({
  pipeline_id: Schema.String,
  pipeline_type: kind,
  tasks: strings,
  created_at: Schema.String
})

const pipelineStatus: Schema.Codec<Wire.PipelineStatus> = Schema.Struct({
  pipeline_id: Schema.String,
  status: Schema.Literals(["IDLE", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]),
  steps_completed: Schema.Int,
  total_steps: Schema.Int,
  started_at: Schema.NullOr(Schema.String),
  task_id: Schema.NullOr(Schema.String)
})

const dag: Schema.Codec<Wire.DagJson> = Schema.Struct({
  nodes: Schema.Array(Schema.Struct({ id: Schema.String, inputs: Schema.optionalKey(strings), outputs: strings })),
  edges: Schema.Array(Schema.Struct({ from: Schema.String, to: Schema.String }))
})

const visualization: Schema.Codec<Wire.Visualization> = Schema.Struct({
  pipeline_id: Schema.String,
  type: kind,
  tasks: Schema.Array(
    Schema.Struct({ name: Schema.String, outputs: strings, inputs: strings, description: Schema.String })
  ),
  execution_levels: Schema.Array(strings)
})

const completed: Schema.Codec<Wire.Completed> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literal("COMPLETED"),
  result: Schema.Unknown
})

const unfinished: Schema.Codec<Unfinished> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literals(["PENDING", "RUNNING"])
})

const started: Schema.Codec<Wire.Started> = Schema.Struct({ task_id: Schema.String, status: Schema.Literal("STARTED") })

const definition: Schema.Codec<DefinitionJson> = Schema.Struct({ pipeline_type: kind, tasks: strings })

const wait = Schema.optionalKey(
  Schema.Boolean.annotate({ description: "Whether to answer when the run is over. Default: false." })
)
const timeout = Schema.optionalKey(
  Schema.Finite.annotate({ description: "How long to wait, in seconds; the run goes on. Default: 30." })
)

const execution: Schema.Codec<ExecutionJson> = Schema.Struct({
  parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  wait,
  timeout
})

const executionQuery: Schema.Codec<ExecutionQuery> = Schema.Struct({ wait, timeout })

const error: Schema.Codec<ErrorJson> = Schema.Struct({
  error: Schema.String,
  message: Schema.String,
  pipeline_id: Schema.optionalKey(Schema.String),
  step: Schema.optionalKey(Schema.String),
  task_id: Schema.optionalKey(Schema.String),
  details: Schema.optionalKey(Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))),
  timestamp: Schema.String
})

/** The documents of the routes. */
export const documents: Documents = {
  "GET /health": { answers: { 200: health, 503: health }, failures: [] },
  "GET /pipelines": { answers: { 200: Schema.Array(pipelineRow) }, failures: [503] },
  "GET /pipelines/result/{task_id}": { answers: { 200: completed, 202: unfinished }, failures: [404, 500, 503] },
  "POST /pipelines/{pipeline_id}": {
    body: definition,
    answers: { 201: pipelineRow },
    failures: [400, 409, 413, 415, 422, 503]
  },
  "GET /pipelines/{pipeline_id}/status": { answers: { 200: pipelineStatus }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/dag": { answers: { 200: dag }, failures: [404, 503] },
  "GET /pipelines/{pipeline_id}/dag/dot": {
    answers: { 200: Schema.String },
    contentType: "text/vnd.graphviz",
    failures: [404, 503]
  },
  "GET /pipelines/{pipeline_id}/visualize": { answers: { 200: visualization }, failures: [404, 503] },
  "POST /pipelines/{pipeline_id}/execute": {
    body: execution,
    query: executionQuery,
    answers: { 200: completed, 202: started },
    failures: [400, 404, 413, 415, 500, 503, 504]
  }
}

/** What each status says. */
const MEANINGS: { readonly [status: number]: string } = {
  200: "Done",
  201: "Registered",
  202: "Under way",
  400: "The request does not fit; `details` says why",
  404: "Unknown",
  409: "Exists already",
  413: "The body is too long",
  415: "The body is not JSON",
  422: "The graph can't be built",
  500: "The run failed",
  503: "The store does not answer",
  504: "The wait is over before the run is; the run goes on"
}

const jsonSchema = (schema: Schema.Constraint, onExcessProperty: "ignore" | "error" = "ignore"): object =>
  Schema.toJsonSchemaDocument(schema, { onExcessProperty }).schema

const JSON_TYPE = "application/json"

const content = (type: string, schema: object): object => ({ content: { [type]: { schema } } })

/** A route as OpenAPI has it, in the words of Elysia's hooks. One without a document still has its row of the table. */
export const describe = (route: Route): { readonly detail: DocumentDecoration; readonly query?: object } => {
  const { method, path, permission, summary } = route
  const document = (documents as { readonly [key: string]: AnyDocument | undefined })[`${method} ${path}`]
  const { answers = {}, contentType = JSON_TYPE, failures = [], body, query } = document ?? {}
  const failure = jsonSchema(error)
  const wishes = query === undefined ? undefined : (jsonSchema(query) as { readonly properties: object })
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
  const detail = {
    tags: ["Levada"],
    summary,
    description: permission === "none" ? "For everybody." : `Needs the permission '${permission}'.`,
    parameters: [
      ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...Object.entries(wishes?.properties ?? {}).map(([name, schema]) => ({ name, in: "query", schema }))
    ],
    ...(body !== undefined && { requestBody: content(JSON_TYPE, jsonSchema(body, "error")) }),
    responses: Object.fromEntries([
      ...Object.entries(answers).map(([status, schema]) => [
        status,
        { description: MEANINGS[Number(status)], ...content(contentType, jsonSchema(schema)) }
      ]),
      ...failures.map((status) => [status, { description: MEANINGS[status], ...content(JSON_TYPE, failure) }])
    ])
  }
  return { detail: detail as DocumentDecoration, ...(wishes !== undefined && { query: passing(wishes) }) }
}

/**
 * A schema of a query for `@elysiajs/openapi`, which takes nobody else's word for it. Elysia checks requests by it as
 * well, so it lets everything pass: the API says itself what is wrong.
 */
const passing = (schema: object): object => ({
  "~standard": {
    version: 1,
    vendor: "levada",
    validate: (value: unknown) => ({ value }),
    jsonSchema: { input: () => schema, output: () => schema }
  }
})
