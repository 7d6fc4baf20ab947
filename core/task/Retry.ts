/** Retries: whether and when a failed attempt is repeated. */

import type { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"

/** A retry policy: how often a step is retried, after which waits and for which failures. */
export interface Retry {
  /** The most retries after the first attempt: 0 to 10,000. */
  readonly times: number
  /** The wait before the second attempt, in milliseconds. Default: 1,000. */
  readonly delayMillis?: number
  /** The ratio of each wait to the one before it. At least 1. Default: 2. */
  readonly factor?: number
  /** The longest wait before jitter, in milliseconds. Default: 300,000. */
  readonly maxDelayMillis?: number
  /** The random change of a wait, as a share of it: 0.2 means 80 % to 120 %. From 0 to 1. Default: 0.2. */
  readonly jitter?: number
  /** The longest time between the starts of the first and the last attempt, in milliseconds. Default: unlimited. */
  readonly totalMillis?: number
  /** Whether to retry after a failure; gets the error that the task raised. Default: after every failure. */
  readonly when?: (error: unknown) => boolean
}

const MAX_TIMES = 10_000
const DELAY_MILLIS = 1_000
const FACTOR = 2
const MAX_DELAY_MILLIS = 300_000
const JITTER = 0.2

/**
 * The wait after the `failures`th failure (1, 2, …), in milliseconds; undefined when no attempt follows. `elapsedMillis` is
 * the time since the first attempt began, `random` is from 0 to 1.
 *
 * The wait is `delayMillis · factor^(failures - 1)`, at most `maxDelayMillis`, then changed by up to the jitter.
 */
export const waitMillis = (
  retry: Retry,
  failures: number,
  elapsedMillis: number,
  random: number
): number | undefined => {
  if (failures > retry.times) return undefined
  const { delayMillis = DELAY_MILLIS, factor = FACTOR, maxDelayMillis = MAX_DELAY_MILLIS, jitter = JITTER } = retry
  // The power may overflow to Infinity, and 0 · Infinity is NaN.
  const planned = delayMillis === 0 ? 0 : Math.min(delayMillis * factor ** (failures - 1), maxDelayMillis)
  const wait = Math.round(planned * (1 + jitter * (2 * random - 1)))
  return elapsedMillis + wait > (retry.totalMillis ?? Number.POSITIVE_INFINITY) ? undefined : wait
}

/** The failure for an invalid retry policy; undefined for a valid one. */
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
