/** A worker for tests of tasks that block its thread: keeps a ledger, in a file, of what it begins. See Blocking.test.ts. */
import { appendFileSync } from "node:fs"
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { untilStopped } from "../../examples/pipelines.ts"

const begin = (name: string, attempt: number): void =>
  appendFileSync(process.env["LEDGER"]!, `${name} ${attempt} ${process.pid}\n`)

const blocked = Promise.withResolvers<void>()

/** A step that gives the thread back at once, and ends once a step has blocked its process. */
export const yielding = Pipeline.make("yielding", [
  Task.make("yield", {
    input: { n: Schema.Number },
    output: { m: Schema.Number },
    run: async ({ n }, { attempt }) => {
      begin(`yielding-${n}`, attempt)
      // Another attempt has nothing to wait for.
      if (attempt === 1) await blocked.promise
      return { m: n }
    }
  })
])

/** A step that keeps the thread. */
export const blocking = Pipeline.make("blocking", [
  Task.make("block", {
    input: { millis: Schema.Number },
    output: { done: Schema.Boolean },
    run: ({ millis }, { attempt }) => {
      begin("blocking", attempt)
      // Another attempt has nothing to show.
      const end = performance.now() + (attempt === 1 ? millis : 0)
      while (performance.now() < end);
      if (millis > 0) blocked.resolve()
      return { done: true }
    }
  })
])

if (import.meta.main) {
  const levada = Levada.make({
    pipelines: [yielding, blocking],
    access: Access.open,
    store: RedisStore.layer({
      url: process.env["REDIS_URL"]!,
      leaseMillis: Number(process.env["LEASE"]),
      ...(process.env["BLOCKED"] && { blockedMillis: Number(process.env["BLOCKED"]) })
    }),
    worker: { graceMillis: 0 }
  })
  untilStopped(levada.close)
}
