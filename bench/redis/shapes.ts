/** The pipeline shapes that are measured on Redis. Every step adds one to the sum of its inputs. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import type { Fields } from "../../core/json/Value.ts"
import { add, LENGTH, WIDTH } from "../shapes.ts"

type Values = Readonly<Record<string, number>>

const numbers = (names: ReadonlyArray<string>): Fields => Object.fromEntries(names.map((name) => [name, Schema.Number]))

const task = (name: string, inputs: ReadonlyArray<string>) =>
  Task.make(name, {
    input: numbers(inputs),
    output: numbers([name]),
    run: (async (values: Values) => ({ [name]: add(inputs.map((input) => values[input]!)) })) as never
  }) as unknown as Task.Task<string, Fields, Fields, never, never>

const range = (size: number): ReadonlyArray<number> => Array.from({ length: size }, (_, at) => at)

/** Its wiring is only known at run time. */
const make = (id: string, tasks: ReadonlyArray<Task.Task<string, Fields, Fields, never, never>>): Plain =>
  Result.getOrThrow(Pipeline.fromTasks(id, "dataflow", tasks)) as Plain

/** A pipeline that needs no services. */
type Plain = Pipeline.Pipeline<string, Readonly<Record<string, unknown>>, unknown, never, never>

/** The pipeline of each shape, and its number of steps. */
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
