/** Pages of a list that is in memory: pipelines and schedules. A cursor is an offset into the list. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Decoding from "./Decoding.ts"
import type { BadRequest } from "./Failures.ts"
import { cursor, limit } from "./SchemaParts.ts"

/** The query of `GET /pipelines` and `GET /schedules`. */
export interface PartQuery {
  /** From 1 to 1,000. Default: 1,000 schedules, or all pipelines. */
  readonly limit?: number
  /** The `next_cursor` of an earlier list, or the cursor in its `Link` header. */
  readonly cursor?: string
}

/** The most rows in one page. */
const MAX_PAGE = 1_000

/** The Schema of a `PartQuery`. */
export const partQuery: Decoding.ObjectSchema<PartQuery> = Schema.Struct({
  limit: limit(MAX_PAGE, "From 1 to 1,000. Default: 1,000 schedules, or all pipelines."),
  cursor: cursor(
    /^[0-9]{1,9}$/u,
    "the cursor of an earlier list",
    "The `next_cursor` of an earlier list, or the cursor in its `Link` header."
  )
})

const decode = Decoding.query(partQuery)

/** Which rows of a list to answer. */
export interface Page {
  readonly limit: number
  readonly offset: number
}

/** Decodes the page that a query asks for. `defaultLimit`: used if the query has no `limit`. */
export const toPage = (query: string, defaultLimit: number = MAX_PAGE): Result.Result<Page, BadRequest> =>
  Result.map(decode(query), ({ limit = defaultLimit, cursor = "0" }) => ({ limit, offset: Number(cursor) }))

/** The rows of a page, and the cursor of the next page; null after the last. */
export const pageOf = <A>(
  all: ReadonlyArray<A>,
  { limit, offset }: Page
): { readonly items: ReadonlyArray<A>; readonly nextCursor: string | null } => ({
  items: offset === 0 && all.length <= limit ? all : all.slice(offset, offset + limit),
  nextCursor: offset + limit < all.length ? String(offset + limit) : null
})
