/** The JSON types of pictures, and their conversion from the core's values. */
import { criticalPath } from "../../../core/pipeline/Dag.ts"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import type { Layout, PlacedBox, PlacedEdge, PlacedNode } from "../../../core/render/Layout.ts"
import { of, type State } from "../../../core/render/Picture.ts"
import type { Run } from "../../../core/run/Run.ts"

/** A place and a size, in CSS pixels; `x` and `y` are the upper left corner. */
export interface RectangleJson {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** The state of a node in a run. */
export interface NodeState {
  readonly status: State["status"]
  readonly attempts: number
  readonly items_failed: number
  readonly progress: State["progress"] | null
  readonly duration_ms: number | null
}

/** `GET /pipelines/{id}/dag/layout`. */
export interface LayoutJson {
  readonly engine: string
  /** The version of the pipeline. */
  readonly version: string
  readonly width: number
  readonly height: number
  /** Whether each outermost group or nested pipeline is one node, because there are more than 5,000 steps. */
  readonly collapsed: boolean
  readonly nodes: ReadonlyArray<
    RectangleJson & {
      readonly name: string
      readonly label: string
      readonly kind: PlacedNode["kind"]
      readonly steps: number
      /** With `run`: its state; absent if the run does not have the step. */
      readonly state?: NodeState
    }
  >
  readonly edges: ReadonlyArray<{
    readonly from: number
    readonly to: number
    readonly arm?: "yes" | "no"
    readonly points: ReadonlyArray<readonly [x: number, y: number]>
  }>
  readonly boxes: ReadonlyArray<
    RectangleJson & { readonly name: string; readonly label: string; readonly kind: PlacedBox["kind"] }
  >
}

const stateOf = ({ status, attempts, itemsFailed, progress, durationMillis }: State): NodeState => ({
  status,
  attempts,
  items_failed: itemsFailed,
  progress: progress ?? null,
  duration_ms: durationMillis ?? null
})

const edgeOf = ({ from, to, arm, points }: PlacedEdge): LayoutJson["edges"][number] => ({
  from,
  to,
  ...(arm !== undefined && { arm }),
  points: points.map(({ x, y }) => [x, y])
})

/** Converts the layout of a pipeline, with the states of a run. */
export const layout = (pipeline: Pipeline, { engine, isCollapsed, ...placed }: Layout, run?: Run): LayoutJson => {
  const { nodes } = of(pipeline, run)
  return {
    engine,
    version: pipeline.version,
    width: placed.width,
    height: placed.height,
    collapsed: isCollapsed,
    nodes: placed.nodes.map((node, at) => {
      const { state } = nodes[at]!
      return state === undefined ? node : { ...node, state: stateOf(state) }
    }),
    edges: placed.edges.map(edgeOf),
    boxes: placed.boxes
  }
}

/** `GET /pipelines/{id}/dag/critical-path`. */
export interface CriticalPathJson {
  readonly pipeline_id: string
  /** The names of the steps, each after the one that it needs. */
  readonly critical_path: ReadonlyArray<string>
  /** The number of steps; with `run`, the sum of their durations in milliseconds. */
  readonly length: number
  /** The run that was measured; null without `run`. */
  readonly task_id: string | null
  /** The duration of each step's last attempt, null if it has not ended; null without `run`. */
  readonly durations_ms: ReadonlyArray<number | null> | null
}

/** The longest path by number of steps; with a run, by the durations of their last attempts. */
export const criticalPathOf = (pipeline: Pipeline, run?: Run): CriticalPathJson => {
  const durations = new Map(
    (run?.steps ?? []).flatMap(({ name, startedAtMillis, completedAtMillis }) =>
      startedAtMillis === undefined || completedAtMillis === undefined
        ? []
        : [[name, Math.max(0, completedAtMillis - startedAtMillis)]]
    )
  )
  // Durations are whole milliseconds, and the parts for all steps add up to less than one: of equally long paths, the one with
  // most steps is taken.
  const each = 1 / (1 + pipeline.dag.names.length)
  const { path } = criticalPath(pipeline.dag, (name) => (durations.get(name) ?? 0) + each)
  const lengths = path.map((name) => durations.get(name) ?? null)
  return {
    pipeline_id: pipeline.id,
    critical_path: path,
    length: run === undefined ? path.length : lengths.reduce((sum: number, millis) => sum + (millis ?? 0), 0),
    task_id: run?.id ?? null,
    durations_ms: run === undefined ? null : lengths
  }
}
