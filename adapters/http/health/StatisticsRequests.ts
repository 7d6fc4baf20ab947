/** What `GET /pipelines/{pipeline_id}/statistics` takes. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { KEPT_MILLIS } from "../../../core/statistics/Statistics.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { number } from "../server/SchemaParts.ts"

/** What `GET /pipelines/{pipeline_id}/statistics` takes. */
export interface StatisticsQuery {
  /** Over how many of the last seconds, 86,400 at most. Default: 3,600. */
  readonly window?: number
}

/** The Schema of a `StatisticsQuery`. */
export const statisticsQuery: Decoding.ObjectSchema<StatisticsQuery> = Schema.Struct({
  window: Schema.optionalKey(
    number(
      "a number of seconds",
      1,
      KEPT_MILLIS / 1_000,
      "Over how many of the last seconds, 86,400 at most. Default: 3,600."
    )
  )
})

const decode = Decoding.query(statisticsQuery)

/** The time to look back at, in milliseconds; undefined for the default. */
export const toWindowMillis = (query: string): Result.Result<number | undefined, BadRequest> =>
  Result.map(decode(query), ({ window }) => window && window * 1_000)
