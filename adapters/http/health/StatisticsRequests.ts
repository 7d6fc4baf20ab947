/** Requests to the routes of statistics: the types, Schemas and decoding of the queries. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { SeriesRequest } from "../../../core/operations/StatisticsOperations.ts"
import { MAX_MINUTES, MAX_POINTS } from "../../../core/statistics/Series.ts"
import { KEPT_MILLIS } from "../../../core/statistics/Statistics.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { toMillis } from "../server/Instant.ts"
import { integer, number } from "../server/SchemaParts.ts"

/** The query of `GET /pipelines/{pipeline_id}/statistics`. */
export interface StatisticsQuery {
  /** Length of the period up to now, in seconds, at most 86,400. Default: 3,600. */
  readonly window?: number
}

/** The query of `GET /pipelines/{pipeline_id}/statistics/series` and `GET /statistics/series`. */
export interface SeriesQuery {
  /** Length of the period up to now, in minutes, at most 1,440. Default: 60. */
  readonly minutes?: number
  /** The most points, at most 288. Default: 60. */
  readonly points?: number
}

/** The Schema of a `StatisticsQuery`. */
export const statisticsQuery: Decoding.ObjectSchema<StatisticsQuery> = Schema.Struct({
  window: Schema.optionalKey(
    number(
      "a number of seconds",
      1,
      KEPT_MILLIS / 1_000,
      "Length of the period up to now, in seconds, at most 86,400. Default: 3,600."
    )
  )
})

const decode = Decoding.query(statisticsQuery)

/** Decodes the length of the period, in milliseconds; undefined for the default. */
export const toWindowMillis = (query: string): Result.Result<number | undefined, BadRequest> =>
  Result.map(decode(query), ({ window }) => window && toMillis(window))

/** The Schema of a `SeriesQuery`. */
export const seriesQuery: Decoding.ObjectSchema<SeriesQuery> = Schema.Struct({
  minutes: Schema.optionalKey(
    integer(1, MAX_MINUTES, "Length of the period up to now, in minutes, at most 1,440. Default: 60.")
  ),
  points: Schema.optionalKey(
    integer(
      1,
      MAX_POINTS,
      "The most points, at most 288. Default: 60. An interval has at least a minute, or five in a period of more than an hour."
    )
  )
})

/** Decodes which series to make. */
export const toSeries: (query: string) => Result.Result<SeriesRequest, BadRequest> = Decoding.query(seriesQuery)
