/**
 * The plan of a run, for a Store: how many steps each step waits for, which steps it releases, and which steps require
 * its outputs. Computed once from the Dag, so that a Store only counts.
 */

import type { Limit } from "../values/Limit.ts"
import type { Dag } from "./Dag.ts"
import type { ArmName, Binding, Step } from "./Step.ts"

/** The state from the start of a step that does not run in this run. */
export interface Initial {
  readonly status: "COMPLETED" | "SKIPPED"
  readonly reason: string
  /** Of a branch: the arm that it took in the run that this run repeats. */
  readonly arm?: ArmName | undefined
  /** Whether a branch skipped it in the run that this run repeats. */
  readonly byBranch?: boolean
}

/** A step that loses a producer when another step ends without its output. */
export interface Loss {
  /** The index of the step that loses it. */
  readonly step: number
  /** The group of that step that loses a producer, as an index into its `groups`; -1 when the step requires the output. */
  readonly group: number
}

/** How a step runs through the items of its lists. */
export interface Expansion {
  /** Whether each item waits for the one before it, as in a reduce. */
  readonly inOrder: boolean
  /** How many units may run at once. */
  readonly max: number
  /** The names of its outputs in the run. */
  readonly outputs: ReadonlyArray<string>
  /** The names of its lists in the run. */
  readonly lists: ReadonlyArray<string>
  /** What happens when an item fails for good: see `ItemPolicy`. Absent: the step fails with the item. */
  readonly onFailure?: "skip" | "collect"
  /** The most failed items with which the step still completes. Absent: any number. */
  readonly tolerated?: Tolerated
}

/** A number of items, or a share of all items in whole percent. */
export type Tolerated = { readonly count: number } | { readonly share: number }

/** How many of `count` items may fail. */
export const mostFailures = ({ tolerated }: Expansion, count: number): number => {
  if (tolerated === undefined) return count
  return "count" in tolerated ? tolerated.count : Math.floor((count * tolerated.share) / 100)
}

/** One step as a Store sees it; other steps refer to it by its index in `steps`. */
export interface PlanStep {
  readonly name: string
  /** The names of the values of the run with which it, or each of its items, is called; without its lists. */
  readonly reads: ReadonlyArray<string>
  /** How many steps must end before it is ready. */
  readonly waits: number
  /** The steps that wait for it, by index. */
  readonly releases: ReadonlyArray<number>
  /** The steps that lose a producer when it ends without completing. Absent: every step that waits for it requires it. */
  readonly losses?: ReadonlyArray<Loss>
  /** The number of producers of each required value that has more than one producer. */
  readonly groups?: ReadonlyArray<number>
  /** The branch that decides whether it runs, by index. */
  readonly branch?: number
  /** Of a branch: the steps in each arm, by index. The steps of the arm that is not taken are skipped. */
  readonly arms?: Readonly<Record<ArmName, ReadonlyArray<number>>>
  /** Whether a worker claims it once beforehand, to compute the limit key and memo key from its inputs. */
  readonly probed?: boolean
  /** Set for a step over lists: a worker claims it once to count its items, then workers claim the items. */
  readonly expands?: Expansion
  /** The concurrency limits that each attempt of it must respect. */
  readonly limits?: ReadonlyArray<Limit>
  /** Whether a run with the policy `skip` fails when a failure keeps this step from completing. */
  readonly vital: boolean
  readonly initial?: Initial
}

/** The steps of a run, in the pipeline's order of registration. */
export interface Plan {
  readonly steps: ReadonlyArray<PlanStep>
  /** The names of the values of its result: the outputs that no step takes, or the outputs of its targets. */
  readonly results: ReadonlyArray<string>
}

/** The members of a pipeline from which its plan is made. */
export interface Graph {
  readonly steps: ReadonlyArray<Step>
  readonly dag: Dag
  readonly results: ReadonlyArray<Binding>
  stepLimits(step: Step): Pick<PlanStep, "probed" | "limits">
}

/** A part of a graph, for a partial run. */
export interface Part {
  /** For each step, its state from the start; undefined for a step that runs. */
  readonly initial: ReadonlyArray<Initial | undefined>
  /** The names of the values that the start of the run gives. */
  readonly given: ReadonlySet<string>
  /** The steps whose outputs are the result, by index. Default: the steps of the pipeline's result. */
  readonly targets?: ReadonlySet<number> | undefined
}

/** The group of a loss when the step requires the output. */
const REQUIRED = -1

/** Makes the plan of a whole graph, or of a part of it. */
export const make = (graph: Graph, part?: Part): Plan => {
  const { steps, dag } = graph
  const producers = new Map<string, Array<number>>()
  const consumed = new Set<string>()
  for (const [index, step] of steps.entries()) {
    for (const { value } of step.outputs) {
      const others = producers.get(value)
      if (others === undefined) producers.set(value, [index])
      else others.push(index)
    }
    for (const { value } of step.inputs) consumed.add(value)
  }
  const isSimple = part === undefined && steps.every((step) => requiresAll(step, producers))
  const links = isSimple ? undefined : linksOf(steps, producers, part)
  const isVital = (step: Step, index: number): boolean =>
    part?.targets?.has(index) ??
    (step.kind !== "branch" &&
      (step.outputs.length === 0 || step.outputs.some(({ value, optional }) => !optional && !consumed.has(value))))

  const { targets } = part ?? {}
  const results =
    targets === undefined ? graph.results : steps.flatMap(({ outputs }, index) => (targets.has(index) ? outputs : []))
  return {
    results: results.map(({ value }) => value),
    steps: steps.map((step, index) => ({
      name: step.name,
      reads: step.inputs.filter(({ key }) => !step.over.includes(key)).map(({ value }) => value),
      waits: links?.waits[index] ?? dag.dependencies[index]!.length,
      releases: links?.releases[index] ?? dag.dependents[index]!,
      ...links?.extras[index],
      ...(step.over.length > 0 && { expands: expansionOf(step) }),
      ...graph.stepLimits(step),
      vital: isVital(step, index),
      ...(part?.initial[index] && { initial: part.initial[index] })
    }))
  }
}

const expansionOf = ({ kind, concurrency, inputs, over, outputs, ...step }: Step): Expansion => ({
  inOrder: kind === "reduce",
  max: kind === "reduce" ? 1 : (concurrency ?? Number.MAX_SAFE_INTEGER),
  outputs: outputs.map(({ value }) => value),
  lists: over.map((key) => inputs.find((input) => input.key === key)!.value),
  ...(step.onItemFailure !== "fail" && { onFailure: step.onItemFailure }),
  ...toleratedOf(step)
})

const toleratedOf = ({
  onItemFailure,
  toleratedItemFailures: tolerance
}: Pick<Step, "onItemFailure" | "toleratedItemFailures">): Pick<Expansion, "tolerated"> => {
  if (tolerance === undefined) return onItemFailure === "collect" ? { tolerated: { count: 0 } } : {}
  return { tolerated: typeof tolerance === "number" ? { count: tolerance } : { share: Number.parseInt(tolerance, 10) } }
}

/** Whether a step requires all outputs that it waits for, as almost every step does. Then the Dag alone describes it. */
const requiresAll = ({ kind, inputs }: Step, producers: ReadonlyMap<string, unknown>): boolean =>
  kind !== "branch" && inputs.every(({ optional, value }) => !optional || !producers.has(value))

type Extras = Pick<PlanStep, "losses" | "groups" | "branch" | "arms">

interface Links {
  readonly waits: ReadonlyArray<number>
  readonly releases: ReadonlyArray<ReadonlyArray<number>>
  readonly extras: ReadonlyArray<Extras>
}

const linksOf = (
  steps: ReadonlyArray<Step>,
  producers: ReadonlyMap<string, ReadonlyArray<number>>,
  part: Part | undefined
): Links => {
  const runs = (index: number): boolean => part?.initial[index] === undefined
  const indices = new Map(steps.map((step, index) => [step.name, index]))
  const waits = new Array<number>(steps.length).fill(0)
  const releases: Array<Array<number>> = steps.map(() => [])
  const losses: Array<Array<Loss>> = steps.map(() => [])
  const groups: Array<Array<number>> = steps.map(() => [])
  const arms: Array<Record<ArmName, Array<number>> | undefined> = steps.map(({ kind }) =>
    kind === "branch" ? { yes: [], no: [] } : undefined
  )
  const deciders: Array<number | undefined> = new Array(steps.length)
  const optional = new Set<number>()

  for (const [index, step] of steps.entries()) {
    if (!runs(index)) continue
    // The steps that it waits for, each with the groups to which it belongs; without a group when its outputs are optional.
    const needs = new Map<number, Set<number>>()
    const need = (producer: number, group?: number): void => {
      const ofProducer = needs.get(producer) ?? new Set()
      needs.set(producer, ofProducer)
      if (group !== undefined) ofProducer.add(group)
    }
    for (const input of step.inputs) {
      if (part?.given.has(input.value)) continue
      const able = (producers.get(input.value) ?? []).filter(runs)
      const group = input.optional
        ? undefined
        : able.length === 1
          ? REQUIRED
          : able.length > 1
            ? groups[index]!.push(able.length) - 1
            : undefined
      for (const producer of able) need(producer, group)
    }
    const arm = step.within.at(-1)
    const branch = arm && indices.get(arm.branch)!
    if (branch !== undefined && runs(branch)) {
      need(branch, REQUIRED)
      arms[branch]![arm!.arm].push(index)
      deciders[index] = branch
    }
    waits[index] = needs.size
    for (const [producer, ofGroups] of needs) {
      releases[producer]!.push(index)
      if (ofGroups.has(REQUIRED)) losses[producer]!.push({ step: index, group: REQUIRED })
      else {
        optional.add(producer)
        for (const group of ofGroups) losses[producer]!.push({ step: index, group })
      }
    }
  }
  return {
    waits,
    releases,
    extras: steps.map((_, index) => ({
      ...(optional.has(index) && { losses: losses[index]! }),
      ...(groups[index]!.length > 0 && { groups: groups[index]! }),
      ...(deciders[index] !== undefined && { branch: deciders[index] }),
      ...(arms[index] && { arms: arms[index] })
    }))
  }
}
