/** What is checked of a step before it is made. */
import * as Bound from "./Bound.ts"
import { InvalidOption } from "./Errors.ts"
import { listed } from "./Failure.ts"
import * as Name from "./Name.ts"
import type * as Task from "./Task.ts"
import type { Fields } from "./Value.ts"

/** Throws the first mistake, if there is one. */
export const check = (...mistakes: ReadonlyArray<Error | undefined>): void => {
  const mistake = mistakes.find((found) => found !== undefined)
  if (mistake !== undefined) throw mistake
}

/** What is wrong with records of names for values, such as `inputs` and `outputs`. */
export const namesIn = (where: string, places: Readonly<Record<string, unknown>>): ReadonlyArray<Error | undefined> =>
  Object.entries(places).flatMap(([place, names]) => [
    Bound.record(`${place} of ${where}`, names),
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
