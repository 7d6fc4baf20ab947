/** Plans as the scripts read them: step by step, under a digest of all of it. */

import type { Plan, PlanStep } from "../../../core/pipeline/Plan.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import type { NewRun } from "../../../core/run/NewRun.ts"
import type { Argument } from "../connection/Scripts.ts"
import { type Steps, writeShape } from "./RunCode.ts"

/** A plan, written down. */
export interface Written {
  readonly digest: string
  /** Names and texts of the fields of its hash, one after the other; the one by which it is known to be whole is the last. */
  readonly fields: ReadonlyArray<Argument>
  /** How many steps are to run. */
  readonly left: number
}

const written = new WeakMap<Plan, Map<string, Written>>()

/** How many shapes of runs of one plan are remembered. */
const MAX_SHAPES = 1_000

/** Writes the plan of a run down, and what is the same for runs like it, once. */
export const write = (run: NewRun): Written => {
  const shape = writeShape(run)
  let byShape = written.get(run.plan)
  if (byShape === undefined) {
    byShape = new Map()
    written.set(run.plan, byShape)
  }
  let found = byShape.get(shape)
  if (found === undefined) {
    found = make(run, shape)
    // A delay or a time limit of its own makes a shape of its own.
    if (byShape.size >= MAX_SHAPES) byShape.clear()
    byShape.set(shape, found)
  }
  return found
}

const make = ({ plan, pipelineId, version }: NewRun, shape: string): Written => {
  const key = Version.key(pipelineId, version)
  const steps = plan.steps.map((step) => JSON.stringify(codeOf(step, plan)))
  const shown: Steps = plan.steps.map(({ name, initial }) => ({ name, ...(initial && { initial }) }))
  const first = plan.steps.flatMap(({ waits, initial }, index) => (waits === 0 && !initial ? [String(index)] : []))
  const text = JSON.stringify(shown)
  return {
    digest: Version.digest(`${key}\n${shape}\n${text}\n${steps.join("\n")}`).slice(0, 32),
    fields: [
      ...steps.flatMap((step, at) => [at, step]),
      ...["q", key, "j", shape, "m", text, "b", JSON.stringify(first), "c", steps.length]
    ],
    left: plan.steps.reduce((sum, { initial }) => sum + (initial === undefined ? 1 : 0), 0)
  }
}

// Short names: these are read at every step. Indices are texts, as scripts put them into keys. Lists that are empty are left out where a script would take them for none.
const codeOf = (step: PlanStep, { steps }: Plan) => ({
  n: step.name,
  w: step.waits,
  r: step.releases.map(String),
  // Whether those that wait for it wait for nothing else.
  f: (step.releases.length > 0 && step.releases.every((other) => steps[other]!.waits === 1)) || undefined,
  d: step.reads,
  l: step.losses?.map(({ step: other, group }) => [String(other), group]),
  g: step.groups,
  b: step.branch === undefined ? undefined : String(step.branch),
  a: step.arms && { yes: step.arms.yes.map(String), no: step.arms.no.map(String) },
  p: step.probed === true || undefined,
  x: step.expands && {
    o: step.expands.inOrder || undefined,
    m: step.expands.max,
    u: step.expands.outputs,
    s: step.expands.lists,
    h: step.expands.onFailure?.[0],
    t: step.expands.tolerated
  },
  k: step.limits?.length === 0 ? undefined : step.limits,
  v: step.vital || undefined,
  i: step.initial && 1
})

/** Reads the steps back. */
export const read = (text: string): Steps => JSON.parse(text) as Steps
