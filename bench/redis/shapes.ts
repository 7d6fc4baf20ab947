/** The shapes that are measured on Redis, as pipelines of Levada's. Every step adds one to the sum of what it gets. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import type { Fields } from "../../core/json/Value.ts"

type Values = Readonly<Record<string, number>>

const numbers = (names: ReadonlyArray<string>): Fields => Object.fromEntries(names.map((name) => [name, Schema.Number]))

const task = (name: string, inputs: ReadonlyArray<string>) =>
  Task.make(name, {
    input: numbers(inputs),
    output: numbers([name]),
    run: (async (values: Values) => ({ [name]: add(inputs.map((input) => values[input]!)) })) as never
  }) as unknown as Task.Task<string, Fields, Fields, never, never>

/** What every step does, here and in the peers. */
export const add = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 1)

/** How many steps go side by side in `fan`. */
export const WIDTH = 100
/** How many follow one another in `chain`. */
export const LENGTH = 10

const range = (size: number): ReadonlyArray<number> => Array.from({ length: size }, (_, at) => at)

/** Built as one whose wiring only run time knows. */
const make = (id: string, tasks: ReadonlyArray<Task.Task<string, Fields, Fields, never, never>>): Plain =>
  Result.getOrThrow(Pipeline.fromTasks(id, "dataflow", tasks)) as Plain

/** A pipeline that needs no services. */
type Plain = Pipeline.Pipeline<string, Readonly<Record<string, unknown>>, unknown, never, never>

/** What is run in each shape, and how many steps that is. */
export const SHAPES: Readonly<Record<string, readonly [pipeline: Plain, steps: number]>> = {
  flat: [make("flat", [task("a", ["n"])]), 1],
  chain: [
    make(
      "chain",
      range(LENGTH).map((at) => task(`s${at}`, [at === 0 ? "n" : `s${at - 1}`]))
    ),
    LENGTH
  ],
  diamond: [make("diamond", [task("a", ["n"]), task("b", ["a"]), task("c", ["a"]), task("d", ["b", "c"])]), 4],
  fan: [
    make("fan", [
      task("a", ["n"]),
      ...range(WIDTH).map((at) => task(`s${at}`, ["a"])),
      task(
        "join",
        range(WIDTH).map((at) => `s${at}`)
      )
    ]),
    WIDTH + 2
  ]
}

export type Shape = "flat" | "chain" | "diamond" | "fan"
