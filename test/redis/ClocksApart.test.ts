/** Processes on one Redis with wall clocks an hour and 20 seconds ahead and behind: only the server's clock counts. */
import type { Redis } from "ioredis"
import { expect, test, vi } from "vitest"
import { atWork, describeWithProcesses, launch } from "./ChildProcess.ts"
import { doubling } from "./Gate.ts"
import { ask, client, levada, SOON, server } from "./Resources.ts"

const OFFS = [-3_600_000, -20_000, 20_000, 3_600_000]

const serverMillis = async (redis: Redis): Promise<number> => {
  const [seconds, micros] = (await redis.time()) as unknown as [string, string]
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}

/** How many scripts the server has run. */
const scriptsRun = async (redis: Redis): Promise<number> =>
  Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))![1])

describeWithProcesses("servers with different clocks", () => {
  test("fire each tick once and on time, all count as present, and poll about once a second when nothing is due", async () => {
    const { url } = await server()
    const redis = client(url)
    const asked = levada([doubling], { url }, { worker: false })
    const started = await Promise.all(
      OFFS.map((off) => atWork(launch("test/redis/server-and-worker.ts", { REDIS_URL: url, CLOCK_OFF: String(off) })))
    )
    const fired = async () => (await asked.schedules()).map((schedule) => schedule.fired)
    await vi.waitFor(async () => expect(Math.min(...(await fired()))).toBeGreaterThanOrEqual(6), SOON)
    const { json } = await ask(asked, "GET", "/health/ready")
    expect(json).toMatchObject({ status: "ready", workers: OFFS.length })

    // A server that was stopped for a while misses nothing, even if only its clock was right.
    for (const id of ["interval", "cron", "skipping"])
      expect(await asked.pauseSchedule(id)).toMatchObject({ skipped: 0 })
    const { runs } = await asked.runs({ limit: 1_000 })
    for (const { id, fired } of await asked.schedules()) {
      const of = runs.filter(({ schedule }) => schedule!.id === id)
      const ticks = of.map(({ schedule }) => schedule!.tickMillis).sort((left, right) => left - right)
      expect(ticks).toHaveLength(fired)
      expect(new Set(ticks).size).toBe(ticks.length)
      expect(ticks.at(-1)! - ticks[0]!).toBe(1_000 * (ticks.length - 1))
      for (const { schedule, submittedAtMillis } of of) {
        expect(submittedAtMillis).toBeGreaterThanOrEqual(schedule!.tickMillis)
      }
    }

    // Each process runs tick and retain twice a second, and claims and reads schedules once. Twice that is the bound.
    const [from, before] = [await serverMillis(redis), await scriptsRun(redis)]
    await vi.waitFor(async () => expect(await serverMillis(redis)).toBeGreaterThan(from + 3_000), SOON)
    const seconds = ((await serverMillis(redis)) - from) / 1_000
    expect((await scriptsRun(redis)) - before).toBeLessThan(2 * 6 * (OFFS.length + 1) * seconds)

    for (const { child } of started) child.kill("SIGTERM")
    expect(await Promise.all(started.map(({ exited }) => exited))).toEqual(OFFS.map(() => 0))
  })
})
