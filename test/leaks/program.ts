/** A program that leaks errors, in a task or outside of every task, with and without Levada: see Processes.test.ts. */
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"

const [levadaIs, where, how, handlers] = process.argv.slice(2) as [
  "none" | "open" | "closed" | "serving",
  "task" | "outside",
  "timer" | "rejection",
  "handlers"?
]

const leak = (): void => {
  if (how === "rejection") void Promise.reject(new Error("leaked"))
  else
    setTimeout(() => {
      throw new Error("leaked")
    }, 1)
}

if (handlers !== undefined) {
  process.on("uncaughtException", (error) => console.log(`uncaughtException: ${error.message}`))
  process.on("unhandledRejection", (error) => console.log(`unhandledRejection: ${(error as Error).message}`))
}

const task = Task.make("leaking", {
  output: { m: Schema.Number },
  run: async (_, { signal }) => {
    await Promise.resolve()
    leak()
    await new Promise((resolve) => signal.addEventListener("abort", resolve))
    return { m: 1 }
  }
})
const pipeline = Pipeline.make("p", [task])
const make = (worker?: false): Levada.Levada =>
  Levada.make({ pipelines: [pipeline], access: Access.open, ...(worker === false && { worker }) })

const levada = levadaIs === "none" ? undefined : make(levadaIs === "serving" ? false : undefined)
if (levadaIs === "closed") await levada?.close()
if (where === "outside") {
  leak()
  // By then the process has ended, unless it survives.
  await new Promise((resolve) => setTimeout(resolve, 50))
} else {
  const { name } = await levada!.execute(pipeline, {}).then(
    () => ({ name: "none" }),
    ({ error }) => error
  )
  console.log(`failed: ${name}`)
}
console.log("went on")
await levada?.close()
