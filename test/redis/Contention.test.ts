/** Processes on one Redis compete for limits, memoised results, keys, ticks and runs. */
import { setTimeout as sleep } from "node:timers/promises"
import * as Schema from "effect/Schema"
import { expect, inject, test, vi } from "vitest"
import { Errors, Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { doubling, Gate, hold } from "./Gate.ts"
import { client, levada, SOON } from "./Resources.ts"

const N = Schema.Number
const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
let count = 0

/** A prefix that no other test uses. */
const here = () => ({ url: url!, prefix: `contending-${process.pid}-${++count}` })

/** Counts, for each worker, how much work of a few milliseconds runs at the same time. */
class Gauge {
  readonly by: Map<string, number> = new Map()
  now = 0
  most = 0

  async work(who: string, millis: number): Promise<void> {
    this.by.set(who, (this.by.get(who) ?? 0) + 1)
    this.most = Math.max(this.most, ++this.now)
    await sleep(millis)
    this.now--
  }
}

const worked = (gauge: Gauge, who: string, limit?: { readonly key: string; readonly max: number }) =>
  Task.make("work", {
    input: { n: N },
    output: { done: N },
    ...(limit !== undefined && { limit }),
    run: async ({ n }) => {
      await gauge.work(who, 1 + (n % 5))
      return { done: n }
    }
  })

const LIMIT = { key: "door", max: 3 }

shared.each([
  ["of a task", (gauge: Gauge, who: string) => Pipeline.make("p", [worked(gauge, who, LIMIT)])],
  [
    "of the steps of a pipeline",
    (gauge: Gauge, who: string) => Pipeline.make("p", [worked(gauge, who)], { limit: { steps: 3 } })
  ],
  [
    "of the runs of a pipeline",
    (gauge: Gauge, who: string) => Pipeline.make("p", [worked(gauge, who)], { limit: { runs: 3 } })
  ]
])("two workers together reach a limit %s, and never exceed it", async (_, pipelineOf) => {
  const gauge = new Gauge()
  const store = here()
  const asked = levada([pipelineOf(gauge, "")], store, { worker: false })
  // Neither of them could reach it alone.
  const workers = ["x", "y"].map((who) => levada([pipelineOf(gauge, who)], store, { worker: { concurrency: 2 } }))
  await Promise.all(workers.map(({ ready }) => ready))
  const ns = Array.from({ length: 120 }, (_, n) => n)
  expect(await Promise.all(ns.map((n) => asked.execute(pipelineOf(gauge, ""), { n })))).toEqual(ns)
  expect(gauge.most).toBe(3)
  expect(gauge.by.size).toBe(2)
  expect((gauge.by.get("x") ?? 0) + (gauge.by.get("y") ?? 0)).toBe(120)
})

shared("a limit holds over the items of a step and the steps of another pipeline, in two workers", async () => {
  const gauge = new Gauge()
  const store = here()
  const alone = (who: string) => Pipeline.make("alone", [worked(gauge, who, LIMIT)])
  const items = (who: string) => Pipeline.make("items", [Step.map(worked(gauge, who, LIMIT), { over: { n: "ns" } })])
  const asked = levada([alone(""), items("")], store, { worker: false })
  for (const who of ["x", "y"]) levada([alone(who), items(who)], store)
  const ns = Array.from({ length: 40 }, (_, n) => n)
  const [list, ...others] = await Promise.all([
    asked.execute(items(""), { ns }),
    ...ns.map((n) => asked.execute(alone(""), { n }))
  ])
  expect([list, others]).toEqual([ns, ns])
  expect(gauge.most).toBe(3)
})

/** A task that never ends and ignores interruption. */
class Trap extends Gate {
  override pass(name: string): Promise<void> {
    this.begun.push(name)
    return new Promise(() => undefined)
  }
}

shared("a limit is free again after its process was killed", async () => {
  const [gone, here_] = [new Trap(), new Gate()]
  here_.open()
  const store = { ...here(), leaseMillis: 300 }
  const limited = (gate: Gate, who: string) => Pipeline.make("p", [hold(gate, who, { limit: LIMIT })])
  const asked = levada([limited(here_, "")], store, { worker: false })
  // The worker claims as much as the limit allows, and then claims nothing more.
  const first = levada([limited(gone, "x")], store, { worker: { concurrency: 3, graceMillis: 0 } })
  await first.ready
  const runIds = await Promise.all([1, 2, 3, 4].map((n) => asked.start(limited(here_, ""), { n })))
  await vi.waitFor(() => expect(gone.begun).toHaveLength(3), SOON)
  await levada([limited(here_, "y")], store).ready
  // To Redis, a killed process is one that does not renew its leases. This test lets its leases expire.
  const redis = client(url!)
  const key = `{${store.prefix}}:leases`
  const lent = await redis.zrange(key, 0, "-1")
  await vi.waitFor(async () => {
    for (const lease of lent) await redis.zadd(key, "XX", 1, lease)
    expect((await redis.zrange(key, 0, "-1")).filter((lease) => lent.includes(lease))).toEqual([])
  }, SOON)
  for (const [at, runId] of runIds.entries()) {
    expect(await asked.result(limited(here_, ""), runId)).toBe(at + 1)
  }
  expect(await redis.exists(`{${store.prefix}}:held`)).toBe(0)
})

shared("concurrent runs with the same inputs share one attempt of a memoised step, in two workers", async () => {
  const gate = new Gate()
  const store = here()
  const memoised = (who: string) => Pipeline.make("p", [hold(gate, who, { memo: { ttlMillis: 0 } })])
  const [one, two] = [1, 2].map(() => levada([memoised("")], store, { worker: false })) as [
    Levada.Levada,
    Levada.Levada
  ]
  for (const who of ["x", "y"]) levada([memoised(who)], store)
  const runIds = await Promise.all(
    Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? one : two).start(memoised(""), { n: 7 }))
  )
  await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
  // All the other runs were probed, and wait for that one.
  const redis = client(url!)
  await vi.waitFor(async () => {
    const lines = await redis.keys(`{${store.prefix}}:line:memo:*`)
    expect(lines).toHaveLength(1)
    expect(await redis.zcard(lines[0]!)).toBe(39)
  }, SOON)
  gate.open()
  expect(await Promise.all(runIds.map((runId) => one.result(memoised(""), runId)))).toEqual(runIds.map(() => 7))
  expect(gate.begun).toHaveLength(1)
  const runs = await Promise.all(runIds.map((runId) => two.run(runId)))
  expect(runs.filter(({ steps }) => steps[0]!.memoised)).toHaveLength(39)
  // Later runs reuse the result too, from any process; runs with other inputs do not.
  expect(await two.execute(memoised(""), { n: 7 })).toBe(7)
  expect(gate.begun).toHaveLength(1)
  expect(await two.execute(memoised(""), { n: 8 })).toBe(8)
  expect(gate.begun).toHaveLength(2)
})

shared("in a race for one idempotency key, every caller gets the same run", async () => {
  const store = here()
  const [one, two] = [1, 2].map(() => levada([doubling], store, { worker: false })) as [Levada.Levada, Levada.Levada]
  await Promise.all([one.ready, two.ready])
  const start = (key: string, n: number, at: number) =>
    (at % 2 === 0 ? one : two).start(doubling, { n }, { idempotencyKey: key })
  for (const key of ["a", "b", "c"]) {
    const runIds = await Promise.all(Array.from({ length: 50 }, (_, at) => start(key, 1, at)))
    expect(new Set(runIds).size).toBe(1)
  }
  expect((await one.runs()).runs).toHaveLength(3)
  const others = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => start("d", at % 2, at)))
  const kept = others.flatMap((other) => (other.status === "fulfilled" ? [other.value] : []))
  const refused = others.flatMap((other) => (other.status === "rejected" ? [other.reason] : []))
  expect([kept.length, refused.length, new Set(kept).size]).toEqual([10, 10, 1])
  for (const error of refused) expect(error).toBeInstanceOf(Errors.IdempotencyConflict)
  expect((await two.runs()).runs).toHaveLength(4)
})

shared("a schedule starts one run for each instant, however many processes watch it", async () => {
  const store = here()
  const options = {
    schedules: [
      Levada.schedule(doubling, { id: "tick", timing: { everyMillis: 1_000 }, parameters: { n: 3 }, overlap: "allow" })
    ]
  }
  const all = Array.from({ length: 5 }, () => levada([doubling], store, options))
  await Promise.all(all.map(({ ready }) => ready))
  const fired = async (): Promise<number> => (await all[0]!.schedules())[0]!.fired
  await vi.waitFor(async () => expect(await fired()).toBeGreaterThanOrEqual(3), SOON)
  const paused = await all[1]!.pauseSchedule("tick")
  const { runs } = await all[2]!.runs()
  const ticks = runs.map(({ schedule }) => schedule!.tickMillis)
  expect(new Set(ticks).size).toBe(ticks.length)
  expect(ticks).toHaveLength(paused.fired)
  expect(ticks[0]! - ticks.at(-1)!).toBe(1_000 * (ticks.length - 1))
  expect(paused.skipped).toBe(0)
  await Promise.all(runs.map(({ id }) => all[3]!.result(doubling, id)))
})

shared("every run executes once, with many workers and with runs from many processes", async () => {
  const gauge = new Gauge()
  const store = here()
  const pipelineOf = (who: string) =>
    Pipeline.make("p", [
      worked(gauge, who),
      Task.make("more", { input: { done: N }, output: { more: N }, run: ({ done }) => ({ more: done + 1 }) })
    ])
  const servers = [1, 2].map(() => levada([pipelineOf("")], store, { worker: false }))
  for (const who of ["w", "x", "y", "z"]) levada([pipelineOf(who)], store, { worker: { concurrency: 5 } })
  const results = await Promise.all(
    Array.from({ length: 400 }, (_, n) => servers[n % 2]!.execute(pipelineOf(""), { n }))
  )
  expect(results).toEqual(Array.from({ length: 400 }, (_, n) => n + 1))
  expect([...gauge.by.values()].reduce((sum, one) => sum + one, 0)).toBe(400)
  expect([...gauge.by.keys()].sort()).toEqual(["w", "x", "y", "z"])
  expect(gauge.most).toBeLessThanOrEqual(20)
})
