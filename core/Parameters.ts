/** What a run is given: read, checked and turned into the JSON that a Store keeps. Every problem is reported at once. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { ParametersInvalid, type Problem } from "./Errors.ts"
import { MAX_NAME_LENGTH } from "./Name.ts"
import type * as Pipeline from "./Pipeline.ts"
import { codec, type Json } from "./Value.ts"

/** Parameters on their way in; they can be read once the pipeline is known. */
export type Given = (pipeline: Pipeline.Any) => Result.Result<Readonly<Record<string, Json>>, ParametersInvalid>

type Read = (parameter: Pipeline.Parameter, value: unknown) => Result.Result<Json, ReadonlyArray<Problem>>

/** Parameters as parsed JSON, from outside: decoded by every step that takes them. */
export const fromJson = (given: unknown): Given =>
  reading(given, (parameter, value) => {
    const problems = parameter.consumers.flatMap(({ field }) => codec(field).check(value))
    return problems.length > 0 ? Result.fail(problems) : Result.succeed(JSON.stringify(value))
  })

/** Parameters as values of the pipeline's own types: encoded, then decoded by every step that takes them. */
export const fromValues = (given: unknown): Given =>
  reading(given, (parameter, value) => {
    const [first, ...others] = parameter.consumers
    return Result.flatMap(codec(first!.field).encode(value), (text) => {
      const problems = others.flatMap(({ field }) => codec(field).check(JSON.parse(text)))
      return problems.length > 0 ? Result.fail(problems) : Result.succeed(text)
    })
  })

/** How many names a message lists. */
const MAX_LISTED = 10

/** How many unknown parameters are named: an answer is not to be longer than what was asked. */
const MAX_UNKNOWN = 100

const reading =
  (given: unknown, read: Read): Given =>
  (pipeline) => {
    if (!Predicate.isObject(given)) {
      return Result.fail(new ParametersInvalid(pipeline.id, [{ path: ["parameters"], message: "Expected an object" }]))
    }
    const problems: Array<Problem> = []
    const parameters: Record<string, Json> = {}
    for (const parameter of pipeline.parameters) {
      const { name, optional } = parameter
      const value = Object.hasOwn(given, name) ? given[name] : undefined
      if (value === undefined) {
        if (!optional) problems.push({ path: ["parameters", name], message: `Missing; needed by ${needs(parameter)}` })
        continue
      }
      const json = read(parameter, value)
      if (Result.isSuccess(json)) parameters[name] = json.success
      else for (const { path, message } of json.failure) problems.push({ path: ["parameters", name, ...path], message })
    }
    let unknown = 0
    const known = new Set(pipeline.parameters.map(({ name }) => name))
    for (const name of Object.keys(given)) {
      if (known.has(name) || given[name] === undefined) continue
      if (++unknown > MAX_UNKNOWN) continue
      const taken = listed([...known]) || "none"
      problems.push({
        path: ["parameters", name.slice(0, MAX_NAME_LENGTH)],
        message: `Unknown; the pipeline's parameters are: ${taken}`
      })
    }
    if (unknown > MAX_UNKNOWN) {
      problems.push({ path: ["parameters"], message: `${unknown - MAX_UNKNOWN} more are unknown` })
    }
    return problems.length > 0 ? Result.fail(new ParametersInvalid(pipeline.id, problems)) : Result.succeed(parameters)
  }

const needs = ({ consumers }: Pipeline.Parameter): string => listed(consumers.map(({ step }) => step))

/** The first names, and how many more there are. */
const listed = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, MAX_LISTED).map((name) => `'${name}'`)
  return shown.join(", ") + (names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "")
}
