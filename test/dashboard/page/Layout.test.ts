/** Which nodes of a large graph are shown first. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Layout, type Node, neighbourhood } from "../../../adapters/dashboard/page/graph/Layout.ts"

const layoutOf = (size: number, edges: ReadonlyArray<readonly [number, number]>): Layout => ({
  engine: "layers",
  version: "",
  width: 0,
  height: 0,
  collapsed: false,
  boxes: [],
  nodes: Array.from(
    { length: size },
    (_, at): Node => ({ name: `n${at}`, label: `n${at}`, kind: "task", steps: 1, x: 0, y: 0, width: 0, height: 0 })
  ),
  edges: edges.map(([from, to]) => ({ from, to, points: [] }))
})

const graph = fc.integer({ min: 1, max: 40 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    edges: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 80 }),
    seeds: fc.uniqueArray(fc.nat(size - 1)),
    hops: fc.nat(4)
  })
)

describe("the neighbourhood of nodes", () => {
  it("has the nodes within so many edges, in either direction, and no others", () => {
    fc.assert(
      fc.property(graph, ({ size, edges, seeds, hops }) => {
        // Distances by repeated relaxation.
        const distance = Array.from({ length: size }, (_, at) => (seeds.includes(at) ? 0 : Number.POSITIVE_INFINITY))
        for (let round = 0; round < size; round++) {
          for (const [from, to] of edges) {
            distance[to] = Math.min(distance[to]!, distance[from]! + 1)
            distance[from] = Math.min(distance[from]!, distance[to]! + 1)
          }
        }
        const isSeed = ({ name }: Node): boolean => seeds.includes(Number(name.slice(1)))
        const found = neighbourhood(layoutOf(size, edges), isSeed, hops)
        expect([...found].toSorted((one, other) => one - other)).toEqual(
          distance.flatMap((far, at) => (far <= hops ? [at] : []))
        )
      })
    )
  })
})
