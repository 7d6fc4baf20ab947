/** The checks of a step's options. */
import * as Result from "effect/Result"
import { codec, type Fields } from "../json/Value.ts"
import type * as Task from "../task/Task.ts"
import { InvalidOption } from "../values/Errors.ts"
import { listed } from "../values/Failure.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { Constant } from "./Step.ts"

/** Throws the first mistake; does nothing when there is none. */
export const check = (...mistakes: ReadonlyArray<Error | undefined>): void => {
  const mistake = mistakes.find((found) => found !== undefined)
  if (mistake !== undefined) throw mistake
}

/** The mistakes in options that rename values, such as `inputs` and `outputs`. */
export const invalidNames = (
  where: string,
  places: Readonly<Record<string, unknown>>
): ReadonlyArray<Error | undefined> =>
  Object.entries(places).flatMap(([place, names]) => [
    OptionCheck.record(`${place} of ${where}`, names),
    ...Object.values(names ?? {}).map((name) => Name.invalid(`a value's name in ${where} (${place})`, name))
  ])

/** The failure for a record with a key that is no key of the task; undefined when there is none. */
export const unknownKey = (what: string, fields: Fields, keyed: object): Error | undefined => {
  const unknown = Object.keys(keyed).find((key) => !Object.hasOwn(fields, key))
  return unknown === undefined ? undefined : new InvalidOption(what, unknown, `one of ${listed(Object.keys(fields))}`)
}

/** The failure for a predicate that has not exactly one output; undefined when it has. */
export const predicateProblem = (task: Task.Any): Error | undefined =>
  Object.keys(task.output).length === 1
    ? undefined
    : new InvalidOption(`predicate '${task.name}'`, listed(Object.keys(task.output)), "exactly one Boolean output")

/** Encodes fixed inputs as JSON. Throws `InvalidOption` for a value that does not fit its schema. */
export const constants = (what: string, fields: Fields, values: object): ReadonlyArray<Constant> =>
  Object.entries(values).map(([key, value]) => {
    const json = codec(fields[key]!).encode(value)
    if (Result.isSuccess(json)) return { key, json: json.success }
    const { path, message } = json.failure[0]!
    throw new InvalidOption([`${what}: ${key}`, ...path].join("."), value, message)
  })
