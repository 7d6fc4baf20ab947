/**
 * The time of a layout, by engine, shape and size; and of an SVG the first time and from a kept layout. The limits of dagre and of
 * layouts are set by it.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Dagre } from "../adapters/dagre/index.ts"
import { Layout, Pipeline, Svg, Task } from "../core/index.ts"

const N = Schema.Number
const task = (name: string, inputs: ReadonlyArray<string>, output: string): Task.Any =>
  Task.make(name, {
    input: Object.fromEntries(inputs.map((input) => [input, N])),
    output: { [output]: N },
    run: () => ({ [output]: 0 })
  }) as Task.Any

/** A small generator of numbers, the same in every run. Source: G. Marsaglia, "Xorshift RNGs", 2003. */
const numbers = (seed: number): ((below: number) => number) => {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** Steps that each need up to `count` of the `reach` steps before them. */
const woven =
  (count: number, reach: number) =>
  (size: number): ReadonlyArray<Task.Any> => {
    const next = numbers(size)
    return Array.from({ length: size }, (_, at) => {
      const inputs = new Set<string>()
      for (let time = 0; time < count && at > 0; time++) inputs.add(`v${at - 1 - next(Math.min(at, reach))}`)
      return task(`step_${at}`, [...inputs], `v${at}`)
    })
  }

/** Layers of `width` steps, each of which needs two of the layer before. */
const layered =
  (width: number) =>
  (size: number): ReadonlyArray<Task.Any> =>
    Array.from({ length: size }, (_, at) => {
      const before = Math.floor(at / width) * width - width
      const inputs = before < 0 ? [] : [`v${before + (at % width)}`, `v${before + ((at + 1) % width)}`]
      return task(`step_${at}`, [...new Set(inputs)], `v${at}`)
    })

const shapes: Readonly<Record<string, (size: number) => ReadonlyArray<Task.Any>>> = {
  chain: (size) =>
    Array.from({ length: size }, (_, at) => task(`step_${at}`, at === 0 ? [] : [`v${at - 1}`], `v${at}`)),
  fan: (size) => Array.from({ length: size }, (_, at) => task(`step_${at}`, at === 0 ? [] : ["v0"], `v${at}`)),
  tree: (size) =>
    Array.from({ length: size }, (_, at) => task(`step_${at}`, at === 0 ? [] : [`v${(at - 1) >> 1}`], `v${at}`)),
  "layers of 10": layered(10),
  "two near parents": woven(2, 10),
  "two far parents": woven(2, 1_000_000),
  "four near parents": woven(4, 20)
}

const SIZES = [50, 100, 200, 300, 400, 800, 5_000]

/** The median of the time of three calls, in milliseconds. */
const median = (call: () => unknown): number => {
  const times = [0, 1, 2].map(() => {
    const began = performance.now()
    call()
    return performance.now() - began
  })
  return times.sort((one, other) => one - other)[1]!
}

const shown = (millis: number | undefined): string => (millis === undefined ? "-" : millis.toFixed(1)).padStart(9)

export const pictures = async (): Promise<void> => {
  console.log("Layouts: milliseconds by dagre (without its limits) and by layers; SVG from a kept layout")
  console.log("                     steps  length     dagre    layers       SVG")
  const dagre: Layout.Engine = { ...Dagre.engine, limits: { steps: 800, length: 100_000 } }
  for (const [shape, make] of Object.entries(shapes)) {
    for (const size of SIZES) {
      const pipeline = Result.getOrThrow(Pipeline.fromTasks("p", "dataflow", make(size))) as Pipeline.Any
      const { dependencies, depths } = pipeline.dag
      const lengths = dependencies.map((needs, node) =>
        needs.reduce((sum, needed) => sum + depths[node]! - depths[needed]!, 0)
      )
      const length = lengths.reduce((sum, each) => sum + each, 0)
      const byDagre = size > dagre.limits.steps ? undefined : median(() => Layout.make(pipeline, dagre))
      const byLayers = median(() => Layout.make(pipeline))
      const layout = Layout.make(pipeline)
      const svg = median(() => Svg.toSvg(pipeline, undefined, layout))
      console.log(
        `  ${shape.padEnd(18)} ${String(size).padStart(5)} ${String(length).padStart(7)} ${shown(byDagre)} ${shown(byLayers)} ${shown(svg)}`
      )
    }
  }
}

if (import.meta.main) await pictures()
