/** What numbers an option takes. Each check gives the failure to fail with, or nothing; an option that is absent fits. */
import { InvalidOption } from "./Errors.ts"
import * as Text from "./Text.ts"

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

/** The longest time that anything waits or takes: about ten years, in milliseconds. */
export const MAX_MILLIS = 315_360_000_000

/** A time in milliseconds. */
export const millis = (option: string, value: number | undefined, least = 0): InvalidOption | undefined =>
  number(option, value, least, MAX_MILLIS) &&
  new InvalidOption(option, value, `a number of at least ${least}, in milliseconds, and at most ten years`)

/** Milliseconds as Stores take them: whole, a fraction rounded up; 0 stays 0. */
export const whole = <A extends number | undefined>(millis: A): A =>
  (millis === undefined ? undefined : Math.ceil(millis)) as A

/** A text that can be a key: see `Text.isKey`. */
export const key = (option: string, value: string | undefined, most: number, least = 1): InvalidOption | undefined =>
  value === undefined || Text.isKey(value, most, least)
    ? undefined
    : new InvalidOption(option, value, Text.keyRule(most, least))

/** One of these. */
export const among = (
  option: string,
  value: string | undefined,
  choices: ReadonlyArray<string>
): InvalidOption | undefined =>
  value === undefined || choices.includes(value)
    ? undefined
    : new InvalidOption(option, value, `one of ${choices.map((choice) => `'${choice}'`).join(", ")}`)

const range = (least: number, most: number): string =>
  most === Number.POSITIVE_INFINITY || most === Number.MAX_SAFE_INTEGER
    ? `of at least ${least}`
    : `from ${least} to ${most}`
