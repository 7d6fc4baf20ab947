/** Requests to the routes about parts of a run: their types and Schemas, and their decoding into the arguments of Operations. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type AttemptsRequest, MAX_ATTEMPTS } from "../../../core/run/Attempts.ts"
import { ITEM_STATUSES, type ItemsRequest, MAX_LISTED } from "../../../core/run/ItemList.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { choice, limit, nextCursor, textOf, values } from "../server/SchemaParts.ts"

/** The query of `GET /runs/{task_id}/steps/{step}/items`. */
export interface ItemsQuery {
  readonly status?: "PENDING" | "RUNNING" | "COMPLETED" | "FAILED"
  /** From 1 to 500. Default: 100. */
  readonly limit?: number
  readonly cursor?: string
  /** Whether rows have `value` and `outputs`. Default: true. */
  readonly values?: boolean
}

/** The query of `GET /runs/{task_id}/steps/{step}/attempts`. */
export interface AttemptsQuery {
  /** From 1 to 500. Default: 100. */
  readonly limit?: number
  readonly cursor?: string
}

/** The query of `GET /runs/{task_id}/retry`. */
export interface RetryQuery {
  /** A step to run again. */
  readonly from?: string
}

const DEFAULT_LIMIT = 100

/** The Schema of the status of an item. */
export const itemStatus: Schema.Codec<NonNullable<ItemsQuery["status"]>> = choice(ITEM_STATUSES)

/** The Schema of an `ItemsQuery`. */
export const itemsQuery: Decoding.ObjectSchema<ItemsQuery> = Schema.Struct({
  status: Schema.optionalKey(itemStatus),
  limit: limit(MAX_LISTED, "From 1 to 500. Default: 100."),
  cursor: nextCursor,
  values
})

/** The Schema of an `AttemptsQuery`. */
export const attemptsQuery: Decoding.ObjectSchema<AttemptsQuery> = Schema.Struct({
  limit: limit(MAX_ATTEMPTS, "From 1 to 500. Default: 100."),
  cursor: nextCursor
})

/** The Schema of a `RetryQuery`. */
export const retryQuery: Decoding.ObjectSchema<RetryQuery> = Schema.Struct({
  from: Schema.optionalKey(textOf("the name of a step", "A step to run again, though it completed."))
})

const decodeItems = Decoding.query(itemsQuery)
const decodeAttempts = Decoding.query(attemptsQuery)

/** Decodes the query of a list of items. */
export const toItemsRequest = (query: string): Result.Result<Omit<ItemsRequest, "runId" | "step">, BadRequest> =>
  Result.map(decodeItems(query), ({ limit = DEFAULT_LIMIT, values = true, status, cursor }) => ({
    ...Decoding.withoutUndefined({ status, cursor }),
    limit,
    isBare: !values
  }))

/** Decodes the query of a list of attempts. */
export const toAttemptsRequest = (query: string): Result.Result<Omit<AttemptsRequest, "runId" | "step">, BadRequest> =>
  Result.map(decodeAttempts(query), ({ limit = DEFAULT_LIMIT, cursor }) => ({
    ...Decoding.withoutUndefined({ cursor }),
    limit
  }))

const decodeRetry = Decoding.query(retryQuery)

/** Decodes the steps from which a retry would run. */
export const toRetriedFrom = (query: string): Result.Result<ReadonlyArray<string>, BadRequest> =>
  Result.map(decodeRetry(query), ({ from }) => (from === undefined ? [] : [from]))
