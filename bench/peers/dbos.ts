/** DBOS, on Postgres: its TypeScript library has no other store. With more than its 10 connections it is slower on two cores. */
import { DBOS } from "@dbos-inc/dbos-sdk"
import { add, LENGTH, WIDTH } from "../shapes.ts"
import type { Start } from "./contract.ts"

const step = (name: string, inputs: ReadonlyArray<number>): Promise<number> =>
  DBOS.runStep(async () => add(inputs), { name })

const workflows = {
  flat: DBOS.registerWorkflow((n: number) => step("a", [n]), { name: "flat" }),
  chain: DBOS.registerWorkflow(
    async (n: number) => {
      let last = n
      for (let at = 0; at < LENGTH; at++) last = await step(`s${at}`, [last])
      return last
    },
    { name: "chain" }
  ),
  diamond: DBOS.registerWorkflow(
    async (n: number) => {
      const a = await step("a", [n])
      return step("d", await Promise.all([step("b", [a]), step("c", [a])]))
    },
    { name: "diamond" }
  ),
  fan: DBOS.registerWorkflow(
    async (n: number) => {
      const a = await step("a", [n])
      return step("join", await Promise.all(Array.from({ length: WIDTH }, (_, at) => step(`s${at}`, [a]))))
    },
    { name: "fan" }
  )
}

export const start: Start = async ({ url }) => {
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: url,
    logLevel: "error"
  })
  await DBOS.launch()
  return {
    run: (shape, count) => {
      // Called as a function: a workflow that is called as a method wants an instance of a class.
      const workflow = workflows[shape]
      return Array.from({ length: count }, () => workflow(1))
    },
    stop: () => DBOS.shutdown()
  }
}
