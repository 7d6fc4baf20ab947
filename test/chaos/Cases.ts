/** Every pipeline of a trial, as each of two versions of the program has them. */
import { full, paused } from "./BacklogPipelines.ts"
import { build, type Case } from "./Case.ts"
import { HEAVY } from "./HeavyPipelines.ts"
import { LIGHT } from "./Pipelines.ts"
import { ROUGH } from "./RoughPipelines.ts"
import { mix, mixing } from "./Tasks.ts"

/** Which version of the program a process runs. */
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

/** What a process of this version has. */
export const casesOf = (version: Version): ReadonlyArray<Case> => [...SAME, version === 1 ? older : newer]

const NEWEST: ReadonlyMap<string, Case> = new Map(casesOf(2).map((one) => [one.pipeline.id, one]))

/** The case of a pipeline: of one version, where it has several. */
export const caseOf = (pipelineId: string, version?: string): Case =>
  version === older.pipeline.version && pipelineId === older.pipeline.id ? older : NEWEST.get(pipelineId)!

/** Those that are run in the course of a trial, by their pipeline's id. */
export const WEIGHTS: Readonly<Record<string, number>> = Object.fromEntries(
  [...NEWEST].flatMap(([id, { weight = 10 }]) => (weight > 0 ? [[id, weight]] : []))
)
