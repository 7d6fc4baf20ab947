/** The rule for names of tasks, steps, values and pipelines. */
import { InvalidName } from "./Errors.ts"
import * as Text from "./Text.ts"

/** The longest name, in UTF-16 units. */
export const MAX_NAME_LENGTH = 200

// Assigning to the key `__proto__` sets the prototype of an object; URL parsers remove `.` and `..` from paths.
const RESERVED: ReadonlySet<string> = new Set(["__proto__", ".", ".."])

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f]/

/**
 * The failure for an invalid name; undefined for a valid one. A name is a string of 1 to 200 characters, without control
 * characters and unpaired surrogates, and not `__proto__`, `.` or `..`.
 */
export const invalid = (what: string, name: unknown): InvalidName | undefined => {
  if (typeof name !== "string") return new InvalidName(what, name, "it is not a string")
  if (name === "") return new InvalidName(what, name, "it is empty")
  if (name.length > MAX_NAME_LENGTH) {
    return new InvalidName(what, Text.clip(name, 20), `it has ${name.length} characters, ${MAX_NAME_LENGTH} at most`)
  }
  if (RESERVED.has(name)) return new InvalidName(what, name, "it is reserved")
  if (UNPRINTABLE.test(name)) return new InvalidName(what, name, "it has a control character")
  if (!Text.isKey(name, MAX_NAME_LENGTH)) return new InvalidName(what, name, "it has an unpaired surrogate")
  return undefined
}

/** Whether a string is a valid name. */
export const isName = (text: string): boolean => invalid("", text) === undefined
