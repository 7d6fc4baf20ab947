/** Decodes the inputs of a step's task and encodes its outputs. Prepared once per step and pipeline version. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { type Codec, codec, isOptional, type Json, MAX_TOGETHER } from "../json/Value.ts"
import type { Step } from "../pipeline/Step.ts"
import type { Registry } from "../registry/Registry.ts"
import type { Claim } from "../store/Work.ts"
import type * as Task from "../task/Task.ts"
import * as Bytes from "../values/Bytes.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import type { Problem } from "../values/Errors.ts"

/** The values of a run, by name. */
export type Values = { readonly get: (name: string) => Json | undefined }

/** An input of a reduce that gets an output of the item before. */
interface Accumulator extends Port {
  readonly initial: Json
}

/** A key of the task's inputs or outputs, the name of its value in the run, and its codec. */
interface Port {
  readonly key: string
  readonly value: string
  readonly optional: boolean
  readonly codec: Codec
}

/** A step with the codecs of its values. */
export interface StepCodec {
  readonly step: Step
  readonly task: Task.Any
  readonly inputs: ReadonlyArray<Port>
  readonly constants: ReadonlyArray<{ readonly key: string; readonly codec: Codec; readonly json: Json }>
  /** The lists that it iterates over; the task gets an item under `key`. */
  readonly over: ReadonlyArray<Port>
  readonly accumulators: ReadonlyArray<Accumulator>
  /** The outputs of the task. */
  readonly outputs: ReadonlyArray<Port>
}

/** Makes the codec of a step. */
export const make = (step: Step): StepCodec => {
  const { task, inputs, outputs, constants, over, initial } = step
  const valueOf = (key: string): string => outputs.find((output) => output.key === key)?.value ?? key
  const ports = inputs.map(({ key, value, optional, field }) => ({ key, value, optional, codec: codec(field) }))
  return {
    step,
    task,
    inputs: ports.filter(({ key }) => !over.includes(key)),
    constants: constants.map(({ key, json }) => ({ key, codec: codec(task.input[key]), json })),
    over: over.map((key) => ({ ...ports.find((port) => port.key === key)!, codec: codec(task.input[key]) })),
    accumulators: initial.map(({ key, json }) => ({
      key,
      value: valueOf(key),
      optional: false,
      codec: codec(task.input[key]),
      initial: json
    })),
    outputs: Object.keys(task.output).map((key) => {
      const field = task.output[key]
      return { key, value: valueOf(key), optional: isOptional(field), codec: codec(field) }
    })
  }
}

type Inputs = Record<string, unknown>

/** The inputs that the task is called with. `item` is parsed JSON: one value for each list of the step. */
export const readInputs = (
  stepCodec: StepCodec,
  values: Values,
  item: ReadonlyArray<unknown>
): Result.Result<Inputs, ErrorInfo> => {
  const record: Inputs = {}
  for (const { key, value, optional, codec } of stepCodec.inputs) {
    const text = values.get(value)
    if (text === undefined) {
      if (!optional) return unreadable(stepCodec, key, [{ path: [], message: `'${value}' has no value` }])
      const standIn = codec.absent()
      if (Option.isSome(standIn)) record[key] = standIn.value
      // Otherwise a task would read the inherited property, such as `toString`.
      else if (key in Object.prototype) Object.setPrototypeOf(record, null)
      continue
    }
    const decoded = codec.decode(text)
    if (Result.isFailure(decoded)) return unreadable(stepCodec, key, decoded.failure)
    record[key] = decoded.success
  }
  for (const { key, codec, json } of stepCodec.constants) record[key] = Result.getOrThrow(codec.decode(json))
  for (let at = 0; at < stepCodec.over.length; at++) {
    const { key, codec } = stepCodec.over[at]!
    const decoded = codec.read(item[at])
    if (Result.isFailure(decoded)) return unreadable(stepCodec, key, decoded.failure)
    record[key] = decoded.success
  }
  for (const { key, value, codec, initial } of stepCodec.accumulators) {
    const decoded = codec.decode(values.get(value) ?? initial)
    if (Result.isFailure(decoded)) return unreadable(stepCodec, key, decoded.failure)
    record[key] = decoded.success
  }
  return Result.succeed(record)
}

const unreadable = (
  { step, task }: StepCodec,
  key: string,
  problems: ReadonlyArray<Problem>
): Result.Result<never, ErrorInfo> =>
  Result.fail(stepError(step, "InvalidInput", `Task '${task.name}' cannot read input '${key}'`, problems))

/** The outputs that the task returned, as JSON by their names in the run. */
export const writeOutputs = (
  { step, task, outputs }: StepCodec,
  returned: unknown,
  maxValueBytes: number
): Result.Result<Record<string, Json>, ErrorInfo> => {
  const record: Record<string, Json> = {}
  if (outputs.length > 0 && !Predicate.isObject(returned)) {
    const names = outputs.map(({ key }) => `'${key}'`).join(", ")
    const message = `Task '${task.name}' has to return a record of ${names}, but returned ${kindOf(returned)}`
    return Result.fail(stepError(step, "InvalidOutput", message))
  }
  for (const output of outputs) {
    const { key, codec } = output
    const value = valueOf(returned as Inputs, key)
    if (value === undefined && output.optional) continue
    if (value === undefined && !Object.hasOwn(returned as object, key)) {
      return Result.fail(stepError(step, "InvalidOutput", `Task '${task.name}' did not return its output '${key}'`))
    }
    const encoded = codec.encode(value)
    if (Result.isFailure(encoded)) {
      const message = `Task '${task.name}' returned a wrong output '${key}'`
      return Result.fail(stepError(step, "InvalidOutput", message, encoded.failure))
    }
    if (Bytes.exceeds(encoded.success, maxValueBytes)) {
      const message = `Task '${task.name}' returned an output '${key}' of ${Bytes.ofText(encoded.success)} bytes of JSON; at most ${maxValueBytes} are kept. Return a reference to it instead`
      return Result.fail(stepError(step, "ValueTooLarge", message))
    }
    record[output.value] = encoded.success
  }
  const most = MAX_TOGETHER * maxValueBytes
  if (outputs.length > MAX_TOGETHER && Bytes.exceedTogether(record, most)) {
    const message = `Task '${task.name}' returned outputs of more than ${most} bytes of JSON together. Return references to them instead`
    return Result.fail(stepError(step, "ValueTooLarge", message))
  }
  return Result.succeed(record)
}

/** The value under a key; undefined for a property inherited from `Object.prototype`, such as `toString`. */
const valueOf = (record: Inputs, key: string): unknown => {
  const value = record[key]
  return value === (Object.prototype as Inputs)[key] && !Object.hasOwn(record, key) ? undefined : value
}

/** The error of a step that failed before or after its task was called. Its message includes the first problem. */
export const stepError = (
  { name: step }: Step,
  name: string,
  message: string,
  problems: ReadonlyArray<Problem> = []
): ErrorInfo => {
  const [problem] = problems
  const where = problem === undefined || problem.path.length === 0 ? "" : `at ${problem.path.join(".")}: `
  return { name, message: problem === undefined ? message : `${message}: ${where}${problem.message}`, step }
}

const kindOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "an array" : typeof value)

/** How many pipeline versions are kept: more than one worker usually has. */
const MAX_KNOWN = 10_000

type BySteps = ReadonlyMap<string, StepCodec>

/** Codecs of steps by pipeline, version and step. */
export class StepCodecs {
  readonly #registry: Registry
  readonly #known: Map<string, Map<string, BySteps>> = new Map()
  #count = 0

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** The codec of a claim's step; undefined when the registry does not have its pipeline version. */
  find({ pipelineId, version, step }: Claim): StepCodec | undefined {
    return (this.#known.get(pipelineId)?.get(version) ?? this.#learn(pipelineId, version))?.get(step)
  }

  #learn(pipelineId: string, version: string): BySteps | undefined {
    const pipeline = this.#registry.executable(pipelineId, version)
    if (pipeline === undefined) return undefined
    const steps = new Map(pipeline.steps.map((step) => [step.name, make(step)]))
    if (++this.#count > MAX_KNOWN) {
      this.#known.clear()
      this.#count = 1
    }
    const versions = this.#known.get(pipelineId) ?? new Map<string, BySteps>()
    versions.set(version, steps)
    this.#known.set(pipelineId, versions)
    return steps
  }
}
