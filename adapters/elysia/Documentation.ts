/** The description of each route for Elysia's documentation plugins. */
import type { DocumentDecoration } from "elysia"
import { jsonSchema, operation, querySchema } from "../http/docs/OpenApi.ts"
import type { Route } from "../http/server/Route.ts"

/** A route's OpenAPI operation as Elysia's hook options. */
export const describe = (route: Route): { readonly detail: DocumentDecoration; readonly query?: object } => {
  const query = querySchema(route)
  const detail = operation(route, jsonSchema, "Levada")
  return { detail: detail as unknown as DocumentDecoration, ...(query !== undefined && { query: acceptingAll(query) }) }
}

/**
 * A query schema that `@elysiajs/openapi` documents. Elysia would also validate requests with it, so it accepts every value:
 * the API validates queries itself.
 */
const acceptingAll = (schema: object): object => ({
  "~standard": {
    version: 1,
    vendor: "levada",
    validate: (value: unknown) => ({ value }),
    jsonSchema: { input: () => schema, output: () => schema }
  }
})
