/**
 * openworkflow on SQLite: a file in WAL mode that is synced in each commit (SQLite's default). Its handle of a run asks once a second
 * whether the run has ended. To not measure that, the workflow tells here that it is about to end, and then the Store is asked
 * until it says so.
 */
import { join } from "node:path"
import { OpenWorkflow } from "openworkflow"
import { BackendSqlite } from "openworkflow/sqlite"
import { add, LENGTH, type Shape, WIDTH } from "../shapes.ts"
import { Ends, type Start } from "./contract.ts"

interface Input {
  readonly n: number
  readonly client: string
}

export const start: Start = async ({ folder }, atOnce) => {
  const backend = BackendSqlite.connect(join(folder, "openworkflow.db"))
  const openWorkflow = new OpenWorkflow({ backend })
  const ends = new Ends()
  const workflow = <Output>(
    name: Shape,
    steps: (n: number, step: (name: string, inputs: ReadonlyArray<number>) => Promise<number>) => Promise<Output>
  ) =>
    openWorkflow.defineWorkflow<Input, Output>({ name }, async ({ input, step }) => {
      const output = await steps(input.n, (name, inputs) => step.run({ name }, () => add(inputs)))
      ends.ended(input.client, output)
      return output
    })
  const workflows = {
    flat: workflow("flat", (n, step) => step("a", [n])),
    chain: workflow("chain", async (n, step) => {
      let last = n
      for (let at = 0; at < LENGTH; at++) last = await step(`s${at}`, [last])
      return last
    }),
    diamond: workflow("diamond", async (n, step) => {
      const a = await step("a", [n])
      return step("d", await Promise.all([step("b", [a]), step("c", [a])]))
    }),
    fan: workflow("fan", async (n, step) => {
      const a = await step("a", [n])
      return step("join", await Promise.all(Array.from({ length: WIDTH }, (_, at) => step(`s${at}`, [a]))))
    })
  }
  // A worker that is full sleeps 50 ms or more before it looks again, so it has more places than there are runs.
  const worker = openWorkflow.newWorker({ concurrency: 2 * atOnce })
  await worker.start()
  let clients = 0
  const execute = async (shape: Shape): Promise<unknown> => {
    const client = String(clients++)
    const soon = ends.wait(client)
    const handle = await workflows[shape].run({ n: 1, client })
    await soon
    for (;;) {
      const run = await backend.getWorkflowRun({ workflowRunId: handle.workflowRun.id })
      if (run?.status === "completed") return run.output
      await new Promise(setImmediate)
    }
  }
  return {
    run: (shape, count) => Array.from({ length: count }, () => execute(shape)),
    stop: () => worker.stop().then(() => backend.stop())
  }
}
