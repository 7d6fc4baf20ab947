/**
 * Shows a run whose step goes on when a line is typed. With `listens`, it ends in an orderly way on Ctrl+C; with `exits`, by
 * `process.exit` in the middle.
 */
import { once } from "node:events"
import { createInterface } from "node:readline"
import * as Schema from "effect/Schema"
import { Progress } from "../../adapters/progress/index.ts"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"

const typed = new Promise<void>((resolve) => {
  createInterface({ input: process.stdin, terminal: false }).once("line", () => resolve())
})
const name = "日本語 \u{202e}2J 👩‍👩‍👧‍👦"
const held = Pipeline.make("held", [
  Task.make(name, {
    output: { held: Schema.Boolean },
    run: async (_, { progress, signal }) => {
      progress(1, 4)
      await Promise.race([typed, once(signal, "abort")])
      return { held: true }
    }
  })
])
const levada = Levada.make({ pipelines: [held], access: Access.open, worker: { graceMillis: 0 } })
if (process.argv[2] === "listens") process.on("SIGINT", () => void levada.close().then(() => console.log("closed")))
if (process.argv[2] === "exits") void typed.then(() => process.exit(3))
const { status } = await Progress.show(levada, await levada.start(held, {}))
console.log(`the run is ${status}`)
await levada.close()
process.exit(0)
