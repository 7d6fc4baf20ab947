/** Requests to the routes about runs: their types and Schemas, and their decoding into the arguments of Operations. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MAX_REASON } from "../../../core/operations/RunOperations.ts"
import { STATUSES } from "../../../core/run/Run.ts"
import { MAX_ERROR_TEXT } from "../../../core/store/RunFilter.ts"
import type { ListRequest } from "../../../core/store/Store.ts"
import type { Problem } from "../../../core/values/Failure.ts"
import { MAX_NAME_LENGTH } from "../../../core/values/Name.ts"
import { MAX_MILLIS } from "../../../core/values/OptionCheck.ts"
import * as Text from "../../../core/values/Text.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { millisOf } from "../server/Instant.ts"
import { choice, instant, limit, nextCursor, number, type Optional, textOf, values } from "../server/SchemaParts.ts"

type RunStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED"

/** Which runs: the query of `GET /runs` without its limit, and the filter of requests about many runs. */
export interface RunsFilter {
  readonly pipeline_id?: string
  /** A status, or several separated by commas. */
  readonly status?: RunStatus | `${RunStatus},${string}`
  /** Only runs submitted from `since` (inclusive) to `until` (exclusive). */
  readonly since?: string
  readonly until?: string
  /** Only finished runs that took so many milliseconds from start to end, both inclusive. */
  readonly min_duration_ms?: number
  readonly max_duration_ms?: number
  /** Only failed runs whose error names this step. */
  readonly failed_step?: string
  /** Only failed runs with this text in a name or message of the error or its causes, whatever the case. At most 200 characters. */
  readonly error?: string
  readonly cursor?: string
}

/** The query of `GET /runs`. */
export interface RunsQuery extends RunsFilter {
  /** From 1 to 200. Default: 50. */
  readonly limit?: number
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
export const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200

/** The Schema of a run's status. */
export const runStatus: Schema.Codec<RunStatus> = choice(STATUSES)

const one = `(?:${STATUSES.join("|")})`

const statuses = Schema.String.annotate({
  description: `Statuses, separated by commas: ${STATUSES.join(", ")}. Default: all.`
}).check(
  Schema.isPattern(new RegExp(`^${one}(?:,${one})*$`, "u"), {
    expected: `statuses, separated by commas: ${STATUSES.join(",")}`
  })
) as unknown as Schema.Codec<NonNullable<RunsFilter["status"]>>

const duration = (description: string): Optional<number> =>
  Schema.optionalKey(number("a number of milliseconds", 0, MAX_MILLIS, description))

/** A text of a filter, from 1 to `most` characters. */
const filterText = (most: number, description: string): Optional<string> =>
  Schema.optionalKey(
    Schema.String.annotate({ description }).check(
      Schema.isMinLength(1, { expected: Text.keyRule(most) }),
      Schema.isMaxLength(most, { expected: Text.keyRule(most) }),
      Schema.makeFilter((text) => Text.isKey(text, most), { expected: Text.keyRule(most) })
    )
  )

const filterFields = {
  pipeline_id: Schema.optionalKey(textOf("a pipeline's id")),
  status: Schema.optionalKey(statuses),
  since: instant("Only runs submitted at or after this instant."),
  until: instant("Only runs submitted before this instant."),
  min_duration_ms: duration("Only finished runs that took at least so many milliseconds from start to end."),
  max_duration_ms: duration("Only finished runs that took at most so many milliseconds from start to end."),
  failed_step: filterText(MAX_NAME_LENGTH, "Only failed runs whose error names this step."),
  error: filterText(
    MAX_ERROR_TEXT,
    "Only failed runs with this text in a name or message of the error or its causes, whatever the case."
  ),
  cursor: nextCursor
}

/** The Schema of a `RunsFilter`. */
export const runsFilter: Decoding.ObjectSchema<RunsFilter> = Schema.Struct(filterFields).annotate({
  identifier: "RunsFilter",
  expected: "an object"
})

/** The Schema of a `RunsQuery`. */
export const runsQuery: Decoding.ObjectSchema<RunsQuery> = Schema.Struct({
  ...filterFields,
  limit: limit(MAX_LIMIT, "From 1 to 200. Default: 50.")
})

/** The Schema of a `RunQuery`. */
export const runQuery: Decoding.ObjectSchema<RunQuery> = Schema.Struct({ values })

/** The Schema of a reason of a cancellation. */
export const reason: Optional<string> = Schema.optionalKey(
  Schema.String.check(Schema.isMaxLength(MAX_REASON, { expected: `a text of at most ${MAX_REASON} characters` }))
)

/** The Schema of a `CancellationJson`. */
export const cancellation: Decoding.ObjectSchema<CancellationJson> = Schema.Struct({
  reason,
  step: Schema.optionalKey(textOf("a step's name", "Cancels only this step."))
}).annotate({ identifier: "Cancellation" })

/** The Schema of a `RepetitionJson`. */
export const repetition: Decoding.ObjectSchema<RepetitionJson> = Schema.Struct({
  from: Schema.optionalKey(Schema.Array(Schema.String).annotate({ expected: "an array of step names" }))
}).annotate({ identifier: "Repetition" })

/** The problem with a filter whose keys are valid, but not together. */
export const contradiction = ({ min_duration_ms: least, max_duration_ms: most }: RunsFilter): ReadonlyArray<Problem> =>
  least !== undefined && most !== undefined && least > most
    ? [{ path: ["min_duration_ms"], message: "Expected a number that is not greater than 'max_duration_ms'" }]
    : []

/** Converts a filter. */
export const toFilter = (filter: RunsFilter): Omit<ListRequest, "limit"> =>
  Decoding.withoutUndefined({
    pipelineId: filter.pipeline_id,
    statuses: filter.status && [...new Set(filter.status.split(",") as Array<RunStatus>)],
    sinceMillis: millisOf(filter.since),
    untilMillis: millisOf(filter.until),
    minDurationMillis: filter.min_duration_ms,
    maxDurationMillis: filter.max_duration_ms,
    failedStep: filter.failed_step,
    errorText: filter.error,
    cursor: filter.cursor
  })

const decodeList = Decoding.query(runsQuery)

/** Decodes the query of `GET /runs`. */
export const toListRequest = (query: string): Result.Result<ListRequest, BadRequest> =>
  Result.flatMap(decodeList(query), ({ limit = DEFAULT_LIMIT, ...filter }) => {
    const found = contradiction(filter)
    return found.length === 0
      ? Result.succeed({ ...toFilter(filter), limit })
      : Result.fail(Decoding.invalid("query", found))
  })

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
