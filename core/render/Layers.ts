/**
 * Lays out a graph in layers: each node below all nodes that it needs, each layer in an order with few crossings, each node
 * near the middle of its neighbours. Linear in nodes and edges, apart from sorting.
 *
 * Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system structures", IEEE Trans.
 * SMC 11 (2), 1981.
 */
import * as Dag from "../pipeline/Dag.ts"
import type { FlatGraph, FlatLayout, Point } from "./FlatGraph.ts"

const GAP = 24
const LAYER_GAP = 40
/** The width that an edge takes where it passes a layer. */
const PASSING = 12
const SWEEPS = 4

/** Lays out a graph without cycles. */
export const layers = ({ sizes, edges }: FlatGraph): FlatLayout => {
  const needs: ReadonlyArray<Array<number>> = sizes.map(() => [])
  for (const [from, to] of edges) needs[to]!.push(from)
  const ranks = Dag.sort(needs).depths
  const widths = sizes.map(({ width }) => width)
  const heights = sizes.map(({ height }) => height)
  const ways = passing(edges, ranks, widths, heights)
  const byLayer: Array<Array<number>> = []
  for (const [at, rank] of ranks.entries()) {
    while (byLayer.length <= rank) byLayer.push([])
    byLayer[rank]!.push(at)
  }
  const above: ReadonlyArray<Array<number>> = ranks.map(() => [])
  const below: ReadonlyArray<Array<number>> = ranks.map(() => [])
  for (const way of ways) {
    for (let at = 1; at < way.length; at++) {
      above[way[at]!]!.push(way[at - 1]!)
      below[way[at - 1]!]!.push(way[at]!)
    }
  }
  order(byLayer, above, below)
  const xs = across(byLayer, above, below, widths)
  const { ys, bottoms, height } = down(byLayer, heights)
  const left = xs.reduce((least, x, at) => Math.min(least, x - widths[at]! / 2), Number.POSITIVE_INFINITY)
  const right = xs.reduce((most, x, at) => Math.max(most, x + widths[at]! / 2), Number.NEGATIVE_INFINITY)
  const centreOf = (at: number): Point => ({ x: xs[at]! - left, y: ys[at]! })
  return {
    width: sizes.length === 0 ? 0 : right - left,
    height,
    centres: sizes.map((_, at) => centreOf(at)),
    routes: ways.map((way) =>
      way.flatMap((node, at) => {
        const { x, y } = centreOf(node)
        const half = heights[node]! / 2
        // Straight down to the end of the layer, because a slanted line would cross taller nodes of the layer.
        if (at === 0)
          return bottoms[node]! > y + half
            ? [
                { x, y: y + half },
                { x, y: bottoms[node]! }
              ]
            : [{ x, y: y + half }]
        if (at === way.length - 1) return [{ x, y: y - half }]
        // Where it passes a layer too.
        return [
          { x, y },
          { x, y: bottoms[node]! }
        ]
      })
    )
  }
}

/**
 * The nodes on the way of each edge. For each layer that the edge passes, a node is added that keeps a place for it and is not
 * drawn. If that would add many more nodes than there are, edges go straight.
 */
const passing = (
  edges: FlatGraph["edges"],
  ranks: Array<number>,
  widths: Array<number>,
  heights: Array<number>
): ReadonlyArray<ReadonlyArray<number>> => {
  const most = 4 * ranks.length + 1_000
  const long = edges.reduce((sum, [from, to]) => sum + ranks[to]! - ranks[from]! - 1, 0)
  if (long > most) return edges
  return edges.map(([from, to]) => {
    const way = [from]
    for (let rank = ranks[from]! + 1; rank < ranks[to]!; rank++) {
      way.push(ranks.length)
      ranks.push(rank)
      widths.push(PASSING)
      heights.push(0)
    }
    way.push(to)
    return way
  })
}

const mean = (of: ReadonlyArray<number>, value: ArrayLike<number>): number => {
  let sum = 0
  for (const at of of) sum += value[at]!
  return sum / of.length
}

/** Sorts each layer by the mean position of each node's neighbours in the layer before, downwards and upwards in turn. */
const order = (
  byLayer: ReadonlyArray<Array<number>>,
  above: ReadonlyArray<ReadonlyArray<number>>,
  below: ReadonlyArray<ReadonlyArray<number>>
): void => {
  const positions = new Float64Array(above.length)
  const keys = new Float64Array(above.length)
  const number = (layer: ReadonlyArray<number>): void => {
    for (const [at, node] of layer.entries()) positions[node] = at
  }
  for (const layer of byLayer) number(layer)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isDown = sweep % 2 === 0
    const neighbours = isDown ? above : below
    for (const layer of isDown ? byLayer : byLayer.toReversed()) {
      for (const node of layer) {
        keys[node] = neighbours[node]!.length === 0 ? positions[node]! : mean(neighbours[node]!, positions)
      }
      layer.sort((one, other) => keys[one]! - keys[other]! || positions[one]! - positions[other]!)
      number(layer)
    }
  }
}

/** Moves each node near the middle of its neighbours, without changing the order or narrowing the gaps. */
const across = (
  byLayer: ReadonlyArray<ReadonlyArray<number>>,
  above: ReadonlyArray<ReadonlyArray<number>>,
  below: ReadonlyArray<ReadonlyArray<number>>,
  widths: ReadonlyArray<number>
): Float64Array => {
  const xs = new Float64Array(widths.length)
  const offsets = new Float64Array(widths.length)
  for (const layer of byLayer) {
    let x = 0
    for (const [at, node] of layer.entries()) {
      if (at > 0) x += (widths[layer[at - 1]!]! + widths[node]!) / 2 + GAP
      offsets[node] = x
    }
    for (const node of layer) xs[node] = offsets[node]! - x / 2
  }
  for (let sweep = 0; sweep < 2 * SWEEPS; sweep++) {
    const isDown = sweep % 2 === 0
    const neighbours = isDown ? above : below
    for (const layer of isDown ? byLayer : byLayer.toReversed()) {
      const wanted = layer.map((node) => {
        const x = neighbours[node]!.length === 0 ? xs[node]! : mean(neighbours[node]!, xs)
        return x - offsets[node]!
      })
      for (const [at, x] of rising(wanted).entries()) xs[layer[at]!] = x + offsets[layer[at]!]!
    }
  }
  return xs
}

/**
 * The non-decreasing numbers with the least squared distance to these: each falling part is replaced by its mean.
 * Source: M. Ayer et al., "An empirical distribution function for sampling with incomplete information", 1955.
 */
const rising = (wanted: ReadonlyArray<number>): ReadonlyArray<number> => {
  const sums: Array<number> = []
  const counts: Array<number> = []
  for (const x of wanted) {
    let sum = x
    let count = 1
    while (sums.length > 0 && sums[sums.length - 1]! / counts[counts.length - 1]! > sum / count) {
      sum += sums.pop()!
      count += counts.pop()!
    }
    sums.push(sum)
    counts.push(count)
  }
  return sums.flatMap((sum, at) => new Array<number>(counts[at]!).fill(sum / counts[at]!))
}

const down = (
  byLayer: ReadonlyArray<ReadonlyArray<number>>,
  heights: ReadonlyArray<number>
): { readonly ys: Float64Array; readonly bottoms: Float64Array; readonly height: number } => {
  const ys = new Float64Array(heights.length)
  const bottoms = new Float64Array(heights.length)
  let top = 0
  for (const layer of byLayer) {
    const tallest = layer.reduce((most, node) => Math.max(most, heights[node]!), 0)
    for (const node of layer) {
      ys[node] = top + heights[node]! / 2
      bottoms[node] = top + tallest
    }
    top += tallest + LAYER_GAP
  }
  return { ys, bottoms, height: Math.max(0, top - LAYER_GAP) }
}
