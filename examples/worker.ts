/**
 * A worker without a server: runs the steps of the example pipelines from the Redis that `REDIS_URL` names. Run it, as
 * many times as needed: `REDIS_URL=redis://127.0.0.1:6379 npm run worker`
 */
import { Access, Levada } from "../adapters/promise/index.ts"
import { pipelines, store, untilReady, untilStopped } from "./pipelines.ts"
import { tracing } from "./tracing.ts"

if (process.env["REDIS_URL"] === undefined) {
  console.error("Cannot start a worker: REDIS_URL has to say where the runs are, such as redis://127.0.0.1:6379")
  process.exit(1)
}
const levada = Levada.make({
  pipelines,
  access: Access.open,
  ...store,
  ...tracing,
  worker: { concurrency: Number(process.env["CONCURRENCY"] ?? 100) }
})
untilStopped(levada.close)
await untilReady(levada)
console.log(`Worker ${process.pid} is at work`)
