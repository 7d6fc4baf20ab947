/** The parameters and given outputs of a new run: checked and encoded as the JSON that a Store keeps. Reports all problems. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { check, codec, type Field, type Json, stringify } from "../json/Value.ts"
import { ParametersInvalid, type Problem } from "../values/Errors.ts"
import { listed } from "../values/Failure.ts"
import { MAX_NAME_LENGTH } from "../values/Name.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { Part } from "./Plan.ts"
import type { Binding } from "./Step.ts"

type Values = Readonly<Record<string, Json>>

/** The input of a new run; it is decoded when its pipeline is known. */
export interface RunInput {
  /** Values of outputs; the steps that produce them do not run. */
  readonly outputs: (pipeline: Pipeline.Any) => Result.Result<Values, ParametersInvalid>
  /** The parameters of a run. In a partial run, parameters that only steps outside the part take may be missing. */
  readonly parameters: (pipeline: Pipeline.Any, part?: Part) => Result.Result<Values, ParametersInvalid>
}

type Read = (fields: ReadonlyArray<Field>, value: unknown) => Result.Result<Json, ReadonlyArray<Problem>>

/** The input of a run from parsed JSON. Checks that every step that takes a value can decode it. */
export const fromJson = (parameters: unknown, outputs: unknown = {}): RunInput =>
  makeInput(parameters, outputs, (fields, value) => {
    const problems = fields.flatMap((field) => check(field, value))
    return problems.length > 0 ? Result.fail(problems) : stringify(value)
  })

/** The input of a run from values of the pipeline's types. Encodes them, and checks that every step that takes a value can decode it. */
export const fromValues = (parameters: unknown, outputs: unknown = {}): RunInput =>
  makeInput(parameters, outputs, ([first, ...others], value) =>
    Result.flatMap(codec(first!).encode(value), (text) => {
      const problems = others.flatMap((field) => check(field, JSON.parse(text)))
      return problems.length > 0 ? Result.fail(problems) : Result.succeed(text)
    })
  )

/** The parameters of a whole run as JSON text. */
export const toJson = (pipeline: Pipeline.Any, parameters: unknown): Result.Result<Json, ParametersInvalid> =>
  Result.map(
    fromValues(parameters).parameters(pipeline),
    (values) =>
      `{${Object.entries(values)
        .map(([name, json]) => `${JSON.stringify(name)}:${json}`)
        .join(",")}}`
  )

const makeInput = (parameters: unknown, outputs: unknown, read: Read): RunInput => ({
  outputs: (pipeline) => {
    const expected = new Map<string, Expected>()
    for (const step of pipeline.steps) {
      for (const output of step.outputs) expected.set(output.value, expectedOutput(output))
    }
    return readAll(pipeline, "given", outputs, expected, read, "outputs")
  },
  parameters: (pipeline, part) => {
    const running = part && new Set(pipeline.dag.names.filter((_, index) => part.initial[index] === undefined))
    const expected = new Map(
      pipeline.parameters.map((parameter) => [parameter.name, expectedParameter(parameter, running)])
    )
    return readAll(pipeline, "parameters", parameters, expected, read, "parameters")
  }
})

/** The schemas of one expected value. */
interface Expected {
  readonly fields: ReadonlyArray<Field>
  /** The names of the steps that require it. */
  readonly neededBy: ReadonlyArray<string>
}

const expectedOutput = ({ field }: Binding): Expected => ({ fields: [field], neededBy: [] })

const expectedParameter = (
  { consumers, optional }: Pipeline.Parameter,
  running: ReadonlySet<string> | undefined
): Expected => ({
  fields: consumers.map(({ field }) => field),
  neededBy: optional ? [] : consumers.flatMap(({ step }) => (running === undefined || running.has(step) ? [step] : []))
})

/** The most unknown names that are reported one by one, so that a response stays small. */
const MAX_UNKNOWN = 100

const readAll = (
  pipeline: Pipeline.Any,
  place: string,
  given: unknown,
  expected: ReadonlyMap<string, Expected>,
  read: Read,
  what: string
): Result.Result<Values, ParametersInvalid> => {
  if (!Predicate.isObject(given)) {
    return Result.fail(new ParametersInvalid(pipeline.id, [{ path: [place], message: "Expected an object" }]))
  }
  const problems: Array<Problem> = []
  const values: Record<string, Json> = {}
  for (const [name, { fields, neededBy }] of expected) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value === undefined) {
      if (neededBy.length > 0) problems.push({ path: [place, name], message: `Missing; needed by ${listed(neededBy)}` })
      continue
    }
    const json = read(fields, value)
    if (Result.isSuccess(json)) values[name] = json.success
    else for (const { path, message } of json.failure) problems.push({ path: [place, name, ...path], message })
  }
  let unknown = 0
  for (const name of Object.keys(given)) {
    if (expected.has(name) || given[name] === undefined || ++unknown > MAX_UNKNOWN) continue
    const message = `Unknown; the pipeline's ${what} are: ${listed([...expected.keys()])}`
    problems.push({ path: [place, name.slice(0, MAX_NAME_LENGTH)], message })
  }
  if (unknown > MAX_UNKNOWN) problems.push({ path: [place], message: `${unknown - MAX_UNKNOWN} more are unknown` })
  return problems.length > 0 ? Result.fail(new ParametersInvalid(pipeline.id, problems)) : Result.succeed(values)
}
