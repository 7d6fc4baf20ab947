/** What is put aside for an act goes by itself where the act does not come: also when its process ends at the worst moment. */
import * as Schema from "effect/Schema"
import { Redis } from "ioredis"
import { expect, inject, test, vi } from "vitest"
import { Access, Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { closing, SOON } from "./Opening.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)

const list = Task.make("list", {
  input: { a: Schema.String, b: Schema.String },
  output: { items: Schema.Array(Schema.Number) },
  run: () => ({ items: [1, 2, 3] })
})
const each = Task.make("each", {
  input: { item: Schema.Number },
  output: { double: Schema.Number },
  run: ({ item }) => ({ double: 2 * item })
})
const listing = Pipeline.make("listing", [
  list,
  Step.map(each, { over: { item: "items" }, outputs: { double: "doubles" } })
])

/** A client that sends everything but one kind of command, as if its process ended before it. */
const without = (command: string): Redis => {
  const client = new Redis(url!)
  closing(() => client.disconnect())
  const send = client.sendCommand.bind(client)
  client.sendCommand = (sent, ...more) =>
    sent.name === command ? Promise.reject(new Error("the process has ended")) : send(sent, ...more)
  return client
}

shared.each(["r:*", "s:*"])("keys %s have an end before the act comes that takes them", async (keys) => {
  const prefix = `aside-${keys[0]}-${Date.now()}`
  const looking = without("none")
  const expiring: Array<number> = []
  const client = without("expire")
  // The act does not come.
  const evalsha = client.evalsha.bind(client) as (...args: ReadonlyArray<unknown>) => Promise<unknown>
  const look = async (): Promise<void> => {
    for (const key of await looking.keys(`{${prefix}}:${keys}`)) {
      const isPlaced = (await looking.hexists(key, "h")) === 1
      if (!isPlaced) expiring.push(await looking.ttl(key))
    }
  }
  Object.assign(client, {
    evalsha: async (...args: ReadonlyArray<unknown>) => {
      await look()
      return evalsha(...args)
    }
  })
  const levada = Levada.make({
    pipelines: [listing],
    access: Access.open,
    store: RedisStore.layer({ client, prefix })
  })
  closing(() => levada.close())
  const half = "x".repeat(600_000)
  levada.start(listing, { a: half, b: half }).catch(() => undefined)
  await vi.waitFor(() => expect(expiring.length).toBeGreaterThan(0), SOON)
  expect(Math.min(...expiring)).toBeGreaterThan(0)
})
