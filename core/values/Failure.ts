/** The base class of all failures, and the formatting of their messages. */
import * as Data from "effect/Data"
import * as Text from "./Text.ts"

/** A failure: a tag, and a message that says what is wrong and how to fix it. */
export class Failure<Tag extends string> extends Data.Error<{ readonly message: string }> {
  readonly _tag: Tag
  constructor(tag: Tag, message: string) {
    super({ message })
    this._tag = tag
    this.name = tag
  }
}

/** The first 10 names in quotes, and how many more there are. */
export const listed = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? "none"
    : names
        .slice(0, MAX_LISTED)
        .map((name) => `'${name}'`)
        .join(", ") + (names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "")

const MAX_LISTED = 10

/** A value as a message shows it: a string in quotes and cut, an array, object or function by its type. */
export const shown = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(cut(value))
  if (Array.isArray(value)) return "an array"
  return typeof value === "function" || (typeof value === "object" && value !== null)
    ? `a value of type ${typeof value}`
    : String(value)
}

/** The first 200 characters of a string, such as a name that a caller sent. */
export const cut = (text: string): string =>
  // JavaScript callers may pass names that are no strings.
  typeof text === "string" ? Text.clip(text, MAX_SHOWN) : shown(text)

const MAX_SHOWN = 200

/** One mistake in a caller's input; `path` leads to it from the top of the input. */
export interface Problem {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

/** The first 5 problems in one line, and how many more there are. */
export const summary = (problems: ReadonlyArray<Problem>): string => {
  const first = problems.slice(0, MAX_SUMMARY).map(({ path, message }) => {
    return cut(path.length > 0 ? `${path.join(".")}: ${message}` : message)
  })
  return first.join("; ") + (problems.length > MAX_SUMMARY ? `; and ${problems.length - MAX_SUMMARY} more` : "")
}

const MAX_SUMMARY = 5
