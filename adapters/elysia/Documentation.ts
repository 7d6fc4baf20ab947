/** What the documentation plugins are told of each route. */
import type { DocumentDecoration } from "elysia"
import { jsonSchema, operation, querySchema } from "../http/docs/OpenApi.ts"
import type { Route } from "../http/server/Route.ts"

/** A route as OpenAPI has it, in the words of Elysia's hooks. */
export const describe = (route: Route): { readonly detail: DocumentDecoration; readonly query?: object } => {
  const query = querySchema(route)
  const detail = operation(route, jsonSchema, "Levada")
  return { detail: detail as unknown as DocumentDecoration, ...(query !== undefined && { query: passing(query) }) }
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
