/**
 * bunqueue's workflows, embedded, under Bun. It syncs each commit of a workflow (SQLite's default). Its queue, in the same file,
 * writes jobs up to 10 ms later and without a sync: after a crash `engine.recover()` queues the lost jobs again.
 */
import { join } from "node:path"
import { Engine, Workflow } from "bunqueue/workflow"
import { add, LENGTH, WIDTH } from "../shapes.ts"
import { Ends, type Start } from "./contract.ts"

interface Input {
  readonly n: number
}
type Outputs = Readonly<Record<string, number>>

const flat = new Workflow<Input>("flat").step("a", async ({ input }) => add([input.n]))

let chain: Workflow<Input, Record<string, unknown>> = new Workflow<Input>("chain")
for (let at = 0; at < LENGTH; at++) {
  chain = chain.step(`s${at}`, async ({ input, steps }) =>
    add([at === 0 ? input.n : (steps as Outputs)[`s${at - 1}`]!])
  )
}

const diamond = new Workflow<Input>("diamond")
  .step("a", async ({ input }) => add([input.n]))
  .parallel((both) =>
    both.step("b", async ({ steps }) => add([steps.a])).step("c", async ({ steps }) => add([steps.a]))
  )
  .step("d", async ({ steps }) => add([steps.b, steps.c]))

const fan = new Workflow<Input>("fan")
  .step("a", async ({ input }) => add([input.n]))
  .parallel((all) => {
    let parallel: Workflow<Input, { a: number } & Record<string, unknown>> = all
    for (let at = 0; at < WIDTH; at++) parallel = parallel.step(`s${at}`, async ({ steps }) => add([steps.a])) as never
    return parallel
  })
  .step("join", async ({ steps }) => add(Array.from({ length: WIDTH }, (_, at) => (steps as Outputs)[`s${at}`]!)))

const LAST = { flat: "a", chain: `s${LENGTH - 1}`, diamond: "d", fan: "join" }

export const start: Start = async ({ folder }, atOnce) => {
  const ends = new Ends()
  const engine = new Engine({ embedded: true, dataPath: join(folder, "bunqueue.db"), concurrency: atOnce })
  for (const workflow of [flat, chain, diamond, fan]) engine.register(workflow as never)
  engine.on("workflow:completed", ({ executionId }) => ends.ended(executionId, undefined))
  engine.on("workflow:failed", (event) => console.error(event))
  return {
    run: (shape, count) =>
      Array.from({ length: count }, async () => {
        const { id } = await engine.start(shape, { n: 1 })
        await ends.wait(id)
        return engine.getExecution(id)!.steps[LAST[shape]]!.result
      }),
    stop: () => engine.close(true)
  }
}
