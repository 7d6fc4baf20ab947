/**
 * Checks of options, also those of JavaScript callers, for whom types check nothing. Each check returns the failure, or
 * undefined for a valid value. Options are optional: `undefined` passes every check and `null` passes none. `required`
 * makes a check refuse `undefined` too.
 */
import { InvalidOption } from "./Errors.ts"
import * as Text from "./Text.ts"

type Mistake = InvalidOption | undefined

/** A check: the option's name, its value, and the bounds or choices. */
type Check<Rest extends ReadonlyArray<unknown>> = (option: string, value: unknown, ...rest: Rest) => Mistake

/** Runs a check that refuses `undefined` too. */
export const required = <Rest extends ReadonlyArray<unknown>>(
  check: Check<Rest>,
  option: string,
  value: unknown,
  ...rest: Rest
): Mistake => {
  if (value !== undefined) return check(option, value, ...rest)
  // No check accepts `null`, so its failure for `null` says which value it expects.
  return new InvalidOption(option, undefined, check(option, null, ...rest)!.expected)
}

// -- numbers ---------------------------------------------------------------------------------------------------------

/** A number from `least` to `most`. */
export const number = (option: string, value: unknown, least: number, most: number = Number.MAX_VALUE): Mistake =>
  value === undefined || (typeof value === "number" && value >= least && value <= most)
    ? undefined
    : new InvalidOption(option, value, `a number ${range(least, most)}`)

/** A whole number from `least` to `most`. */
export const integer = (
  option: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER
): Mistake =>
  value === undefined || (isInteger(value) && value >= least && value <= most)
    ? undefined
    : new InvalidOption(option, value, `a whole number ${range(least, most)}`)

const isInteger = (value: unknown): value is number => Number.isSafeInteger(value)

/** The longest duration of any option: 3,650 days, about ten years, in milliseconds. */
export const MAX_MILLIS = 315_360_000_000

/** A duration in milliseconds, at most ten years. */
export const millis = (option: string, value: unknown, least = 0): Mistake =>
  number(option, value, least, MAX_MILLIS) &&
  new InvalidOption(option, value, `a number of milliseconds from ${least} to ${MAX_MILLIS} (ten years)`)

/** Rounds milliseconds up to a whole number, which Stores need. */
export const whole = <A extends number | undefined>(millis: A): A =>
  (millis === undefined ? undefined : Math.ceil(millis)) as A

const range = (least: number, most: number): string =>
  most === Number.MAX_VALUE || most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`

// -- strings and other values ----------------------------------------------------------------------------------------

/** A string of `least` to `most` characters that can be a key: see `Text.isKey`. */
export const text = (option: string, value: unknown, most: number, least = 1): Mistake =>
  value === undefined || Text.isKey(value, most, least)
    ? undefined
    : new InvalidOption(option, value, Text.keyRule(most, least))

/** The cursor of a list that counts its rows: see `Attempts.page`. */
export const cursor = (option: string, value: unknown): Mistake =>
  value === undefined || (typeof value === "string" && /^\d{1,7}$/.test(value))
    ? undefined
    : new InvalidOption(option, value, "the `nextCursor` of an earlier list")

/** One of `choices`. */
export const among = (option: string, value: unknown, choices: ReadonlyArray<string>): Mistake =>
  value === undefined || (choices as ReadonlyArray<unknown>).includes(value)
    ? undefined
    : new InvalidOption(option, value, `one of ${choices.map((choice) => `'${choice}'`).join(", ")}`)

/** True or false. */
export const flag = (option: string, value: unknown): Mistake =>
  value === undefined || typeof value === "boolean" ? undefined : new InvalidOption(option, value, "true or false")

/** A function. */
export const callable = (option: string, value: unknown): Mistake =>
  value === undefined || typeof value === "function" ? undefined : new InvalidOption(option, value, "a function")

/** An object that is no array. */
export const record = (option: string, value: unknown, expected = "an object"): Mistake =>
  value === undefined || isRecord(value) ? undefined : new InvalidOption(option, value, expected)

/** Whether a value is an object and no array. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** An array. */
export const list = (option: string, value: unknown, expected = "an array"): Mistake =>
  value === undefined || Array.isArray(value) ? undefined : new InvalidOption(option, value, expected)

/** An array of strings. */
export const texts = (option: string, value: unknown, expected = "an array of strings"): Mistake =>
  list(option, value, expected) ??
  first((value ?? []) as ReadonlyArray<unknown>, (each) =>
    typeof each === "string" ? undefined : new InvalidOption(option, each, expected)
  )

/** The first mistake that `wrong` finds in a list of items. */
export const first = <A, B>(items: ReadonlyArray<A>, wrong: (item: A, at: number) => B | undefined): B | undefined => {
  for (let at = 0; at < items.length; at++) {
    const found = wrong(items[at]!, at)
    if (found !== undefined) return found
  }
  return undefined
}
