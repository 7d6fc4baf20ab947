/** What the API is, as an OpenAPI 3.1 document: made from the table of routes and the schemas of what they take and answer. */
import * as Schema from "effect/Schema"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import type { Registered } from "../../../core/registry/Registry.ts"
import { EVENT_STREAM } from "../events/EventRequests.ts"
import { parametersSchema, resultSchema } from "../pipelines/PipelineSchema.ts"
import { error } from "../server/Failures.ts"
import type { Route } from "../server/Route.ts"
import { type AnyDocument, documents } from "./Documents.ts"

type Json = { readonly [key: string]: unknown }

/** An operation, but for its id. */
export interface Operation {
  readonly tags: ReadonlyArray<string>
  readonly summary: string
  readonly description: string
  readonly parameters: ReadonlyArray<Json>
  readonly requestBody?: Json
  readonly responses: { readonly [status: string]: Json }
}

/** What each status says. */
const MEANINGS: { readonly [status: number]: string } = {
  101: "What follows is a WebSocket",
  200: "Done",
  201: "Made",
  202: "Under way",
  204: "Done; nothing to tell",
  304: "As it was",
  400: "The request does not fit; `details` says why",
  401: "Credentials are needed, or these prove nothing",
  403: "Not allowed",
  404: "Unknown",
  408: "The body takes too long to come",
  409: "Exists already, or is in the way",
  413: "The body is too long",
  415: "The body is not JSON",
  422: "What is described can't be built",
  426: "This path speaks WebSocket",
  429: "Over the limit; again after `Retry-After`",
  500: "The run failed",
  501: "This server does not take WebSockets",
  503: "The store does not answer; again after `Retry-After`",
  504: "The wait is over before the run is; the run goes on"
}

/** What the guard answers, on every route that it guards. */
const GUARDED = [401, 403, 429] as const

/** What a page of another origin is answered, on every route, where access is open; see `WebPages`. */
const OPEN = [403] as const

const JSON_TYPE = "application/json"

const content = (type: string, schema: object): Json => ({ content: { [type]: { schema } } })

/** Whether what a schema does not name is let be, or refused. */
type Excess = "ignore" | "error"

/** Gives a schema its place in a document. */
export type Showing = (schema: Schema.Constraint, onExcessProperty?: Excess) => Json

/** What has been asked for before: the schemas of the API are always the same, and the document has all of them. */
const remembered = <A>(make: (schema: Schema.Constraint, onExcessProperty: Excess) => A) => {
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
 * A schema as JSON Schema of draft 2020-12, with nothing outside it: Elysia's documents have no place for what schemas
 * share. One that contains itself does so once; deeper, it may be any object.
 */
export const jsonSchema: Showing = remembered((schema, onExcessProperty) => {
  const { schema: whole, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty })
  const opened = (value: unknown, within: ReadonlyArray<string>): unknown => {
    if (Array.isArray(value)) return value.map((inner) => opened(inner, within))
    if (typeof value !== "object" || value === null) return value
    const { $ref } = value as Json
    if (typeof $ref !== "string") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, opened(inner, within)]))
    }
    const name = $ref.slice($ref.lastIndexOf("/") + 1)
    return within.filter((one) => one === name).length > 1
      ? { type: "object" }
      : opened(definitions[name], [...within, name])
  }
  return opened(whole, []) as Json
})

const withDefinitions = remembered((schema, onExcessProperty) => {
  const { schema: whole, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty })
  return placed({ whole, definitions }, "") as { readonly whole: Json; readonly definitions: Json }
})

/** Puts the schemas that have a name among the components, so that generated clients have types of these names. */
const naming =
  (schemas: Record<string, unknown>): Showing =>
  (schema, onExcessProperty) => {
    const { whole, definitions } = withDefinitions(schema, onExcessProperty)
    Object.assign(schemas, definitions)
    return whole
  }

const NO_FIELDS = Schema.Struct({})

const documentOf = ({ method, path }: Route): AnyDocument | undefined =>
  (documents as { readonly [key: string]: AnyDocument | undefined })[`${method} ${path}`]

/** The schema of a route's query, if it has one. */
export const querySchema = (route: Route): (Json & { readonly properties: Json }) | undefined => {
  const { query } = documentOf(route) ?? {}
  return query === undefined ? undefined : (jsonSchema(query) as Json & { readonly properties: Json })
}

/** A route as OpenAPI has it. `show` gives the schemas their places. */
export const operation = (route: Route, show: Showing, tag: string, isSecured = true): Operation => {
  const { method, path, permission, summary, hasBody } = route
  const { answers = {}, contentType = JSON_TYPE, failures = [], body, headers = {} } = documentOf(route) ?? {}
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
  const failure = show(error)
  return {
    tags: [tag],
    summary,
    description: permission === "none" ? "For everybody." : `Needs the permission '${permission}'.`,
    parameters: [
      ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...Object.entries(querySchema(route)?.properties ?? {}).map(([name, schema]) => ({ name, in: "query", schema })),
      ...Object.entries(headers).map(([name, schema]) => ({ name, in: "header", schema: jsonSchema(schema) }))
    ],
    ...(hasBody && { requestBody: bodyOf(body ?? NO_FIELDS, show, isSecured) }),
    ...(!hasBody && method === "POST" && !isSecured && { requestBody: UNREAD }),
    responses: Object.fromEntries([
      ...Object.entries(answers).map(([status, schema]) => [
        status,
        {
          description: MEANINGS[Number(status)],
          ...(!EMPTY.has(status) && answered(schema === error ? JSON_TYPE : contentType, show(schema)))
        }
      ]),
      ...[
        ...(permission === "none" ? [] : GUARDED),
        ...OPEN,
        ...(method === "POST" ? [415] : []),
        ...(hasBody ? [408] : []),
        ...failures
      ].map((status) => [status, { description: MEANINGS[status], ...content(JSON_TYPE, failure) }])
    ])
  }
}

/** A body is required where one of its keys is; and where access is open, for its content type. */
const bodyOf = (schema: Schema.Constraint, show: Showing, isSecured: boolean): Json => ({
  required: !isSecured || needsKeys(jsonSchema(schema, "error")),
  ...content(JSON_TYPE, show(schema, "error"))
})

/** Whether no object without keys fits a schema. */
const needsKeys = ({ required, anyOf }: Json): boolean =>
  Array.isArray(required) ? required.length > 0 : Array.isArray(anyOf) && anyOf.every(needsKeys)

/** Where access is open, a page of another origin can't send that content type without asking. */
const UNREAD = { description: "Only its content type counts.", required: true, ...content(JSON_TYPE, {}) }

/** What an answer has in it. Events have no schema of their own: tools differ in what that would be about. */
const answered = (contentType: string, schema: Json): Json =>
  content(
    contentType,
    contentType === EVENT_STREAM ? { description: "Server-sent events; the data of each is JSON." } : schema
  )

/** Statuses of answers with nothing in them. */
const EMPTY: ReadonlySet<string> = new Set(["101", "204", "304"])

const RETRY_AFTER = { "Retry-After": { $ref: "#/components/headers/Retry-After" } }
const RATE_LIMIT = {
  RateLimit: { $ref: "#/components/headers/RateLimit" },
  "RateLimit-Policy": { $ref: "#/components/headers/RateLimit-Policy" }
}

/** The headers that answers of some statuses have. */
const HEADERS: { readonly [status: string]: Json } = {
  401: { "WWW-Authenticate": { $ref: "#/components/headers/WWW-Authenticate" } },
  429: { ...RETRY_AFTER, ...RATE_LIMIT },
  503: RETRY_AFTER
}

const text = { schema: { type: "string" } }

const COMPONENT_HEADERS = {
  "Retry-After": { description: "In how many seconds it may work.", schema: { type: "integer" } },
  "WWW-Authenticate": { description: "What may be shown. RFC 9110, 11.6.1.", ...text },
  RateLimit: { description: "What is left of a limit. draft-ietf-httpapi-ratelimit-headers-10.", ...text },
  "RateLimit-Policy": { description: "The limit.", ...text },
  "X-Request-Id": { description: "Names the request in runs, logs and the audit log.", ...text }
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
  method.toLowerCase() + path.replace(/[^a-zA-Z]+(\w?)/g, (_, letter: string) => letter.toUpperCase())

const tagOf = ({ path }: Route): string => {
  const first = path.split("/")[1]!
  return SERVER.has(first) ? "server" : first === "ws" ? "events" : first
}

const SERVER: ReadonlySet<string> = new Set(["health", "metrics", "docs", "redoc", "openapi.json"])

/** In the order in which people look for things. */
const TAGS = [
  ["execute", "Starts runs: the parameters and the result of each pipeline."],
  ["pipelines", "What there is to run, and its graphs."],
  ["runs", "What has been run, and what is running."],
  ["events", "What happens, as it happens."],
  ["schedules", "What is run by the clock."],
  ["tokens", "Access for browsers, for minutes."],
  ["audit", "Who asked for what."],
  ["server", "The server itself."]
] as const

/** What the document is about. */
export interface About {
  readonly routes: ReadonlyArray<Route>
  /** Those that are described; of the others nothing is told. */
  readonly pipelines: ReadonlyArray<Registered>
  readonly isSecured: boolean
  /** Where the paths begin: nothing, or a path. */
  readonly base: string
}

/** The document. */
export const toOpenApi = ({ routes, pipelines, isSecured, base }: About): Json => {
  const paths: Record<string, Record<string, Json>> = {}
  const schemas: Record<string, unknown> = {}
  const show = naming(schemas)
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
    // A path that is spelt out goes before one with names in braces, so that each pipeline has its own types.
    paths[execute.path.replace("{pipeline_id}", encodeURIComponent(pipeline.id))] = {
      post: executing(withHeaders(operation(execute, show, "execute", isSecured)), pipeline, name, schemas)
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Levada",
      version: "1",
      description: "Task pipelines: their graphs, their runs and what happens to them."
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

/** The start of one pipeline's runs, with its own types: of whole runs, as the result of a part has another type. */
const executing = (general: Operation, pipeline: Pipeline, name: string, schemas: Record<string, unknown>): Json => {
  const { body, answers } = documents["POST /pipelines/{pipeline_id}/execute"]
  const { targets: _, ...wishes } = (jsonSchema(body, "error") as WithProperties).properties
  const given = parametersSchema(pipeline) as Json & { readonly required: ReadonlyArray<string> }
  const needs = given.required.length > 0
  const parameters = hoist(`${name}.parameters`, given, schemas)
  const execution = {
    ...jsonSchema(body, "error"),
    properties: { ...wishes, parameters },
    ...(needs && { required: ["parameters"] })
  }
  const completed = jsonSchema(answers[200]) as WithProperties
  const result = hoist(`${name}.result`, resultSchema(pipeline) as Json, schemas)
  const done = { ...completed, properties: { ...completed.properties, result } }
  return {
    operationId: `execute_${name}`,
    ...general,
    summary: `Starts a run of '${pipeline.id}'.`,
    description: `${general.description} Of the whole: \`targets\` are for the path with an id.`,
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

/** A name that components may have, and no other one has. */
const nameOf = (id: string, taken: Set<string>): string => {
  const plain = id.replace(/[^\w.-]/g, "_")
  let name = plain
  for (let count = 2; taken.has(name); count++) name = `${plain}-${count}`
  taken.add(name)
  return name
}

/** Puts a schema, and those that it defines, among the components. Gives what refers to it. */
const hoist = (name: string, { $defs, $schema: _, ...schema }: Json, schemas: Record<string, unknown>): Json => {
  schemas[name] = placed(schema, `${name}.`)
  for (const [key, definition] of Object.entries(($defs ?? {}) as Json)) {
    schemas[`${name}.${key}`] = placed(definition, `${name}.`)
  }
  return { $ref: `#/components/schemas/${name}` }
}

/** A schema whose references lead to the components, with a prefix. */
const placed = (value: unknown, prefix: string): unknown => {
  if (Array.isArray(value)) return value.map((inner) => placed(inner, prefix))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === "$ref" && typeof inner === "string"
        ? [key, inner.replace(/^#\/(?:\$defs|definitions)\//, `#/components/schemas/${prefix}`)]
        : [key, placed(inner, prefix)]
    )
  )
}
