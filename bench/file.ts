/**
 * A Store in a file while a million runs pass through it, how long it takes to open it then, and to delete half of them.
 * `node bench/file.ts 1000000 100000`
 */
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Task } from "../adapters/promise/index.ts"
import { SqliteStore } from "../adapters/sqlite/index.ts"

const [FINISHED, UNFINISHED] = [Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 100_000)]
const BATCH = 1_000

const shout = Task.make("shout", {
  input: { text: Schema.String },
  output: { loud: Schema.String },
  run: async ({ text }) => ({ loud: text.toUpperCase() })
})
const shouting = Pipeline.make("shouting", [shout])

const folder = mkdtempSync(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "levada-file-"))
const file = join(folder, "levada.db")
const open = async (worker: false | undefined, historyCount = 10_000_000) => {
  const began = performance.now()
  const levada = Levada.make({
    pipelines: [shouting],
    access: Access.open,
    store: SqliteStore.layer({ file, historyCount, historyMillis: 0, maxUnfinished: 1_000_000 }),
    ...(worker === false && { worker })
  })
  await levada.ready
  return { levada, millis: performance.now() - began }
}
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`

let { levada } = await open(undefined)
const began = performance.now()
for (let done = 0, next = FINISHED / 10; done < FINISHED; ) {
  await Promise.all(Array.from({ length: BATCH }, (_, at) => levada.execute(shouting, { text: `text ${done + at}` })))
  done += BATCH
  if (done < next) continue
  next += FINISHED / 10
  const { heapUsed, rss } = process.memoryUsage()
  console.log(
    `${done} runs: heap ${megabytes(heapUsed)}, process ${megabytes(rss)}, file ${megabytes(statSync(file).size)}`
  )
}
console.log(`${Math.round((1_000 * FINISHED) / (performance.now() - began))} runs per second`)
await levada.close()

let opened = await open(false)
console.log(`opens in ${opened.millis.toFixed(0)} ms with ${FINISHED} finished runs`)
;({ levada } = opened)
for (let done = 0; done < UNFINISHED; done += BATCH) {
  await Promise.all(Array.from({ length: BATCH }, (_, at) => levada.start(shouting, { text: `text ${done + at}` })))
}
await levada.close()
opened = await open(false)
console.log(`opens in ${opened.millis.toFixed(0)} ms with ${UNFINISHED} unfinished runs too`)
await opened.levada.close()

// Half of the finished runs are too many, while others start.
const sizeBefore = statSync(file).size
opened = await open(false, FINISHED / 2)
;({ levada } = opened)
const reader = new DatabaseSync(file, { readOnly: true })
const finished = reader.prepare("SELECT count(*) AS n FROM runs WHERE ended IS NOT NULL")
const deleting = performance.now()
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
let logBytes = 0
while (Number(finished.get()!["n"]) > FINISHED / 2) {
  delay.disable()
  logBytes = Math.max(logBytes, statSync(`${file}-wal`).size)
  delay.enable()
  for (let count = 0; count < 20; count++) await levada.start(shouting, { text: "more" })
  await new Promise((resolve) => setTimeout(resolve, 500))
}
console.log(
  `${FINISHED / 2} runs deleted in ${((performance.now() - deleting) / 1_000).toFixed(1)} s; the event loop was blocked for ${(delay.max / 1e6).toFixed(0)} ms at most, for ${(delay.percentile(99) / 1e6).toFixed(0)} ms at the 99th percentile`
)
reader.close()
await levada.close()
console.log(
  `the file had ${megabytes(sizeBefore)}, and has ${megabytes(statSync(file).size)}; its log had ${megabytes(logBytes)} at most`
)
rmSync(folder, { recursive: true, force: true })
