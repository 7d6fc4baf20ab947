/** What a run is given: read, checked and turned into the JSON that a Store keeps. Every problem is reported at once. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { check, codec, type Field, type Json, stringify } from "../json/Value.ts"
import { InvalidOption, ParametersInvalid, type Problem } from "../values/Errors.ts"
import { listed } from "../values/Failure.ts"
import { MAX_NAME_LENGTH } from "../values/Name.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { Part } from "./Plan.ts"
import type { Binding } from "./Step.ts"

type Values = Readonly<Record<string, Json>>

/** What a run is given, on its way in; it can be read once the pipeline is known. */
export interface RunInput {
  /** Values of outputs, that take the place of the steps that would produce them. */
  readonly outputs: (pipeline: Pipeline.Any) => Result.Result<Values, ParametersInvalid>
  /** The parameters of a whole run, or of one of a part: then those that no step of it takes may be missing. */
  readonly parameters: (pipeline: Pipeline.Any, part?: Part) => Result.Result<Values, ParametersInvalid>
}

/** What is wrong with that as a `RunInput`; nothing when it is one. */
export const invalid = (
  option: string,
  given: unknown,
  expected = "what Parameters.fromValues or Parameters.fromJson gives"
): InvalidOption | undefined => {
  const { outputs, parameters } = (given ?? {}) as Partial<RunInput>
  return typeof outputs === "function" && typeof parameters === "function"
    ? undefined
    : new InvalidOption(option, given, expected)
}

type Read = (fields: ReadonlyArray<Field>, value: unknown) => Result.Result<Json, ReadonlyArray<Problem>>

/** Parsed JSON, from outside: decoded by every step that takes it. */
export const fromJson = (parameters: unknown, outputs: unknown = {}): RunInput =>
  reading(parameters, outputs, (fields, value) => {
    const problems = fields.flatMap((field) => check(field, value))
    return problems.length > 0 ? Result.fail(problems) : stringify(value)
  })

/** Values of the pipeline's own types: encoded, then decoded by every step that takes them. */
export const fromValues = (parameters: unknown, outputs: unknown = {}): RunInput =>
  reading(parameters, outputs, ([first, ...others], value) =>
    Result.flatMap(codec(first!).encode(value), (text) => {
      const problems = others.flatMap((field) => check(field, JSON.parse(text)))
      return problems.length > 0 ? Result.fail(problems) : Result.succeed(text)
    })
  )

/** Values of a whole run's parameters as JSON text. */
export const toJson = (pipeline: Pipeline.Any, parameters: unknown): Result.Result<Json, ParametersInvalid> =>
  Result.map(
    fromValues(parameters).parameters(pipeline),
    (values) =>
      `{${Object.entries(values)
        .map(([name, json]) => `${JSON.stringify(name)}:${json}`)
        .join(",")}}`
  )

const reading = (parameters: unknown, outputs: unknown, read: Read): RunInput => ({
  outputs: (pipeline) => {
    const known = new Map<string, Wanted>()
    for (const step of pipeline.steps) for (const output of step.outputs) known.set(output.value, ofOutput(output))
    return readAll(pipeline, "given", outputs, known, read, "outputs")
  },
  parameters: (pipeline, part) => {
    const running = part && new Set(pipeline.dag.names.filter((_, index) => part.initial[index] === undefined))
    const known = new Map(pipeline.parameters.map((parameter) => [parameter.name, ofParameter(parameter, running)]))
    return readAll(pipeline, "parameters", parameters, known, read, "parameters")
  }
})

interface Wanted {
  readonly fields: ReadonlyArray<Field>
  /** Who can't do without it. */
  readonly needs: ReadonlyArray<string>
}

const ofOutput = ({ field }: Binding): Wanted => ({ fields: [field], needs: [] })

const ofParameter = (
  { consumers, optional }: Pipeline.Parameter,
  running: ReadonlySet<string> | undefined
): Wanted => ({
  fields: consumers.map(({ field }) => field),
  needs: optional ? [] : consumers.flatMap(({ step }) => (running === undefined || running.has(step) ? [step] : []))
})

/** How many unknown names are told: an answer is not to be longer than what was asked. */
const MAX_UNKNOWN = 100

const readAll = (
  pipeline: Pipeline.Any,
  place: string,
  given: unknown,
  known: ReadonlyMap<string, Wanted>,
  read: Read,
  what: string
): Result.Result<Values, ParametersInvalid> => {
  if (!Predicate.isObject(given)) {
    return Result.fail(new ParametersInvalid(pipeline.id, [{ path: [place], message: "Expected an object" }]))
  }
  const problems: Array<Problem> = []
  const values: Record<string, Json> = {}
  for (const [name, { fields, needs }] of known) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value === undefined) {
      if (needs.length > 0) problems.push({ path: [place, name], message: `Missing; needed by ${listed(needs)}` })
      continue
    }
    const json = read(fields, value)
    if (Result.isSuccess(json)) values[name] = json.success
    else for (const { path, message } of json.failure) problems.push({ path: [place, name, ...path], message })
  }
  let unknown = 0
  for (const name of Object.keys(given)) {
    if (known.has(name) || given[name] === undefined || ++unknown > MAX_UNKNOWN) continue
    const message = `Unknown; the pipeline's ${what} are: ${listed([...known.keys()])}`
    problems.push({ path: [place, name.slice(0, MAX_NAME_LENGTH)], message })
  }
  if (unknown > MAX_UNKNOWN) problems.push({ path: [place], message: `${unknown - MAX_UNKNOWN} more are unknown` })
  return problems.length > 0 ? Result.fail(new ParametersInvalid(pipeline.id, problems)) : Result.succeed(values)
}
