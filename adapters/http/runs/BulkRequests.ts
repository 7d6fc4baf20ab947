/** Requests about many runs: their types and Schemas, and their decoding into the arguments of Operations. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MAX_MEMBERS, type Selection } from "../../../core/operations/BulkOperations.ts"
import type { Problem } from "../../../core/values/Failure.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { limit, record } from "../server/SchemaParts.ts"
import { contradiction, DEFAULT_LIMIT, type RunsFilter, reason, runsFilter, toFilter } from "./RunRequests.ts"

/** The body of `POST /runs/retry`: either `task_ids` or `filter`. */
export interface ManyRetriesJson {
  /** From 1 to 200 ids. An id that comes twice acts once. */
  readonly task_ids?: ReadonlyArray<string>
  /** Runs of a list, as `GET /runs` gives it. */
  readonly filter?: RunsFilter
  /** How many runs of the list at most, from 1 to 200. Default: 50. */
  readonly limit?: number
}

/** The body of `POST /runs/cancel`: either `task_ids` or `filter`. */
export interface ManyCancellationsJson extends ManyRetriesJson {
  readonly reason?: string
}

const IDS_EXPECTED = `an array of 1 to ${MAX_MEMBERS} texts`

const task_ids = Schema.Array(Schema.String)
  .annotate({ description: "An id that comes twice acts once." })
  .check(Schema.isMinLength(1, { expected: IDS_EXPECTED }), Schema.isMaxLength(MAX_MEMBERS, { expected: IDS_EXPECTED }))
const most = limit(MAX_MEMBERS, "How many runs of the list at most, from 1 to 200. Default: 50.")

/** The Schema of a `ManyRetriesJson`. */
export const manyRetries: Schema.Codec<ManyRetriesJson> = Schema.Union([
  Schema.Struct({ task_ids }).annotate({ identifier: "ManyRetriesById" }),
  Schema.Struct({ filter: runsFilter, limit: most }).annotate({ identifier: "ManyRetriesByFilter" })
]).annotate({ identifier: "ManyRetries" })

/** The Schema of a `ManyCancellationsJson`. */
export const manyCancellations: Schema.Codec<ManyCancellationsJson> = Schema.Union([
  Schema.Struct({ task_ids, reason }).annotate({ identifier: "ManyCancellationsById" }),
  Schema.Struct({ filter: runsFilter, limit: most, reason }).annotate({ identifier: "ManyCancellationsByFilter" })
]).annotate({ identifier: "ManyCancellations" })

// The filter is decoded apart, so that a problem names the key in it.
const open = { task_ids: Schema.optionalKey(task_ids), filter: Schema.optionalKey(record), limit: most }
const decodeRetries = Decoding.exact(Schema.Struct(open))
const decodeCancellations = Decoding.exact(Schema.Struct({ ...open, reason }))
const decodeFilter = Decoding.exact(runsFilter)

interface Decoded {
  readonly task_ids?: ReadonlyArray<string>
  readonly filter?: Decoding.JsonObject
  readonly limit?: number
}

const toSelection = ({ task_ids, filter, limit }: Decoded): Decoding.Decoded<Selection> => {
  if ((task_ids === undefined) === (filter === undefined)) return problem([], "Expected either 'task_ids' or 'filter'")
  if (filter === undefined) {
    return limit === undefined
      ? Result.succeed({ runIds: task_ids! })
      : problem(["limit"], "Only a request with 'filter' has a limit")
  }
  const decoded = decodeFilter(filter)
  const found = Result.isFailure(decoded) ? decoded.failure : contradiction(decoded.success)
  return found.length > 0 || Result.isFailure(decoded)
    ? Result.fail(found.map(({ path, message }) => ({ path: ["filter", ...path], message })))
    : Result.succeed({ filter: toFilter(decoded.success), limit: limit ?? DEFAULT_LIMIT })
}

const problem = (path: Problem["path"], message: string): Decoding.Decoded<never> => Result.fail([{ path, message }])

/** Decodes which runs to retry. */
export const toRetries = (body: unknown): Result.Result<Selection, BadRequest> =>
  Result.mapError(Result.flatMap(decodeRetries(body), toSelection), (found) => Decoding.invalid("body", found))

/** Decodes which runs to cancel, and why. */
export const toCancellations = (
  body: unknown
): Result.Result<{ readonly selection: Selection; readonly reason: string | undefined }, BadRequest> =>
  Result.mapError(
    Result.flatMap(decodeCancellations(body), ({ reason, ...rest }) =>
      Result.map(toSelection(rest), (selection) => ({ selection, reason }))
    ),
    (found) => Decoding.invalid("body", found)
  )
