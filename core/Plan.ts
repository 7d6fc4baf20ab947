/**
 * What a Store has to know of a pipeline to run it: how many steps each step waits for, and which ones it releases.
 * Computed once from the Dag, so that a Store only counts.
 */
import type { Dag } from "./Dag.ts"

/** One step as a Store sees it; its place in `steps` is its index. */
export interface PlanStep {
  readonly name: string
  /** How many steps have to complete before it is ready. */
  readonly waits: number
  /** The steps that wait for it, by index. */
  readonly releases: ReadonlyArray<number>
}

/** The steps of a run, in the pipeline's order of registration. */
export interface Plan {
  readonly steps: ReadonlyArray<PlanStep>
}

/** The plan of a whole pipeline. */
export const make = (dag: Dag): Plan => ({
  steps: dag.names.map((name, node) => ({
    name,
    waits: dag.dependencies[node]!.length,
    releases: dag.dependents[node]!
  }))
})
