/** Runs that are about a part of a pipeline: some targets, some values given, or what an earlier run did not complete. */
import * as Result from "effect/Result"
import { RunNotRepeatable, UnknownStep } from "./Errors.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { Initial, Part } from "./Plan.ts"
import type { Run } from "./Run.ts"
import type { Arm, Step } from "./Step.ts"
import type { Json } from "./Value.ts"

export type { Part } from "./Plan.ts"

/**
 * What is left to run for `targets` (steps; default: all that give a part of the result) when the values `given` are
 * there. Fails with `UnknownStep`.
 */
export const of = (
  pipeline: Pipeline.Any,
  targets: ReadonlyArray<string> | undefined,
  given: ReadonlySet<string>
): Result.Result<Part, UnknownStep> =>
  Result.map(targets === undefined ? Result.succeed(undefined) : indicesOf(pipeline, targets), (wanted) => {
    const needed = closure(pipeline, wanted ?? sinks(pipeline, given), given)
    const initial = pipeline.steps.map((step, index): Initial | undefined => {
      if (needed.has(index)) return undefined
      const isGiven = step.outputs.length > 0 && step.outputs.every(({ value }) => given.has(value))
      return { status: "SKIPPED", reason: isGiven ? "what it gives was given" : "nothing that runs needs it" }
    })
    return { initial, given, targets: wanted && new Set(wanted) }
  })

/** What is to be run again of a run, and the values that it keeps besides those that were given. */
export interface Repeat {
  readonly part: Part
  readonly kept: Readonly<Record<string, Json>>
}

/**
 * What is left to run of an earlier run of the same version: everything that did not complete, and the steps `from` with
 * all that depends on them. Fails with `UnknownStep`, and with `RunNotRepeatable` when nothing is left.
 */
export const ofRun = (
  pipeline: Pipeline.Any,
  run: Run,
  from: ReadonlyArray<string>
): Result.Result<Repeat, UnknownStep | RunNotRepeatable> =>
  Result.flatMap(indicesOf(pipeline, from), (starts) => {
    const again = descendants(pipeline, starts)
    const indices = indicesByName(pipeline)
    const isKept = (index: number): boolean => run.steps[index]!.status === "COMPLETED" && !again.has(index)
    // What a branch that is kept has not taken stays so.
    const passed = ({ within }: Step): Arm | undefined =>
      within.find(({ branch, arm }) => isKept(indices.get(branch)!) && run.steps[indices.get(branch)!]!.arm !== arm)
    for (const index of starts) {
      const step = pipeline.steps[index]!
      const other = passed(step)
      if (other !== undefined) {
        const why = `step '${step.name}' is in an arm that branch '${other.branch}' did not take; run again from '${other.branch}'`
        return Result.fail(new RunNotRepeatable(run, why))
      }
      if (step.outputs.length > 0 && step.outputs.every(({ value }) => Object.hasOwn(run.given, value))) {
        const why = `all that step '${step.name}' gives was given to the run, and stays; start a new run`
        return Result.fail(new RunNotRepeatable(run, why))
      }
    }
    const lost = new Set(
      pipeline.steps.flatMap((step, index) => {
        const { status } = run.steps[index]!
        const isLost =
          passed(step) === undefined && (again.has(index) || (status !== "COMPLETED" && status !== "SKIPPED"))
        return isLost ? step.outputs.map(({ value }) => value) : []
      })
    )
    const kept: Record<string, Json> = {}
    for (const name of Object.keys(run.outputs)) {
      if (!lost.has(name) && !Object.hasOwn(run.given, name)) kept[name] = run.outputs[name]!
    }
    const names = new Set([...Object.keys(kept), ...Object.keys(run.given)])
    const rest = pipeline.steps.flatMap((step, index) => {
      const { status, completedAtMillis } = run.steps[index]!
      // What that run has left out from the start, this one leaves out too, unless it is named or something needs it now.
      const isLeftOut = status === "SKIPPED" && completedAtMillis === undefined && !starts.includes(index)
      return isKept(index) || isLeftOut || passed(step) !== undefined ? [] : [index]
    })
    if (rest.length === 0) {
      return Result.fail(new RunNotRepeatable(run, "nothing of it is left to run; name the steps to run again from"))
    }
    const needed = closure(pipeline, rest, names)
    const lacking = missing(pipeline, needed, names, run.parameters)
    if (lacking !== undefined) {
      const why = `step '${lacking.step}' needs '${lacking.parameter}', which the run was not given; start a new run`
      return Result.fail(new RunNotRepeatable(run, why))
    }
    const initial = pipeline.steps.map((step, index): Initial | undefined => {
      const { arm, reason } = run.steps[index]!
      if (isKept(index)) return { status: "COMPLETED", reason: `kept from run '${run.id}'`, arm }
      const other = passed(step)
      if (other !== undefined) {
        const why = `branch '${other.branch}' did not take '${other.arm}'`
        return { status: "SKIPPED", reason: why, byBranch: true }
      }
      return needed.has(index) ? undefined : { status: "SKIPPED", reason: reason ?? "" }
    })
    const targets = run.targets && new Set(run.targets.map((name) => indices.get(name)!))
    return Result.succeed({ part: { initial, given: names, targets }, kept })
  })

/** A parameter that one of these steps can't do without and that is not there. */
const missing = (
  pipeline: Pipeline.Any,
  steps: ReadonlySet<number>,
  given: ReadonlySet<string>,
  parameters: Readonly<Record<string, Json>>
): { readonly step: string; readonly parameter: string } | undefined => {
  const names = new Set(pipeline.parameters.map(({ name }) => name))
  for (const index of steps) {
    const { name: step, inputs } = pipeline.steps[index]!
    for (const { value, optional } of inputs) {
      const isThere = optional || given.has(value) || Object.hasOwn(parameters, value)
      if (!isThere && names.has(value)) return { step, parameter: value }
    }
  }
  return undefined
}

const indicesByName = ({ dag }: Pipeline.Any): ReadonlyMap<string, number> =>
  new Map(dag.names.map((name, index) => [name, index]))

const indicesOf = (
  pipeline: Pipeline.Any,
  names: ReadonlyArray<string>
): Result.Result<ReadonlyArray<number>, UnknownStep> => {
  const indices = indicesByName(pipeline)
  const unknown = names.find((name) => !indices.has(name))
  return unknown === undefined
    ? Result.succeed(names.map((name) => indices.get(name)!))
    : Result.fail(new UnknownStep(pipeline.id, unknown, pipeline.dag.names))
}

/** The steps that give a part of the result that is not there already, and those that give nothing at all. */
const sinks = (pipeline: Pipeline.Any, given: ReadonlySet<string>): ReadonlyArray<number> => {
  const results = new Set(pipeline.results.map(({ value }) => value))
  return pipeline.steps.flatMap(({ kind, outputs }, index) =>
    // A branch is for what it decides about, and is needed when one of that is.
    (outputs.length === 0 && kind !== "branch") || outputs.some(({ value }) => results.has(value) && !given.has(value))
      ? [index]
      : []
  )
}

/** Those and everything that they need. */
const closure = (
  pipeline: Pipeline.Any,
  from: ReadonlyArray<number>,
  given: ReadonlySet<string>
): ReadonlySet<number> => {
  const { steps, dag } = pipeline
  const reached = new Set(from)
  const left = [...from]
  for (let index = left.pop(); index !== undefined; index = left.pop()) {
    const step = steps[index]!
    const wanted = new Set(step.inputs.flatMap(({ value }) => (given.has(value) ? [] : [value])))
    const branch = step.within.at(-1)?.branch
    for (const other of dag.dependencies[index]!) {
      if (reached.has(other)) continue
      const { name, outputs } = steps[other]!
      if (name !== branch && !outputs.some(({ value }) => wanted.has(value))) continue
      reached.add(other)
      left.push(other)
    }
  }
  return reached
}

/** Those and everything that needs them. */
const descendants = ({ dag }: Pipeline.Any, from: ReadonlyArray<number>): ReadonlySet<number> => {
  const reached = new Set(from)
  const left = [...from]
  for (let index = left.pop(); index !== undefined; index = left.pop()) {
    for (const other of dag.dependents[index]!) {
      if (reached.has(other)) continue
      reached.add(other)
      left.push(other)
    }
  }
  return reached
}
