/** Processes on one Redis whose wall clocks are an hour and 20 seconds ahead and behind: only the server's clock decides. */
import type { Redis } from "ioredis"
import { expect, test, vi } from "vitest"
import { doubling } from "./Gate.ts"
import { atWork, describeWithProcesses, launch } from "./Launching.ts"
import { ask, client, levada, SOON, server } from "./Opening.ts"

const OFFS = [-3_600_000, -20_000, 20_000, 3_600_000]

const serverMillis = async (redis: Redis): Promise<number> => {
  const [seconds, micros] = (await redis.time()) as unknown as [string, string]
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}

/** How many scripts the server has run. */
const scriptsRun = async (redis: Redis): Promise<number> =>
  Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))![1])

describeWithProcesses("servers whose clocks are apart", () => {
  test("fire each tick once and on time, are all seen to be there, and ask about once a second when nothing is due", async () => {
    const { url } = await server()
    const redis = client(url)
    const asked = levada([doubling], { url }, { worker: false })
    const started = await Promise.all(
      OFFS.map((off) => atWork(launch("test/redis/apart.ts", { REDIS_URL: url, CLOCK_OFF: String(off) })))
    )
    const fired = async () => (await asked.schedules()).map((schedule) => schedule.fired)
    await vi.waitFor(async () => expect(Math.min(...(await fired()))).toBeGreaterThanOrEqual(6), SOON)
    const { json } = await ask(asked, "GET", "/health/ready")
    expect(json).toMatchObject({ status: "ready", workers: OFFS.length })

    // One that is gone for a while misses nothing that others see, also when it is the only one that is right.
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

    // Each process ticks and retains twice a second, waits for work and looks for schedules once: twice that is a lot.
    const [from, before] = [await serverMillis(redis), await scriptsRun(redis)]
    await vi.waitFor(async () => expect(await serverMillis(redis)).toBeGreaterThan(from + 3_000), SOON)
    const seconds = ((await serverMillis(redis)) - from) / 1_000
    expect((await scriptsRun(redis)) - before).toBeLessThan(2 * 6 * (OFFS.length + 1) * seconds)

    for (const { child } of started) child.kill("SIGTERM")
    expect(await Promise.all(started.map(({ exited }) => exited))).toEqual(OFFS.map(() => 0))
  })
})
