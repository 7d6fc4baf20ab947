/** Whether and when a failed attempt is made again. */

import type { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"

/** How often, after which waits and for which failures a step is attempted again. */
export interface Retry {
  /** How many attempts may follow the first one: 0 to 10,000. */
  readonly times: number
  /** The wait before the second attempt, in milliseconds. Default: 1,000. */
  readonly delayMillis?: number
  /** What each wait is multiplied by to get the next. At least 1. Default: 2. */
  readonly factor?: number
  /** No wait is longer, in milliseconds, jitter aside. Default: 300,000. */
  readonly maxDelayMillis?: number
  /** How far a wait may be off by chance, as a share of it: 0.2 is from 80 % to 120 %. From 0 to 1. Default: 0.2. */
  readonly jitter?: number
  /** No attempt begins later than this after the first one began, in milliseconds. Default: unlimited. */
  readonly totalMillis?: number
  /** Whether a failure is worth another attempt; gets what the task raised. Default: every one is. */
  readonly when?: (error: unknown) => boolean
}

const MAX_TIMES = 10_000
const DELAY_MILLIS = 1_000
const FACTOR = 2
const MAX_DELAY_MILLIS = 300_000
const JITTER = 0.2

/**
 * How long to wait after the `failures`th failure (1, 2, …), in milliseconds; nothing when no attempt is to follow.
 * `elapsedMillis` is the time since the first attempt began, `random` is from 0 to 1.
 *
 * The wait is `delay · factor^(failures - 1)`, at most the longest delay, and then off by up to the jitter.
 */
export const waitMillis = (
  retry: Retry,
  failures: number,
  elapsedMillis: number,
  random: number
): number | undefined => {
  if (failures > retry.times) return undefined
  const { delayMillis = DELAY_MILLIS, factor = FACTOR, maxDelayMillis = MAX_DELAY_MILLIS, jitter = JITTER } = retry
  // A growing factor becomes infinite at last, and nothing times that is not a number.
  const planned = delayMillis === 0 ? 0 : Math.min(delayMillis * factor ** (failures - 1), maxDelayMillis)
  const wait = Math.round(planned * (1 + jitter * (2 * random - 1)))
  return elapsedMillis + wait > (retry.totalMillis ?? Number.POSITIVE_INFINITY) ? undefined : wait
}

/** What is wrong with a policy; nothing when it can be used. */
export const invalid = (what: string, retry: unknown): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.record, what, retry, "a number of times, or an object with `times`") ??
  invalidRecord(what, retry as Retry)

const invalidRecord = (what: string, retry: Retry): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.integer, `times of ${what}`, retry.times, 0, MAX_TIMES) ??
  OptionCheck.millis(`delayMillis of ${what}`, retry.delayMillis) ??
  OptionCheck.number(`factor of ${what}`, retry.factor, 1) ??
  OptionCheck.millis(`maxDelayMillis of ${what}`, retry.maxDelayMillis) ??
  OptionCheck.number(`jitter of ${what}`, retry.jitter, 0, 1) ??
  OptionCheck.millis(`totalMillis of ${what}`, retry.totalMillis) ??
  OptionCheck.callable(`when of ${what}`, retry.when)
