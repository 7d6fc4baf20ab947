/**
 * The graph of steps: edges, levels, the path of a cycle, the critical path. Linear in steps and edges, and without
 * recursion, so a chain of 100,000 steps overflows no stack.
 *
 * Levels by Kahn: A. B. Kahn, "Topological sorting of large networks", CACM 5 (11), 1962.
 */
import * as Result from "effect/Result"

/** A directed acyclic graph. A node is its index in `names`. */
export interface Dag {
  /** In order of registration. */
  readonly names: ReadonlyArray<string>
  /** For each node, the nodes that it needs, without repeats. */
  readonly dependencies: ReadonlyArray<ReadonlyArray<number>>
  /** For each node, the nodes that need it. */
  readonly dependents: ReadonlyArray<ReadonlyArray<number>>
  /** The nodes in topological order: each after all nodes that it needs. */
  readonly order: ReadonlyArray<number>
  /** For each node, the number of edges on the longest path to it from a root. */
  readonly depths: ReadonlyArray<number>
}

/** One dependency, by name. */
export interface Edge {
  readonly from: string
  readonly to: string
}

/** The path of a cycle; it starts and ends with the same node. */
export type Cycle = ReadonlyArray<string>

/** The nodes that can be put in topological order; the others are on cycles, or need nodes on cycles. */
export interface Sorted {
  readonly dependents: ReadonlyArray<ReadonlyArray<number>>
  readonly order: ReadonlyArray<number>
  readonly depths: Array<number>
  /** For each node, how many of the nodes that it needs are not in `order`: 0 for the nodes in it. */
  readonly waiting: Int32Array
}

/** Sorts nodes by the nodes that each of them needs. */
export const sort = (dependencies: ReadonlyArray<ReadonlyArray<number>>): Sorted => {
  const size = dependencies.length
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
  return { dependents, order, depths, waiting }
}

/** Builds a Dag from the nodes that each node needs (indices into `names`, without repeats). Fails with one cycle. */
export const make = (
  names: ReadonlyArray<string>,
  dependencies: ReadonlyArray<ReadonlyArray<number>>
): Result.Result<Dag, Cycle> => {
  const { waiting, ...sorted } = sort(dependencies)
  return sorted.order.length === names.length
    ? Result.succeed({ names, dependencies, ...sorted })
    : Result.fail(cycle(names, dependencies, waiting))
}

/** Finds a cycle. Each waiting node needs another waiting node, so following these must reach a node twice. */
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
  // Start at the name that sorts first, so that the same cycle always has the same path.
  const start = ring.reduce((least, at, index) => (names[at]! < names[ring[least]!]! ? index : least), 0)
  return [...ring.slice(start), ...ring.slice(0, start), ring[start]!].map((at) => names[at]!)
}

/** Every edge, grouped by `from`, in order of registration. */
export const edges = (dag: Dag): ReadonlyArray<Edge> =>
  dag.dependents.flatMap((dependents, from) => dependents.map((to) => ({ from: dag.names[from]!, to: dag.names[to]! })))

/** The names of the nodes by depth. For display only: a step waits for its dependencies, never for a level. */
export const levels = (dag: Dag): ReadonlyArray<ReadonlyArray<string>> => {
  const byDepth: Array<Array<string>> = []
  dag.names.forEach((name, node) => {
    const depth = dag.depths[node]!
    while (byDepth.length <= depth) byDepth.push([])
    byDepth[depth]!.push(name)
  })
  return byDepth
}

/** The longest path through the graph; `length` is the sum of its nodes' weights. */
export interface CriticalPath {
  readonly path: ReadonlyArray<string>
  readonly length: number
}

/**
 * The path of nodes that bounds the duration of a run from below. `weightOf` gives a node's duration in any unit; by
 * default every node counts 1.
 */
export const criticalPath = (dag: Dag, weightOf: (name: string) => number = () => 1): CriticalPath => {
  const lengths = new Array<number>(dag.names.length).fill(0)
  const previous = new Array<number>(dag.names.length).fill(-1)
  let end = -1
  for (const node of dag.order) {
    for (const needed of dag.dependencies[node]!) {
      if (previous[node] === -1 || lengths[needed]! > lengths[node]!) {
        lengths[node] = lengths[needed]!
        previous[node] = needed
      }
    }
    lengths[node]! += weightOf(dag.names[node]!)
    if (end === -1 || lengths[node]! > lengths[end]!) end = node
  }
  const path: Array<string> = []
  for (let node = end; node !== -1; node = previous[node]!) path.push(dag.names[node]!)
  return { path: path.reverse(), length: end === -1 ? 0 : lengths[end]! }
}
