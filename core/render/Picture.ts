/**
 * The graph that every rendering draws: nodes, edges, and boxes around the steps of nested pipelines and of groups. A picture
 * depends only on the pipeline; `ofRun` adds the states of a run, so that layouts can be kept.
 */
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { ArmName, Box, Kind } from "../pipeline/Step.ts"
import type { Run, StepState } from "../run/Run.ts"

/** A step, or a box that is drawn as one node. */
export interface Node {
  /** The name of the step or of the box. */
  readonly name: string
  /** The name without the names of the box and of the arm of a branch around it. */
  readonly label: string
  readonly kind: Kind | Box["kind"]
  /** The number of steps that it stands for. */
  readonly steps: number
  /** The index of the box around it; -1 for none. */
  readonly box: number
  readonly state?: State
}

/** The state of a node in a run. */
export interface State {
  readonly status: StepState["status"]
  /** Completed and all items; undefined for a step without items. */
  readonly progress?: { readonly done: number; readonly total: number }
  readonly itemsFailed: number
  readonly attempts: number
  /** The duration of the last attempt, in milliseconds; undefined until it ends. */
  readonly durationMillis?: number
}

/** A dependency: `to` runs after `from`. Both are indices of nodes. A branch has edges only to the first steps of its arms. */
export interface Edge {
  readonly from: number
  readonly to: number
  /** The arm of the branch `from` that contains `to`. */
  readonly arm?: ArmName
}

/** A box around nodes. */
export interface Frame {
  readonly name: string
  readonly label: string
  readonly kind: Box["kind"]
  /** The index of the box around it, which is lower than its own; -1 for none. */
  readonly box: number
}

/** A pipeline as nodes, edges and boxes. */
export interface Picture {
  readonly id: string
  readonly nodes: ReadonlyArray<Node>
  readonly edges: ReadonlyArray<Edge>
  readonly boxes: ReadonlyArray<Frame>
  /** Whether each outermost box is drawn as one node, because the pipeline has more than `MAX_STEPS` steps. */
  readonly isCollapsed: boolean
  /** The index of each step's node, in the order of the pipeline's steps. */
  readonly places: ReadonlyArray<number>
}

/** The most steps that are drawn one by one. */
export const MAX_STEPS = 5_000

type Source = Pick<Pipeline.Any, "id" | "steps" | "dag">

/** The picture of a pipeline. */
export const make = (pipeline: Source): Picture => {
  const picture = whole(pipeline)
  return pipeline.steps.length > MAX_STEPS && picture.boxes.length > 0 ? collapsed(picture) : picture
}

/** The picture with the states of a run. A step that the run does not have gets no state. */
export const ofRun = (picture: Picture, { steps }: Source, run: Pick<Run, "steps">): Picture => {
  const states = new Map(run.steps.map((state) => [state.name, state]))
  const members: ReadonlyArray<Array<State>> = picture.nodes.map(() => [])
  for (const [at, step] of steps.entries()) {
    const state = states.get(step.name)
    if (state !== undefined) members[picture.places[at]!]!.push(stateOf(state, step.over.length > 0))
  }
  const nodes = picture.nodes.map((node, at) => {
    const state = together(members[at]!)
    return state === undefined ? node : { ...node, state }
  })
  return { ...picture, nodes }
}

/** The picture of a pipeline, with the states of a run if there is one. */
export const of = (pipeline: Source, run: Pick<Run, "steps"> | undefined): Picture => {
  const picture = make(pipeline)
  return run === undefined ? picture : ofRun(picture, pipeline, run)
}

const whole = ({ id, steps, dag }: Source): Picture => {
  const indices = new Map<string, number>()
  const boxes: Array<Frame> = []
  const nodes = steps.map((step): Node => {
    let box = -1
    for (const { kind, name } of step.boxes) {
      let at = indices.get(name)
      if (at === undefined) {
        at = boxes.length
        indices.set(name, at)
        boxes.push({ name, label: labelOf(name, boxes[box]), kind, box })
      }
      box = at
    }
    const arm = step.within[step.within.length - 1]
    // The edge from the branch shows the arm.
    const prefix = arm === undefined ? "" : `${arm.branch}.${arm.arm}.`
    const label = prefix !== "" && step.name.startsWith(prefix) ? step.name.slice(prefix.length) : step.name
    return { name: step.name, label: labelOf(label, boxes[box]), kind: step.kind, steps: 1, box }
  })
  const edges = dag.dependents.flatMap((dependents, from) => {
    if (steps[from]!.kind !== "branch") return dependents.map((to): Edge => ({ from, to }))
    const { name } = steps[from]!
    const armOf = (at: number) => steps[at]!.within.find(({ branch }) => branch === name)?.arm
    return dependents.flatMap((to): ReadonlyArray<Edge> => {
      const arm = armOf(to)
      if (arm === undefined) return [{ from, to }]
      // Every step of an arm needs the branch. Only the first steps of the arm are drawn so.
      const isFirst = dag.dependencies[to]!.every((at) => armOf(at) !== arm)
      return isFirst ? [{ from, to, arm }] : []
    })
  })
  return { id, nodes, edges, boxes, isCollapsed: false, places: steps.map((_, at) => at) }
}

/** The name without the name of the box around it. A step that has the name of its box gets the box's label. */
const labelOf = (name: string, box: Frame | undefined): string => {
  if (box === undefined) return name
  if (name === box.name) return box.label
  return name.startsWith(`${box.name}.`) ? name.slice(box.name.length + 1) : name
}

const stateOf = (state: StepState, hasItems: boolean): State => {
  const { status, itemsFailed, attempts, progress, startedAtMillis, completedAtMillis } = state
  const hasEnded = startedAtMillis !== undefined && completedAtMillis !== undefined
  return {
    status,
    itemsFailed,
    attempts,
    ...(hasItems && progress !== undefined && { progress }),
    ...(hasEnded && { durationMillis: Math.max(0, completedAtMillis - startedAtMillis) })
  }
}

/** The same picture with one node for each outermost box. */
const collapsed = ({ id, nodes, edges, boxes }: Picture): Picture => {
  const outermost: Array<number> = []
  for (const [at, { box }] of boxes.entries()) outermost.push(box === -1 ? at : outermost[box]!)
  const kept: Array<Node> = []
  const counts: Array<number> = []
  const nodeOfBox = new Map<number, number>()
  const places = nodes.map((node) => {
    const box = node.box === -1 ? -1 : outermost[node.box]!
    let place = nodeOfBox.get(box)
    if (box === -1 || place === undefined) {
      place = kept.length
      if (box !== -1) nodeOfBox.set(box, place)
      const { name, label, kind } = box === -1 ? node : boxes[box]!
      kept.push({ name, label, kind, steps: 1, box: -1 })
      counts.push(0)
    }
    counts[place]!++
    return place
  })
  const seen = new Set<number>()
  const between = edges.flatMap(({ from, to, arm }): ReadonlyArray<Edge> => {
    const edge = { from: places[from]!, to: places[to]! }
    const key = edge.from * kept.length + edge.to
    if (edge.from === edge.to || seen.has(key)) return []
    seen.add(key)
    // The arm of a branch inside a box says nothing about the whole box.
    return [arm === undefined || nodes[from]!.box !== -1 ? edge : { ...edge, arm }]
  })
  const all = kept.map((node, at) => ({ ...node, steps: counts[at]! }))
  return { id, nodes: all, edges: between, boxes: [], isCollapsed: true, places }
}

/** Every status, from the one that most needs attention to the one that least does. */
const URGENCY: ReadonlyArray<State["status"]> = ["FAILED", "RUNNING", "CANCELLED", "PENDING", "COMPLETED", "SKIPPED"]

/** The state of a node that stands for several steps: its most urgent status, and how many of its steps have ended well. */
const together = (states: ReadonlyArray<State>): State | undefined => {
  if (states.length <= 1) return states[0]
  const status = URGENCY.find((one) => states.some((state) => state.status === one))!
  const done = states.filter((state) => state.status === "COMPLETED" || state.status === "SKIPPED").length
  return { status, itemsFailed: 0, attempts: 0, progress: { done, total: states.length } }
}
