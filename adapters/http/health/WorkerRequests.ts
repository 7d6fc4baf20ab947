/** Requests to `GET /workers`: the type, Schema and decoding of the query. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import type { Page } from "../server/Paging.ts"
import { cursor, limit } from "../server/SchemaParts.ts"

/** The query of `GET /workers`. */
export interface WorkersQuery {
  /** From 1 to 200. Default: 200. */
  readonly limit?: number
  readonly cursor?: string
}

/** The most workers in one answer. */
const MAX_WORKERS = 200

/** The Schema of a `WorkersQuery`. */
export const workersQuery: Decoding.ObjectSchema<WorkersQuery> = Schema.Struct({
  limit: limit(MAX_WORKERS, "From 1 to 200. Default: 200."),
  cursor: cursor(/^[0-9]{1,9}$/u, "the `next_cursor` of an earlier list", "The `next_cursor` of an earlier list.")
})

const decode = Decoding.query(workersQuery)

/** Decodes which of the workers to answer. */
export const toWorkersPage = (query: string): Result.Result<Page, BadRequest> =>
  Result.map(decode(query), ({ limit = MAX_WORKERS, cursor = "0" }) => ({ limit, offset: Number(cursor) }))
