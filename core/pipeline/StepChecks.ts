/** What is checked of a step before it is made. */
import * as Result from "effect/Result"
import { codec, type Fields } from "../json/Value.ts"
import type * as Task from "../task/Task.ts"
import { InvalidOption } from "../values/Errors.ts"
import { listed } from "../values/Failure.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { Constant } from "./Step.ts"

/** Throws the first mistake, if there is one. */
export const check = (...mistakes: ReadonlyArray<Error | undefined>): void => {
  const mistake = mistakes.find((found) => found !== undefined)
  if (mistake !== undefined) throw mistake
}

/** What is wrong with records of names for values, such as `inputs` and `outputs`. */
export const namesIn = (where: string, places: Readonly<Record<string, unknown>>): ReadonlyArray<Error | undefined> =>
  Object.entries(places).flatMap(([place, names]) => [
    OptionCheck.record(`${place} of ${where}`, names),
    ...Object.values(names ?? {}).map((name) => Name.invalid(`a value's name in ${where} (${place})`, name))
  ])

/** What is wrong with a record by the keys of a task. */
export const unknownKey = (what: string, fields: Fields, keyed: object): Error | undefined => {
  const unknown = Object.keys(keyed).find((key) => !Object.hasOwn(fields, key))
  return unknown === undefined ? undefined : new InvalidOption(what, unknown, `one of ${listed(Object.keys(fields))}`)
}

/** What is wrong with a task that is to say yes or no. */
export const predicateProblem = (task: Task.Any): Error | undefined =>
  Object.keys(task.output).length === 1
    ? undefined
    : new InvalidOption(`predicate '${task.name}'`, listed(Object.keys(task.output)), "exactly one Boolean output")

/** Inputs with the same value in every run, as they are kept. Throws `InvalidOption` for a value that does not fit. */
export const constants = (what: string, fields: Fields, values: object): ReadonlyArray<Constant> =>
  Object.entries(values).map(([key, value]) => {
    const json = codec(fields[key]!).encode(value)
    if (Result.isSuccess(json)) return { key, json: json.success }
    const { path, message } = json.failure[0]!
    throw new InvalidOption([`${what}: ${key}`, ...path].join("."), value, message)
  })
