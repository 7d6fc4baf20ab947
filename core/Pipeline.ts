/** A pipeline: an id, its steps and their Dag. Valid by construction. */
import * as Result from "effect/Result"
import * as Dag from "./Dag.ts"
import {
  CycleDetected,
  DuplicateOutput,
  DuplicateStep,
  EmptyPipeline,
  InvalidName,
  MissingProducer,
  type PipelineError,
  SelfDependency,
  TypeMismatch
} from "./Errors.ts"
import * as Fit from "./Fit.ts"
import * as Name from "./Name.ts"
import * as Plan from "./Plan.ts"
import * as Step from "./Step.ts"
import type * as Task from "./Task.ts"
import type { Field } from "./Value.ts"
import * as Version from "./Version.ts"
import type * as Wiring from "./Wiring.ts"

/** `dataflow` binds inputs to outputs by name; `sequential` hands each step's output to the next. */
export type Kind = "dataflow" | "sequential"

/** A value that a run has to be given because no step produces it. */
export interface Parameter {
  readonly name: string
  /** Whether every step that takes it can do without. */
  readonly optional: boolean
  /** The steps that take it, each with its own schema. */
  readonly consumers: ReadonlyArray<{ readonly step: string; readonly field: Field }>
}

/** A graph of steps that can be run. `Params`, `Result`, `E` and `R` are what the compiler knows of it. */
export interface Pipeline<Id extends string = string, Params = unknown, Result = unknown, E = unknown, R = unknown> {
  readonly id: Id
  readonly kind: Kind
  /** In order of registration. */
  readonly steps: ReadonlyArray<Step.Step>
  readonly dag: Dag.Dag
  readonly parameters: ReadonlyArray<Parameter>
  /** The outputs that no step takes: the result of a run. */
  readonly results: ReadonlyArray<Step.Binding>
  /** What a Store has to know of it. */
  readonly plan: Plan.Plan
  /** A hash of its structure and of its tasks' versions and schemas; the order of registration does not matter. */
  readonly version: string
  /** How long a run may take in all, in milliseconds; unlimited when absent. */
  readonly timeoutMillis: number | undefined
  /** Types only; no such property exists. */
  readonly "~types"?: {
    readonly parameters: (parameters: Params) => void
    readonly result: Result
    readonly error: E
    readonly requirements: R
  }
}

/** Any pipeline. */
// biome-ignore lint/suspicious/noExplicitAny: variance; `unknown` would not accept concrete parameters
export type Any = Pipeline<string, any, any, any, any>

/** What a run of a pipeline has to be given. */
export type ParametersOf<P> = P extends Pipeline<infer _Id, infer Params, infer _A, infer _E, infer _R> ? Params : never

/** What a run of a pipeline gives. */
export type ResultOf<P> = P extends Pipeline<infer _Id, infer _P, infer A, infer _E, infer _R> ? A : never

/** The errors of the Effects of a pipeline's tasks. */
export type ErrorOf<P> = P extends Pipeline<infer _Id, infer _P, infer _A, infer E, infer _R> ? E : never

/** The services that a pipeline's tasks need. */
export type RequirementsOf<P> = P extends Pipeline<infer _Id, infer _P, infer _A, infer _E, infer R> ? R : never

/** How a pipeline is declared, besides its tasks. */
export interface Options {
  /** How long a run may take in all, in milliseconds. Default: unlimited. */
  readonly timeoutMillis?: number
}

/** The id that the path of results uses for itself. */
const RESERVED_ID = "result"

/**
 * Declares a dataflow pipeline: an input binds to the one output of its name; with no producer it is a parameter.
 *
 * A mistake in the wiring does not compile, and the compile error names the task and the key. Where types can't tell,
 * throws the `PipelineError` that says what is wrong; `fromTasks` returns it instead.
 */
export const make = <const Id extends string, const Ts extends Wiring.Tasks>(
  id: Id,
  tasks: Ts & Wiring.Check<Ts>,
  options?: Options
): Pipeline<Id, Wiring.Parameters<Ts>, Wiring.Result<Ts>, Wiring.ErrorOf<Ts>, Wiring.RequirementsOf<Ts>> =>
  Result.getOrThrowWith(fromTasks(id, "dataflow", tasks, options), (error) => error) as Pipeline<
    Id,
    Wiring.Parameters<Ts>,
    Wiring.Result<Ts>,
    Wiring.ErrorOf<Ts>,
    Wiring.RequirementsOf<Ts>
  >

/** Builds a pipeline from tasks that only run time knows. */
export const fromTasks = (
  id: string,
  kind: Kind,
  tasks: ReadonlyArray<Task.Any>,
  options?: Options
): Result.Result<Pipeline, PipelineError> =>
  kind === "dataflow"
    ? build(
        id,
        kind,
        tasks.map((task) => Step.make(task)),
        options
      )
    : Result.flatMap(sequence(id, tasks), (steps) => build(id, kind, steps, options))

/**
 * Names the values of a sequence so that each step takes the outputs of the one before it: those of the same name,
 * or else its only input takes their only output.
 */
const sequence = (
  id: string,
  tasks: ReadonlyArray<Task.Any>
): Result.Result<ReadonlyArray<Step.Step>, MissingProducer> => {
  const steps: Array<Step.Step> = []
  const uses = new Map<string, number>()
  for (const task of tasks) {
    const count = (uses.get(task.name) ?? 0) + 1
    uses.set(task.name, count)
    const name = count === 1 ? task.name : `${task.name}#${count}`
    const before = steps.at(-1)
    const inputs = Object.keys(task.input)
    const taken = new Map<string, string>()
    if (before !== undefined) {
      for (const output of before.outputs) if (inputs.includes(output.key)) taken.set(output.key, output.value)
      if (taken.size === 0 && before.outputs.length === 1 && inputs.length === 1) {
        taken.set(inputs[0]!, before.outputs[0]!.value)
      }
      if (taken.size === 0) {
        const outputs = before.outputs.map((output) => `'${output.key}'`).join(", ") || "none"
        return Result.fail(
          new MissingProducer(
            id,
            name,
            `takes nothing of the step before it, '${before.name}', whose outputs are ${outputs}`
          )
        )
      }
    }
    steps.push(
      Step.make(
        task,
        name,
        (key) => taken.get(key) ?? key,
        (key) => `${name}.${key}`
      )
    )
  }
  return Result.succeed(steps)
}

const build = (
  id: string,
  kind: Kind,
  steps: ReadonlyArray<Step.Step>,
  options: Options | undefined
): Result.Result<Pipeline, PipelineError> => {
  const badName =
    id === RESERVED_ID ? new InvalidName("a pipeline's id", id, "it is reserved") : Name.invalid("a pipeline's id", id)
  if (badName !== undefined) return Result.fail(badName)
  if (steps.length === 0) return Result.fail(new EmptyPipeline(id))

  const producers = new Map<string, { readonly index: number; readonly output: Step.Binding }>()
  const names = new Set<string>()
  for (const [index, step] of steps.entries()) {
    if (names.has(step.name)) return Result.fail(new DuplicateStep(id, step.name))
    names.add(step.name)
    for (const output of step.outputs) {
      const other = producers.get(output.value)
      if (other !== undefined) {
        return Result.fail(new DuplicateOutput(id, output.value, [steps[other.index]!.name, step.name]))
      }
      producers.set(output.value, { index, output })
    }
  }

  const parameters = new Map<string, { optional: boolean; consumers: Array<Parameter["consumers"][number]> }>()
  const consumed = new Set<string>()
  const dependencies: Array<ReadonlyArray<number>> = []
  for (const [index, step] of steps.entries()) {
    const needs = new Set<number>()
    for (const input of step.inputs) {
      const producer = producers.get(input.value)
      if (producer === undefined) {
        const parameter = parameters.get(input.value) ?? { optional: true, consumers: [] }
        const other = parameter.consumers[0]
        const misfit = other && Fit.both(other.field, input.field)
        if (misfit) {
          return Result.fail(
            new TypeMismatch(
              id,
              step.name,
              input.key,
              misfit.expected,
              `step '${other.step}' takes it as ${misfit.received}`
            )
          )
        }
        parameter.optional &&= input.optional
        parameter.consumers.push({ step: step.name, field: input.field })
        parameters.set(input.value, parameter)
        continue
      }
      const from = steps[producer.index]!
      if (producer.index === index) return Result.fail(new SelfDependency(id, step.name, input.key))
      const misfit = Fit.into(producer.output.field, input.field)
      if (misfit !== undefined) {
        return Result.fail(
          new TypeMismatch(id, step.name, input.key, misfit.expected, `step '${from.name}' produces ${misfit.received}`)
        )
      }
      if (producer.output.optional && !input.optional) {
        return Result.fail(
          new TypeMismatch(id, step.name, input.key, "a required input", `step '${from.name}' may leave it out`)
        )
      }
      consumed.add(input.value)
      needs.add(producer.index)
    }
    dependencies.push([...needs])
  }

  const dag = Dag.make(
    steps.map((step) => step.name),
    dependencies
  )
  return Result.mapBoth(dag, {
    onFailure: (path) => new CycleDetected(id, path),
    onSuccess: (dag) =>
      new Built(
        id,
        kind,
        steps,
        dag,
        Array.from(parameters, ([name, parameter]) => ({ name, ...parameter })),
        steps.flatMap((step) => step.outputs.filter((output) => !consumed.has(output.value))),
        options?.timeoutMillis
      )
  })
}

/** Plan and version take time on a large graph and are not wanted by everyone: they are made when first asked for. */
class Built implements Pipeline {
  readonly id: string
  readonly kind: Kind
  readonly steps: ReadonlyArray<Step.Step>
  readonly dag: Dag.Dag
  readonly parameters: ReadonlyArray<Parameter>
  readonly results: ReadonlyArray<Step.Binding>
  readonly timeoutMillis: number | undefined
  #plan: Plan.Plan | undefined
  #version: string | undefined

  constructor(
    id: string,
    kind: Kind,
    steps: ReadonlyArray<Step.Step>,
    dag: Dag.Dag,
    parameters: ReadonlyArray<Parameter>,
    results: ReadonlyArray<Step.Binding>,
    timeoutMillis: number | undefined
  ) {
    this.id = id
    this.kind = kind
    this.steps = steps
    this.dag = dag
    this.parameters = parameters
    this.results = results
    this.timeoutMillis = timeoutMillis
  }

  get plan(): Plan.Plan {
    this.#plan ??= Plan.make(this.dag)
    return this.#plan
  }

  get version(): string {
    this.#version ??= Version.of(this.kind, this.steps)
    return this.#version
  }
}
