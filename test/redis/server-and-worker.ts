/** A server with a worker, in a process with a wrong wall clock. */
import "./wall-clock.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { untilReady, untilStopped } from "../../examples/pipelines.ts"
import { doubling } from "./Gate.ts"

const policy = { parameters: { n: 1 }, catchUp: "all", overlap: "allow" } as const
const levada = Levada.make({
  pipelines: [doubling],
  access: Access.open,
  store: RedisStore.layer({ url: process.env["REDIS_URL"]! }),
  schedules: [
    Levada.schedule(doubling, { id: "interval", timing: { everyMillis: 1_000 }, ...policy }),
    Levada.schedule(doubling, { id: "cron", timing: { cron: "* * * * * *" }, ...policy }),
    Levada.schedule(doubling, { id: "skipping", timing: { everyMillis: 1_000 }, ...policy, catchUp: "skip" })
  ]
})
untilStopped(levada.close)
await untilReady(levada)
console.log(`Server ${process.pid} is at work`)
