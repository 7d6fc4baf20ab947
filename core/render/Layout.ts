/**
 * Where the steps, edges and boxes of a picture are. A box is laid out by itself and is then one node of what is around it.
 * Lengths are in CSS pixels; the origin is the upper left corner.
 */
import * as Result from "effect/Result"
import type { ArmName } from "../pipeline/Step.ts"
import type { Engine, FlatLayout, Point, Size } from "./FlatGraph.ts"
import { layers } from "./Layers.ts"
import { type Container, containersOf } from "./Nesting.ts"
import type { Edge, Frame, Node, Picture } from "./Picture.ts"
import { textWidth } from "./TextWidth.ts"

export interface Rectangle extends Point, Size {}

/** A node where it is drawn. */
export interface PlacedNode extends Rectangle {
  readonly name: string
  readonly label: string
  readonly kind: Node["kind"]
  readonly steps: number
}

/** An edge as a line through points. */
export interface PlacedEdge {
  readonly from: number
  readonly to: number
  readonly arm?: ArmName
  readonly points: ReadonlyArray<Point>
}

export interface PlacedBox extends Rectangle {
  readonly name: string
  readonly label: string
  readonly kind: Frame["kind"]
}

export interface Layout extends Size {
  /** What laid it out: `dagre` or `layers`. */
  readonly engine: string
  readonly isCollapsed: boolean
  /** In the order of the picture's nodes. */
  readonly nodes: ReadonlyArray<PlacedNode>
  readonly edges: ReadonlyArray<PlacedEdge>
  /** Without those that can't be drawn as one box, because other steps stand between their own. Outer ones come first. */
  readonly boxes: ReadonlyArray<PlacedBox>
}

/** A picture that has too many nodes or edges to be laid out. */
export class LayoutTooLarge extends Error {
  readonly _tag = "LayoutTooLarge"
  override readonly name = "LayoutTooLarge"

  constructor(nodes: number, edges: number) {
    super(
      `A graph of ${nodes} nodes and ${edges} edges is too large for a picture: ${MAX_NODES} nodes and ${MAX_EDGES} edges at most. Draw its DOT text instead, or put steps into groups or nested pipelines`
    )
  }
}

const MAX_NODES = 20_000
const MAX_EDGES = 100_000

const MARGIN = 16
const NODE_HEIGHT = 46
const MIN_WIDTH = 136
const MAX_WIDTH = 260
/** Above the nodes of a box there is its name. */
const BOX_HEAD = 26
const BOX_PADDING = 14

/** Font sizes of what is written on a node, in pixels. */
export const LABEL_PIXELS = 13
export const DETAIL_PIXELS = 11

/** The layers of this library: linear in nodes and edges, whatever their number. */
export const LAYERS: Engine = { name: "layers", layout: layers }

/** Lays out a picture. Fails when it is too large. */
export const make = (picture: Picture, engine: Engine = LAYERS): Result.Result<Layout, LayoutTooLarge> => {
  const { nodes, edges } = picture
  if (nodes.length > MAX_NODES || edges.length > MAX_EDGES) {
    return Result.fail(new LayoutTooLarge(nodes.length, edges.length))
  }
  return Result.succeed(new Placing(picture, engine).layout)
}

/** Places what is in the boxes first, and then the boxes. */
class Placing {
  readonly layout: Layout
  readonly #picture: Picture
  readonly #engine: Engine
  #isByEngine = true
  readonly #nodes: Array<Rectangle> = []
  readonly #boxes: Map<number, Rectangle> = new Map()
  readonly #routes: Array<ReadonlyArray<Point>> = []

  constructor(picture: Picture, engine: Engine) {
    this.#picture = picture
    this.#engine = engine
    const { outermost, all } = containersOf(picture)
    const flats = new Map<Container, FlatLayout>()
    // Inner containers come after those around them.
    for (const container of [...all].reverse()) flats.set(container, this.#flat(container, flats))
    for (const container of all) this.#place(container, flats)
    for (const container of all) this.#route(container, flats.get(container)!)
    const { width, height } = flats.get(outermost)!
    this.layout = {
      width: width + 2 * MARGIN,
      height: height + 2 * MARGIN,
      engine: this.#isByEngine ? engine.name : LAYERS.name,
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

  #flat(container: Container, flats: ReadonlyMap<Container, FlatLayout>): FlatLayout {
    const sizes = container.items.map((item) =>
      typeof item === "number" ? sizeOf(this.#picture.nodes[item]!) : boxSize(this.#picture, item, flats.get(item)!)
    )
    const graph = { sizes, edges: container.edges }
    const laidOut = this.#engine.layout(graph)
    if (laidOut === undefined) this.#isByEngine = false
    return laidOut ?? layers(graph)
  }

  /** Where the items of a container are, when it is placed itself. */
  #place(container: Container, flats: ReadonlyMap<Container, FlatLayout>): void {
    const { centres } = flats.get(container)!
    const origin = this.#originOf(container)
    for (const [at, item] of container.items.entries()) {
      const centre = centres[at]!
      const isNode = typeof item === "number"
      const size = isNode ? sizeOf(this.#picture.nodes[item]!) : boxSize(this.#picture, item, flats.get(item)!)
      const rectangle = {
        x: round(origin.x + centre.x - size.width / 2),
        y: round(origin.y + centre.y - size.height / 2),
        ...size
      }
      if (isNode) this.#nodes[item] = rectangle
      else this.#boxes.set(item.box, rectangle)
    }
  }

  #originOf({ box }: Container): Point {
    const around = this.#boxes.get(box)
    return around === undefined ? { x: MARGIN, y: MARGIN } : { x: around.x + BOX_PADDING, y: around.y + BOX_HEAD }
  }

  /** The edges of a container, led on to the steps in its boxes. */
  #route(container: Container, { routes }: FlatLayout): void {
    const origin = this.#originOf(container)
    for (const [edge, at] of container.routed) {
      const { from, to } = this.#picture.edges[edge] as Edge
      const points = routes[at]!.map(({ x, y }) => ({ x: round(origin.x + x), y: round(origin.y + y) }))
      const [start, end] = [this.#nodes[from]!, this.#nodes[to]!]
      const arrival = points[points.length - 1]!
      // Into a box, the line goes on to the step; on a step, it begins and ends at the middle part of its border.
      if (points[0]!.y > start.y + start.height + 1) points.unshift(middleOf(start, start.height))
      else points[0] = { x: near(start, points[0]!.x), y: start.y + start.height }
      if (arrival.y < end.y - 1) points.push(middleOf(end, 0))
      else points[points.length - 1] = { x: near(end, arrival.x), y: end.y }
      this.#routes[edge] = points
    }
  }
}

const middleOf = ({ x, y, width }: Rectangle, below: number): Point => ({ x: round(x + width / 2), y: y + below })

/** The place on a border that is nearest, and not at a corner. */
const near = ({ x, width }: Rectangle, wanted: number): number =>
  round(Math.min(Math.max(wanted, x + 14), x + width - 14))

const boxSize = ({ boxes }: Picture, { box }: Container, { width, height }: Size): Size => ({
  width: Math.max(width, Math.min(textWidth(boxes[box]!.label, DETAIL_PIXELS), MAX_WIDTH)) + 2 * BOX_PADDING,
  height: height + BOX_HEAD + BOX_PADDING
})

const sizeOf = ({ label }: Node): Size => ({
  width: Math.ceil(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, textWidth(label, LABEL_PIXELS) + 28))),
  height: NODE_HEIGHT
})

const round = (length: number): number => Math.round(length * 10) / 10
