/** Lays out graphs by dagre, which crosses fewer edges than layers do and takes longer. */
import type * as Library from "@dagrejs/dagre"
import type { Engine, FlatLayout, Limits } from "../../core/render/FlatGraph.ts"

/** The largest graphs that dagre lays out within 200 ms, as `npm run bench -- pictures` measures. */
export const LIMITS: Limits = { steps: 300, length: 350 }

/** The engine over a copy of `@dagrejs/dagre`. */
export const engineOf = ({ Graph, layout }: Pick<typeof Library, "Graph" | "layout">): Engine => ({
  name: "dagre",
  limits: LIMITS,
  layout: ({ sizes, edges }) => {
    const graph = new Graph()
    graph.setGraph({ rankdir: "TB", ranker: "tight-tree", nodesep: 24, ranksep: 40 })
    for (const [at, { width, height }] of sizes.entries()) graph.setNode(String(at), { width, height })
    for (const [from, to] of edges) graph.setEdge(String(from), String(to), {})
    layout(graph)
    const { width = 0, height = 0 } = graph.graph()
    return inOrder({
      // The size of a graph without nodes is not finite.
      width: Number.isFinite(width) ? width : 0,
      height: Number.isFinite(height) ? height : 0,
      centres: sizes.map((_, at) => {
        const { x, y } = graph.node(String(at))
        return { x, y }
      }),
      routes: edges.map(([from, to]) => graph.edge(String(from), String(to)).points)
    })
  }
})

/** The layout, mirrored if most nodes that follow each other are side by side from right to left. */
const inOrder = (layout: FlatLayout): FlatLayout => {
  const { width, centres, routes } = layout
  let rising = 0
  for (let at = 1; at < centres.length; at++) {
    const [before, after] = [centres[at - 1]!, centres[at]!]
    if (before.y === after.y) rising += Math.sign(after.x - before.x)
  }
  if (rising >= 0) return layout
  const mirrored = ({ x, y }: FlatLayout["centres"][number]) => ({ x: width - x, y })
  return { ...layout, centres: centres.map(mirrored), routes: routes.map((points) => points.map(mirrored)) }
}
