/** A worker that tests stop or kill. It records in a ledger on Redis which attempts it begins and how they end. */
import { setTimeout as sleep } from "node:timers/promises"
import * as Schema from "effect/Schema"
import { Redis } from "ioredis"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { untilReady, untilStopped } from "../../examples/pipelines.ts"

/** Where the ledger is. */
export const LEDGER = "ledger"

const url = process.env["REDIS_URL"]
let own: Redis | undefined
const redis = (): Redis => {
  own ??= new Redis(url!)
  return own
}

/** One step, which runs until the key of its gate exists, or until it is interrupted. */
export const ledgered = Pipeline.make("ledgered", [
  Task.make("hold", {
    input: { gate: Schema.String },
    output: { held: Schema.String },
    run: async ({ gate }, { attempt, signal }) => {
      const write = (what: string): Promise<unknown> =>
        redis().rpush(LEDGER, JSON.stringify({ pid: process.pid, what, attempt, atMillis: Date.now() }))
      // Creates the signal before an interruption can come.
      void signal.aborted
      await write("began")
      while ((await redis().exists(gate)) === 0) {
        if (signal.aborted) {
          await write("stopped")
          signal.throwIfAborted()
        }
        await sleep(10)
      }
      await write("ended")
      return { held: gate }
    }
  })
])

if (import.meta.main) {
  const levada = Levada.make({
    pipelines: [ledgered],
    access: Access.open,
    store: RedisStore.layer({ url: url!, leaseMillis: Number(process.env["LEASE"]) }),
    worker: { graceMillis: Number(process.env["GRACE"]) }
  })
  untilStopped(levada.close)
  await untilReady(levada)
  console.log(`Worker ${process.pid} is at work`)
}
