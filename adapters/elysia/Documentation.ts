/** What the documentation plugins are told of each route. */
import * as Schema from "effect/Schema"
import type { DocumentDecoration } from "elysia"
import type { Route } from "../http/Route.ts"
import { type AnyDocument, documents, error } from "./Documents.ts"

/** What each status says. */
const MEANINGS: { readonly [status: number]: string } = {
  200: "Done",
  201: "Made",
  202: "Under way",
  204: "Done; nothing to tell",
  400: "The request does not fit; `details` says why",
  401: "Credentials are needed, or these prove nothing",
  403: "Not allowed",
  404: "Unknown",
  409: "Exists already, or is in the way",
  413: "The body is too long",
  415: "The body is not JSON",
  422: "What is described can't be built",
  429: "Over the limit; again after `Retry-After`",
  500: "The run failed",
  503: "The store does not answer",
  504: "The wait is over before the run is; the run goes on"
}

/** What the guard answers, on every route that it guards. */
const GUARDED = [401, 403, 429] as const

const jsonSchema = (schema: Schema.Constraint, onExcessProperty: "ignore" | "error" = "ignore"): object =>
  Schema.toJsonSchemaDocument(schema, { onExcessProperty }).schema

const JSON_TYPE = "application/json"

const content = (type: string, schema: object): object => ({ content: { [type]: { schema } } })

/** A route as OpenAPI has it, in the words of Elysia's hooks. One without a document still has its row of the table. */
export const describe = (route: Route): { readonly detail: DocumentDecoration; readonly query?: object } => {
  const { method, path, permission, summary } = route
  const document = (documents as { readonly [key: string]: AnyDocument | undefined })[`${method} ${path}`]
  const { answers = {}, contentType = JSON_TYPE, failures = [], body, query, headers = {} } = document ?? {}
  const failure = jsonSchema(error)
  const wishes = query === undefined ? undefined : (jsonSchema(query) as { readonly properties: object })
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
  const detail = {
    tags: ["Levada"],
    summary,
    description: permission === "none" ? "For everybody." : `Needs the permission '${permission}'.`,
    parameters: [
      ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...Object.entries(wishes?.properties ?? {}).map(([name, schema]) => ({ name, in: "query", schema })),
      ...Object.entries(headers).map(([name, description]) => ({
        name,
        in: "header",
        description,
        schema: { type: "string" }
      }))
    ],
    ...(route.hasBody && { requestBody: content(JSON_TYPE, jsonSchema(body ?? Schema.Struct({}), "error")) }),
    responses: Object.fromEntries([
      ...Object.entries(answers).map(([status, schema]) => [
        status,
        {
          description: MEANINGS[Number(status)],
          ...(status !== "204" && content(contentType, jsonSchema(schema)))
        }
      ]),
      ...[...(permission === "none" ? [] : GUARDED), ...failures].map((status) => [
        status,
        { description: MEANINGS[status], ...content(JSON_TYPE, failure) }
      ])
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
