/** The module of tasks that compute: keeps its thread busy, and gives the number that the step's name makes of its input. */
import { threadId } from "node:worker_threads"
import type { Task } from "../../adapters/promise/index.ts"
import { Ledger } from "./Ledger.ts"
import { hash, mix } from "./Random.ts"
import type { Setting } from "./Setting.ts"

const ledger = new Ledger((JSON.parse(process.env["CHAOS"]!) as Setting).directory, threadId)

export default ({ value }: { readonly value: number }, context: Task.TaskContext) => {
  const ended = ledger.start(context, [])
  const from = performance.now()
  const millis = 50 + (hash(`${context.step} takes ${value}`) % 250)
  while (performance.now() - from < millis) {
    if (context.signal.aborted) {
      ended("stopped")
      throw new Error("told to stop")
    }
  }
  ended("ok")
  return { computed: mix(context.step, value) }
}
