/** Redis that is down, starts late, or restarts. */
import { Redis } from "ioredis"
import { expect, inject, test, vi } from "vitest"
import { Errors } from "../../adapters/promise/index.ts"
import { doubling, Gate, held } from "./Gate.ts"
import { ask, client, closing, describeWithServers, levada, place, SOON, server } from "./Resources.ts"
import { freePort } from "./server.ts"

const EXECUTE = "/pipelines/doubling/execute"
const QUICK = { parameters: { n: 4 }, wait: true }

const refused = async (promise: Promise<unknown>): Promise<Errors.StoreUnavailable> => {
  const error = await promise.then(
    () => undefined,
    (failure: unknown) => failure
  )
  expect(error).toBeInstanceOf(Errors.StoreUnavailable)
  return error as Errors.StoreUnavailable
}

describeWithServers("Redis that is down at the start", () => {
  test("fails every call with its address after connectMillis", async () => {
    const port = await freePort()
    const made = levada([doubling], { url: `redis://anyone:secret@127.0.0.1:${port}/2`, connectMillis: 300 })
    const early = made.execute(doubling, { n: 1 })
    const meanwhile = await ask(made, "POST", EXECUTE, QUICK)
    expect(meanwhile).toMatchObject({ status: 503, json: { error: "StoreUnavailableError" } })
    for (const { message } of [
      await refused(made.ready),
      await refused(early),
      await refused(made.execute(doubling, { n: 1 }))
    ]) {
      expect(message).toContain(`127.0.0.1:${port}`)
      expect(message).toContain("can't be reached")
      expect(message).not.toContain("secret")
    }
    expect(await ask(made, "POST", EXECUTE, QUICK)).toMatchObject({ status: 503 })
  })

  test("gives 503 with Retry-After, and an unhealthy server, until it is up", async () => {
    const made = levada([doubling], { url: `redis://127.0.0.1:${await freePort()}`, connectMillis: 60_000 })
    const { status, retryAfter, json } = await ask(made, "POST", EXECUTE, QUICK)
    expect([status, json["error"]]).toEqual([503, "StoreUnavailableError"])
    expect(Number(retryAfter)).toBeGreaterThan(0)
    expect((await ask(made, "GET", "/runs")).status).toBe(503)
    expect(await ask(made, "GET", "/health")).toMatchObject({
      status: 503,
      json: { status: "unhealthy", broker_connected: false }
    })
  })

  test("may start within connectMillis: waiting calls then succeed", async () => {
    const port = await freePort()
    const made = levada([doubling], { url: `redis://127.0.0.1:${port}`, connectMillis: 15_000 })
    const early = made.execute(doubling, { n: 21 })
    expect((await ask(made, "POST", EXECUTE, QUICK)).status).toBe(503)
    await place(port).start()
    await made.ready
    expect(await early).toBe(42)
    expect(await ask(made, "POST", EXECUTE, QUICK)).toMatchObject({ status: 200, json: { result: 8 } })
    expect(await ask(made, "GET", "/health")).toMatchObject({ status: 200, json: { status: "healthy" } })
  })
})

describeWithServers("Redis that is killed and comes back", () => {
  const WRITES = ["--appendfsync", "always"]

  test("loses no run: a running one goes on, and no start is confirmed that was not recorded", async () => {
    const port = await freePort()
    const there = place(port)
    const first = await there.start(...WRITES)
    const gate = new Gate()
    const pipelines = [held(gate), doubling]
    const asked = levada(pipelines, { url: first.url }, { worker: false })
    levada(pipelines, { url: first.url })
    const runId = await asked.start(pipelines[0]!, { n: 1 })
    await vi.waitFor(() => expect(gate.begun).toEqual(["1"]), SOON)

    await first.stop()
    const { status, retryAfter, json } = await ask(asked, "POST", EXECUTE, { parameters: { n: 1 } })
    expect([status, json["error"]]).toEqual([503, "StoreUnavailableError"])
    expect(Number(retryAfter)).toBeGreaterThan(0)
    expect(await ask(asked, "GET", "/health")).toMatchObject({ status: 503, json: { status: "unhealthy" } })
    await refused(asked.run(runId))
    // It ends while Redis is down.
    gate.open()

    await there.start(...WRITES)
    await vi.waitFor(async () => expect((await ask(asked, "GET", "/health")).status).toBe(200), SOON)
    await vi.waitFor(async () => expect((await asked.run(runId)).status).toBe("COMPLETED"), SOON)
    expect(await asked.run(runId)).toMatchObject({
      outputs: { held: "1", next: "2" },
      steps: [{ attempts: 1 }, { attempts: 1 }]
    })
    expect(gate.begun).toEqual(["1"])
    expect(await ask(asked, "POST", EXECUTE, QUICK)).toMatchObject({ status: 200, json: { result: 8 } })
  })

  test("keeps every run whose start was confirmed, even if it dies during many starts", async () => {
    const port = await freePort()
    const there = place(port)
    const first = await there.start(...WRITES)
    const asked = levada([doubling], { url: first.url }, { worker: false })
    await asked.ready
    const statuses: Array<number> = []
    const started: Array<string> = []
    let isOver = false
    const starting = async (): Promise<void> => {
      while (!isOver) {
        const { status, json } = await ask(asked, "POST", EXECUTE, { parameters: { n: 1 } })
        statuses.push(status)
        if (status === 202) started.push(json["task_id"] as string)
      }
    }
    const clients = Array.from({ length: 20 }, starting)
    await vi.waitFor(() => expect(started.length).toBeGreaterThan(200), SOON)
    await first.stop()
    await vi.waitFor(() => expect(statuses).toContain(503), SOON)
    isOver = true
    await Promise.all(clients)
    expect([...new Set(statuses)].sort()).toEqual([202, 503])

    const second = await there.start(...WRITES)
    const redis = client(second.url)
    for (const runId of started) expect(await redis.zscore("{levada}:unfinished", runId)).not.toBeNull()
    levada([doubling], { url: second.url })
    await vi.waitFor(async () => expect(await redis.zcard("{levada}:unfinished")).toBe(0), SOON)
    for (const runId of started) expect((await asked.run(runId)).status).toBe("COMPLETED")
  })

  test("does not end waits: a watcher sees the remaining events, and an idle worker finds new work", async () => {
    const port = await freePort()
    const there = place(port)
    const first = await there.start(...WRITES)
    const gate = new Gate()
    const pipelines = [held(gate), doubling] as const
    const asked = levada(pipelines, { url: first.url }, { worker: false })
    const worker = levada(pipelines, { url: first.url }, { worker: { concurrency: 2 } })
    await Promise.all([asked.ready, worker.ready])
    const runId = await asked.start(pipelines[0], { n: 1 })
    await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
    await first.stop()
    await there.start(...WRITES)
    await vi.waitFor(async () => expect((await ask(asked, "GET", "/health")).status).toBe(200), SOON)
    const result = asked.result(pipelines[0], runId)
    // The worker, whose connections were cut while it waited, gets this run.
    expect(await asked.execute(doubling, { n: 5 })).toBe(10)
    gate.open()
    expect(await result).toBe(2)
  })
})

describeWithServers("a server that loses its scripts", () => {
  test("gets them again", async () => {
    const { url } = await server()
    const redis = client(url)
    const asked = levada([doubling], { url }, { worker: false })
    levada([doubling], { url })
    await asked.ready
    let flushes = 0
    let isOver = false
    const flushing = (async () => {
      while (!isOver) {
        await redis.script("FLUSH")
        flushes++
      }
    })()
    const results = await Promise.all(Array.from({ length: 300 }, (_, n) => asked.execute(doubling, { n })))
    isOver = true
    await flushing
    expect(results).toEqual(Array.from({ length: 300 }, (_, n) => 2 * n))
    expect(flushes).toBeGreaterThan(10)
  })
})

test.skipIf(inject("redisUrl") === undefined)("a client that the program passes is used and left open", async () => {
  for (const options of [{}, { lazyConnect: true, enableAutoPipelining: true, maxRetriesPerRequest: null }]) {
    const own = new Redis(inject("redisUrl")!, options)
    closing(() => own.disconnect())
    const prefix = `own-${process.pid}-${"lazyConnect" in options}`
    const listeners = own.listenerCount("error")
    const made = levada([doubling], { client: own, prefix })
    expect(await made.execute(doubling, { n: 3 })).toBe(6)
    expect(await own.zcard(`{${prefix}}:ended`)).toBe(1)
    expect((await made.runs()).runs).toHaveLength(1)
    await made.close()
    expect(own.status).toBe("ready")
    expect(await own.ping()).toBe("PONG")
    expect(own.listenerCount("error")).toBe(listeners)
  }
})
