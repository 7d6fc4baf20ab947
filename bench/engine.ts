/** The engine in memory against awaiting the bare functions: what a step costs beyond its own work. */
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Store, Task } from "../adapters/promise/index.ts"
import type { Fields } from "../core/json/Value.ts"
import { compare, type Subject, shown } from "./compare.ts"

type Values = Readonly<Record<string, number>>
type Run = (inputs: Values) => Promise<Values>

/** What a task does; the bare functions are these, awaited with nothing around them. */
const adding =
  (inputs: ReadonlyArray<string>, output: string): Run =>
  async (values) => {
    let sum = 1
    for (const input of inputs) sum += values[input]!
    return { [output]: sum }
  }

type Plain = Task.Task<string, Fields, Fields, never, never>
type Started = Pipeline.Pipeline<string, { readonly v0: number }, unknown, never, never>

const numbers = (names: ReadonlyArray<string>): Fields => Object.fromEntries(names.map((name) => [name, Schema.Number]))

const task = (name: string, inputs: ReadonlyArray<string>, output: string): Plain =>
  Task.make(name, {
    input: numbers(inputs),
    output: numbers([output]),
    run: adding(inputs, output) as (inputs: object) => Promise<Values>
  }) as Plain

const SIZE = 100
const PLACES: ReadonlyArray<number> = Array.from({ length: SIZE }, (_, at) => at)

const chain = Pipeline.make(
  "chain",
  PLACES.map((at) => task(`t${at}`, [`v${at}`], `v${at + 1}`))
)
const fan = Pipeline.make(
  "fan",
  PLACES.map((at) => task(`t${at}`, ["v0"], `v${at + 1}`))
)
const diamond = Pipeline.make("diamond", [
  task("a", ["v0"], "a"),
  task("b", ["a"], "b"),
  task("c", ["a"], "c"),
  task("d", ["b", "c"], "d")
]) as Started

const levada = Levada.make({
  pipelines: [chain, fan, diamond],
  access: Access.open,
  store: Store.layerMemory({ historyCount: 1_000 })
})

const chained = PLACES.map((at) => adding([`v${at}`], `v${at + 1}`))
const fanned = PLACES.map((at) => adding(["v0"], `v${at + 1}`))
const [first, left, right, join] = [
  adding(["v0"], "a"),
  adding(["a"], "b"),
  adding(["a"], "c"),
  adding(["b", "c"], "d")
]

const bare: Readonly<Record<string, () => Promise<unknown>>> = {
  chain: async () => {
    let values: Values = { v0: 0 }
    for (const run of chained) values = await run(values)
    return values
  },
  fan: () => Promise.all(fanned.map((run) => run({ v0: 0 }))),
  diamond: async () => {
    const a = await first({ v0: 0 })
    const [b, c] = await Promise.all([left(a), right(a)])
    return join({ ...b, ...c })
  }
}

/** One after the other, or so many at once. */
const inTurn =
  (run: () => Promise<unknown>): Subject =>
  async (times) => {
    for (let at = 0; at < times; at++) await run()
  }
const atOnce =
  (run: () => Promise<unknown>, width: number): Subject =>
  async (times) => {
    for (let at = 0; at < times; at++) await Promise.all(Array.from({ length: width }, run))
  }

export const engine = async (): Promise<void> => {
  console.log("Engine in memory against awaiting the bare functions (per step, events on; target: at most 3 µs more)")
  for (const [pipeline, steps] of [
    [chain, SIZE],
    [fan, SIZE],
    [diamond, 4]
  ] as const) {
    const alone = bare[pipeline.id]!
    const within = () => levada.execute(pipeline, { v0: 0 })
    const width = Math.ceil(SIZE / steps)
    const [bareTurn, turn, bareOnce, once] = await compare({
      "bare, in turn": inTurn(alone),
      "levada, in turn": inTurn(within),
      "bare, at once": atOnce(alone, width),
      "levada, at once": atOnce(within, width)
    })
    for (const [how, base, ours, each] of [
      ["one run at a time", bareTurn!, turn!, steps],
      [`${width} runs at once`, bareOnce!, once!, steps * width]
    ] as const) {
      const more = (ours.nanos - base.nanos) / each
      console.log(
        `  ${pipeline.id.padEnd(8)} ${how.padEnd(18)} bare ${shown(base.nanos / each).padStart(8)}, levada ${shown(ours.nanos / each).padStart(8)}: ${shown(more)} more, ratio ${(ours.nanos / base.nanos).toFixed(1)}`
      )
    }
  }
  await levada.close()
}

if (import.meta.main) await engine()
