/** The steps that a worker knows how to run, each made ready once. */
import type { Registry } from "../registry/Registry.ts"
import type { Claim } from "../store/Work.ts"
import * as Runner from "./Runner.ts"

/** How many versions of pipelines are remembered; more than anybody has, unless they come and go. */
const MAX_KNOWN = 10_000

type BySteps = ReadonlyMap<string, Runner.Runner>

/** Runners by pipeline, version and step. */
export class Runners {
  readonly #registry: Registry
  readonly #known: Map<string, Map<string, BySteps>> = new Map()
  #count = 0

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** The runner of a claim; nothing when its version of the pipeline is not known. */
  find({ pipelineId, version, step }: Claim): Runner.Runner | undefined {
    return (this.#known.get(pipelineId)?.get(version) ?? this.#learn(pipelineId, version))?.get(step)
  }

  #learn(pipelineId: string, version: string): BySteps | undefined {
    const pipeline = this.#registry.executable(pipelineId, version)
    if (pipeline === undefined) return undefined
    const steps = new Map(pipeline.steps.map((step) => [step.name, Runner.make(step)]))
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
