/** A connection that is cut, and then can't subscribe anew, ends no program and is replaced by one that can. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import * as Schema from "effect/Schema"
import { expect, inject, onTestFinished, test, vi } from "vitest"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { closing, SOON } from "./Opening.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)

const double = Task.make("double", {
  input: { n: Schema.Number },
  output: { doubled: Schema.Number },
  run: ({ n }) => ({ doubled: 2 * n })
})
const doubling = Pipeline.make("doubling", [double])

/** A link to Redis. While it is deaf, it swallows everything from a request to subscribe on. */
const link = async (to: string) => {
  const { hostname, port } = new URL(to)
  const nears = new Set<Socket>()
  const seen = { isDeaf: false, swallowed: 0, subscribed: 0 }
  const listening = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port || 6379), noDelay: true })
    const end = (): void => {
      nears.delete(near)
      near.destroy()
      far.destroy()
    }
    nears.add(near)
    for (const socket of [near, far]) socket.on("error", end).on("close", end)
    far.on("data", (chunk: Buffer) => near.write(chunk))
    let isLost = false
    near.on("data", (chunk: Buffer) => {
      const isSubscribing = /\bsubscribe\b/i.test(chunk.toString("latin1"))
      if (isSubscribing && seen.isDeaf) {
        isLost = true
        seen.swallowed++
      } else if (isSubscribing) seen.subscribed++
      if (!isLost) far.write(chunk)
    })
  })
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve))
  const cut = (): void => {
    for (const near of nears) near.destroy()
  }
  closing(() => {
    listening.close()
    cut()
  })
  return { seen, cut, url: `redis://127.0.0.1:${(listening.address() as AddressInfo).port}` }
}

shared("a request to subscribe that is not answered is no rejection without an owner", async () => {
  const rejections: Array<unknown> = []
  const note = (error: unknown): number => rejections.push(error)
  process.on("unhandledRejection", note)
  onTestFinished(() => void process.off("unhandledRejection", note))

  const { seen, cut, url: through } = await link(url!)
  const levada = Levada.make({
    pipelines: [doubling],
    access: Access.open,
    // Commands time out after one second.
    store: RedisStore.layer({ url: through, prefix: `resubscribing-${Date.now()}`, leaseMillis: 1_000 })
  })
  closing(() => levada.close())
  await levada.ready
  expect(seen.subscribed).toBe(1)

  seen.isDeaf = true
  cut()
  // Twice: it has given up the first.
  await vi.waitFor(() => expect(seen.swallowed + rejections.length).toBeGreaterThanOrEqual(2), SOON)
  expect(rejections).toEqual([])
  seen.isDeaf = false
  await vi.waitFor(() => expect(seen.subscribed).toBe(2), SOON)
  expect(await levada.execute(doubling, { n: 2 })).toBe(4)
  expect(rejections).toEqual([])
})
