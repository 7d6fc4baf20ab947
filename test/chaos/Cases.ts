/** All pipelines of a trial, in each of two versions of the program. */
import { full, paused } from "./BacklogPipelines.ts"
import { build, type Case } from "./Case.ts"
import { HEAVY } from "./HeavyPipelines.ts"
import { LIGHT } from "./Pipelines.ts"
import { ROUGH } from "./RoughPipelines.ts"
import { mix, mixing } from "./Tasks.ts"

/** The version of the program that a process runs. */
export type Version = 1 | 2

const MIXED = { limit: { runs: 20 } }

const older: Case = {
  pipeline: build("mixed", [mixing("one", ["seed"]), mixing("two", ["oned"])], MIXED),
  values: (seed) => {
    const oned = mix("one", seed)
    return { oned, twod: mix("two", oned) }
  },
  ends: "COMPLETED"
}

const newer: Case = {
  pipeline: build(
    "mixed",
    [mixing("two", ["oned", "seed"]), mixing("three", ["twod"]), mixing("one", ["seed"])],
    MIXED
  ),
  values: (seed) => {
    const oned = mix("one", seed)
    const twod = mix("two", oned, seed)
    return { oned, twod, threed: mix("three", twod) }
  },
  ends: "COMPLETED"
}

const SAME = [...LIGHT, ...HEAVY, ...ROUGH, paused, full]

/** The cases of a process with this version. */
export const casesOf = (version: Version): ReadonlyArray<Case> => [...SAME, version === 1 ? older : newer]

const NEWEST: ReadonlyMap<string, Case> = new Map(casesOf(2).map((one) => [one.pipeline.id, one]))

/** The case of a pipeline, by version if it has several. */
export const caseOf = (pipelineId: string, version?: string): Case =>
  version === older.pipeline.version && pipelineId === older.pipeline.id ? older : NEWEST.get(pipelineId)!

/** How often each pipeline is run, by its id. */
export const WEIGHTS: Readonly<Record<string, number>> = Object.fromEntries(
  [...NEWEST].flatMap(([id, { weight = 10 }]) => (weight > 0 ? [[id, weight]] : []))
)
