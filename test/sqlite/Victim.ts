/**
 * A process under load that may be killed at any instant. It writes what it was told to a ledger on standard output, each line
 * with one system call: `started <run>`, `ended <run> <status>`, `cancelled <run>`. Run it: `node test/sqlite/Victim.ts <file>`; with
 * `drain` it starts nothing and ends with the last unfinished run.
 */
import { writeSync } from "node:fs"
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { SqliteStore } from "../../adapters/sqlite/index.ts"

const [file, mode] = process.argv.slice(2)
const tell = (...words: ReadonlyArray<string>): void => void writeSync(1, `${words.join(" ")}\n`)
const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

const list = Task.make("list", {
  input: { size: Schema.Number },
  output: { numbers: Schema.Array(Schema.Number) },
  run: ({ size }) => ({ numbers: Array.from({ length: size }, (_, at) => at) })
})
const double = Task.make("double", {
  input: { number: Schema.Number },
  output: { doubled: Schema.Number },
  retry: { times: 5, delayMillis: 2 },
  run: async ({ number }, { attempt }) => {
    await later(number % 4)
    if (number % 7 === 3 && attempt % 2 === 1) throw new Error("odd attempts fail")
    return { doubled: 2 * number }
  }
})
const add = Task.make("add", {
  input: { doubled: Schema.Number, total: Schema.Number },
  output: { total: Schema.Number },
  run: ({ doubled, total }) => ({ total: total + doubled })
})
const square = Task.make("square", {
  version: "1",
  input: { total: Schema.Number },
  output: { squared: Schema.Number },
  limit: { max: 3 },
  memo: { ttlMillis: 60_000 },
  run: ({ total }) => ({ squared: total * total })
})
const note = Task.make("note", {
  input: { squared: Schema.Number },
  output: { noted: Schema.Boolean },
  run: (_, { log }) => {
    log("it is noted")
    return { noted: true }
  }
})

const squares = Pipeline.make(
  "squares",
  [
    list,
    Step.map(double, { over: { number: "numbers" }, outputs: { doubled: "doubles" }, concurrency: 4 }),
    Step.reduce(add, { over: { doubled: "doubles" }, initial: { total: 0 } }),
    square,
    note
  ],
  { limit: { runs: 30 } }
)

const levada = Levada.make({
  pipelines: [squares],
  access: Access.open,
  // A step may be running at many kills, and is not to blame for any.
  store: SqliteStore.layer({ file: file!, leaseMillis: 60_000, historyCount: 1_000_000, maxLosses: 1_000 })
})
await levada.ready
tell("ready")

const one = async (count: number): Promise<void> => {
  const id = await levada.start(squares, { size: 1 + (count % 9) })
  tell("started", id)
  if (count % 11 === 0) {
    await levada.cancel(id, "asked for")
    tell("cancelled", id)
  }
  for await (const event of levada.watch(id)) {
    if (event.type === "StepCompleted") tell("step", id, event.step, String(event.sequence))
  }
  tell("ended", id, (await levada.run(id)).status)
}

if (mode === "drain") {
  while ((await levada.runs({ statuses: ["PENDING", "RUNNING"], limit: 1 })).runs.length > 0) await later(20)
  await levada.close()
} else {
  const forEver = async (count: number): Promise<void> => {
    for (let next = count; ; next += 10) await one(next)
  }
  await Promise.all(Array.from({ length: 10 }, (_, at) => forEver(at)))
}
