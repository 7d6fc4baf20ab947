/** Real processes on one Redis: started as users start them, and ended by signals, SIGKILL included. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Redis } from "ioredis"
import { expect, test, vi } from "vitest"
import type { Levada } from "../../adapters/promise/index.ts"
import { atWork, describeWithProcesses, isNode, launch } from "./ChildProcess.ts"
import { client, closing, levada, SOON, server } from "./Resources.ts"
import { LEDGER, ledgered } from "./worker.ts"

/** An entry of the workers' ledger: which process began which attempt, and when. */
interface Entry {
  readonly pid: number
  readonly what: "began" | "ended" | "stopped"
  readonly attempt: number
  readonly atMillis: number
}

const read = async (redis: Redis): Promise<ReadonlyArray<Entry>> =>
  (await redis.lrange(LEDGER, 0, -1)).map((text) => JSON.parse(text) as Entry)

const story = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  entries.map(({ what, pid, attempt }) => `${what} ${pid} #${attempt}`)

/** Two workers, a server without a worker, and a run whose step one of the workers has begun. */
const underWay = async (env: Readonly<Record<string, string>>) => {
  const { url } = await server()
  const redis = client(url)
  const leaseMillis = Number(env["LEASE"])
  const asked: Levada.Levada = levada([ledgered], { url, leaseMillis }, { worker: false })
  const workers = await Promise.all(
    [0, 1].map(() => atWork(launch("test/redis/worker.ts", { REDIS_URL: url, ...env })))
  )
  const runId = await asked.start(ledgered, { gate: "gate" })
  await vi.waitFor(async () => expect(await read(redis)).toHaveLength(1), SOON)
  const { pid } = (await read(redis))[0]!
  const [mine, other] = workers[0]!.child.pid === pid ? [workers[0]!, workers[1]!] : [workers[1]!, workers[0]!]
  expect(mine.child.pid).toBe(pid)
  return { redis, asked, runId, mine, other, pids: [mine.child.pid!, other.child.pid!] as const }
}

/** A span as it was sent. Times are nanoseconds. */
interface Collected {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: ReadonlyArray<string>
  readonly start: bigint
  readonly end: bigint
  /** Which process sent it. */
  readonly process: number
}

interface Described {
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: Readonly<Record<string, unknown>> }>
}

const attributesOf = ({ attributes }: Described): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

/** An OpenTelemetry collector that takes spans as JSON. */
const collecting = async () => {
  const spans: Array<Collected> = []
  const sent = createServer((request, response) => {
    let text = ""
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
    })
    request.on("end", () => {
      expect([request.method, request.url]).toEqual(["POST", "/v1/traces"])
      for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
        for (const { spans: some } of scopeSpans) {
          for (const span of some) {
            spans.push({
              ...span,
              attributes: attributesOf(span),
              links: span.links.map(({ spanId }: { spanId: string }) => spanId),
              start: BigInt(span.startTimeUnixNano),
              end: BigInt(span.endTimeUnixNano),
              process: Number(attributesOf(resource)["process.pid"])
            })
          }
        }
      }
      response.end("{}")
    })
  })
  await new Promise<void>((resolve) => sent.listen(0, "127.0.0.1", resolve))
  closing(() => sent.close())
  return { url: `http://127.0.0.1:${(sent.address() as AddressInfo).port}`, spans }
}

describeWithProcesses("REDIS_URL=… npm start", () => {
  test("serves with two workers, which all exit cleanly on SIGTERM", async () => {
    const { url } = await server()
    const started = launch("examples/start.ts", { REDIS_URL: url, PORT: "0" })
    await vi.waitFor(() => {
      expect(started.printed().match(/Worker \d+ is at work/g)).toHaveLength(2)
      expect(started.printed()).toMatch(/audio_analysis.*\n/)
    }, SOON)
    const address = /listening on (\S+)/.exec(started.printed())![1]!
    const execute = (pipelineId: string, parameters: object) =>
      fetch(`${address}/pipelines/${pipelineId}/execute`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ parameters, wait: true })
      })
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => execute("my_pipeline", { data: `n${n}` })))
    for (const [n, answer] of answers.entries()) {
      expect(answer.status).toBe(200)
      expect(await answer.json()).toMatchObject({ status: "COMPLETED", result: { processed: `N${n}` } })
    }
    const audio = await (await execute("audio_analysis", { file: "melody.wav" })).json()
    expect(audio).toMatchObject({ status: "COMPLETED" })
    expect((await fetch(`${address}/health`)).status).toBe(200)
    // The server has no worker: the workers are the two processes.
    const redis = client(url)
    expect(await redis.zcard("{levada}:workers")).toBe(2)

    started.child.kill("SIGTERM")
    expect(await started.exited).toBe(0)
    expect(await redis.zcard("{levada}:workers")).toBe(0)
    await expect(fetch(`${address}/health`)).rejects.toThrow()
  })

  test("with OTEL_EXPORTER_OTLP_ENDPOINT, a run is one tree of spans across processes", async () => {
    const { url } = await server()
    const collector = await collecting()
    const started = launch("examples/start.ts", {
      REDIS_URL: url,
      PORT: "0",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url
    })
    await vi.waitFor(() => {
      expect(started.printed().match(/Worker \d+ is at work/g)).toHaveLength(2)
      expect(started.printed()).toMatch(/audio_analysis.*\n/)
    }, SOON)
    const address = /listening on (\S+)/.exec(started.printed())![1]!
    const traceId = "0123456789abcdef0123456789abcdef"
    const answer = await fetch(`${address}/pipelines/audio_analysis/execute`, {
      method: "POST",
      headers: { "content-type": "application/json", traceparent: `00-${traceId}-0123456789abcdef-01` },
      body: JSON.stringify({ parameters: { file: "melody.wav" }, wait: true })
    })
    expect(answer.status).toBe(200)
    started.child.kill("SIGTERM")
    expect(await started.exited).toBe(0)

    const { spans } = collector
    const mine = spans.filter((span) => span.traceId === traceId)
    const [request] = mine.filter(({ parentSpanId }) => parentSpanId === "0123456789abcdef")
    expect(request!.name).toBe("POST /pipelines/{pipeline_id}/execute")
    const childrenOf = (id: string) => mine.filter(({ parentSpanId }) => parentSpanId === id)
    const [run, ...others] = childrenOf(request!.spanId)
    expect([run!.name, others]).toEqual(["levada.run", []])
    const steps = childrenOf(run!.spanId)
    const { runs } = await levada([], { url }).runs({})
    const [found] = runs
    expect(steps.map((step) => step.attributes["levada.step"]).sort()).toEqual(
      found!.steps.map(({ name }) => name).sort()
    )
    expect(mine).toHaveLength(2 + steps.length)
    // The server has run none of the steps.
    expect(steps.map(({ process }) => process)).not.toContain(request!.process)
    expect(run!.process).toBe(request!.process)
    for (const step of steps) {
      expect(step.end).toBeGreaterThanOrEqual(step.start)
      expect(step.start).toBeGreaterThanOrEqual(run!.start)
      expect(step.end).toBeLessThanOrEqual(run!.end)
    }
    const settles = spans.filter(({ name, links }) => name === "levada.settle" && links.includes(run!.spanId))
    expect(settles.length).toBeGreaterThan(0)
  })

  test("prints why it can't use Redis, and exits", async () => {
    const { url, port } = await server("--requirepass", "hunter2")
    const wrong = url.replace("//", "//anyone:swordfish@")
    const started = launch("examples/start.ts", { REDIS_URL: wrong, PORT: "0" })
    expect(await started.exited).toBe(1)
    expect(started.printed()).toContain(
      `Cannot start: Redis: the server refuses the user name or password (redis://127.0.0.1:${port})`
    )
    expect(started.printed()).not.toMatch(/swordfish|hunter2/)
  })
})

test.runIf(isNode)("a worker without REDIS_URL prints what to do", async () => {
  const { exited, printed } = launch("examples/worker.ts", {})
  expect(await exited).toBe(1)
  expect(printed()).toBe(
    "Cannot start a worker: REDIS_URL has to say where the runs are, such as redis://127.0.0.1:6379\n"
  )
})

describeWithProcesses("a worker on SIGTERM", () => {
  test("finishes its step within the grace period, and no other worker runs it again", async () => {
    const { redis, asked, runId, mine, pids } = await underWay({ LEASE: "60000", GRACE: "15000" })
    // Either worker takes that run; the one that was told to end claims nothing more.
    const others = await asked.start(ledgered, { gate: "other" })
    await vi.waitFor(async () => expect(await read(redis)).toHaveLength(2), SOON)
    mine.child.kill("SIGTERM")
    await vi.waitFor(() => expect(mine.printed()).toContain("Closing"), SOON)
    await redis.set("gate", "open")
    expect(await asked.result(ledgered, runId, 10_000)).toBe("gate")
    await redis.set("other", "open")
    expect(await asked.result(ledgered, others, 10_000)).toBe("other")
    expect(await mine.exited).toBe(0)
    expect((await asked.run(runId)).steps[0]).toMatchObject({ status: "COMPLETED", attempts: 1 })
    const entries = await read(redis)
    expect(entries.filter(({ what }) => what === "began")).toHaveLength(2)
    expect(story(entries)).toContain(`ended ${pids[0]} #1`)
  })

  test("claims nothing more, and releases a longer step: another worker runs it before the lease ends", async () => {
    const { redis, asked, runId, mine, pids } = await underWay({ LEASE: "60000", GRACE: "100" })
    mine.child.kill("SIGTERM")
    expect(await mine.exited).toBe(0)
    await vi.waitFor(async () => expect((await read(redis)).length).toBeGreaterThanOrEqual(3), SOON)
    expect(story(await read(redis))).toEqual([`began ${pids[0]} #1`, `stopped ${pids[0]} #1`, `began ${pids[1]} #2`])
    await redis.set("gate", "open")
    expect(await asked.result(ledgered, runId)).toBe("gate")
    expect((await asked.run(runId)).steps[0]).toMatchObject({ status: "COMPLETED", attempts: 2 })
    const told: Array<string> = []
    for await (const event of asked.watch(runId)) if (event.type === "StepReleased") told.push(event.reason)
    expect(told).toEqual(["its worker is shutting down"])
  })
})

describeWithProcesses("a worker that stops without releasing its claims", () => {
  const LEASE = 1_000

  test("killed: another worker runs its step within its lease and a second", async () => {
    const { redis, asked, runId, mine, pids } = await underWay({ LEASE: String(LEASE), GRACE: "100" })
    const killedAt = Date.now()
    mine.child.kill("SIGKILL")
    await vi.waitFor(async () => expect(await read(redis)).toHaveLength(2), SOON)
    const [, second] = await read(redis)
    expect(second).toMatchObject({ what: "began", pid: pids[1], attempt: 2 })
    expect(second!.atMillis - killedAt).toBeLessThanOrEqual(LEASE + 1_000)
    await redis.set("gate", "open")
    expect(await asked.result(ledgered, runId)).toBe("gate")
    expect((await asked.run(runId)).steps[0]).toMatchObject({ status: "COMPLETED", attempts: 2 })
  })

  test("frozen: another worker runs its step, and its own late outcome is refused", async () => {
    const { redis, asked, runId, mine, pids } = await underWay({ LEASE: String(LEASE), GRACE: "100" })
    mine.child.kill("SIGSTOP")
    await vi.waitFor(async () => expect(await read(redis)).toHaveLength(2), SOON)
    await redis.set("gate", "open")
    expect(await asked.result(ledgered, runId)).toBe("gate")
    const run = await asked.run(runId)
    expect(run.steps[0]).toMatchObject({ status: "COMPLETED", attempts: 2 })
    // After it resumes, its gate is open or its lease is lost. Either way the run does not change, and the worker goes on.
    mine.child.kill("SIGCONT")
    await vi.waitFor(async () => expect(await read(redis)).toHaveLength(4), SOON)
    const back = (await read(redis)).filter(({ pid, what }) => pid === pids[0] && what !== "began")
    expect(back).toHaveLength(1)
    mine.child.kill("SIGTERM")
    expect(await mine.exited).toBe(0)
    expect(await asked.run(runId)).toEqual(run)
  })

  test("three workers killed by the same step: the step fails with WorkerLost", async () => {
    const { url } = await server()
    const redis = client(url)
    const asked = levada([ledgered], { url, leaseMillis: 300 }, { worker: false })
    const runId = await asked.start(ledgered, { gate: "gate" })
    for (const nth of [1, 2, 3]) {
      const worker = launch("test/redis/worker.ts", { REDIS_URL: url, LEASE: "300", GRACE: "100" })
      await vi.waitFor(async () => expect(await read(redis)).toHaveLength(nth), SOON)
      worker.child.kill("SIGKILL")
      await worker.exited
    }
    await expect(asked.result(ledgered, runId)).rejects.toMatchObject({ error: { name: "WorkerLost" } })
    expect(await redis.lrange("{levada}:dead", 0, -1)).toHaveLength(1)
    expect((await read(redis)).map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  })
})
