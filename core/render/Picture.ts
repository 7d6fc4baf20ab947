/**
 * What a picture of a pipeline shows, and of a run where one is given: steps, edges, and boxes around the steps of nested
 * pipelines and of groups.
 */
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { ArmName, Box, Kind, Step } from "../pipeline/Step.ts"
import type { Run, StepState } from "../run/Run.ts"

/** A step, or a box that is drawn as one node. */
export interface Node {
  /** The step's name, or the box's. */
  readonly name: string
  /** What is written on it: its name without those of the boxes around it. */
  readonly label: string
  readonly kind: Kind | Box["kind"]
  /** How many steps it stands for. */
  readonly steps: number
  /** The box that it is in, by index; -1 when it is in none. */
  readonly box: number
  readonly state?: State
}

/** Where a step of a run is. */
export interface State {
  readonly status: StepState["status"]
  /** How many items are done, of how many; undefined for a step without items. */
  readonly progress?: { readonly done: number; readonly total: number }
  readonly itemsFailed: number
  readonly attempts: number
  /** How long its last attempt took, in milliseconds; undefined while it has not ended. */
  readonly durationMillis?: number
}

/** A dependency: `to` runs after `from`. Both are indices of nodes. */
export interface Edge {
  readonly from: number
  readonly to: number
  /** Of an edge from a branch: the arm that leads there. */
  readonly arm?: ArmName
}

/** A box around nodes. */
export interface Frame {
  readonly name: string
  readonly label: string
  readonly kind: Box["kind"]
  /** The box around it, by index; -1 when there is none. A box comes after those around it. */
  readonly box: number
}

export interface Picture {
  readonly id: string
  readonly nodes: ReadonlyArray<Node>
  readonly edges: ReadonlyArray<Edge>
  readonly boxes: ReadonlyArray<Frame>
  /** Whether boxes are drawn as nodes, because there are so many steps. */
  readonly isCollapsed: boolean
}

/** From how many steps on boxes are drawn as nodes. */
export const MAX_STEPS = 5_000

/** The picture of a pipeline, or of a run of it. Steps that the run does not have, have no state. */
export const make = (pipeline: Pick<Pipeline.Any, "id" | "steps" | "dag">, run?: Pick<Run, "steps">): Picture => {
  const states = new Map(run?.steps.map((state) => [state.name, state]))
  const picture = whole(pipeline, states)
  return pipeline.steps.length > MAX_STEPS && picture.boxes.length > 0 ? collapsed(picture) : picture
}

const whole = (
  { id, steps, dag }: Pick<Pipeline.Any, "id" | "steps" | "dag">,
  states: ReadonlyMap<string, StepState>
): Picture => {
  const indices = new Map<string, number>()
  const boxes: Array<Frame> = []
  const boxOf = (step: Step): number => {
    let inner = -1
    for (const { kind, name } of step.boxes) {
      let at = indices.get(name)
      if (at === undefined) {
        at = boxes.length
        indices.set(name, at)
        boxes.push({ name, label: within(name, boxes[inner]?.name), kind, box: inner })
      }
      inner = at
    }
    return inner
  }
  const nodes = steps.map((step): Node => {
    const box = boxOf(step)
    const state = states.get(step.name)
    const label = within(step.name, boxes[box]?.name)
    return { name: step.name, label, kind: step.kind, steps: 1, box, ...(state && { state: stateOf(step, state) }) }
  })
  const edges = dag.dependents.flatMap((dependents, from) =>
    dependents.map((to): Edge => {
      const arm = steps[from]!.kind === "branch" ? armOf(steps[from]!.name, steps[to]!) : undefined
      return arm === undefined ? { from, to } : { from, to, arm }
    })
  )
  return { id, nodes, edges, boxes, isCollapsed: false }
}

/** A name without that of the box around it. */
const within = (name: string, box: string | undefined): string =>
  box !== undefined && name.startsWith(`${box}.`) ? name.slice(box.length + 1) : name

const armOf = (branch: string, step: Step): ArmName | undefined => step.within.find((arm) => arm.branch === branch)?.arm

const stateOf = ({ over }: Step, state: StepState): State => {
  const { status, itemsFailed, attempts, progress, startedAtMillis, completedAtMillis } = state
  const isOver = startedAtMillis !== undefined && completedAtMillis !== undefined
  return {
    status,
    itemsFailed,
    attempts,
    ...(over.length > 0 && progress !== undefined && { progress }),
    ...(isOver && { durationMillis: Math.max(0, completedAtMillis - startedAtMillis) })
  }
}

/** The same with each outermost box as one node. */
const collapsed = ({ id, nodes, edges, boxes }: Picture): Picture => {
  const outermost = boxes.map((_, at) => {
    let box = at
    while (boxes[box]!.box !== -1) box = boxes[box]!.box
    return box
  })
  const kept: Array<Node> = []
  const members: Array<Array<Node>> = []
  const places = new Map<number, number>()
  const placeOf = nodes.map((node) => {
    const box = node.box === -1 ? undefined : outermost[node.box]!
    const known = box === undefined ? undefined : places.get(box)
    if (known !== undefined) {
      members[known]!.push(node)
      return known
    }
    if (box !== undefined) places.set(box, kept.length)
    const frame = box === undefined ? undefined : boxes[box]!
    members.push([node])
    kept.push(
      frame === undefined ? node : { name: frame.name, label: frame.label, kind: frame.kind, steps: 1, box: -1 }
    )
    return kept.length - 1
  })
  const seen = new Set<number>()
  const between: Array<Edge> = []
  for (const edge of edges) {
    const [from, to] = [placeOf[edge.from]!, placeOf[edge.to]!]
    const key = from * kept.length + to
    if (from === to || seen.has(key)) continue
    seen.add(key)
    between.push({ ...edge, from, to })
  }
  const all = kept.map((node, at) => {
    const state = together(members[at]!)
    return { ...node, steps: members[at]!.length, ...(state && { state }) }
  })
  return { id, nodes: all, edges: between, boxes: [], isCollapsed: true }
}

/** What is most worth knowing of several steps, first. */
const URGENCY: ReadonlyArray<State["status"]> = ["FAILED", "RUNNING", "CANCELLED", "PENDING", "COMPLETED", "SKIPPED"]

const together = (nodes: ReadonlyArray<Node>): State | undefined => {
  if (nodes.length === 1) return nodes[0]!.state
  const states = nodes.flatMap(({ state }) => (state === undefined ? [] : [state]))
  const status = URGENCY.find((one) => states.some((state) => state.status === one))
  if (status === undefined) return undefined
  const done = states.filter((state) => state.status === "COMPLETED" || state.status === "SKIPPED").length
  return { status, itemsFailed: 0, attempts: 0, progress: { done, total: nodes.length } }
}
