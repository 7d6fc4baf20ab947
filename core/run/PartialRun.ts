/** Runs of a part of a pipeline: for some targets, with given values, or the retry of an earlier run. */
import * as Result from "effect/Result"
import type { Json } from "../json/Value.ts"
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { Initial, Part } from "../pipeline/Plan.ts"
import type { Arm, Step } from "../pipeline/Step.ts"
import { RunNotRepeatable, UnknownStep } from "../values/Errors.ts"
import type { Run, StepState } from "./Run.ts"

export type { Part } from "../pipeline/Plan.ts"

/**
 * The steps to run for `targets` (step names; default: the steps that produce the result) when the values `given` are
 * present. Fails with `UnknownStep`.
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
      return { status: "SKIPPED", reason: isGiven ? "all its outputs were given" : "no step that runs needs it" }
    })
    return { initial, given, targets: wanted && new Set(wanted) }
  })

/** A retry of a run: the steps to run again, and the values to keep besides the given ones. */
export interface Repeat {
  readonly part: Part
  readonly kept: Readonly<Record<string, Json>>
  /** The steps that run again over the same items, so that their completed items can be kept. */
  readonly partly: ReadonlyArray<string>
}

/**
 * The retry of an earlier run of the same version. It runs every step that did not complete or has failed items, the
 * steps `from`, and all steps that depend on these. So the outputs equal those of a fresh run. Fails with
 * `UnknownStep`, and with `RunNotRepeatable` when no step is left to run.
 */
export const ofRun = (
  pipeline: Pipeline.Any,
  run: Run,
  from: ReadonlyArray<string>
): Result.Result<Repeat, UnknownStep | RunNotRepeatable> =>
  Result.flatMap(indicesOf(pipeline, from), (starts) => {
    const { steps, dag } = pipeline
    const refused = (why: string) => Result.fail(new RunNotRepeatable(run, why))
    const indices = indicesByName(pipeline)
    // By name: the steps of one version may be registered in another order than when the run started.
    const states = new Map(run.steps.map((state) => [state.name, state]))
    const before = steps.map(({ name }) => states.get(name)!)
    const named = new Set(starts)
    // The run left the step out from the start, so its retry does too, unless `from` names it.
    const isLeftOut = (index: number): boolean => {
      const { status, completedAtMillis, byBranch } = before[index]!
      return status === "SKIPPED" && completedAtMillis === undefined && !byBranch && !named.has(index)
    }
    // A branch that runs again decides anew about the steps that it skipped; a kept branch leaves them skipped.
    const isUndone = (index: number): boolean => {
      const { status, byBranch, itemsFailed } = before[index]!
      return itemsFailed > 0 || (status !== "COMPLETED" && !byBranch && !isLeftOut(index))
    }
    const rerun = new Set<number>()
    const isKept = (index: number): boolean => before[index]!.status === "COMPLETED" && !rerun.has(index)
    const untakenArm = ({ within }: Step): Arm | undefined =>
      within.find(({ branch, arm }) => isKept(indices.get(branch)!) && before[indices.get(branch)!]!.arm !== arm)
    const changed = new Set<string>()
    const partly: Array<string> = []
    // In this order, each step comes after its dependencies.
    for (const index of dag.order) {
      const step = steps[index]!
      const branch = step.within.at(-1)?.branch
      const follows =
        !isLeftOut(index) &&
        ((branch !== undefined && rerun.has(indices.get(branch)!)) ||
          step.inputs.some(({ value }) => changed.has(value)))
      if (!named.has(index) && ((!isUndone(index) && !follows) || untakenArm(step) !== undefined)) continue
      rerun.add(index)
      if (!named.has(index) && !follows && hasKeptItems(step, before[index]!)) partly.push(step.name)
      for (const { value } of step.outputs) if (!Object.hasOwn(run.given, value)) changed.add(value)
    }

    for (const index of starts) {
      const step = steps[index]!
      const other = untakenArm(step)
      if (other !== undefined) {
        return refused(
          `step '${step.name}' is in an arm that branch '${other.branch}' did not take; run again from '${other.branch}'`
        )
      }
      if (step.outputs.length > 0 && step.outputs.every(({ value }) => Object.hasOwn(run.given, value))) {
        return refused(`all outputs of step '${step.name}' were given to the run, and stay; start a new run`)
      }
    }
    if (rerun.size === 0) return refused("no step of it is left to run; name the steps to run again from")

    const lost = new Set([...rerun].flatMap((index) => steps[index]!.outputs.map(({ value }) => value)))
    const kept: Record<string, Json> = {}
    for (const name of Object.keys(run.outputs)) {
      if (!lost.has(name) && !Object.hasOwn(run.given, name)) kept[name] = run.outputs[name]!
    }
    const names = new Set([...Object.keys(kept), ...Object.keys(run.given)])
    const needed = closure(
      pipeline,
      [...rerun],
      names,
      (index) => isKept(index) || untakenArm(steps[index]!) !== undefined
    )
    const lacked = missing(pipeline, needed, names, run.parameters)
    if (lacked !== undefined) {
      return refused(`step '${lacked.step}' needs '${lacked.parameter}', which the run was not given; start a new run`)
    }
    const initial = steps.map((step, index): Initial | undefined => {
      const { arm, reason } = before[index]!
      if (isKept(index)) return { status: "COMPLETED", reason: `kept from run '${run.id}'`, arm }
      if (needed.has(index)) return undefined
      const other = isLeftOut(index) ? undefined : untakenArm(step)
      return other === undefined
        ? { status: "SKIPPED", reason: reason ?? "" }
        : { status: "SKIPPED", reason: `branch '${other.branch}' did not take '${other.arm}'`, byBranch: true }
    })
    const targets = run.targets && new Set(run.targets.map((name) => indices.get(name)!))
    return Result.succeed({ part: { initial, given: names, targets }, kept, partly })
  })

/** Whether a step that runs again with the same inputs may keep items. Results that were too long would be so again. */
const hasKeptItems = ({ kind }: Step, { attempts, error }: StepState): boolean =>
  (kind === "map" || kind === "filter") &&
  attempts > 0 &&
  !(error?.name === "ValueTooLarge" && error.item === undefined)

/** A required parameter of one of these steps that the run does not have. */
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

/** The steps that produce a missing part of the result, and the steps without outputs. */
const sinks = (pipeline: Pipeline.Any, given: ReadonlySet<string>): ReadonlyArray<number> => {
  const results = new Set(pipeline.results.map(({ value }) => value))
  return pipeline.steps.flatMap(({ kind, outputs }, index) =>
    // A branch has no outputs either; it is needed only when a step in one of its arms is.
    (outputs.length === 0 && kind !== "branch") || outputs.some(({ value }) => results.has(value) && !given.has(value))
      ? [index]
      : []
  )
}

/** These steps and all that they depend on, without the steps that are `there` (done) and the values `given`. */
const closure = (
  pipeline: Pipeline.Any,
  from: ReadonlyArray<number>,
  given: ReadonlySet<string>,
  there: (index: number) => boolean = () => false
): ReadonlySet<number> => {
  const { steps, dag } = pipeline
  const reached = new Set(from)
  const left = [...from]
  for (let index = left.pop(); index !== undefined; index = left.pop()) {
    const step = steps[index]!
    const wanted = new Set(step.inputs.flatMap(({ value }) => (given.has(value) ? [] : [value])))
    const branch = step.within.at(-1)?.branch
    for (const other of dag.dependencies[index]!) {
      if (reached.has(other) || there(other)) continue
      const { name, outputs } = steps[other]!
      if (name !== branch && !outputs.some(({ value }) => wanted.has(value))) continue
      reached.add(other)
      left.push(other)
    }
  }
  return reached
}
