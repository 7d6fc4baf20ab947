/** A Redis Cluster of three masters: every key of a Store is in one slot, and different Stores are on different nodes. */
import { Cluster, Redis } from "ioredis"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { RedisStore } from "../../adapters/redis/index.ts"
import { store } from "../conformance/store/StoreConformance.ts"
import { doubling, Gate, held, heldItems } from "./Gate.ts"
import { ask, closing, describeWithServers, lasting, levada, SOON } from "./Opening.ts"
import type { Started } from "./server.ts"

const SLOTS = 16_384

/** Makes a cluster of servers that share all slots. */
const join = async (servers: ReadonlyArray<Started>): Promise<void> => {
  const clients = servers.map(({ port }) => new Redis(port))
  try {
    for (const [at, client] of clients.entries()) {
      const from = Math.floor((at * SLOTS) / clients.length)
      const to = Math.floor(((at + 1) * SLOTS) / clients.length)
      await client.cluster("ADDSLOTS", ...Array.from({ length: to - from }, (_, slot) => from + slot))
      await client.call("CLUSTER", "SET-CONFIG-EPOCH", at + 1)
      if (at > 0) await client.cluster("MEET", "127.0.0.1", servers[0]!.port)
    }
    const isWhole = (info: string): boolean =>
      info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${clients.length}`)
    await vi.waitFor(async () => {
      for (const client of clients) expect(isWhole(String(await client.cluster("INFO")))).toBe(true)
    }, SOON)
  } finally {
    for (const client of clients) client.disconnect()
  }
}

describeWithServers("Redis Cluster", () => {
  let servers: ReadonlyArray<Started> = []
  let nodes: ReadonlyArray<string>
  let count = 0
  beforeAll(async () => {
    servers = await Promise.all([1, 2, 3].map(() => lasting("--cluster-enabled", "yes")))
    nodes = servers.map(({ url }) => url)
    await join(servers)
  })
  afterAll(async () => {
    for (const { stop } of servers) await stop()
  })

  store("Redis Cluster", (wanted) => RedisStore.layer({ nodes, prefix: `conformance-${++count}`, ...wanted }))

  /** Which nodes have keys of a prefix. */
  const placesOf = async (prefix: string): Promise<ReadonlyArray<number>> => {
    const found: Array<number> = []
    for (const { port } of servers) {
      const client = new Redis(port)
      if ((await client.keys(`{${prefix}}:*`)).length > 0) found.push(port)
      client.disconnect()
    }
    return found
  }

  test("stores of other prefixes are on other nodes, each of them whole on one", async () => {
    const places = new Set<number>()
    for (const prefix of ["a", "b", "c", "d", "e", "f", "g", "h"]) {
      const made = levada([doubling], { nodes, prefix })
      expect(await made.execute(doubling, { n: 4 })).toBe(8)
      const where = await placesOf(prefix)
      expect(where).toHaveLength(1)
      places.add(where[0]!)
    }
    expect(places.size).toBe(3)
  })

  test("one node is enough to find the others, for servers and workers that share runs", async () => {
    const gate = new Gate()
    const pipelines = [held(gate), heldItems(gate), doubling] as const
    const asked = levada(pipelines, { nodes: [nodes[0]!], prefix: "shared" }, { worker: false })
    levada(pipelines, { nodes: [nodes[1]!], prefix: "shared" })
    const one = await asked.start(pipelines[0], { n: 1 })
    const many = await asked.start(pipelines[1], { ns: [2, 3] })
    await vi.waitFor(() => expect([...gate.begun].sort()).toEqual(["1", "2", "3"]), SOON)
    await asked.cancel(many)
    await vi.waitFor(() => expect([...gate.stopped].sort()).toEqual(["2", "3"]), SOON)
    gate.open()
    expect(await asked.result(pipelines[0], one)).toBe(2)
    expect(await ask(asked, "GET", "/health")).toMatchObject({ status: 200 })
    expect((await asked.runs()).runs.map(({ status }) => status)).toEqual(["CANCELLED", "COMPLETED"])
  })

  test("a cluster client of the program's own is used and left open", async () => {
    const own = new Cluster(servers.map(({ port }) => ({ host: "127.0.0.1", port })))
    closing(() => own.disconnect())
    const made = levada([doubling], { client: own, prefix: "own" })
    expect(await made.execute(doubling, { n: 4 })).toBe(8)
    await made.close()
    expect(await own.zcard("{own}:ended")).toBe(1)
  })
})
