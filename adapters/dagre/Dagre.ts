/** Lays graphs out by dagre, which crosses fewer edges than layers do and takes longer. */
import { Graph, layout } from "@dagrejs/dagre"
import type { Engine } from "../../core/render/FlatGraph.ts"

/** Larger graphs take dagre longer than a request may: `npm run bench -- pictures` measures it. */
const MAX_NODES = 400
const MAX_EDGES = 1_200

/** `Svg.toSvg(pipeline, run, Dagre.engine)`. */
export const engine: Engine = {
  name: "dagre",
  layout: ({ sizes, edges }) => {
    if (sizes.length > MAX_NODES || edges.length > MAX_EDGES) return undefined
    const graph = new Graph()
    graph.setGraph({ rankdir: "TB", ranker: "tight-tree", nodesep: 24, ranksep: 40 })
    for (const [at, { width, height }] of sizes.entries()) graph.setNode(String(at), { width, height })
    for (const [from, to] of edges) graph.setEdge(String(from), String(to), {})
    layout(graph)
    const { width = 0, height = 0 } = graph.graph()
    return {
      width: Number.isFinite(width) ? width : 0,
      height: Number.isFinite(height) ? height : 0,
      centres: sizes.map((_, at) => {
        const { x, y } = graph.node(String(at))
        return { x, y }
      }),
      routes: edges.map(([from, to]) => graph.edge(String(from), String(to)).points)
    }
  }
}
