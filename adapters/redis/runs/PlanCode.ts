/** Encodes plans for the scripts: one field for each step, in a hash named by the digest of the plan. */

import type { Plan, PlanStep } from "../../../core/pipeline/Plan.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import type { NewRun } from "../../../core/run/NewRun.ts"
import type { Argument } from "../connection/Scripts.ts"
import { EXPANDS, PLAN, STEP } from "../lua/Codes.ts"
import { type Steps, writeShape } from "./RunCode.ts"

/** An encoded plan. */
export interface Written {
  readonly digest: string
  /** Names and texts of the fields of its hash, alternating. `PLAN.size` is last: its presence means that the hash is complete. */
  readonly fields: ReadonlyArray<Argument>
  /** How many steps will run. */
  readonly left: number
}

const written = new WeakMap<Plan, Map<string, Written>>()

/** How many shapes of runs are cached for one plan. */
const MAX_SHAPES = 1_000

/** Encodes the plan of a run together with the run's shape. The result is cached. */
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
    // Bounded, because each different delay or time limit makes another shape.
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
      ...[PLAN.version, key, PLAN.shape, shape, PLAN.steps, text, PLAN.first, JSON.stringify(first)],
      ...[PLAN.size, steps.length]
    ],
    left: plan.steps.reduce((sum, { initial }) => sum + (initial === undefined ? 1 : 0), 0)
  }
}

// Short names, because scripts decode a step each time they run it. Indices are texts, because scripts build keys from them.
// Some empty lists are left out: cjson would encode them as objects.
const codeOf = (step: PlanStep, { steps }: Plan) => ({
  [STEP.name]: step.name,
  [STEP.waits]: step.waits,
  [STEP.releases]: step.releases.map(String),
  // Whether the steps that wait for it wait for no other step.
  [STEP.isSoleInput]:
    (step.releases.length > 0 && step.releases.every((other) => steps[other]!.waits === 1)) || undefined,
  [STEP.reads]: step.reads,
  [STEP.losses]: step.losses?.map(({ step: other, group }) => [String(other), group]),
  [STEP.groups]: step.groups,
  [STEP.branch]: step.branch === undefined ? undefined : String(step.branch),
  [STEP.arms]: step.arms && { yes: step.arms.yes.map(String), no: step.arms.no.map(String) },
  [STEP.isProbed]: step.probed === true || undefined,
  [STEP.expands]: step.expands && {
    [EXPANDS.inOrder]: step.expands.inOrder || undefined,
    [EXPANDS.max]: step.expands.max,
    [EXPANDS.outputs]: step.expands.outputs,
    [EXPANDS.lists]: step.expands.lists,
    [EXPANDS.onFailure]: step.expands.onFailure?.[0],
    [EXPANDS.tolerated]: step.expands.tolerated
  },
  [STEP.limits]: step.limits?.length === 0 ? undefined : step.limits,
  [STEP.isVital]: step.vital || undefined,
  [STEP.initial]: step.initial && 1
})

/** Decodes the steps. */
export const read = (text: string): Steps => JSON.parse(text) as Steps
