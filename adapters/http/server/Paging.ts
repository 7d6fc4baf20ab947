/** Parts of a list that is in memory as a whole: of pipelines and of schedules. A cursor is a place in it. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Decoding from "./Decoding.ts"
import type { BadRequest } from "./Failures.ts"
import { cursor, limit } from "./SchemaParts.ts"

/** What `GET /pipelines` and `GET /schedules` take. */
export interface PartQuery {
  /** From 1 to 1,000. Default: 1,000 schedules, or all pipelines. */
  readonly limit?: number
  /** Where an earlier list ended: its `next_cursor`, or in its `Link` header. */
  readonly cursor?: string
}

/** The longest part. */
const MAX_PART = 1_000

/** The Schema of a `PartQuery`. */
export const partQuery: Decoding.ObjectSchema<PartQuery> = Schema.Struct({
  limit: limit(MAX_PART, "From 1 to 1,000. Default: 1,000 schedules, or all pipelines."),
  cursor: cursor(
    /^[0-9]{1,9}$/u,
    "the cursor of an earlier list",
    "Where an earlier list ended: its `next_cursor`, or in its `Link` header."
  )
})

const decode = Decoding.query(partQuery)

/** A part of a list. */
export interface Part {
  readonly limit: number
  readonly offset: number
}

/** The part that a query asks for. */
export const part = (query: string, otherwise: number = MAX_PART): Result.Result<Part, BadRequest> =>
  Result.map(decode(query), ({ limit = otherwise, cursor = "0" }) => ({ limit, offset: Number(cursor) }))

/** A part of a list, and where the next one begins; null when nothing is left. */
export const partOf = <A>(
  all: ReadonlyArray<A>,
  { limit, offset }: Part
): { readonly items: ReadonlyArray<A>; readonly nextCursor: string | null } => ({
  items: offset === 0 && all.length <= limit ? all : all.slice(offset, offset + limit),
  nextCursor: offset + limit < all.length ? String(offset + limit) : null
})
