/** Builds a pipeline from steps: wires them by the names of their values, and refuses steps that do not fit. */
import * as Result from "effect/Result"
import type { Json } from "../json/Value.ts"
import {
  CycleDetected,
  DuplicateOutput,
  DuplicateStep,
  EmptyPipeline,
  InvalidName,
  type InvalidOption,
  type ParametersInvalid,
  type PipelineError,
  SelfDependency,
  TypeMismatch
} from "../values/Errors.ts"
import * as Limit from "../values/Limit.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Policy from "../values/Policy.ts"
import * as BranchArms from "./BranchArms.ts"
import * as Dag from "./Dag.ts"
import * as Parameters from "./Parameters.ts"
import type { Kind, Options, Parameter, Pipeline } from "./Pipeline.ts"
import * as Plan from "./Plan.ts"
import * as ResultCodec from "./ResultCodec.ts"
import * as SchemaFit from "./SchemaFit.ts"
import type * as Step from "./Step.ts"
import * as Version from "./Version.ts"

/** Reserved, because the HTTP API uses it as a segment of the path of results. */
const RESERVED_ID = "result"

/** Builds a pipeline from named steps. */
export const fromSteps = (
  id: string,
  kind: Kind,
  steps: ReadonlyArray<Step.Step>,
  options: Options = {}
): Result.Result<Pipeline, PipelineError> => {
  const mistake = invalidDeclaration(id, options)
  if (mistake !== undefined) return Result.fail(mistake)
  if (steps.length === 0) return Result.fail(new EmptyPipeline(id))

  const indices = new Map<string, number>()
  const producers = new Map<string, Array<Producer>>()
  for (const [index, step] of steps.entries()) {
    if (indices.has(step.name)) return Result.fail(new DuplicateStep(id, step.name))
    indices.set(step.name, index)
    for (const output of step.outputs) {
      const others = producers.get(output.value)
      const rival = others?.find((other) => !BranchArms.exclude(other.step.within, step.within))
      if (rival !== undefined) return Result.fail(new DuplicateOutput(id, output.value, [rival.step.name, step.name]))
      const producer: Producer = { index, step, output }
      if (others === undefined) producers.set(output.value, [producer])
      else others.push(producer)
    }
  }

  const parameters = new Map<string, { optional: boolean; consumers: Array<Parameter["consumers"][number]> }>()
  const consumed = new Set<string>()
  const dependencies: Array<ReadonlyArray<number>> = []
  for (const [index, step] of steps.entries()) {
    const needs = new Set<number>()
    for (const input of step.inputs) {
      const able = producers.get(input.value)
      if (able === undefined) {
        const parameter = parameters.get(input.value) ?? { optional: true, consumers: [] }
        const other = parameter.consumers[0]
        const misfit = other && SchemaFit.both(other.field, input.field)
        if (misfit) {
          const received = `step '${other.step}' takes it as ${misfit.received}`
          return Result.fail(new TypeMismatch(id, step.name, input.key, misfit.expected, received))
        }
        parameter.optional &&= input.optional
        parameter.consumers.push({ step: step.name, field: input.field })
        parameters.set(input.value, parameter)
        continue
      }
      const unfit = misfitOf(id, step, index, input, able)
      if (unfit !== undefined) return Result.fail(unfit)
      consumed.add(input.value)
      for (const producer of able) needs.add(producer.index)
    }
    const arm = step.within.at(-1)
    if (arm !== undefined) needs.add(indices.get(arm.branch)!)
    dependencies.push([...needs])
  }

  const dag = Dag.make(
    steps.map((step) => step.name),
    dependencies
  )
  return Result.mapBoth(dag, {
    onFailure: (path) => new CycleDetected(id, path),
    onSuccess: (dag) =>
      new BuiltPipeline(
        id,
        kind,
        steps,
        dag,
        Array.from(parameters, ([name, parameter]) => ({ name, ...parameter })),
        resultsOf(steps, producers, consumed),
        options
      )
  })
}

interface Producer {
  readonly index: number
  readonly step: Step.Step
  readonly output: Step.Binding
}

/** Why an input can't take the values of its producers; undefined when it can. */
const misfitOf = (
  id: string,
  step: Step.Step,
  index: number,
  input: Step.Binding,
  producers: ReadonlyArray<Producer>
): PipelineError | undefined => {
  const mismatch = (expected: string, received: string): PipelineError =>
    new TypeMismatch(id, step.name, input.key, expected, received)
  for (const producer of producers) {
    if (producer.index === index) return new SelfDependency(id, step.name, input.key)
    const misfit = SchemaFit.into(producer.output.field, input.field)
    if (misfit !== undefined) {
      return mismatch(misfit.expected, `step '${producer.step.name}' produces ${misfit.received}`)
    }
    if (producer.output.optional && !input.optional) {
      return mismatch("a required input", `step '${producer.step.name}' may leave it out`)
    }
  }
  const [first] = producers
  if (input.optional || (producers.length === 1 && first!.step.within.length === 0)) return undefined
  return BranchArms.cover(
    producers.map((producer) => producer.step.within),
    step.within
  )
    ? undefined
    : mismatch("a required input", `step '${first!.step.name}' is in a branch arm that may be skipped`)
}

/** Every output that no step takes, once. An output that a branch may leave out is optional. */
const resultsOf = (
  steps: ReadonlyArray<Step.Step>,
  producers: ReadonlyMap<string, ReadonlyArray<Producer>>,
  consumed: ReadonlySet<string>
): ReadonlyArray<Step.Binding> =>
  steps.flatMap((step) =>
    step.outputs.flatMap((output) => {
      if (consumed.has(output.value)) return []
      const able = producers.get(output.value)!
      if (able[0]!.output !== output) return []
      const optional =
        able.some((producer) => producer.output.optional) ||
        !BranchArms.cover(
          able.map((producer) => producer.step.within),
          []
        )
      return [optional === output.optional ? output : { ...output, optional }]
    })
  )

/** The failure for an invalid id or invalid options of a pipeline; undefined for valid ones. */
export const invalidDeclaration = (id: string, options: Options = {}): InvalidName | InvalidOption | undefined =>
  (id === RESERVED_ID
    ? new InvalidName("a pipeline's id", id, "it is reserved")
    : Name.invalid("a pipeline's id", id)) ??
  OptionCheck.record(`options of pipeline '${id}'`, options) ??
  wrongOption(id, options)

const wrongOption = (id: string, { timeoutMillis, onFailure, limit }: Options): InvalidOption | undefined =>
  OptionCheck.millis(`timeoutMillis of pipeline '${id}'`, timeoutMillis, 1) ??
  OptionCheck.among(`onFailure of pipeline '${id}'`, onFailure, Policy.POLICIES) ??
  OptionCheck.record(`limit of pipeline '${id}'`, limit) ??
  OptionCheck.integer(`limit.runs of pipeline '${id}'`, limit?.runs, 1) ??
  OptionCheck.integer(`limit.steps of pipeline '${id}'`, limit?.steps, 1)

/** A pipeline. Makes its plan and version on first use, because they take time on a large graph and some programs need neither. */
class BuiltPipeline implements Pipeline {
  readonly id: string
  readonly kind: Kind
  readonly steps: ReadonlyArray<Step.Step>
  readonly dag: Dag.Dag
  readonly parameters: ReadonlyArray<Parameter>
  readonly results: ReadonlyArray<Step.Binding>
  readonly options: Options
  #plan: Plan.Plan | undefined
  #version: string | undefined

  constructor(
    id: string,
    kind: Kind,
    steps: ReadonlyArray<Step.Step>,
    dag: Dag.Dag,
    parameters: ReadonlyArray<Parameter>,
    results: ReadonlyArray<Step.Binding>,
    options: Options
  ) {
    this.id = id
    this.kind = kind
    this.steps = steps
    this.dag = dag
    this.parameters = parameters
    this.results = results
    this.options = options
  }

  get plan(): Plan.Plan {
    this.#plan ??= Plan.make(this)
    return this.#plan
  }

  get version(): string {
    this.#version ??= Version.of(this.kind, this.steps)
    return this.#version
  }

  planOf(part: Plan.Part): Plan.Plan {
    return Plan.make(this, part)
  }

  encode(parameters: unknown): Result.Result<Json, ParametersInvalid> {
    return Parameters.toJson(this, parameters)
  }

  decode(result: unknown): Result.Result<unknown, InvalidOption> {
    return ResultCodec.fromJson(this, result)
  }

  stepLimits({ task }: Step.Step): Pick<Plan.PlanStep, "probed" | "limits"> {
    const most = this.options.limit?.steps
    const { limit, memo } = task
    const limits = [
      ...(most === undefined ? [] : [Limit.ofSteps(this.id, most)]),
      ...(typeof limit?.key === "string" ? [Limit.ofTask(limit.key, limit.max)] : [])
    ]
    return {
      ...(limits.length > 0 && { limits }),
      ...((memo !== undefined || typeof limit?.key === "function") && { probed: true })
    }
  }
}
