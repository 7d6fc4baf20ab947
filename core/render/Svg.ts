/**
 * A picture as an SVG document: light or dark as its reader prefers, without scripts, fonts or links, and readable by screen
 * readers. Source: https://www.w3.org/TR/graphics-aria-1.0/
 */
import type { Point } from "./FlatGraph.ts"
import { DETAIL_PIXELS, LABEL_PIXELS, type Layout, type PlacedBox, type PlacedNode } from "./Layout.ts"
import type { Edge, Node, Picture, State } from "./Picture.ts"
import { fitted } from "./TextWidth.ts"
import { kindOf, shown, statusOf } from "./Words.ts"

interface Colours {
  readonly ground: string
  readonly ink: string
  readonly dim: string
  readonly line: string
  readonly node: string
  readonly status: Readonly<Record<"RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED", string>>
}

// Texts have a contrast of at least 4.5 to what is behind them.
const LIGHT: Colours = {
  ground: "#ffffff",
  ink: "#1c2024",
  dim: "#60646c",
  line: "#8b8d98",
  node: "#f9f9fb",
  status: { RUNNING: "#0b68cb", COMPLETED: "#1f7a3d", FAILED: "#c62a2f", CANCELLED: "#8a5000" }
}
const DARK: Colours = {
  ground: "#111113",
  ink: "#edeef0",
  dim: "#b0b4ba",
  line: "#797b86",
  node: "#1c1d21",
  status: { RUNNING: "#70b8ff", COMPLETED: "#5fce7f", FAILED: "#ff9592", CANCELLED: "#ffca16" }
}

// Not by variables, which some renderers don't know.
const coloured = ({ ground, ink, dim, line, node, status }: Colours): string =>
  [
    `.ground{fill:${ground}}.arm{stroke:${ground}}text{fill:${ink}}.detail{fill:${dim}}.edge,.shape,.box{stroke:${line}}.head{fill:${line}}`,
    `.shape{fill:${node}}.box{fill:${line};fill-opacity:.12}.SKIPPED .label{fill:${dim}}`,
    ...Object.entries(status).map(
      ([name, colour]) => `.${name} .shape{stroke:${colour}}.${name} .detail{fill:${colour}}`
    )
  ].join("")

const STYLE = [
  "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;text-anchor:middle}",
  `.label{font-size:${LABEL_PIXELS}px}.detail{font-size:${DETAIL_PIXELS}px}.name{text-anchor:start}.arm{paint-order:stroke;stroke-width:4px}`,
  ".shape,.edge{stroke-width:1.2}.edge{fill:none}.box{stroke-dasharray:4 3}",
  ".RUNNING .shape,.FAILED .shape{stroke-width:2.4}.SKIPPED .shape{stroke-dasharray:3 3}",
  coloured(LIGHT),
  `@media (prefers-color-scheme:dark){${coloured(DARK)}}`
].join("")

/** Draws a picture where its layout puts it. */
export const toSvg = (picture: Picture, layout: Layout): string => {
  const { width, height } = layout
  const about = `Pipeline ${picture.id}: ${picture.nodes.length} steps`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="graphics-document" aria-label="${escaped(about)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(picture.id)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="100%" height="100%"/>`,
    ...layout.boxes.map(box),
    `<g aria-hidden="true">`,
    ...layout.edges.map(edge),
    "</g>",
    ...layout.nodes.map((node, at) => step(node, picture.nodes[at]!.state)),
    "</svg>",
    ""
  ].join("\n")
}

const box = ({ x, y, width, height, label, name, kind }: PlacedBox): string =>
  [
    `<g role="graphics-object" aria-label="${escaped(`${kind} ${name}`)}">`,
    `<rect class="box" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    `<text class="detail name" x="${x + 10}" y="${y + 17}">${escaped(fitted(label, DETAIL_PIXELS, width - 20))}</text>`,
    "</g>"
  ].join("")

const edge = ({ points, arm }: Pick<Edge, "arm"> & { readonly points: ReadonlyArray<Point> }): string => {
  const [first, ...rest] = points
  const end = rest[rest.length - 1]!
  const origin = rest[rest.length - 2] ?? first!
  let path = `M${first!.x} ${first!.y}`
  let before = first!
  for (const [at, { x, y }] of rest.entries()) {
    // The line ends where its arrow begins.
    const bottom = at === rest.length - 1 ? y - 6 : y
    const middle = Math.round((before.y + bottom) * 5) / 10
    path += bottom > before.y ? `C${before.x} ${middle} ${x} ${middle} ${x} ${bottom}` : `L${x} ${bottom}`
    before = { x, y }
  }
  const head = `M${end.x - 4} ${end.y - 7}h8l-4 7z`
  const text =
    arm === undefined
      ? ""
      : `<text class="detail arm" x="${Math.round((end.x + origin.x) / 2)}" y="${Math.round((end.y + origin.y) / 2)}">${arm}</text>`
  return `<path class="edge" d="${path}"/><path class="head" d="${head}"/>${text}`
}

const step = (node: PlacedNode, state: State | undefined): string => {
  const { x, y, width, name, label } = node
  const kind = kindOf(node)
  const status = state === undefined ? "" : statusOf(state)
  const detail = [kind, status].filter((text) => text !== "").join(" · ")
  const middle = x + width / 2
  const title = [name, kind, status].filter((text) => text !== "").join(", ")
  const texts =
    detail === ""
      ? `<text class="label" x="${middle}" y="${y + 28}">${escaped(fitted(label, LABEL_PIXELS, width - 16))}</text>`
      : `<text class="label" x="${middle}" y="${y + 20}">${escaped(fitted(label, LABEL_PIXELS, width - 16))}</text>` +
        `<text class="detail" x="${middle}" y="${y + 36}">${escaped(fitted(detail, DETAIL_PIXELS, width - 12))}</text>`
  return [
    `<g role="graphics-symbol" aria-label="${escaped(title)}" data-step="${escaped(name)}"${state === undefined ? "" : ` class="${state.status}"`}>`,
    `<title>${escaped(title)}</title>`,
    shape(node),
    texts,
    "</g>"
  ].join("")
}

/** A rectangle; a hexagon for a branch, several rectangles for what stands for several calls or steps. */
const shape = ({ x, y, width, height, kind }: PlacedNode): string => {
  const rectangle = (by: number): string =>
    `<rect class="shape" x="${x + by}" y="${y + by}" width="${width}" height="${height}" rx="6"/>`
  switch (kind satisfies Node["kind"]) {
    case "branch": {
      const points = [
        [x + 12, y],
        [x + width - 12, y],
        [x + width, y + height / 2],
        [x + width - 12, y + height],
        [x + 12, y + height],
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
