/** What numbers an option takes. Each check gives the failure to fail with, or nothing; an option that is absent fits. */
import { InvalidOption } from "./Errors.ts"

/** A number from `least` to `most`. */
export const number = (
  option: string,
  value: number | undefined,
  least: number,
  most: number = Number.POSITIVE_INFINITY
): InvalidOption | undefined =>
  value === undefined || (typeof value === "number" && value >= least && value <= most)
    ? undefined
    : new InvalidOption(option, value, `a number ${range(least, most)}`)

/** A whole number from `least` to `most`. */
export const integer = (
  option: string,
  value: number | undefined,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER
): InvalidOption | undefined =>
  value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)
    ? undefined
    : new InvalidOption(option, value, `a whole number ${range(least, most)}`)

const range = (least: number, most: number): string =>
  most === Number.POSITIVE_INFINITY || most === Number.MAX_SAFE_INTEGER
    ? `of at least ${least}`
    : `from ${least} to ${most}`
