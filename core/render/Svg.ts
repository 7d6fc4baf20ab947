/**
 * Renders a pipeline as an SVG document: light or dark as its reader prefers, without scripts, fonts or links, and with roles for
 * screen readers. Source: https://www.w3.org/TR/graphics-aria-1.0/
 */
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { Run } from "../run/Run.ts"
import type { Point } from "./FlatGraph.ts"
import * as Layout from "./Layout.ts"
import { DETAIL_PIXELS, LABEL_PIXELS } from "./NodeSize.ts"
import * as Picture from "./Picture.ts"
import { fitted } from "./TextWidth.ts"
import { countOf, kindOf, shown, statusOf } from "./Words.ts"

interface Colours {
  readonly ground: string
  readonly ink: string
  readonly dim: string
  readonly line: string
  readonly node: string
  /** For each status the colour of the border and of the text, and the colour inside. */
  readonly status: Readonly<Record<string, readonly [ink: string, node: string]>>
}

// Texts have a contrast of at least 4.5 with the colour behind them.
const LIGHT: Colours = {
  ground: "#ffffff",
  ink: "#1c2024",
  dim: "#60646c",
  line: "#8b8d98",
  node: "#f9f9fb",
  status: {
    RUNNING: ["#0b68cb", "#eef6ff"],
    COMPLETED: ["#1f7a3d", "#f0faf3"],
    FAILED: ["#c62a2f", "#fff1f1"],
    CANCELLED: ["#8a5000", "#fff8e8"]
  }
}
const DARK: Colours = {
  ground: "#111113",
  ink: "#edeef0",
  dim: "#b0b4ba",
  line: "#797b86",
  node: "#1c1d21",
  status: {
    RUNNING: ["#70b8ff", "#10233a"],
    COMPLETED: ["#5fce7f", "#132a1b"],
    FAILED: ["#ff9592", "#3b1618"],
    CANCELLED: ["#ffca16", "#2f2408"]
  }
}

/** The class of the document. Every rule of the style begins with it, so that a page with the picture in it keeps its own style. */
const SCOPE = ".levada-dag"

// Colours are no custom properties, because librsvg does not know these.
const coloured = ({ ground, ink, dim, line, node, status }: Colours): ReadonlyArray<string> => [
  `.ground{fill:${ground}}`,
  `.arm{stroke:${ground}}`,
  `text{fill:${ink}}`,
  `.detail{fill:${dim}}`,
  `.edge{stroke:${line}}`,
  `.shape{stroke:${line};fill:${node}}`,
  `.box{stroke:${line};fill:${line};fill-opacity:.1}`,
  `.head{fill:${line}}`,
  `.SKIPPED .label{fill:${dim}}`,
  ...Object.entries(status).flatMap(([name, [border, inside]]) => [
    `.${name} .shape{stroke:${border};fill:${inside}}`,
    `.${name} .status{fill:${border}}`
  ])
]

const scoped = (rules: ReadonlyArray<string>): string => rules.map((rule) => `${SCOPE} ${rule}`).join("\n")

const STYLE = `${scoped([
  "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;text-anchor:middle}",
  `.label{font-size:${LABEL_PIXELS}px;font-weight:500}`,
  `.detail{font-size:${DETAIL_PIXELS}px}`,
  ".name{text-anchor:start}",
  ".arm{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}",
  ".edge{fill:none;stroke-width:1.2}",
  ".shape{stroke-width:1.2}",
  ".box{stroke-dasharray:4 3}",
  ".RUNNING .shape{stroke-width:2}",
  ".FAILED .shape{stroke-width:2}",
  ".SKIPPED .shape{stroke-dasharray:3 3}",
  ...coloured(LIGHT)
])}
@media (prefers-color-scheme:dark){
${scoped(coloured(DARK))}
}`

/**
 * The SVG document of a pipeline. With a run, each step shows its state. `layout` is a layout of the same pipeline (default:
 * `Layout.make(pipeline)`). Throws `LayoutTooLarge`.
 */
export const toSvg = (pipeline: Pipeline.Any, run?: Run, layout: Layout.Layout = Layout.make(pipeline)): string => {
  const { nodes } = Picture.of(pipeline, run)
  const { width, height } = layout
  const about = `Pipeline ${pipeline.id}: ${countOf(pipeline.steps.length)}`
  const state = run === undefined ? "" : `; run ${run.id}: ${run.status.toLowerCase()}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="levada-dag" role="graphics-document document" aria-label="${escaped(about + state)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(pipeline.id)}</title>`,
    `<style>\n${STYLE}\n</style>`,
    `<rect class="ground" width="100%" height="100%"/>`,
    ...layout.boxes.map(boxOf),
    `<g aria-hidden="true">`,
    ...layout.edges.map(edgeOf),
    // Above all lines, so that none crosses a text.
    ...layout.edges.map(armOf).filter((text) => text !== ""),
    "</g>",
    ...layout.nodes.map((node, at) => nodeOf(node, nodes[at]!.state)),
    "</svg>",
    ""
  ].join("\n")
}

const boxOf = ({ x, y, width, height, label, name, kind }: Layout.PlacedBox): string =>
  [
    `<g role="graphics-object group" aria-label="${escaped(`${kind} ${name}`)}">`,
    `<rect class="box" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    `<text class="detail name" x="${x + 10}" y="${y + 17}">${escaped(fitted(label, DETAIL_PIXELS, width - 20))}</text>`,
    "</g>"
  ].join("")

/** The length of an arrow's head. */
const HEAD = 7

const edgeOf = ({ points }: Layout.PlacedEdge): string => {
  const [first, ...rest] = points
  const end = points[points.length - 1]!
  let path = `M${first!.x} ${first!.y}`
  let before = first!
  for (const [at, { x, y }] of rest.entries()) {
    // The line ends where its head begins.
    const bottom = at === rest.length - 1 ? y - HEAD + 1 : y
    const middle = Math.round((before.y + bottom) * 5) / 10
    path +=
      x !== before.x && bottom > before.y ? `C${before.x} ${middle} ${x} ${middle} ${x} ${bottom}` : `L${x} ${bottom}`
    before = { x, y }
  }
  return `<path class="edge" d="${path}"/><path class="head" d="M${end.x - 4} ${end.y - HEAD}h8l-4 ${HEAD}z"/>`
}

/** The name of the arm, at the middle of the edge's last part. */
const armOf = ({ points, arm }: Layout.PlacedEdge): string => {
  if (arm === undefined) return ""
  const end = points[points.length - 1]!
  const origin: Point = points[points.length - 2]!
  const [x, y] = [Math.round((end.x + origin.x) / 2), Math.round((end.y + origin.y) / 2)]
  return `<text class="detail arm" x="${x}" y="${y}">${arm}</text>`
}

/** The height of a line below the name. */
const LINE = 16

const nodeOf = (node: Layout.PlacedNode, state: Picture.State | undefined): string => {
  const { x, y, width, height, name, label } = node
  const kind = kindOf(node)
  const status = state === undefined ? "" : statusOf(state)
  const title = [name, kind, status].filter((text) => text !== "").join(", ")
  const room = width - (node.kind === "branch" ? 28 : 14)
  const details = [
    ["detail", kind],
    ["detail status", status]
  ].filter(([, text]) => text !== "")
  const middle = x + width / 2
  const top = y + height / 2 + 4.5 - (details.length * LINE) / 2
  const texts = [
    `<text class="label" x="${middle}" y="${top}">${escaped(fitted(label, LABEL_PIXELS, room))}</text>`,
    ...details.map(
      ([style, text], at) =>
        `<text class="${style}" x="${middle}" y="${top + LINE * (at + 1)}">${escaped(fitted(text!, DETAIL_PIXELS, room))}</text>`
    )
  ]
  return [
    `<g role="graphics-symbol img" aria-label="${escaped(title)}" data-step="${escaped(name)}"${state === undefined ? "" : ` class="${state.status}"`}>`,
    `<title>${escaped(title)}</title>`,
    shapeOf(node),
    ...texts,
    "</g>"
  ].join("")
}

/** A rectangle; a hexagon for a branch; two rectangles for a node that stands for several calls or steps. */
const shapeOf = ({ x, y, width, height, kind }: Layout.PlacedNode): string => {
  const rectangle = (by: number): string =>
    `<rect class="shape" x="${x + by}" y="${y + by}" width="${width}" height="${height}" rx="6"/>`
  switch (kind) {
    case "branch": {
      const points = [
        [x + 14, y],
        [x + width - 14, y],
        [x + width, y + height / 2],
        [x + width - 14, y + height],
        [x + 14, y + height],
        [x, y + height / 2]
      ]
      return `<polygon class="shape" points="${points.map((point) => point.join(",")).join(" ")}"/>`
    }
    case "task":
    case "reduce":
      return rectangle(0)
    default:
      return rectangle(4) + rectangle(0)
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

const escaped = (text: string): string => shown(text).replace(/[&<>"']/g, (sign) => ENTITIES[sign]!)
