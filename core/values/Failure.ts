/** What all failures have in common, and how their messages show what they are about. */
import * as Data from "effect/Data"
import * as Text from "./Text.ts"

/** A failure: a tag, and a message that names the thing and the way out. */
export class Failure<Tag extends string> extends Data.Error<{ readonly message: string }> {
  readonly _tag: Tag
  constructor(tag: Tag, message: string) {
    super({ message })
    this._tag = tag
    this.name = tag
  }
}

/** The first names, and how many more there are. */
export const listed = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? "none"
    : names
        .slice(0, MAX_LISTED)
        .map((name) => `'${name}'`)
        .join(", ") + (names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "")

/** How many names a message lists. */
const MAX_LISTED = 10

/** A value as a message shows it: texts in quotes and cut, anything larger by its type. */
export const shown = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(cut(value))
  if (Array.isArray(value)) return "an array"
  return typeof value === "function" || (typeof value === "object" && value !== null)
    ? `a value of type ${typeof value}`
    : String(value)
}

/** The beginning of a text, such as a name that somebody made up. */
export const cut = (text: string): string =>
  // JavaScript callers may name things by anything.
  typeof text === "string" ? Text.clip(text, MAX_SHOWN) : shown(text)

const MAX_SHOWN = 200

/** One thing wrong with a caller's input; `path` leads to it from the top of the input. */
export interface Problem {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

/** The first problems in one line, and how many more there are. */
export const summary = (problems: ReadonlyArray<Problem>): string => {
  const first = problems.slice(0, MAX_SUMMARY).map(({ path, message }) => {
    return cut(path.length > 0 ? `${path.join(".")}: ${message}` : message)
  })
  return first.join("; ") + (problems.length > MAX_SUMMARY ? `; and ${problems.length - MAX_SUMMARY} more` : "")
}

const MAX_SUMMARY = 5
