/** What the routes about runs take: its types, their Schemas, and the step to what Operations takes. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MAX_REASON } from "../../../core/operations/RunOperations.ts"
import { STATUSES } from "../../../core/run/Run.ts"
import type { ListRequest } from "../../../core/store/Store.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { millisOf } from "../server/Instant.ts"
import { choice, instant, limit, nextCursor, textOf } from "../server/SchemaParts.ts"

/** What `GET /runs` takes. */
export interface RunsQuery {
  readonly pipeline_id?: string
  readonly status?: "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED"
  /** Submitted at this instant or later, and before that one. */
  readonly since?: string
  readonly until?: string
  /** From 1 to 200. Default: 50. */
  readonly limit?: number
  readonly cursor?: string
}

/** What `POST /runs/{task_id}/cancel` takes. */
export interface CancellationJson {
  readonly reason?: string
  /** Ends this step only. */
  readonly step?: string
}

/** What `POST /runs/{task_id}/retry` takes. */
export interface RepetitionJson {
  /** Steps to run again although they completed, and all that depends on them. */
  readonly from?: ReadonlyArray<string>
}

/** How many runs a list has, unless told otherwise and at most. */
const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200

/** The status of a run. */
export const runStatus: Schema.Codec<NonNullable<RunsQuery["status"]>> = choice(STATUSES)

/** The Schema of a `RunsQuery`. */
export const runsQuery: Decoding.ObjectSchema<RunsQuery> = Schema.Struct({
  pipeline_id: Schema.optionalKey(textOf("a pipeline's id")),
  status: Schema.optionalKey(runStatus),
  since: instant("Submitted at this instant or later."),
  until: instant("Submitted before this instant."),
  limit: limit(MAX_LIMIT, "From 1 to 200. Default: 50."),
  cursor: nextCursor
})

/** The Schema of a `CancellationJson`. */
export const cancellation: Decoding.ObjectSchema<CancellationJson> = Schema.Struct({
  reason: Schema.optionalKey(
    Schema.String.check(Schema.isMaxLength(MAX_REASON, { expected: `a text of at most ${MAX_REASON} characters` }))
  ),
  step: Schema.optionalKey(textOf("a step's name", "Ends this step only."))
}).annotate({ identifier: "Cancellation" })

/** The Schema of a `RepetitionJson`. */
export const repetition: Decoding.ObjectSchema<RepetitionJson> = Schema.Struct({
  from: Schema.optionalKey(Schema.Array(Schema.String).annotate({ expected: "an array of step names" }))
}).annotate({ identifier: "Repetition" })

const decodeList = Decoding.query(runsQuery)

/** The runs that `GET /runs` is to list. */
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

/** What `POST /runs/{task_id}/cancel` is to end, and why. */
export const toCancellation: (body: unknown) => Result.Result<CancellationJson, BadRequest> = Decoding.body(
  Decoding.exact(cancellation)
)

const decodeRepetition = Decoding.body(Decoding.exact(repetition))

/** The steps that `POST /runs/{task_id}/retry` is to run again. */
export const toRepeatedSteps = (body: unknown): Result.Result<ReadonlyArray<string>, BadRequest> =>
  Result.map(decodeRepetition(body), ({ from = [] }) => from)
