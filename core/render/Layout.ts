/**
 * Places the steps, edges and boxes of a pipeline. A box is laid out by itself and is then one node of the container around it.
 * Lengths are in CSS pixels; the origin is the upper left corner.
 */
import * as Result from "effect/Result"
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { ArmName } from "../pipeline/Step.ts"
import { LayoutTooLarge } from "../values/Errors.ts"
import type { Engine, FlatGraph, FlatLayout, Limits, Point, Size } from "./FlatGraph.ts"
import { layers } from "./Layers.ts"
import { type Container, containersOf } from "./Nesting.ts"
import { DETAIL_PIXELS, MAX_WIDTH, sizeOf } from "./NodeSize.ts"
import * as Picture from "./Picture.ts"
import { textWidth } from "./TextWidth.ts"

export type { Engine, FlatGraph, FlatLayout, Limits, Point, Size } from "./FlatGraph.ts"

/** A place and a size; `x` and `y` are the upper left corner. */
export interface Rectangle extends Point, Size {}

/** A step, or a box that is drawn as one node. */
export interface PlacedNode extends Rectangle {
  /** The name of the step or of the box. */
  readonly name: string
  /** The name without the names of the box and of the arm of a branch around it. */
  readonly label: string
  readonly kind: Picture.Node["kind"]
  /** The number of steps that it stands for. */
  readonly steps: number
}

/** A dependency as a line through points, each below the one before. `from` and `to` are indices of nodes. */
export interface PlacedEdge {
  readonly from: number
  readonly to: number
  /** The arm of the branch `from` that contains `to`. */
  readonly arm?: ArmName
  readonly points: ReadonlyArray<Point>
}

/** The box around the steps of a nested pipeline or of a group. */
export interface PlacedBox extends Rectangle {
  readonly name: string
  readonly label: string
  readonly kind: Picture.Frame["kind"]
}

/** Where everything is. */
export interface Layout extends Size {
  /** The name of the engine: `dagre` or `layers`. */
  readonly engine: string
  /** Whether each outermost box is one node, because the pipeline has more than 5,000 steps. */
  readonly isCollapsed: boolean
  /** In the order of the pipeline's steps. */
  readonly nodes: ReadonlyArray<PlacedNode>
  readonly edges: ReadonlyArray<PlacedEdge>
  /** Outer boxes come before inner ones. A box is left out if a step outside it both needs and feeds steps inside. */
  readonly boxes: ReadonlyArray<PlacedBox>
}

/** The largest picture. Its layout takes a fraction of a second, as `npm run bench -- pictures` measures. */
const MAX_NODES = 5_000
const MAX_EDGES = 20_000

const MARGIN = 16
/** The height of a box's title, above the nodes in the box. */
const BOX_HEAD = 26
const BOX_PADDING = 14

/** The layers of this library: linear in nodes and edges. */
export const LAYERS: Engine = {
  name: "layers",
  limits: { steps: Number.POSITIVE_INFINITY, length: Number.POSITIVE_INFINITY },
  layout: layers
}

/** Lays out a pipeline. Default engine: `LAYERS`, which every other engine falls back to for large pipelines. Throws `LayoutTooLarge` for more than 5,000 nodes or 20,000 edges. */
export const make = (pipeline: Pipeline.Any, engine: Engine = LAYERS): Layout =>
  Result.getOrThrow(fromPipeline(pipeline, engine))

/** Lays out a pipeline. Fails for more than 5,000 nodes or 20,000 edges. */
export const fromPipeline = (
  pipeline: Pick<Pipeline.Any, "id" | "steps" | "dag">,
  engine: Engine
): Result.Result<Layout, LayoutTooLarge> => {
  const picture = Picture.make(pipeline)
  const { nodes, edges } = picture
  return nodes.length > MAX_NODES || edges.length > MAX_EDGES
    ? Result.fail(new LayoutTooLarge(pipeline.id, nodes.length, edges.length, MAX_NODES, MAX_EDGES))
    : Result.succeed(new Placing(picture, isWithin(engine.limits, pipeline) ? engine : LAYERS).layout)
}

/** Whether a pipeline is within the limits of an engine. */
export const isWithin = (limits: Limits, { dag }: Pick<Pipeline.Any, "dag">): boolean => {
  if (dag.names.length > limits.steps) return false
  let length = 0
  for (const [node, needs] of dag.dependencies.entries()) {
    for (const needed of needs) length += dag.depths[node]! - dag.depths[needed]!
  }
  return length <= limits.length
}

/** The layout of a container, with the sizes of its items. */
type Flat = FlatLayout & Pick<FlatGraph, "sizes">

/** Lays out inner boxes first, then places outer ones first. */
class Placing {
  readonly layout: Layout
  readonly #picture: Picture.Picture
  readonly #engine: Engine
  readonly #nodes: Array<Rectangle> = []
  readonly #boxes: Map<number, Rectangle> = new Map()
  readonly #routes: Array<ReadonlyArray<Point>> = []

  constructor(picture: Picture.Picture, engine: Engine) {
    this.#picture = picture
    this.#engine = engine
    const { outermost, all } = containersOf(picture)
    const flats = new Map<Container, Flat>()
    // Inner containers come after those around them.
    for (const container of [...all].reverse()) flats.set(container, this.#flat(container, flats))
    for (const container of all) this.#place(container, flats.get(container)!)
    for (const container of all) this.#route(container, flats.get(container)!)
    const { width, height } = flats.get(outermost)!
    this.layout = {
      width: width + 2 * MARGIN,
      height: height + 2 * MARGIN,
      engine: engine.name,
      isCollapsed: picture.isCollapsed,
      nodes: picture.nodes.map(({ name, label, kind, steps }, at) => ({
        name,
        label,
        kind,
        steps,
        ...this.#nodes[at]!
      })),
      edges: picture.edges.map((edge, at) => ({ ...edge, points: this.#routes[at]! })),
      boxes: [...this.#boxes].map(([at, rectangle]) => {
        const { name, label, kind } = picture.boxes[at]!
        return { name, label, kind, ...rectangle }
      })
    }
  }

  #flat(container: Container, flats: ReadonlyMap<Container, Flat>): Flat {
    const sizes = container.items.map((item) =>
      typeof item === "number" ? sizeOf(this.#picture.nodes[item]!) : boxSize(this.#picture, item, flats.get(item)!)
    )
    return { sizes, ...this.#engine.layout({ sizes, edges: container.edges }) }
  }

  /** Places the items of a container that is placed itself. */
  #place(container: Container, { sizes, centres }: Flat): void {
    const origin = this.#originOf(container)
    for (const [at, item] of container.items.entries()) {
      const centre = centres[at]!
      const size = sizes[at]!
      const rectangle = {
        x: round(origin.x + centre.x - size.width / 2),
        y: round(origin.y + centre.y - size.height / 2),
        ...size
      }
      if (typeof item === "number") this.#nodes[item] = rectangle
      else this.#boxes.set(item.box, rectangle)
    }
  }

  #originOf({ box }: Container): Point {
    const around = this.#boxes.get(box)
    return around === undefined ? { x: MARGIN, y: MARGIN } : { x: around.x + BOX_PADDING, y: around.y + BOX_HEAD }
  }

  /** Places the edges of a container, extended to the steps in its boxes. */
  #route(container: Container, { routes }: FlatLayout): void {
    const origin = this.#originOf(container)
    for (const [edge, at] of container.routed) {
      const { from, to } = this.#picture.edges[edge]!
      const points = routes[at]!.map(({ x, y }) => ({ x: round(origin.x + x), y: round(origin.y + y) }))
      const [start, end] = [this.#nodes[from]!, this.#nodes[to]!]
      const arrival = points[points.length - 1]!
      // An end at a box is extended to the step inside; an end at a step stays away from its corners.
      if (points[0]!.y > start.y + start.height + 1) points.unshift(middleOf(start, start.height))
      else points[0] = { x: near(start, points[0]!.x), y: start.y + start.height }
      if (arrival.y < end.y - 1) points.push(middleOf(end, 0))
      else points[points.length - 1] = { x: near(end, arrival.x), y: end.y }
      this.#routes[edge] = points
    }
  }
}

const middleOf = ({ x, y, width }: Rectangle, below: number): Point => ({ x: round(x + width / 2), y: y + below })

/** The nearest x on the border of a rectangle that is not at a corner. */
const near = ({ x, width }: Rectangle, wanted: number): number =>
  round(Math.min(Math.max(wanted, x + 14), x + width - 14))

const boxSize = ({ boxes }: Picture.Picture, { box }: Container, { width, height }: Size): Size => ({
  width: Math.max(width, Math.min(textWidth(boxes[box]!.label, DETAIL_PIXELS), MAX_WIDTH)) + 2 * BOX_PADDING,
  height: height + BOX_HEAD + BOX_PADDING
})

const round = (length: number): number => Math.round(length * 10) / 10
