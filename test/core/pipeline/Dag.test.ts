import { describe, expect, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import * as Dag from "../../../core/pipeline/Dag.ts"

/** Nodes 0…n-1 in a random order of registration; an edge goes only from a lower rank to a higher one. */
const acyclic = fc
  .record({
    ranks: fc
      .integer({ min: 1, max: 40 })
      .chain((size) => fc.shuffledSubarray([...Array(size).keys()], { minLength: size })),
    pairs: fc.array(fc.tuple(fc.nat(39), fc.nat(39)), { maxLength: 120 })
  })
  .map(({ ranks, pairs }) => {
    const dependencies = ranks.map(() => new Set<number>())
    for (const [left, right] of pairs) {
      const [from, to] = [left % ranks.length, right % ranks.length]
      if (ranks[from]! < ranks[to]!) dependencies[to]!.add(from)
    }
    return { names: ranks.map((rank) => `n${rank}`), dependencies: dependencies.map((needs) => [...needs]) }
  })

const build = (graph: { names: ReadonlyArray<string>; dependencies: ReadonlyArray<ReadonlyArray<number>> }): Dag.Dag =>
  Result.getOrThrow(Dag.make(graph.names, graph.dependencies))

const chainOf = (size: number): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: size }, (_, at) => (at === 0 ? [] : [at - 1]))

const namesOf = (size: number): ReadonlyArray<string> => Array.from({ length: size }, (_, at) => `n${at}`)

describe("Dag", () => {
  it("levels: a chain has one per node, a diamond has three", () => {
    expect(Dag.levels(build({ names: ["a", "b", "c"], dependencies: [[], [0], [1]] }))).toEqual([["a"], ["b"], ["c"]])
    const diamond = build({ names: ["d", "b", "a", "c"], dependencies: [[1, 3], [2], [], [2]] })
    expect(Dag.levels(diamond)).toEqual([["a"], ["b", "c"], ["d"]])
    expect(Dag.edges(diamond)).toEqual([
      { from: "b", to: "d" },
      { from: "a", to: "b" },
      { from: "a", to: "c" },
      { from: "c", to: "d" }
    ])
  })

  it("names the path of a cycle, the same whatever the order of registration", () => {
    const cycle = (names: ReadonlyArray<string>, dependencies: ReadonlyArray<ReadonlyArray<number>>) =>
      Result.getOrThrow(Result.flip(Dag.make(names, dependencies)))
    expect(cycle(["a", "b", "c"], [[2], [0], [1]])).toEqual(["a", "b", "c", "a"])
    expect(cycle(["c", "a", "b"], [[2], [0], [1]])).toEqual(["a", "b", "c", "a"])
    expect(cycle(["x", "tail", "y"], [[2], [0], [0]])).toEqual(["x", "y", "x"])
  })

  it("every cycle that is reported is one", () => {
    fc.assert(
      fc.property(acyclic, fc.nat(39), fc.nat(39), (graph, left, right) => {
        const size = graph.names.length
        const [from, to] = [left % size, right % size]
        const dependencies = graph.dependencies.map((needs, at) => (at === to ? [...new Set([...needs, from])] : needs))
        const made = Dag.make(graph.names, dependencies)
        if (Result.isSuccess(made)) return
        const path = made.failure
        expect(path[0]).toBe(path.at(-1))
        expect(new Set(path).size).toBe(path.length - 1)
        for (let at = 1; at < path.length; at++) {
          const needs = dependencies[graph.names.indexOf(path[at]!)]!
          expect(needs).toContain(graph.names.indexOf(path[at - 1]!))
        }
      }),
      { numRuns: 500 }
    )
  })

  it("every edge goes to a later level, and the levels in a row are a topological order", () => {
    fc.assert(
      fc.property(acyclic, (graph) => {
        const dag = build(graph)
        const levels = Dag.levels(dag)
        const levelOf = new Map(levels.flatMap((names, level) => names.map((name) => [name, level] as const)))
        expect([...levelOf.keys()].sort()).toEqual([...graph.names].sort())
        for (const { from, to } of Dag.edges(dag)) expect(levelOf.get(from)!).toBeLessThan(levelOf.get(to)!)
        // A level is never later than it has to be: each node past the first has a dependency right before it.
        for (const [at, name] of dag.names.entries()) {
          const befores = dag.dependencies[at]!.map((needed) => levelOf.get(dag.names[needed]!)!)
          expect(levelOf.get(name)).toBe(befores.length === 0 ? 0 : Math.max(...befores) + 1)
        }
        const places = new Map(dag.order.map((node, place) => [node, place]))
        dag.dependencies.forEach((needs, node) => {
          for (const needed of needs) expect(places.get(needed)!).toBeLessThan(places.get(node)!)
        })
      }),
      { numRuns: 500 }
    )
  })

  it("the order of registration changes nothing but the order within a level", () => {
    const shuffled = acyclic.chain((graph) =>
      fc.tuple(fc.constant(graph), fc.shuffledSubarray([...graph.names.keys()], { minLength: graph.names.length }))
    )
    fc.assert(
      fc.property(shuffled, ([graph, order]) => {
        const place = new Map(order.map((node, at) => [node, at]))
        const other = build({
          names: order.map((node) => graph.names[node]!),
          dependencies: order.map((node) => graph.dependencies[node]!.map((needed) => place.get(needed)!))
        })
        const sorted = (dag: Dag.Dag) => ({
          levels: Dag.levels(dag).map((level) => [...level].sort()),
          edges: Dag.edges(dag)
            .map(({ from, to }) => `${from} ${to}`)
            .sort(),
          critical: Dag.criticalPath(dag).length
        })
        expect(sorted(other)).toEqual(sorted(build(graph)))
      }),
      { numRuns: 300 }
    )
  })

  it("the critical path is a path, and no path is longer", () => {
    fc.assert(
      fc.property(acyclic, fc.array(fc.nat(100), { minLength: 40, maxLength: 40 }), (graph, weights) => {
        const dag = build(graph)
        const weightOf = (name: string) => weights[Number(name.slice(1))]!
        const { path, length } = Dag.criticalPath(dag, weightOf)
        expect(path.reduce((sum, name) => sum + weightOf(name), 0)).toBe(length)
        for (let at = 1; at < path.length; at++) {
          expect(Dag.edges(dag)).toContainEqual({ from: path[at - 1], to: path[at] })
        }
        const longest = new Map<number, number>()
        const longestTo = (node: number): number => {
          const known = longest.get(node)
          if (known !== undefined) return known
          const before = dag.dependencies[node]!.map(longestTo)
          const found = weightOf(dag.names[node]!) + (before.length === 0 ? 0 : Math.max(...before))
          longest.set(node, found)
          return found
        }
        expect(length).toBe(Math.max(...dag.names.map((_, node) => longestTo(node))))
      }),
      { numRuns: 300 }
    )
  })

  it("takes chains and fans of 100,000 nodes", () => {
    const size = 100_000
    const chain = build({ names: namesOf(size), dependencies: chainOf(size) })
    expect(Dag.levels(chain)).toHaveLength(size)
    expect(Dag.criticalPath(chain).path).toHaveLength(size)
    const fan = build({
      names: namesOf(size),
      dependencies: Array.from({ length: size }, (_, at) =>
        at === 0 ? [] : at < size - 1 ? [0] : [...Array(size - 1).keys()]
      )
    })
    expect(Dag.levels(fan).map((level) => level.length)).toEqual([1, size - 2, 1])
    expect(Dag.edges(fan)).toHaveLength(2 * size - 3)
    const ring = chainOf(size).map((needs, at) => (at === 0 ? [size - 1] : needs))
    expect(Result.getOrThrow(Result.flip(Dag.make(namesOf(size), ring)))).toHaveLength(size + 1)
  })
})
