/** The layout of a graph: the type of its answer, by parts. */
import type { LayoutJson } from "../../../http/pipelines/PictureWire.ts"

export type { LayoutJson as Layout }
export type Node = LayoutJson["nodes"][number]
export type Edge = LayoutJson["edges"][number]
export type Box = LayoutJson["boxes"][number]

/** The nodes within `hops` edges of those that `isSeed` accepts, in both directions. */
export const neighbourhood = (
  { nodes, edges }: LayoutJson,
  isSeed: (node: Node) => boolean,
  hops: number
): Set<number> => {
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
