/** The engine in memory against awaiting the bare functions: what a step costs beyond its own work. */
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Store, Task } from "../adapters/promise/index.ts"
import type { Fields } from "../core/Value.ts"
import { compare, type Subject, shown } from "./compare.ts"

type Step = (n: number) => Promise<number>
const step: Step = async (n) => n + 1

type Plain = Task.Task<string, Fields, Fields, never, never>
type Started = Pipeline.Pipeline<string, { readonly v0: number }, unknown, never, never>

const task = (name: string, input: string, output: string): Plain =>
  Task.make(name, {
    input: { [input]: Schema.Number },
    output: { [output]: Schema.Number },
    run: async (inputs) => ({ [output]: await step(inputs[input] as number) })
  }) as Plain

const SIZE = 100

const chain = Pipeline.make(
  "chain",
  Array.from({ length: SIZE }, (_, at) => task(`t${at}`, `v${at}`, `v${at + 1}`))
)
const fan = Pipeline.make(
  "fan",
  Array.from({ length: SIZE }, (_, at) => task(`t${at}`, "v0", `v${at + 1}`))
)
const diamond = Pipeline.make("diamond", [
  task("a", "v0", "a"),
  task("b", "a", "b"),
  task("c", "a", "c"),
  Task.make("d", {
    input: { b: Schema.Number, c: Schema.Number },
    output: { d: Schema.Number },
    run: async ({ b, c }) => ({ d: await step(b + c) })
  }) as Plain
]) as Started

const levada = Levada.make({
  pipelines: [chain, fan, diamond],
  access: Access.open,
  store: Store.layerMemory({ historyCount: 1_000 })
})

const bare: Readonly<Record<string, () => Promise<unknown>>> = {
  chain: async () => {
    let value = 0
    for (let at = 0; at < SIZE; at++) value = await step(value)
    return value
  },
  fan: () => Promise.all(Array.from({ length: SIZE }, () => step(0))),
  diamond: async () => {
    const a = await step(0)
    const [b, c] = await Promise.all([step(a), step(a)])
    return step(b + c)
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
