/** A step: one use of a task in a pipeline, with the names of its values in a run. */

import { type Field, type Fields, isOptional, type Json } from "../json/Value.ts"
import * as Task from "../task/Task.ts"
import { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { ItemPolicy, Tolerance } from "../values/Policy.ts"

/** One input or output of a step: `key` is its name in the task, `value` its name in the run. */
export interface Binding {
  readonly key: string
  readonly value: string
  /** The schema of the value in the run. For an input that gets the items of a list, it is the schema of the list. */
  readonly field: Field
  readonly optional: boolean
}

/** An input with a fixed value. */
export interface Constant {
  readonly key: string
  readonly json: Json
}

/** How a step calls its task: once, for every item of a list, or to choose between the two arms of a branch. */
export type Kind = "task" | "map" | "filter" | "reduce" | "branch"

/** The arms of a branch. */
export type ArmName = "yes" | "no"

/** The arm of a branch that contains a step. The step runs only when the branch takes the arm. */
export interface Arm {
  readonly branch: string
  readonly arm: ArmName
}

/** What a step came from together with others: a pipeline that is part of this one, or a group. */
export interface Box {
  readonly kind: "pipeline" | "group"
  /** Unique in the pipeline; the names of its steps begin with it. */
  readonly name: string
}

/** One use of a task in a pipeline. */
export interface Step {
  readonly name: string
  readonly kind: Kind
  readonly task: Task.Any
  readonly inputs: ReadonlyArray<Binding>
  readonly outputs: ReadonlyArray<Binding>
  readonly constants: ReadonlyArray<Constant>
  /** The keys of the inputs that get the items of a list; empty unless the step is a map, filter or reduce. */
  readonly over: ReadonlyArray<string>
  /** The initial values of a reduce. */
  readonly initial: ReadonlyArray<Constant>
  /** How many units of a map or filter may run at once; unlimited when undefined. */
  readonly concurrency: number | undefined
  /** How many items one unit of work has; 1 when undefined. */
  readonly chunk: number | undefined
  /** What happens to a map or filter when one of its items fails for good. */
  readonly onItemFailure: ItemPolicy
  /** How many failed items a map or filter tolerates; undefined for the default of its policy. */
  readonly toleratedItemFailures: Tolerance | undefined
  /** The arms that contain it, outermost first. */
  readonly within: ReadonlyArray<Arm>
  /** What it is a part of, outermost first. Only pictures ask for it. */
  readonly boxes: ReadonlyArray<Box>
}

/** One or several steps with their common inputs and outputs; an entry of a pipeline's list, like a task. */
export interface Steps<Name extends string = string, In = Fields, Out = Fields, E = unknown, R = unknown> {
  readonly name: Name
  readonly input: In
  readonly output: Out
  readonly steps: ReadonlyArray<Step>
  /** Types only; no such property exists. */
  readonly "~effect"?: { readonly error: E; readonly requirements: R }
}

/** Any steps. */
// biome-ignore lint/suspicious/noExplicitAny: variance, as with tasks
export type Any = Steps<string, any, any, any, any>

/** The steps of an entry of a pipeline's list. */
export const stepsOf = (entry: Task.Any | Any): ReadonlyArray<Step> =>
  "steps" in entry ? entry.steps : [fromTask(entry)]

/** The failure for a value that is no pipeline; undefined for a pipeline. Does not build the steps of a chain. */
export const invalidPipeline = (what: string, pipeline: unknown): InvalidOption | undefined => {
  const { id, planOf } = (OptionCheck.isRecord(pipeline) ? pipeline : {}) as {
    readonly id?: unknown
    readonly planOf?: unknown
  }
  return typeof id === "string" && typeof planOf === "function"
    ? undefined
    : new InvalidOption(what, pipeline, "a pipeline; is it undefined because of a circular import?")
}

/** The failure for the first entry of a list that is neither a task nor steps; undefined when there is none. */
export const invalidEntries = (what: string, entries: unknown): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.list, what, entries, "an array of tasks and steps") ??
  OptionCheck.first(entries as ReadonlyArray<unknown>, (entry, at) =>
    OptionCheck.isRecord(entry) && Array.isArray(entry["steps"]) ? undefined : Task.invalid(`${what}[${at}]`, entry)
  )

const sameName = (key: string): string => key
const NONE: ReadonlyArray<never> = []

/** The step of a task. `inputName` and `outputName` map a key to its name in the run; by default, the name is the key. */
export const fromTask = (
  task: Task.Any,
  name: string = task.name,
  inputName: (key: string) => string = sameName,
  outputName: (key: string) => string = sameName
): Step => ({
  name,
  kind: "task",
  task,
  inputs: Object.keys(task.input).map((key) => bind(key, inputName(key), task.input[key])),
  outputs: Object.keys(task.output).map((key) => bind(key, outputName(key), task.output[key])),
  constants: NONE,
  over: NONE,
  initial: NONE,
  concurrency: undefined,
  chunk: undefined,
  onItemFailure: "fail",
  toleratedItemFailures: undefined,
  within: NONE,
  boxes: NONE
})

const bind = (key: string, value: string, field: Field): Binding => ({ key, value, field, optional: isOptional(field) })

/** The value of an object's own key; undefined for inherited keys such as `toString`. */
export const ownValue = (names: object, key: string): string | undefined =>
  Object.hasOwn(names, key) ? (names as Record<string, string>)[key] : undefined

/**
 * Prefixes the names of steps, and of the values that they pass to each other, so that they clash with no other steps.
 * `inputs` and `outputs` rename the values that they take from outside and give to outside.
 */
export const inline = (
  prefix: string,
  steps: ReadonlyArray<Step>,
  {
    inputs = {},
    outputs = {},
    within = NONE,
    boxes = NONE
  }: {
    inputs?: object | undefined
    outputs?: object | undefined
    within?: ReadonlyArray<Arm>
    boxes?: ReadonlyArray<Box>
  }
): ReadonlyArray<Step> => {
  const produced = new Set(steps.flatMap((step) => step.outputs.map(({ value }) => value)))
  const taken = new Set(steps.flatMap((step) => step.inputs.map(({ value }) => value)))
  const nameOf = (value: string): string =>
    produced.has(value)
      ? taken.has(value)
        ? `${prefix}.${value}`
        : (ownValue(outputs, value) ?? value)
      : (ownValue(inputs, value) ?? value)
  const renamed = (binding: Binding): Binding => ({ ...binding, value: nameOf(binding.value) })
  return steps.map((step) => ({
    ...step,
    name: `${prefix}.${step.name}`,
    inputs: step.inputs.map(renamed),
    outputs: step.outputs.map(renamed),
    within: [...within, ...step.within.map(({ branch, arm }) => ({ branch: `${prefix}.${branch}`, arm }))],
    boxes: [...boxes, ...step.boxes.map(({ kind, name }) => ({ kind, name: `${prefix}.${name}` }))]
  }))
}

/** Combines steps to one entry, whose inputs and outputs are the values that they do not pass to each other. */
export const combine = <S extends Any>(name: string, steps: ReadonlyArray<Step>): S => {
  const produced = new Set(steps.flatMap((step) => step.outputs.map(({ value }) => value)))
  const taken = new Set(steps.flatMap((step) => step.inputs.map(({ value }) => value)))
  const fields = (bindings: ReadonlyArray<Binding>, inside: ReadonlySet<string>): Record<string, Field> =>
    Object.fromEntries(bindings.filter(({ value }) => !inside.has(value)).map(({ value, field }) => [value, field]))
  return {
    name,
    input: fields(
      steps.flatMap((step) => step.inputs),
      produced
    ),
    output: fields(
      steps.flatMap((step) => step.outputs),
      taken
    ),
    steps
  } as unknown as S
}
