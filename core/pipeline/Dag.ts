/**
 * Which step feeds which: edges, levels, the path of a cycle, the critical path. Linear in steps and edges, and
 * without recursion, so a chain of 100,000 is as good as a fan.
 *
 * Levels by Kahn: A. B. Kahn, "Topological sorting of large networks", CACM 5 (11), 1962.
 */
import * as Result from "effect/Result"

/** A directed graph without cycles. Nodes are known by their index in `names`. */
export interface Dag {
  /** In order of registration. */
  readonly names: ReadonlyArray<string>
  /** For each node, the nodes that it needs, without repeats. */
  readonly dependencies: ReadonlyArray<ReadonlyArray<number>>
  /** For each node, the nodes that need it. */
  readonly dependents: ReadonlyArray<ReadonlyArray<number>>
  /** Every node after all that it needs. */
  readonly order: ReadonlyArray<number>
  /** For each node, the number of edges on the longest way to it from a root. */
  readonly depths: ReadonlyArray<number>
}

/** One dependency, by name. */
export interface Edge {
  readonly from: string
  readonly to: string
}

/** Nodes that wait for each other; the path starts and ends with the same one. */
export type Cycle = ReadonlyArray<string>

/** Builds a Dag from what each node needs (indices into `names`, without repeats). Fails with one cycle. */
export const make = (
  names: ReadonlyArray<string>,
  dependencies: ReadonlyArray<ReadonlyArray<number>>
): Result.Result<Dag, Cycle> => {
  const size = names.length
  const dependents: Array<Array<number>> = Array.from({ length: size }, () => [])
  const waiting = new Int32Array(size)
  const depths = new Array<number>(size).fill(0)
  const order: Array<number> = []
  for (let node = 0; node < size; node++) {
    const needs = dependencies[node]!
    waiting[node] = needs.length
    if (needs.length === 0) order.push(node)
    for (const needed of needs) dependents[needed]!.push(node)
  }
  for (let next = 0; next < order.length; next++) {
    const node = order[next]!
    for (const dependent of dependents[node]!) {
      if (depths[dependent]! <= depths[node]!) depths[dependent] = depths[node]! + 1
      if (--waiting[dependent]! === 0) order.push(dependent)
    }
  }
  return order.length === size
    ? Result.succeed({ names, dependencies, dependents, order, depths })
    : Result.fail(cycle(names, dependencies, waiting))
}

/** Every node that still waits has a dependency that still waits, so going from one to the next must come round. */
const cycle = (
  names: ReadonlyArray<string>,
  dependencies: ReadonlyArray<ReadonlyArray<number>>,
  waiting: Int32Array
): Cycle => {
  const seenAt = new Map<number, number>()
  const path: Array<number> = []
  let node = waiting.findIndex((count) => count > 0)
  while (!seenAt.has(node)) {
    seenAt.set(node, path.length)
    path.push(node)
    node = dependencies[node]!.find((needed) => waiting[needed]! > 0)!
  }
  const ring = path.slice(seenAt.get(node)!).reverse()
  // Start at the name that sorts first, so that the same cycle always reads the same.
  const start = ring.reduce((least, at, index) => (names[at]! < names[ring[least]!]! ? index : least), 0)
  return [...ring.slice(start), ...ring.slice(0, start), ring[start]!].map((at) => names[at]!)
}

/** Every dependency, grouped by the node that is needed, in order of registration. */
export const edges = (dag: Dag): ReadonlyArray<Edge> =>
  dag.dependents.flatMap((dependents, from) => dependents.map((to) => ({ from: dag.names[from]!, to: dag.names[to]! })))

/** Nodes by depth: what could run together if every node took equally long. A view for people, never a barrier. */
export const levels = (dag: Dag): ReadonlyArray<ReadonlyArray<string>> => {
  const byDepth: Array<Array<string>> = []
  dag.names.forEach((name, node) => {
    const depth = dag.depths[node]!
    while (byDepth.length <= depth) byDepth.push([])
    byDepth[depth]!.push(name)
  })
  return byDepth
}

/** The longest way through the graph; `length` is the sum of its nodes' weights. */
export interface CriticalPath {
  readonly path: ReadonlyArray<string>
  readonly length: number
}

/**
 * The chain of nodes that bounds how fast a run can be. `weightOf` gives a node's duration in any unit; by default
 * every node counts 1.
 */
export const criticalPath = (dag: Dag, weightOf: (name: string) => number = () => 1): CriticalPath => {
  const lengths = new Array<number>(dag.names.length).fill(0)
  const cameFrom = new Array<number>(dag.names.length).fill(-1)
  let end = -1
  for (const node of dag.order) {
    for (const needed of dag.dependencies[node]!) {
      if (cameFrom[node] === -1 || lengths[needed]! > lengths[node]!) {
        lengths[node] = lengths[needed]!
        cameFrom[node] = needed
      }
    }
    lengths[node]! += weightOf(dag.names[node]!)
    if (end === -1 || lengths[node]! > lengths[end]!) end = node
  }
  const path: Array<string> = []
  for (let node = end; node !== -1; node = cameFrom[node]!) path.push(dag.names[node]!)
  return { path: path.reverse(), length: end === -1 ? 0 : lengths[end]! }
}
