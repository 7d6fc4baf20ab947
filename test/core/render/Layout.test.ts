/** Layouts by both engines: nothing overlaps, edges go down, boxes contain their steps, whatever the graph. */
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Dagre } from "../../../adapters/dagre/index.ts"
import { Layout } from "../../../core/index.ts"
import type * as Pipeline from "../../../core/pipeline/Pipeline.ts"
import { containersOf } from "../../../core/render/Nesting.ts"
import * as Picture from "../../../core/render/Picture.ts"
import { pipelineOf, pipelines } from "./RandomPictures.ts"

/** Places are rounded to a tenth of a pixel. */
const ROUNDING = 0.25

const overlaps = (one: Layout.Rectangle, other: Layout.Rectangle): boolean =>
  one.x + one.width > other.x + ROUNDING &&
  other.x + other.width > one.x + ROUNDING &&
  one.y + one.height > other.y + ROUNDING &&
  other.y + other.height > one.y + ROUNDING

const contains = (outer: Layout.Rectangle, inner: Layout.Rectangle): boolean =>
  inner.x >= outer.x - ROUNDING &&
  inner.y >= outer.y - ROUNDING &&
  inner.x + inner.width <= outer.x + outer.width + ROUNDING &&
  inner.y + inner.height <= outer.y + outer.height + ROUNDING

/** Every pair of rectangles that overlap. Compares only rectangles that share a part of the height. */
const overlapping = (all: ReadonlyArray<Layout.Rectangle>): ReadonlyArray<unknown> => {
  const sorted = [...all].sort((one, other) => one.x - other.x)
  const byRow = new Map<number, Array<Layout.Rectangle>>()
  const found: Array<unknown> = []
  for (const one of sorted) {
    for (let row = Math.floor(one.y / 100); row <= Math.floor((one.y + one.height) / 100); row++) {
      const others = byRow.get(row) ?? []
      for (const other of others.slice(-6)) if (overlaps(one, other)) found.push([one, other])
      others.push(one)
      byRow.set(row, others)
    }
  }
  return found
}

/** Checks everything that holds for each layout. */
const check = (pipeline: Pipeline.Any, engine: Layout.Engine): Layout.Layout => {
  const layout = Layout.make(pipeline, engine)
  const { nodes, edges, boxes, width, height } = layout
  const picture = Picture.make(pipeline)
  const page = { x: 0, y: 0, width, height }
  expect(nodes.map(({ name }) => name)).toEqual(picture.nodes.map(({ name }) => name))
  expect(edges.map(({ from, to, arm }) => [from, to, arm])).toEqual(
    picture.edges.map(({ from, to, arm }) => [from, to, arm])
  )
  expect(overlapping(nodes)).toEqual([])
  for (const rectangle of [...nodes, ...boxes]) {
    const { x, y } = rectangle
    expect([x, y, rectangle.width, rectangle.height].every(Number.isFinite)).toBe(true)
    expect(contains(page, rectangle), `${rectangle.name} is on the page`).toBe(true)
  }
  for (const { from, to, points } of edges) {
    const [start, end] = [nodes[from]!, nodes[to]!]
    const [first, last] = [points[0]!, points[points.length - 1]!]
    expect(points.length).toBeGreaterThan(1)
    expect(points.flatMap(({ x, y }) => [x, y]).every(Number.isFinite)).toBe(true)
    expect(Math.abs(first.y - start.y - start.height)).toBeLessThan(ROUNDING)
    expect(Math.abs(last.y - end.y)).toBeLessThan(ROUNDING)
    expect(first.x > start.x && first.x < start.x + start.width).toBe(true)
    expect(last.x > end.x && last.x < end.x + end.width).toBe(true)
    for (let at = 1; at < points.length; at++) {
      expect(points[at]!.y, JSON.stringify(points)).toBeGreaterThanOrEqual(points[at - 1]!.y - ROUNDING)
    }
    expect(last.y).toBeGreaterThan(first.y)
  }
  return layout
}

/** The names of the boxes around a step that are drawn. */
const drawnAround = (picture: Picture.Picture, at: number, drawn: ReadonlySet<string>): ReadonlySet<string> => {
  const names = new Set<string>()
  for (let box = picture.nodes[at]!.box; box !== -1; box = picture.boxes[box]!.box) {
    if (drawn.has(picture.boxes[box]!.name)) names.add(picture.boxes[box]!.name)
  }
  return names
}

for (const engine of [Layout.LAYERS, Dagre.engine]) {
  describe(`a layout by ${engine.name}`, () => {
    it("is sound for every graph, and the same each time", () => {
      fc.assert(
        fc.property(pipelines, (pipeline) => {
          const layout = check(pipeline, engine)
          expect(Layout.make(pipeline, engine)).toEqual(layout)
        }),
        { numRuns: engine === Dagre.engine ? 60 : 200 }
      )
    })

    it("has boxes around their steps and around no others", () => {
      fc.assert(
        fc.property(pipelines, (pipeline) => {
          const { nodes, boxes } = Layout.make(pipeline, engine)
          const picture = Picture.make(pipeline)
          const drawn = new Set(boxes.map(({ name }) => name))
          for (const [at, node] of nodes.entries()) {
            const around = drawnAround(picture, at, drawn)
            for (const box of boxes) {
              if (around.has(box.name)) expect(contains(box, node), `${node.name} in ${box.name}`).toBe(true)
              else expect(overlaps(box, node), `${node.name} and ${box.name}`).toBe(false)
            }
          }
          for (const one of boxes) {
            for (const other of boxes) {
              if (one !== other && overlaps(one, other)) {
                expect(contains(one, other) || contains(other, one)).toBe(true)
              }
            }
          }
        }),
        { numRuns: engine === Dagre.engine ? 60 : 200 }
      )
    })
  })
}

/** Names of `size` steps. */
const names = (size: number): ReadonlyArray<string> => Array.from({ length: size }, (_, at) => `step_${at}`)

describe("layers of many steps", () => {
  const shapes: Readonly<Record<string, (size: number) => ReadonlyArray<ReadonlyArray<number>>>> = {
    chain: (size) => names(size).map((_, at) => (at === 0 ? [] : [at - 1])),
    fan: (size) => names(size).map((_, at) => (at === 0 ? [] : [0])),
    "fan and its end": (size) =>
      names(size).map((_, at) =>
        at === 0 ? [] : at < size - 1 ? [0] : Array.from({ length: size - 2 }, (_, before) => before + 1)
      ),
    "layers of 10": (size) =>
      names(size).map((_, at) => (at < 10 ? [] : [at - 10, at - (at % 10) - 10 + ((at + 1) % 10)])),
    "far parents": (size) => names(size).map((_, at) => (at === 0 ? [] : [at - 1, ...(at > 2 ? [at >> 1] : [])])),
    alone: (size) => names(size).map(() => [])
  }
  for (const [shape, needs] of Object.entries(shapes)) {
    it.each([5, 50, 500, 5_000])(`are sound for ${shape} of %i`, (size) => {
      expect(check(pipelineOf(names(size), needs(size)), Dagre.engine).nodes.length).toBe(size)
    })
  }

  it("of more than 5,000 steps have each outermost box as one node", () => {
    const size = 12_000
    const boxes = names(size).map((_, at) =>
      at < 10 ? [] : [{ kind: "group" as const, name: `group_${Math.floor(at / 100)}` }]
    )
    const pipeline = pipelineOf(names(size), shapes["chain"]!(size), boxes)
    const layout = check(pipeline, Dagre.engine)
    expect([layout.isCollapsed, layout.engine, layout.boxes]).toEqual([true, "layers", []])
    expect(layout.nodes.length).toBe(10 + 120)
    expect(layout.nodes.reduce((sum, { steps }) => sum + steps, 0)).toBe(size)
    expect(layout.nodes[11]).toMatchObject({ name: "group_1", kind: "group", steps: 100 })
  })

  it("of too many steps or edges fail, with both numbers and both limits", () => {
    const tooLong = Layout.fromPipeline(pipelineOf(names(5_001), shapes["alone"]!(5_001)), Layout.LAYERS)
    expect(Result.isFailure(tooLong) && tooLong.failure).toMatchObject({
      _tag: "LayoutTooLarge",
      message: expect.stringMatching(/5001 nodes and 0 edges.*at most 5000 nodes and 20000 edges/)
    })
    const full = names(300).map((_, at) => Array.from({ length: at }, (_, before) => before))
    expect(() => Layout.make(pipelineOf(names(300), full))).toThrow("300 nodes and 44850 edges")
  })
})

describe("boxes", () => {
  const group = (name: string) => [{ kind: "group" as const, name }]

  it("that another step both needs and feeds are left out, and no others", () => {
    // a1 -> x -> a2, with a1 and a2 in box a; b needs a2.
    const pipeline = pipelineOf(
      ["a.1", "x", "a.2", "b.1", "b.2"],
      [[], [0], [1], [2], [3]],
      [group("a"), [], group("a"), group("b"), group("b")]
    )
    expect(check(pipeline, Layout.LAYERS).boxes.map(({ name }) => name)).toEqual(["b"])
  })

  it("that wait for each other are left out", () => {
    const pipeline = pipelineOf(
      ["a.1", "b.1", "a.2", "b.2"],
      [[], [0], [1], [2]],
      [group("a"), group("b"), group("a"), group("b")]
    )
    expect(check(pipeline, Layout.LAYERS).boxes).toEqual([])
    expect(containersOf(Picture.make(pipeline)).all.length).toBe(1)
  })
})

describe("dagre", () => {
  it("is used up to its limits, for a whole picture", () => {
    const { steps } = Dagre.engine.limits
    const of = (size: number) =>
      Layout.make(
        pipelineOf(
          names(size),
          names(size).map(() => [])
        ),
        Dagre.engine
      ).engine
    expect([of(steps), of(steps + 1)]).toEqual(["dagre", "layers"])
  })
})
