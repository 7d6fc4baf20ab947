/** The demo that tests and pictures of the dashboard are made with. */
import { describe, expect, inject, it } from "vitest"
import * as DemoServer from "./harness/DemoServer.ts"

const redisUrl = inject("redisUrl")

describe("the demo", () => {
  it("begins with finished runs of all outcomes, up to three days old, which took seconds", async () => {
    const demo = await DemoServer.make({ runs: 100 })
    try {
      const { runs } = await (await fetch(`${demo.url}/runs?limit=100`)).json()
      expect(runs).toHaveLength(100)
      expect([...new Set(runs.map(({ status }: { status: string }) => status))].sort()).toEqual([
        "CANCELLED",
        "COMPLETED",
        "FAILED"
      ])
      const ages = runs.map((run: { submitted_at: string }) => (Date.now() - Date.parse(run.submitted_at)) / 3_600_000)
      expect(ages).toEqual(ages.toSorted((a: number, b: number) => a - b))
      expect([ages[0] < 2, ages.at(-1) > 70]).toEqual([true, true])
      const took = runs.map((run: { duration_ms: number }) => run.duration_ms)
      expect([Math.min(...took) >= 50, Math.max(...took) > 2_000]).toEqual([true, true])
    } finally {
      await demo.close()
    }
  })

  it("has a run that goes on when its gate opens", async () => {
    const demo = await DemoServer.make()
    try {
      const runId = await demo.start("slow_import", { rows: 100, millis: 0, gate: "test" })
      const done: Array<number> = []
      demo.open("test", 3)
      for await (const event of demo.levada.watch(runId)) {
        if (event.type !== "StepProgressed" || event.step !== "import") continue
        done.push(event.done)
        if (event.done === 30) demo.open("test", 7)
      }
      expect(done).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    } finally {
      await demo.close()
    }
  })

  it.skipIf(redisUrl === undefined)("is there on Redis, for two servers of which one has the worker", async () => {
    const redis = { url: redisUrl!, prefix: `demo-${process.pid}` }
    const first = await DemoServer.make({ redis, runs: 10 })
    const second = await DemoServer.make({ redis, worker: false })
    try {
      const [one, other] = await Promise.all(
        [first, second].map(async ({ url }) => (await fetch(`${url}/runs`)).json())
      )
      expect(one.runs).toHaveLength(10)
      expect(other).toEqual(one)
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  })

  it("with secured access answers to its keys, each as far as it goes", async () => {
    const demo = await DemoServer.make({ secured: true })
    try {
      const pause = async (key: string): Promise<number> =>
        (
          await fetch(`${demo.url}/pipelines/orders/pause`, {
            method: "POST",
            headers: { "x-api-key": key, "content-type": "application/json" },
            body: "{}"
          })
        ).status
      const listed = async (key: string): Promise<number> =>
        (await (await fetch(`${demo.url}/pipelines`, { headers: { "x-api-key": key } })).json()).length
      const { reader, executor, admin } = DemoServer.DEMO_KEYS
      expect(await Promise.all([reader, executor, admin].map(pause))).toEqual([403, 403, 200])
      expect(await listed(executor)).toBe(1)
      expect(await listed(reader)).toBe(await listed(admin))
    } finally {
      await demo.close()
    }
  })
})
