/** Redis behind Sentinel: the primary is killed, and a replica takes its place. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import { doubling, Gate, held } from "./Gate.ts"
import { client, closing, describeWithServers, levada, SOON, server } from "./Opening.ts"
import { freePort, installed } from "./server.ts"

/** Starts a Sentinel that watches one primary, alone in its quorum, and is quick to act. */
const sentinel = async (primary: number): Promise<number> => {
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), "levada-sentinel-"))
  const file = join(directory, "sentinel.conf")
  writeFileSync(
    file,
    [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${directory}`,
      `sentinel monitor main 127.0.0.1 ${primary} 1`,
      "sentinel down-after-milliseconds main 300",
      "sentinel failover-timeout main 2000",
      ""
    ].join("\n")
  )
  const child = spawn(installed()!, [file, "--sentinel"], { stdio: "ignore" })
  closing(() => {
    child.kill("SIGKILL")
    rmSync(directory, { recursive: true, force: true })
  })
  return port
}

describeWithServers("Sentinel", () => {
  test("leads everybody to the replica when the primary is killed, and no run is lost that the replica had", async () => {
    const primary = await server()
    const replica = await server("--replicaof", "127.0.0.1", String(primary.port))
    const before = client(primary.url)
    await vi.waitFor(async () => expect(await before.info("replication")).toMatch(/slave0:.*state=online/), SOON)
    const watching = await sentinel(primary.port)
    const looking = client(`redis://127.0.0.1:${watching}`)
    await vi.waitFor(async () => expect(await looking.call("SENTINEL", "REPLICAS", "main")).toHaveLength(1), SOON)

    const gate = new Gate()
    const pipelines = [held(gate), doubling]
    const redis = { sentinels: [{ host: "127.0.0.1", port: watching }], name: "main" }
    const asked = levada(pipelines, { redis }, { worker: false })
    levada(pipelines, { redis })
    const runIds = await Promise.all(Array.from({ length: 20 }, (_, n) => asked.start(pipelines[0]!, { n })))
    await vi.waitFor(() => expect(gate.begun).toHaveLength(20), SOON)
    expect(await before.wait(1, 5_000)).toBe(1)

    await primary.stop()
    gate.open()
    await vi.waitFor(async () => expect((await client(replica.url).role())[0]).toBe("master"), SOON)
    for (const runId of runIds) {
      await vi.waitFor(async () => expect((await asked.run(runId)).status).toBe("COMPLETED"), SOON)
    }
    expect(await asked.execute(doubling, { n: 21 })).toBe(42)
  })
})
