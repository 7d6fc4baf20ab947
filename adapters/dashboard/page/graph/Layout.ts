/** The layout of a graph, as `GET /pipelines/{id}/dag/layout` answers it. */
export interface Layout {
  readonly engine: string
  readonly version: string
  readonly width: number
  readonly height: number
  readonly collapsed: boolean
  readonly nodes: ReadonlyArray<Node>
  readonly edges: ReadonlyArray<Edge>
  readonly boxes: ReadonlyArray<Box>
}

export interface Node {
  readonly name: string
  readonly label: string
  readonly kind: "task" | "map" | "filter" | "reduce" | "branch" | "pipeline" | "group"
  /** How many steps it stands for. */
  readonly steps: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** `from` and `to` are indices of nodes. */
export interface Edge {
  readonly from: number
  readonly to: number
  readonly arm?: "yes" | "no"
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

export interface Box {
  readonly name: string
  readonly label: string
  readonly kind: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** The nodes within `hops` edges of those that `isSeed` accepts, in both directions. */
export const neighbourhood = ({ nodes, edges }: Layout, isSeed: (node: Node) => boolean, hops: number): Set<number> => {
  const near = new Set<number>()
  for (const [at, node] of nodes.entries()) if (isSeed(node)) near.add(at)
  for (let hop = 0; hop < hops; hop++) {
    const found: Array<number> = []
    for (const { from, to } of edges) {
      if (near.has(from)) found.push(to)
      if (near.has(to)) found.push(from)
    }
    for (const at of found) near.add(at)
  }
  return near
}
