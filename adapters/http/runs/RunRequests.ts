/** Requests to the routes about runs: their types and Schemas, and their decoding into the arguments of Operations. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MAX_REASON } from "../../../core/operations/RunOperations.ts"
import { STATUSES } from "../../../core/run/Run.ts"
import type { ListRequest } from "../../../core/store/Store.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { millisOf } from "../server/Instant.ts"
import { choice, instant, limit, nextCursor, textOf, values } from "../server/SchemaParts.ts"

/** The query of `GET /runs`. */
export interface RunsQuery {
  readonly pipeline_id?: string
  readonly status?: "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED"
  /** Only runs submitted from `since` (inclusive) to `until` (exclusive). */
  readonly since?: string
  readonly until?: string
  /** From 1 to 200. Default: 50. */
  readonly limit?: number
  readonly cursor?: string
}

/** The query of `GET /runs/{task_id}`. */
export interface RunQuery {
  /** If false, the answer has the sizes of the values in place of the values. Default: true. */
  readonly values?: boolean
}

/** The body of `POST /runs/{task_id}/cancel`. */
export interface CancellationJson {
  readonly reason?: string
  /** Cancels only this step. */
  readonly step?: string
}

/** The body of `POST /runs/{task_id}/retry`. */
export interface RepetitionJson {
  /** Completed steps to run again, together with the steps that depend on them. */
  readonly from?: ReadonlyArray<string>
}

/** How many runs an answer has by default, and at most. */
const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200

/** The Schema of a run's status. */
export const runStatus: Schema.Codec<NonNullable<RunsQuery["status"]>> = choice(STATUSES)

/** The Schema of a `RunsQuery`. */
export const runsQuery: Decoding.ObjectSchema<RunsQuery> = Schema.Struct({
  pipeline_id: Schema.optionalKey(textOf("a pipeline's id")),
  status: Schema.optionalKey(runStatus),
  since: instant("Only runs submitted at or after this instant."),
  until: instant("Only runs submitted before this instant."),
  limit: limit(MAX_LIMIT, "From 1 to 200. Default: 50."),
  cursor: nextCursor
})

/** The Schema of a `RunQuery`. */
export const runQuery: Decoding.ObjectSchema<RunQuery> = Schema.Struct({ values })

/** The Schema of a `CancellationJson`. */
export const cancellation: Decoding.ObjectSchema<CancellationJson> = Schema.Struct({
  reason: Schema.optionalKey(
    Schema.String.check(Schema.isMaxLength(MAX_REASON, { expected: `a text of at most ${MAX_REASON} characters` }))
  ),
  step: Schema.optionalKey(textOf("a step's name", "Cancels only this step."))
}).annotate({ identifier: "Cancellation" })

/** The Schema of a `RepetitionJson`. */
export const repetition: Decoding.ObjectSchema<RepetitionJson> = Schema.Struct({
  from: Schema.optionalKey(Schema.Array(Schema.String).annotate({ expected: "an array of step names" }))
}).annotate({ identifier: "Repetition" })

const decodeList = Decoding.query(runsQuery)

/** Decodes the query of `GET /runs`. */
export const toListRequest = (query: string): Result.Result<ListRequest, BadRequest> =>
  Result.map(decodeList(query), ({ pipeline_id, status, since, until, limit = DEFAULT_LIMIT, cursor }) => ({
    ...Decoding.withoutUndefined({
      pipelineId: pipeline_id,
      status,
      sinceMillis: millisOf(since),
      untilMillis: millisOf(until),
      cursor
    }),
    limit
  }))

/** Decodes the query of `GET /runs/{task_id}`. */
export const toRunQuery: (query: string) => Result.Result<RunQuery, BadRequest> = Decoding.query(runQuery)

/** Decodes the body of `POST /runs/{task_id}/cancel`. */
export const toCancellation: (body: unknown) => Result.Result<CancellationJson, BadRequest> = Decoding.body(
  Decoding.exact(cancellation)
)

const decodeRepetition = Decoding.body(Decoding.exact(repetition))

/** Decodes the steps that `POST /runs/{task_id}/retry` should run again. */
export const toRepeatedSteps = (body: unknown): Result.Result<ReadonlyArray<string>, BadRequest> =>
  Result.map(decodeRepetition(body), ({ from = [] }) => from)
