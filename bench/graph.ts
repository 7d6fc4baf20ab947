/** Building a pipeline and computing the levels of its Dag: the time per task has to stay the same as graphs grow. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Dag, Pipeline, Task } from "../core/index.ts"
import { compare, shown } from "./compare.ts"

const N = Schema.Number
const task = (name: string, inputs: ReadonlyArray<string>, output: string): Task.Any =>
  Task.make(name, {
    input: Object.fromEntries(inputs.map((input) => [input, N])),
    output: { [output]: N },
    run: () => ({ [output]: 0 })
  }) as Task.Any

const shapes: Readonly<Record<string, (size: number) => ReadonlyArray<Task.Any>>> = {
  chain: (size) => Array.from({ length: size }, (_, at) => task(`t${at}`, [`v${at}`], `v${at + 1}`)),
  fan: (size) => Array.from({ length: size }, (_, at) => task(`t${at}`, ["v0"], `v${at + 1}`)),
  "two parents each": (size) =>
    Array.from({ length: size }, (_, at) =>
      task(
        `t${at}`,
        [`v${at}`, `v${at >> 1}`].filter((key, first, all) => all.indexOf(key) === first),
        `v${at + 1}`
      )
    )
}

const build = (tasks: ReadonlyArray<Task.Any>): Pipeline.Any =>
  Result.getOrThrow(Pipeline.fromTasks("p", "dataflow", tasks))

export const graph = async (): Promise<void> => {
  console.log("Graphs: time for each task; linear when the last column stays near 1")
  for (const [shape, make] of Object.entries(shapes)) {
    const lists = [1_000, 10_000, 100_000].map((size) => [size, make(size)] as const)
    const subjects = lists.flatMap(([size, tasks]) => {
      const { dag } = build(tasks)
      return [
        [
          `build ${size}`,
          (times: number) => {
            for (let at = 0; at < times; at++) build(tasks)
          }
        ] as const,
        [
          `levels ${size}`,
          (times: number) => {
            for (let at = 0; at < times; at++) Dag.levels(dag)
          }
        ] as const
      ]
    })
    const measured = await compare(Object.fromEntries(subjects))
    for (const what of ["build", "levels"]) {
      const each = lists.map(([size]) => measured.find(({ name }) => name === `${what} ${size}`)!.nanos / size)
      const columns = each.map((nanos, at) => `${lists[at]![0]}: ${shown(nanos)} (${(nanos / each[0]!).toFixed(2)})`)
      console.log(`  ${shape.padEnd(16)} ${what.padEnd(6)} ${columns.join("   ")}`)
    }
  }
}

if (import.meta.main) await graph()
