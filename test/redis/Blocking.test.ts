/** A task that blocks the thread of its worker costs no step beside it its lease, in processes on each runtime. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import { blocking, yielding } from "./blocked.ts"
import { describeWithProcesses, launch, type Runtime } from "./Launching.ts"
import { closing, levada, SOON, server } from "./Opening.ts"

// A lease is real time: so long that a busy machine renews it.
const LEASE = 2_000
const BESIDE = 20

/** A worker has begun all of these runs, and is blocked for four leases; another one waits for work. */
const blocked = async (runtime: Runtime, env: Readonly<Record<string, string>> = {}) => {
  const { url } = await server("--requirepass", "hunter2")
  const place = url.replace("//", "//:hunter2@")
  const folder = mkdtempSync(join(tmpdir(), "levada-blocked-"))
  closing(() => rmSync(folder, { recursive: true, force: true }))
  const ledger = join(folder, "ledger")
  const asked = levada([yielding, blocking], { url: place, leaseMillis: LEASE }, { worker: false })
  const work = () =>
    launch("test/redis/blocked.ts", { REDIS_URL: place, LEASE: String(LEASE), LEDGER: ledger, ...env }, runtime)
  work()
  // By then the thread that renews has started.
  await asked.execute(blocking, { millis: 0 })
  rmSync(ledger)
  const begun = (): ReadonlyArray<ReadonlyArray<string>> => {
    const lines = readFileSync(ledger, "utf8").trim().split("\n")
    return lines.map((line) => line.split(" "))
  }
  const beside = await Promise.all(Array.from({ length: BESIDE }, (_, n) => asked.start(yielding, { n })))
  await vi.waitFor(() => expect(begun()).toHaveLength(BESIDE), SOON)
  const blocker = await asked.start(blocking, { millis: 4 * LEASE })
  await vi.waitFor(() => expect(begun()).toHaveLength(BESIDE + 1), SOON)
  work()

  const results = await Promise.all([
    ...beside.map((runId) => asked.result(yielding, runId)),
    asked.result(blocking, blocker)
  ])
  expect(results).toEqual([...beside.keys(), true])
  const runs = await Promise.all([...beside, blocker].map((runId) => asked.run(runId)))
  return { begun, attempts: runs.map(({ steps }) => steps[0]!.attempts) }
}

describeWithProcesses("a task that blocks its worker for four leases", () => {
  test.each(["node", "bun", "deno"] as const)(
    "runs once, and so does every step beside it: %s",
    { timeout: 60_000 },
    async (runtime) => {
      const { begun, attempts } = await blocked(runtime)
      expect(attempts).toEqual(Array.from({ length: BESIDE + 1 }, () => 1))
      expect(begun()).toHaveLength(BESIDE + 1)
    }
  )

  test("for longer than `blockedMillis`, counts as hung: others run what its worker had", async () => {
    const { begun } = await blocked("node", { BLOCKED: "0" })
    expect(new Set(begun().map(([, , pid]) => pid)).size).toBe(2)
    expect(begun().filter(([, attempt]) => attempt === "2")).toHaveLength(BESIDE + 1)
  })
})
