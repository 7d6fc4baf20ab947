/** Rates of requests: `10/minute`. */
import * as Result from "effect/Result"
import { InvalidOption } from "./Errors.ts"

/** At most `permits` requests within any period of `periodMillis`. */
export interface Rate {
  readonly permits: number
  readonly periodMillis: number
}

/** The most permits of a rate. Bounded, because each used permit stays in memory for one period. */
export const MAX_PERMITS = 100_000

const PERIODS: Readonly<Record<string, number>> = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** Parses `10/minute`, `1000/day` or `5/10 seconds`. `setting` is the name of the setting in the failure. */
export const parse = (setting: string, text: unknown): Result.Result<Rate, InvalidOption> => {
  const [, permits, times = "1", period = ""] =
    typeof text === "string" ? (/^\s*(\d{1,6})\s*\/\s*(?:(\d{1,4})\s+)?([a-z]+?)s?\s*$/i.exec(text) ?? []) : []
  const millis = Object.hasOwn(PERIODS, period.toLowerCase()) ? PERIODS[period.toLowerCase()]! * Number(times) : 0
  if (millis === 0 || Number(permits) < 1 || Number(permits) > MAX_PERMITS) {
    return Result.fail(
      new InvalidOption(
        setting,
        text,
        `'N/period' such as '10/minute': N from 1 to ${MAX_PERMITS}, period 'second', 'minute', 'hour', 'day' or such as '30 seconds'`
      )
    )
  }
  return Result.succeed({ permits: Number(permits), periodMillis: millis })
}
