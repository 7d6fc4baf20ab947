/** Redis with Sentinel: when the master is gone, a replica takes its place, and Levada goes on there. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { expect, test, vi } from "vitest"
import { Errors } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { Proxy } from "../chaos/Proxy.ts"
import { doubling, Gate, held } from "./Gate.ts"
import { ask, client, closing, describeWithServers, levada, SOON, server } from "./Opening.ts"
import { freePort, redisProgram, type Started, start } from "./server.ts"

const why = (options: RedisStore.Options): Promise<string> =>
  Effect.runPromise(Effect.map(Effect.flip(Effect.scoped(RedisStore.make(options))), ({ message }) => message))

/** A server that takes connections and says nothing. */
const silent = async (): Promise<number> => {
  const port = await freePort()
  const listening = createServer(() => undefined).listen(port, "127.0.0.1")
  closing(() => listening.close())
  return port
}

/** A Sentinel that watches a master and finds out soon that it is gone. */
const sentinel = async (master: number): Promise<Started> => {
  const directory = mkdtempSync(join(tmpdir(), "levada-sentinel-"))
  closing(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, "sentinel.conf")
  const settings = [
    `monitor levada 127.0.0.1 ${master} 1`,
    "down-after-milliseconds levada 500",
    "failover-timeout levada 3000"
  ]
  writeFileSync(file, settings.map((setting) => `sentinel ${setting}\n`).join(""))
  const started = await start(redisProgram()!, ["--sentinel"], { directory, file })
  closing(started.stop)
  return started
}

/** A master and its replica, which follows. */
const pair = async () => {
  const master = await server("--repl-diskless-sync-delay", "0")
  const replica = await server("--replicaof", "127.0.0.1", String(master.port))
  const info = client(replica.url)
  await vi.waitFor(async () => expect(await info.info("replication")).toContain("master_link_status:up"), SOON)
  return { master, replica }
}

describeWithServers("Redis with Sentinel", () => {
  test("goes on at the replica when the master is killed: what the replica had ends, and no run is left half done", async () => {
    const { master, replica } = await pair()
    const watching = await sentinel(master.port)
    // The first one is of no use: the next is asked.
    const sentinels = [await silent(), watching.port].map((port) => ({ host: "127.0.0.1", port }))
    const store = { redis: { sentinels, name: "levada" }, leaseMillis: 3_000 }
    const gate = new Gate()
    const pipelines = [held(gate), doubling] as const
    const asked = levada(pipelines, store, { worker: false })
    levada(pipelines, store, { worker: { concurrency: 20 } })
    levada(pipelines, store, { worker: { concurrency: 20 } })
    await asked.ready

    const under = await Promise.all(Array.from({ length: 30 }, (_, n) => asked.start(pipelines[0], { n })))
    await vi.waitFor(() => expect(gate.begun).toHaveLength(30), SOON)
    const redis = client(master.url)
    await redis.set("after", "them")
    expect(await redis.wait(1, 5_000)).toBe(1)

    // Others come all the time: from those that are accepted last, the replica may not have heard.
    const later: Array<string> = []
    let refused = 0
    let isOver = false
    const coming = Array.from({ length: 5 }, async () => {
      while (!isOver) {
        await asked.start(doubling, { n: 1 }).then(
          (runId) => later.push(runId),
          (error) => {
            expect(error).toBeInstanceOf(Errors.StoreUnavailable)
            refused++
          }
        )
      }
    })
    await vi.waitFor(() => expect(later.length).toBeGreaterThan(200), SOON)
    process.kill(master.pid, "SIGKILL")
    const before = later.length
    await vi.waitFor(() => expect(later.length).toBeGreaterThan(before + 200), SOON)
    isOver = true
    await Promise.all(coming)
    expect(refused).toBeGreaterThan(0)
    expect(await client(replica.url).info("replication")).toContain("role:master")

    gate.open()
    expect(await Promise.all(under.map((runId) => asked.result(pipelines[0], runId)))).toEqual(
      under.map((_, n) => n + 1)
    )
    const ends = await Promise.all(
      later.map((runId) => asked.result(doubling, runId).then(String, ({ name }: Error) => name))
    )
    expect(ends.filter((end) => end !== "2" && end !== "RunNotFound")).toEqual([])
    // What came after the failover is all there.
    expect(ends.slice(-200)).toEqual(Array.from({ length: 200 }, () => "2"))
    expect(await client(replica.url).zcard("{levada}:unfinished")).toBe(0)
    expect(await ask(asked, "GET", "/health")).toMatchObject({ status: 200 })
  })

  test("says what is wrong when none of the Sentinels leads to a master", async () => {
    const master = await server()
    const { port } = await sentinel(master.port)
    const at = (port: number, name = "levada"): RedisStore.Options => ({
      redis: { sentinels: [{ host: "127.0.0.1", port }], name },
      connectMillis: 500
    })
    const nobody = await freePort()
    expect(await why(at(nobody))).toBe(`Redis: it can't be reached (levada of 127.0.0.1:${nobody})`)
    expect(await why(at(port, "other"))).toContain("none of its Sentinels knows a master of this name (other of")
    expect(await why(at(master.port))).toContain("is a server and no Sentinel")
    expect(await why({ redis: { sentinels: [{ port }] } })).toContain("Cannot use undefined as store.redis.name")
  })
})

describeWithServers("a master that becomes a replica", () => {
  test("is left for the one that its address leads to by then", async () => {
    const { master, replica } = await pair()
    const address = await Proxy.open(master.port)
    closing(() => address.close())
    const made = levada([doubling], { url: `redis://127.0.0.1:${address.port}` })
    expect(await made.execute(doubling, { n: 1 })).toBe(2)
    await client(replica.url).replicaof("NO", "ONE")
    address.leadTo(replica.port)
    await client(master.url).replicaof("127.0.0.1", replica.port)
    // Connections that are open stay where they are, until they are told what that is.
    await vi.waitFor(async () => expect(await made.execute(doubling, { n: 2 }).catch(String)).toBe(4), SOON)
  })
})
