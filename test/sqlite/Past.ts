/** A process whose clock is `CLOCK_OFF` milliseconds off. It starts runs and a schedule in a file, prints their ids, and waits. */
import "../redis/wall-clock.ts"
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { SqliteStore } from "../../adapters/sqlite/index.ts"

const MINUTE = 60_000

const work = Task.make("work", { input: {}, output: { m: Schema.Number }, run: () => ({ m: 1 }) })
const pipeline = Pipeline.make("p", [work])

const levada = Levada.make({
  pipelines: [pipeline],
  access: Access.open,
  worker: false,
  store: SqliteStore.layer({ file: process.argv[2]! })
})
await levada.addSchedule(
  Levada.schedule(pipeline, {
    id: "minutes",
    timing: { everyMillis: MINUTE },
    parameters: {},
    catchUp: "all",
    overlap: "allow"
  })
)
const soon = await levada.start(pipeline, {}, { delayMillis: 10 * MINUTE })
const late = await levada.start(pipeline, {}, { delayMillis: 120 * MINUTE })
const timedOut = await levada.start(pipeline, {}, { delayMillis: MINUTE, timeoutMillis: 5 * MINUTE })
console.log(JSON.stringify({ soon, late, timedOut }))
