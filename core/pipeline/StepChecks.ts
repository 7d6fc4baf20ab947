/** The checks of a step's options. */
import * as Result from "effect/Result"
import { codec, type Fields } from "../json/Value.ts"
import type * as Task from "../task/Task.ts"
import { InvalidOption } from "../values/Errors.ts"
import { cut, listed } from "../values/Failure.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { Constant, Kind } from "./Step.ts"

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

/** The failure for a record with a key that is no input (or output) of the task; undefined when there is none. */
export const unknownKey = (
  what: string,
  task: Task.Any,
  side: "input" | "output",
  keyed: object
): Error | undefined => {
  const unknown = Object.keys(keyed).find((key) => !Object.hasOwn(task[side], key))
  if (unknown === undefined) return undefined
  const keys = Object.keys(task[side])
  const message =
    keys.length === 0
      ? `${what}: task '${task.name}' has no ${side}s`
      : `${what}: task '${task.name}' has no ${side} '${cut(unknown)}'; its ${side}s are: ${listed(keys)}`
  return new InvalidOption(what, keyed, `an object with only these keys: ${listed(keys)}`, message)
}

/** The failure for a step over lists that names none, and for a filter over several; undefined for other steps. */
export const wrongOver = (where: string, kind: Kind, over: object): Error | undefined => {
  const keys = Object.keys(over)
  if (kind === "task" || kind === "branch" || keys.length === 1) return undefined
  const option = `over of ${where}`
  if (keys.length === 0) {
    const expected = 'at least one input and its list, such as { page: "pages" }'
    return new InvalidOption(option, over, expected, `${option} names no list: expected ${expected}`)
  }
  if (kind !== "filter") return undefined
  const message = `Step.filter takes one list; ${where} names ${keys.length}: ${listed(keys)}`
  return new InvalidOption(option, over, "exactly one list", message)
}

/** The failure for a predicate that has not exactly one output; undefined when it has. */
export const predicateProblem = (task: Task.Any): Error | undefined => {
  const outputs = Object.keys(task.output)
  if (outputs.length === 1) return undefined
  const message = `Predicate '${task.name}' needs exactly one output, a Boolean; its outputs are: ${listed(outputs)}`
  return new InvalidOption(`predicate '${task.name}'`, task, "exactly one Boolean output", message)
}

/** Encodes fixed inputs as JSON. Throws `InvalidOption` for a value that does not fit its schema. */
export const constants = (what: string, fields: Fields, values: object): ReadonlyArray<Constant> =>
  Object.entries(values).map(([key, value]) => {
    const json = codec(fields[key]!).encode(value)
    if (Result.isSuccess(json)) return { key, json: json.success }
    const { path, message } = json.failure[0]!
    const option = [`${what}: ${key}`, ...path].join(".")
    throw new InvalidOption(option, value, message, `${option}: ${message}`)
  })
