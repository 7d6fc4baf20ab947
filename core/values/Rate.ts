/** How often something may be done: `10/minute`. */
import * as Result from "effect/Result"
import { InvalidOption } from "./Errors.ts"

/** At most so many within any period of that length. */
export interface Rate {
  readonly permits: number
  readonly periodMillis: number
}

/** The most permits that a rate may have: each is kept until its period is over. */
export const MAX_PERMITS = 100_000

const PERIODS: Readonly<Record<string, number>> = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** Reads `10/minute`, `1000/day` or `5/10 seconds`. `setting` names it in the failure. */
export const parse = (setting: string, text: unknown): Result.Result<Rate, InvalidOption> => {
  const [, permits, times = "1", period = ""] =
    typeof text === "string" ? (/^\s*(\d{1,6})\s*\/\s*(?:(\d{1,4})\s+)?([a-z]+?)s?\s*$/i.exec(text) ?? []) : []
  const millis = Object.hasOwn(PERIODS, period.toLowerCase()) ? PERIODS[period.toLowerCase()]! * Number(times) : 0
  if (millis === 0 || Number(permits) < 1 || Number(permits) > MAX_PERMITS) {
    return Result.fail(
      new InvalidOption(
        setting,
        text,
        `'N/period' such as '10/minute': N from 1 to ${MAX_PERMITS}, period a second, minute, hour or day, or '30 seconds'`
      )
    )
  }
  return Result.succeed({ permits: Number(permits), periodMillis: millis })
}
