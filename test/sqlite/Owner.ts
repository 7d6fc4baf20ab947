/**
 * A process that owns a file until it ends. `node test/sqlite/Owner.ts <file> [children|threads]` prints `owns`, or why it does
 * not. `children`: it first starts a program that lives on after it, and prints its process id. `threads`: then it opens the file in
 * a worker thread too.
 */
import { spawn } from "node:child_process"
import { isMainThread, parentPort, Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import { SqliteStore } from "../../adapters/sqlite/index.ts"

const [file, mode] = process.argv.slice(2)

/** Opens the file for ever. */
const own = (path: string): Promise<string> =>
  new Promise((resolve) => {
    const owning = Effect.andThen(
      SqliteStore.make({ file: path }),
      Effect.andThen(
        Effect.sync(() => resolve("owns")),
        Effect.never
      )
    )
    Effect.runFork(Effect.catch(Effect.scoped(owning), (error) => Effect.sync(() => resolve(String(error)))))
  })

if (isMainThread) {
  console.log(await own(file!))
  if (mode === "children") {
    const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" })
    console.log(`child ${child.pid}`)
  }
  if (mode === "threads") {
    const thread = new Worker(new URL(import.meta.url))
    thread.on("message", (said: string) => console.log(`thread ${said}`))
    thread.postMessage(file)
  }
  setInterval(() => {}, 1_000)
} else {
  parentPort!.on("message", (path: string) => void own(path).then((said) => parentPort!.postMessage(said)))
}
