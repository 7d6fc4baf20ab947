/**
 * What a Store has to know of a run to carry it out: how many steps each step waits for, which ones it releases, and
 * which can't do without it. Computed once from the Dag, so that a Store only counts.
 */

import type { Limit } from "../values/Limit.ts"
import type { Dag } from "./Dag.ts"
import type { ArmName, Binding, Step } from "./Step.ts"

/** What a step is before its run begins, when it is not to run in it. */
export interface Initial {
  readonly status: "COMPLETED" | "SKIPPED"
  readonly reason: string
  /** The arm that a branch took in the run that this one repeats. */
  readonly arm?: ArmName | undefined
  /** Whether a branch of that run skipped it. */
  readonly byBranch?: boolean
}

/** A step that loses something when another one ends without an output. */
export interface Loss {
  /** Its index. */
  readonly step: number
  /** Which of its `groups` loses a member; -1 when it can't do without. */
  readonly group: number
}

/** How a step goes through its items. */
export interface Expansion {
  /** Whether each item waits for the one before it, as in a reduce. */
  readonly inOrder: boolean
  /** How many units may run at once. */
  readonly max: number
  /** The names of its outputs in the run. */
  readonly outputs: ReadonlyArray<string>
  /** The values that its items are read from. */
  readonly lists: ReadonlyArray<string>
  /** What becomes of the step when an item has failed for good. Absent: it fails with that item. */
  readonly onFailure?: "skip" | "collect"
  /** How many failed items it goes on with. Absent: any number. */
  readonly tolerated?: Tolerated
}

/** A number of items, or a share of all of them in whole percent. */
export type Tolerated = { readonly count: number } | { readonly share: number }

/** How many of `count` items may fail, at most. */
export const mostFailures = ({ tolerated }: Expansion, count: number): number => {
  if (tolerated === undefined) return count
  return "count" in tolerated ? tolerated.count : Math.floor((count * tolerated.share) / 100)
}

/** One step as a Store sees it; its place in `steps` is its index. */
export interface PlanStep {
  readonly name: string
  /** The values of the run that it, or each of its items, is called with. */
  readonly reads: ReadonlyArray<string>
  /** How many steps have to end before it is ready. */
  readonly waits: number
  /** The steps that wait for it, by index. */
  readonly releases: ReadonlyArray<number>
  /** What the others lose when it ends without completing. Absent: none of those that wait for it can do without. */
  readonly losses?: ReadonlyArray<Loss>
  /** How many steps can give each of the values that it needs and more than one step may give. */
  readonly groups?: ReadonlyArray<number>
  /** The branch that decides whether it runs, by index. */
  readonly branch?: number
  /** Of a branch: the steps in each arm, by index. Those of the arm that is not taken are skipped. */
  readonly arms?: Readonly<Record<ArmName, ReadonlyArray<number>>>
  /** Whether it is claimed once beforehand, for its limits and memo key, which depend on its inputs. */
  readonly probed?: boolean
  /** Whether it goes through a list: claimed once for its items, then item by item. */
  readonly expands?: Expansion
  /** How much of it and of others may run at once. */
  readonly limits?: ReadonlyArray<Limit>
  /** Whether a run under the policy `skip` fails when a failure keeps it from completing. */
  readonly vital: boolean
  readonly initial?: Initial
}

/** The steps of a run, in the pipeline's order of registration. */
export interface Plan {
  readonly steps: ReadonlyArray<PlanStep>
  /** The names of the values that its result is made of: what no step takes, or what its targets give. */
  readonly results: ReadonlyArray<string>
}

/** The steps of a graph and what limits them, as far as a plan is about it. */
export interface Graph {
  readonly steps: ReadonlyArray<Step>
  readonly dag: Dag
  readonly results: ReadonlyArray<Binding>
  stepLimits(step: Step): Pick<PlanStep, "probed" | "limits">
}

/** A part of a graph: what is not run, and which values are there from the start. */
export interface Part {
  readonly initial: ReadonlyArray<Initial | undefined>
  readonly given: ReadonlySet<string>
  /** The steps that it is about, by index. Default: those that give the result. */
  readonly targets?: ReadonlySet<number> | undefined
}

const CANT_DO_WITHOUT = -1

/** The plan of a whole graph, or of a part of it. */
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
  const even = part === undefined && steps.every((step) => isEven(step, producers))
  const links = even ? undefined : link(steps, producers, part)
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
      ...links?.uneven[index],
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

/** Whether it needs everything that it waits for, as almost every step does; then the Dag says all there is to say. */
const isEven = ({ kind, inputs }: Step, producers: ReadonlyMap<string, unknown>): boolean =>
  kind !== "branch" && inputs.every(({ optional, value }) => !optional || !producers.has(value))

type Uneven = Pick<PlanStep, "losses" | "groups" | "branch" | "arms">

interface Links {
  readonly waits: ReadonlyArray<number>
  readonly releases: ReadonlyArray<ReadonlyArray<number>>
  readonly uneven: ReadonlyArray<Uneven>
}

const link = (
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
    // Whom it waits for, and what each of them is to it: the groups that it is in, or none where it can do without.
    const needs = new Map<number, Set<number>>()
    const need = (producer: number, group?: number): void => {
      const known = needs.get(producer) ?? new Set()
      needs.set(producer, known)
      if (group !== undefined) known.add(group)
    }
    for (const input of step.inputs) {
      if (part?.given.has(input.value)) continue
      const able = (producers.get(input.value) ?? []).filter(runs)
      const group = input.optional
        ? undefined
        : able.length === 1
          ? CANT_DO_WITHOUT
          : able.length > 1
            ? groups[index]!.push(able.length) - 1
            : undefined
      for (const producer of able) need(producer, group)
    }
    const arm = step.within.at(-1)
    const branch = arm && indices.get(arm.branch)!
    if (branch !== undefined && runs(branch)) {
      need(branch, CANT_DO_WITHOUT)
      arms[branch]![arm!.arm].push(index)
      deciders[index] = branch
    }
    waits[index] = needs.size
    for (const [producer, ofGroups] of needs) {
      releases[producer]!.push(index)
      if (ofGroups.has(CANT_DO_WITHOUT)) losses[producer]!.push({ step: index, group: CANT_DO_WITHOUT })
      else {
        optional.add(producer)
        for (const group of ofGroups) losses[producer]!.push({ step: index, group })
      }
    }
  }
  return {
    waits,
    releases,
    uneven: steps.map((_, index) => ({
      ...(optional.has(index) && { losses: losses[index]! }),
      ...(groups[index]!.length > 0 && { groups: groups[index]! }),
      ...(deciders[index] !== undefined && { branch: deciders[index] }),
      ...(arms[index] && { arms: arms[index] })
    }))
  }
}
