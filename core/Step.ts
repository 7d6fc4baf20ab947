/** A step: one place of a task in a pipeline, with the names under which its values travel in a run. */
import * as Bound from "./Bound.ts"
import { InvalidOption } from "./Errors.ts"
import type { ItemPolicy, Tolerance } from "./Policy.ts"
import * as Task from "./Task.ts"
import { type Field, type Fields, isOptional, type Json } from "./Value.ts"

/** One input or output of a step: `key` is the task's word for it, `value` the run's. */
export interface Binding {
  readonly key: string
  readonly value: string
  /** What travels under that name: for a list that is gone through item by item, the list. */
  readonly field: Field
  readonly optional: boolean
}

/** An input whose value is the same in every run. */
export interface Constant {
  readonly key: string
  readonly json: Json
}

/** What a step does with its task: calls it once, for every item of a list, or to choose between two arms. */
export type Kind = "task" | "map" | "filter" | "reduce" | "branch"

/** The arms of a branch. */
export type ArmName = "yes" | "no"

/** An arm that a step is in; it runs only when the branch takes that arm. */
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

/** One place of a task in a pipeline. */
export interface Step {
  readonly name: string
  readonly kind: Kind
  readonly task: Task.Any
  readonly inputs: ReadonlyArray<Binding>
  readonly outputs: ReadonlyArray<Binding>
  readonly constants: ReadonlyArray<Constant>
  /** The inputs that get one item at a time; empty unless it goes through lists. */
  readonly over: ReadonlyArray<string>
  /** What a reduce begins with. */
  readonly initial: ReadonlyArray<Constant>
  /** How many units of a map or filter may run at once. */
  readonly concurrency: number | undefined
  /** How many items one unit of work has. */
  readonly chunk: number | undefined
  /** What becomes of a map or filter when one of its items has failed. */
  readonly onItemFailure: ItemPolicy
  /** How many failed items a map or filter tolerates; undefined for what its policy has by default. */
  readonly toleratedItemFailures: Tolerance | undefined
  /** The arms that it is in, outermost first. */
  readonly within: ReadonlyArray<Arm>
  /** What it is a part of, outermost first. Only pictures ask for it. */
  readonly boxes: ReadonlyArray<Box>
}

/** One step or several, with what they take and give together; goes into a pipeline's list like a task. */
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

/** The steps that an entry of a pipeline's list stands for. */
export const stepsOf = (entry: Task.Any | Any): ReadonlyArray<Step> => ("steps" in entry ? entry.steps : [place(entry)])

/** What is wrong with something that has to be a pipeline. Nothing of it is built for that. */
export const invalidPipeline = (what: string, pipeline: unknown): InvalidOption | undefined => {
  const { id, planOf } = (Bound.isRecord(pipeline) ? pipeline : {}) as {
    readonly id?: unknown
    readonly planOf?: unknown
  }
  return typeof id === "string" && typeof planOf === "function"
    ? undefined
    : new InvalidOption(what, pipeline, "a pipeline; is it imported in a circle?")
}

/** What is wrong with the entries of a pipeline or of a part of one; nothing when each is a task or a step. */
export const invalidEntries = (what: string, entries: unknown): InvalidOption | undefined =>
  Bound.required(Bound.list, what, entries, "an array of tasks and steps") ??
  Bound.first(entries as ReadonlyArray<unknown>, (entry, at) =>
    Bound.isRecord(entry) && Array.isArray(entry["steps"]) ? undefined : Task.invalid(`${what}[${at}]`, entry)
  )

const sameName = (key: string): string => key
const NONE: ReadonlyArray<never> = []

/** The step of a task. `inputName` and `outputName` say what a key is called in the run; by default, the same. */
export const place = (
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

/** What an object says of a key by itself, nothing of what every object has. */
export const own = (names: object, key: string): string | undefined =>
  Object.hasOwn(names, key) ? (names as Record<string, string>)[key] : undefined

/** Gives steps a name of their own within others: what they give each other is hidden behind `prefix`. */
export const inlined = (
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
        : (own(outputs, value) ?? value)
      : (own(inputs, value) ?? value)
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

/** What steps take from elsewhere and give to elsewhere. Their types are the compiler's business. */
export const several = <S extends Any>(name: string, steps: ReadonlyArray<Step>): S => {
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
