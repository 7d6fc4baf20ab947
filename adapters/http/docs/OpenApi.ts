/** Generates the OpenAPI 3.1 document from the table of routes and the Schemas of their requests and answers. */
import * as Schema from "effect/Schema"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import type { Registered } from "../../../core/registry/Registry.ts"
import { EVENT_STREAM } from "../events/EventRequests.ts"
import { parametersSchema, resultSchema } from "../pipelines/ParametersSchema.ts"
import { error } from "../server/Failures.ts"
import type { Route } from "../server/Route.ts"
import { type AnyDocument, documents } from "./Documents.ts"

type Json = { readonly [key: string]: unknown }

/** An OpenAPI operation without its id. */
export interface Operation {
  readonly tags: ReadonlyArray<string>
  readonly summary: string
  readonly description: string
  readonly parameters: ReadonlyArray<Json>
  readonly requestBody?: Json
  readonly responses: { readonly [status: string]: Json }
}

/** The description of each status. */
const STATUS_DESCRIPTIONS: { readonly [status: number]: string } = {
  101: "The connection becomes a WebSocket",
  200: "Success",
  201: "Created",
  202: "Accepted; not finished yet",
  204: "Success, without content",
  302: "Redirect to the dashboard",
  304: "Not modified",
  400: "Invalid request; `details` lists every problem",
  401: "Credentials are missing or invalid",
  403: "Not allowed",
  404: "Not found",
  408: "The body did not arrive in time",
  409: "Conflict with an existing object or with its state",
  413: "The body is too long",
  415: "The body is not JSON",
  422: "The definition is invalid, or the graph is too large for a picture",
  426: "This path needs a WebSocket client",
  429: "Too many requests; retry after `Retry-After`",
  500: "The run failed",
  501: "This server lacks what the answer needs; the message says how to add it",
  503: "The store does not answer; retry after `Retry-After`",
  504: "The wait timed out; the run goes on"
}

/** The statuses of the guard's refusals, on every route that needs a permission. */
const GUARDED = [401, 403, 429] as const

/** The descriptions of routes that need no permission. */
const NEEDS: { readonly [permission: string]: string } = {
  none: "Public.",
  any: "Needs valid credentials and no permission."
}

/** The status of the refusal of web pages, on every route while access is open; see `WebPages`. */
const REFUSED_PAGE = [403] as const

const JSON_TYPE = "application/json"

const content = (type: string, schema: object): Json => ({ content: { [type]: { schema } } })

/** Whether unknown keys are ignored or refused. */
type Excess = "ignore" | "error"

/** Writes a Schema as JSON Schema into a document. */
export type SchemaWriter = (schema: Schema.Constraint, onExcessProperty?: Excess) => Json

/** Caches the result per Schema: every document uses the same Schemas. */
const memoised = <A>(make: (schema: Schema.Constraint, onExcessProperty: Excess) => A) => {
  const known = { ignore: new WeakMap<Schema.Constraint, A>(), error: new WeakMap<Schema.Constraint, A>() }
  return (schema: Schema.Constraint, onExcessProperty: Excess = "ignore"): A => {
    let found = known[onExcessProperty].get(schema)
    if (found === undefined) {
      found = make(schema, onExcessProperty)
      known[onExcessProperty].set(schema, found)
    }
    return found
  }
}

/**
 * A Schema as JSON Schema (draft 2020-12) without references, because Elysia's documents have no place for shared
 * definitions. A recursive Schema is expanded once; below that it is any object.
 */
export const jsonSchema: SchemaWriter = memoised((schema, onExcessProperty) => {
  const { schema: whole, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty })
  const inlined = (value: unknown, within: ReadonlyArray<string>): unknown => {
    if (Array.isArray(value)) return value.map((inner) => inlined(inner, within))
    if (typeof value !== "object" || value === null) return value
    const { $ref } = value as Json
    if (typeof $ref !== "string") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inlined(inner, within)]))
    }
    const name = $ref.slice($ref.lastIndexOf("/") + 1)
    return within.filter((one) => one === name).length > 1
      ? { type: "object" }
      : inlined(definitions[name], [...within, name])
  }
  return inlined(whole, []) as Json
})

const withDefinitions = memoised((schema, onExcessProperty) => {
  const { schema: whole, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty })
  return withComponentRefs({ whole, definitions }, "") as { readonly whole: Json; readonly definitions: Json }
})

/** Puts Schemas with an identifier among the components, so that generated clients have types of these names. */
const componentWriter =
  (schemas: Record<string, unknown>): SchemaWriter =>
  (schema, onExcessProperty) => {
    const { whole, definitions } = withDefinitions(schema, onExcessProperty)
    Object.assign(schemas, definitions)
    return whole
  }

const NO_FIELDS = Schema.Struct({})

const documentOf = ({ method, path }: Route): AnyDocument | undefined =>
  (documents as { readonly [key: string]: AnyDocument | undefined })[`${method} ${path}`]

/** The JSON Schema of a route's query, if it has one. */
export const querySchema = (route: Route): (Json & { readonly properties: Json }) | undefined => {
  const { query } = documentOf(route) ?? {}
  return query === undefined ? undefined : (jsonSchema(query) as Json & { readonly properties: Json })
}

/** A route as an OpenAPI operation. `show` writes its Schemas. */
export const operation = (route: Route, show: SchemaWriter, tag: string, isSecured = true): Operation => {
  const { method, path, permission, summary, hasBody } = route
  const { answers = {}, contentType = JSON_TYPE, failures = [], body, headers = {} } = documentOf(route) ?? {}
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
  const failure = show(error)
  return {
    tags: [tag],
    summary,
    description: NEEDS[permission] ?? `Needs the permission '${permission}'.`,
    parameters: [
      ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...Object.entries(querySchema(route)?.properties ?? {}).map(([name, schema]) => ({ name, in: "query", schema })),
      ...Object.entries(headers).map(([name, schema]) => ({ name, in: "header", schema: jsonSchema(schema) }))
    ],
    ...(hasBody && { requestBody: bodyOf(body ?? NO_FIELDS, show, isSecured) }),
    ...(!hasBody && method === "POST" && !isSecured && { requestBody: IGNORED_BODY }),
    responses: Object.fromEntries([
      ...Object.entries(answers).map(([status, schema]) => [
        status,
        {
          description: STATUS_DESCRIPTIONS[Number(status)],
          ...(!EMPTY.has(status) && contentOf(schema === error ? JSON_TYPE : contentType, show(schema)))
        }
      ]),
      ...[
        ...(permission === "none" ? [] : GUARDED),
        ...REFUSED_PAGE,
        ...(method === "POST" ? [415] : []),
        ...(hasBody ? [408] : []),
        ...failures
      ].map((status) => [status, { description: STATUS_DESCRIPTIONS[status], ...content(JSON_TYPE, failure) }])
    ])
  }
}

/** The request body. It is required if one of its keys is, and while access is open, for its content type. */
const bodyOf = (schema: Schema.Constraint, show: SchemaWriter, isSecured: boolean): Json => ({
  required: !isSecured || needsKeys(jsonSchema(schema, "error")),
  ...content(JSON_TYPE, show(schema, "error"))
})

/** Whether a JSON Schema refuses the empty object. */
const needsKeys = ({ required, anyOf }: Json): boolean =>
  Array.isArray(required) ? required.length > 0 : Array.isArray(anyOf) && anyOf.every(needsKeys)

/** Required while access is open: pages of other origins cannot send this content type without a preflight. */
const IGNORED_BODY = {
  description: "Only the content type is checked; the content is ignored.",
  required: true,
  ...content(JSON_TYPE, {})
}

/** The content of an answer. Event streams have no schema: tools differ in whether it describes one event or the stream. */
const contentOf = (contentType: string, schema: Json): Json =>
  content(
    contentType,
    contentType === EVENT_STREAM ? { description: "Server-sent events; the data of each event is JSON." } : schema
  )

/** The statuses of answers without content. */
const EMPTY: ReadonlySet<string> = new Set(["101", "204", "302", "304"])

const RETRY_AFTER = { "Retry-After": { $ref: "#/components/headers/Retry-After" } }
const RATE_LIMIT = {
  RateLimit: { $ref: "#/components/headers/RateLimit" },
  "RateLimit-Policy": { $ref: "#/components/headers/RateLimit-Policy" }
}

/** The extra headers of answers, by status. */
const HEADERS: { readonly [status: string]: Json } = {
  401: { "WWW-Authenticate": { $ref: "#/components/headers/WWW-Authenticate" } },
  429: { ...RETRY_AFTER, ...RATE_LIMIT },
  503: RETRY_AFTER
}

const text = { schema: { type: "string" } }

const COMPONENT_HEADERS = {
  "Retry-After": { description: "Seconds to wait before a retry.", schema: { type: "integer" } },
  "WWW-Authenticate": { description: "The accepted authentication schemes. RFC 9110, 11.6.1.", ...text },
  RateLimit: { description: "The remaining quota. draft-ietf-httpapi-ratelimit-headers-10.", ...text },
  "RateLimit-Policy": { description: "The rate limit. draft-ietf-httpapi-ratelimit-headers-10.", ...text },
  "X-Request-Id": { description: "Identifies the request in runs, logs and the audit log.", ...text }
}

const withHeaders = ({ responses, ...operation }: Operation): Operation => ({
  ...operation,
  responses: Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      { ...response, headers: { "X-Request-Id": { $ref: "#/components/headers/X-Request-Id" }, ...HEADERS[status] } }
    ])
  )
})

/** `GET /pipelines/{pipeline_id}/dag` as `getPipelinesPipelineIdDag`. */
const idOf = ({ method, path }: Route): string =>
  method.toLowerCase() +
  (path === "/" ? "/root" : path).replace(/[^a-zA-Z]+(\w?)/g, (_, letter: string) => letter.toUpperCase())

const tagOf = ({ path }: Route): string => {
  const first = path.split("/")[1]!
  return SERVER.has(first) ? "server" : (OTHER_TAGS[first] ?? first)
}

const SERVER: ReadonlySet<string> = new Set([
  "",
  "health",
  "metrics",
  "docs",
  "redoc",
  "dashboard",
  "openapi.json",
  "listeners"
])

/** The tags of paths that begin with another word. */
const OTHER_TAGS: { readonly [first: string]: string } = { ws: "events", statistics: "pipelines" }

/** The tags, in the order in which documentation shows them. */
const TAGS = [
  ["execute", "Starting runs, with the parameters and the result of each pipeline."],
  ["pipelines", "Pipelines, their state and their graphs."],
  ["runs", "Current and past runs."],
  ["events", "Live events of runs."],
  ["schedules", "Runs by cron expression or interval."],
  ["me", "The caller, and what it may do."],
  ["tokens", "Short-lived tokens for browsers."],
  ["audit", "The audit log."],
  ["server", "Health, metrics, open streams and documentation of the server."]
] as const

/** What the document describes. */
export interface Source {
  readonly routes: ReadonlyArray<Route>
  /** The pipelines to list. */
  readonly pipelines: ReadonlyArray<Registered>
  readonly isSecured: boolean
  /** The base path of all paths; empty for the root. */
  readonly base: string
}

/** Generates the document. */
export const toOpenApi = ({ routes, pipelines, isSecured, base }: Source): Json => {
  const paths: Record<string, Record<string, Json>> = {}
  const schemas: Record<string, unknown> = {}
  const show = componentWriter(schemas)
  for (const route of routes) {
    const { method, path, permission } = route
    paths[path] ??= {}
    paths[path][method.toLowerCase()] = {
      operationId: idOf(route),
      ...withHeaders(operation(route, show, tagOf(route), isSecured)),
      ...(isSecured && permission === "none" && { security: [] })
    }
  }
  const execute = routes.find(({ path }) => path === "/pipelines/{pipeline_id}/execute")!
  const taken = new Set<string>()
  for (const { pipeline } of pipelines) {
    const name = nameOf(pipeline.id, taken)
    // A literal path takes precedence over one with names in braces, so each pipeline has its own types.
    paths[execute.path.replace("{pipeline_id}", encodeURIComponent(pipeline.id))] = {
      post: executeOperation(withHeaders(operation(execute, show, "execute", isSecured)), pipeline, name, schemas)
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Levada",
      version: "1",
      description: "Task pipelines: their graphs, runs and events."
    },
    servers: [{ url: base === "" ? "/" : base }],
    ...(isSecured && { security: [{ apiKey: [] }, { bearer: [] }] }),
    tags: TAGS.map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas,
      headers: COMPONENT_HEADERS,
      ...(isSecured && {
        securitySchemes: {
          apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
          bearer: { type: "http", scheme: "bearer" }
        }
      })
    }
  }
}

/** The operation that starts a run of one pipeline, with its own types. It has no `targets`: they would change the type of the result. */
const executeOperation = (
  general: Operation,
  pipeline: Pipeline,
  name: string,
  schemas: Record<string, unknown>
): Json => {
  const { body, answers } = documents["POST /pipelines/{pipeline_id}/execute"]
  const { targets: _, ...otherKeys } = (jsonSchema(body, "error") as WithProperties).properties
  const given = parametersSchema(pipeline) as Json & { readonly required: ReadonlyArray<string> }
  const needs = given.required.length > 0
  const parameters = hoist(`${name}.parameters`, given, schemas)
  const execution = {
    ...jsonSchema(body, "error"),
    properties: { ...otherKeys, parameters },
    ...(needs && { required: ["parameters"] })
  }
  const completed = jsonSchema(answers[200]) as WithProperties
  const result = hoist(`${name}.result`, resultSchema(pipeline) as Json, schemas)
  const done = { ...completed, properties: { ...completed.properties, result } }
  return {
    operationId: `execute_${name}`,
    ...general,
    summary: `Starts a run of '${pipeline.id}'.`,
    description: `${general.description} Runs every step; for \`targets\`, use \`/pipelines/{pipeline_id}/execute\`.`,
    parameters: general.parameters.filter((parameter) => parameter["in"] !== "path"),
    requestBody: {
      required: needs || general.requestBody?.["required"] === true,
      ...content(JSON_TYPE, hoist(`${name}.execution`, execution, schemas))
    },
    responses: {
      ...general.responses,
      200: { ...general.responses["200"], ...content(JSON_TYPE, hoist(`${name}.completed`, done, schemas)) }
    }
  }
}

type WithProperties = Json & { readonly properties: Json }

/** A unique name that is valid for a component. */
const nameOf = (id: string, taken: Set<string>): string => {
  const plain = id.replace(/[^\w.-]/g, "_")
  let name = plain
  for (let count = 2; taken.has(name); count++) name = `${plain}-${count}`
  taken.add(name)
  return name
}

/** Puts a JSON Schema and its definitions among the components. Returns a reference to it. */
const hoist = (name: string, { $defs, $schema: _, ...schema }: Json, schemas: Record<string, unknown>): Json => {
  schemas[name] = withComponentRefs(schema, `${name}.`)
  for (const [key, definition] of Object.entries(($defs ?? {}) as Json)) {
    schemas[`${name}.${key}`] = withComponentRefs(definition, `${name}.`)
  }
  return { $ref: `#/components/schemas/${name}` }
}

/** Rewrites the references of a JSON Schema to components, with a prefix before their names. */
const withComponentRefs = (value: unknown, prefix: string): unknown => {
  if (Array.isArray(value)) return value.map((inner) => withComponentRefs(inner, prefix))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === "$ref" && typeof inner === "string"
        ? [key, inner.replace(/^#\/(?:\$defs|definitions)\//, `#/components/schemas/${prefix}`)]
        : [key, withComponentRefs(inner, prefix)]
    )
  )
}
