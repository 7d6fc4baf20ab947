/** Servers on Redis that get SIGTERM while many clients wait for runs: the runs go on, and every client gets its run's id. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { describe, expect, inject, test, vi } from "vitest"
import { Client } from "../../adapters/client/index.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Errors } from "../../adapters/promise/index.ts"
import { Proxy } from "../chaos/Proxy.ts"
import { pipelines } from "../fixtures/pipelines.ts"
import { type Answer, ask, type Json } from "../http/harness/Client.ts"
import { Connection } from "../http/harness/Connection.ts"
import { Listener } from "../http/harness/Listener.ts"
import { launch, type Runtime } from "../http/harness/launch.ts"
import { Gate, held } from "./Gate.ts"
import { client, closing, describeWithServers, levada, SOON, server } from "./Resources.ts"

const url = inject("redisUrl")
let count = 0

/** A prefix that no other test uses. */
const here = () => ({ url: url!, prefix: `shutdown-${process.pid}-${++count}` })

const HOUR = 3_600_000

describe.skipIf(url === undefined)("SIGTERM on Redis", () => {
  test.for([
    ["node", "node", 500],
    ["bun", "bun", 50],
    ["deno", "deno", 50],
    ["node", "elysia", 50],
    ["bun", "elysia", 50]
  ] as const)(
    "to %s (%s) with %i waiting clients: 504 with task_id, streams end, sockets close, the runs go on",
    { timeout: 60_000 },
    async ([runtime, script, many]) => {
      const { url, prefix } = here()
      const environment = { STORE_URL: url, STORE_PREFIX: prefix, GRACE_MILLIS: "300" }
      const server = await launch(runtime as Runtime, script, environment)
      closing(() => server.close().catch(() => undefined))
      const body = { parameters: { millis: HOUR }, wait: true, timeout: 300 }
      const waiting = Array.from(
        { length: many },
        (): Promise<Answer> => ask(server, "POST", "/pipelines/slow/execute", { json: body })
      )
      const other = levada(pipelines, { url, prefix: `${prefix}-undefined` }, { worker: false })
      const runs = async () => (await other.runs({ limit: 1_000 })).runs
      await vi.waitFor(async () => expect(await runs()).toHaveLength(many), { ...SOON, timeout: 30_000 })
      const ids = (await runs()).map(({ id }) => id)
      const streams = await Promise.all([
        ...ids.slice(0, 20).map((id) => Listener.open(server, `/runs/${id}/events`)),
        ...Array.from({ length: 5 }, () => Listener.open(server, "/events"))
      ])
      const sockets = await Promise.all(Array.from({ length: 5 }, () => Connection.open(server)))
      for (const socket of sockets.slice(1)) await socket.ask({ type: "subscribe", task_id: ids[0]! })

      server.terminate()
      server.terminate()
      const answers = await Promise.all(waiting)
      for (const { status, json } of answers) {
        expect([status, json.error]).toEqual([504, "PipelineTimeoutError"])
        expect(json).toMatchObject({ pipeline_id: "slow", task_id: expect.any(String) })
      }
      const named = answers.map(({ json }: { readonly json: Json }) => json.task_id as string)
      expect(named.sort()).toEqual([...ids].sort())
      await Promise.all(streams.map(({ ended }) => ended))
      for (const socket of sockets) expect((await socket.closed)[0]).toBe(1001)
      expect(await server.ended).toEqual({ code: 0, signal: null })
      for (const { status } of await runs()) expect(["PENDING", "RUNNING"]).toContain(status)
    }
  )
})

const isNode = process.env["TEST_RUNTIME"] === "node"

describeWithServers("npm start, with SIGTERM sent twice", () => {
  test.runIf(isNode)("still answers the waiting clients", async () => {
    const { url } = await server()
    const child = spawn(process.execPath, ["examples/servers/node.ts"], {
      cwd: join(import.meta.dirname, "..", ".."),
      env: { ...process.env, REDIS_URL: url, PORT: "0", WORK: "no" }
    })
    closing(() => child.kill("SIGKILL"))
    const exited = once(child, "exit")
    let printed = ""
    child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()))
    await vi.waitFor(() => expect(printed).toContain("listening on"), SOON)
    const at = { url: /listening on (\S+)/.exec(printed)![1]! }
    const body = { parameters: { data: "x" }, wait: true, timeout: 300 }
    const waiting = Array.from({ length: 20 }, () => ask(at, "POST", "/pipelines/my_pipeline/execute", { json: body }))
    await vi.waitFor(async () => expect((await ask(at, "GET", "/runs")).json.runs).toHaveLength(20), SOON)
    // Redis is slow, so that the second signal comes while all clients still wait.
    await client(url).client("PAUSE", 500)
    child.kill("SIGTERM")
    await vi.waitFor(() => expect(printed).toContain("Closing"), SOON)
    child.kill("SIGTERM")
    for (const { status, json } of await Promise.all(waiting)) {
      expect([status, json.task_id]).toEqual([504, expect.any(String)])
    }
    expect(await exited).toEqual([0, null])
  })
})

const shared = test.skipIf(url === undefined)

shared("at close, waiting callers get the result or the run's id, and streams end with a reason", async () => {
  const store = here()
  const gate = new Gate()
  const asked = levada([held(gate)], store, { worker: false })
  const worker = levada([held(gate)], store)
  const waiting = asked.execute(held(gate), { n: 1 }).catch((error: unknown) => error)
  await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
  const [run] = (await asked.runs()).runs
  let events = 0
  const watching = (async () => {
    for await (const _ of asked.watch(run!.id)) events++
  })().catch((error: unknown) => error)
  await vi.waitFor(() => expect(events).toBe(2), SOON)
  const late = asked.execute(held(gate), { n: 2 }, { waitMillis: HOUR }).catch((error: unknown) => error)
  await asked.close()
  const failure = (await waiting) as Errors.WaitTimedOut
  expect(failure).toBeInstanceOf(Errors.WaitTimedOut)
  expect(failure).toMatchObject({ runId: run!.id, pipelineId: "held", status: "RUNNING" })
  expect(failure.message).toContain("goes on")
  // If it was recorded before, the caller gets its id; otherwise it is refused.
  const second = await late
  if (second instanceof Errors.WaitTimedOut) expect((await worker.run(second.runId)).parameters).toEqual({ n: "2" })
  else expect(second).toBeInstanceOf(Errors.StoreUnavailable)
  expect(await watching).toBeInstanceOf(Errors.StoreUnavailable)
  gate.open()
  expect(await worker.result(held(gate), run!.id)).toBe(2)
})

describe("Redis that is lost while a client waits", () => {
  shared("costs the answer but not the run: the client gets its id and can read it later", async () => {
    const store = here()
    const link = await Proxy.open(Number(new URL(store.url).port))
    closing(() => link.close())
    const gate = new Gate()
    const asked = levada([held(gate)], { ...store, url: `redis://127.0.0.1:${link.port}` }, { worker: false })
    levada([held(gate)], store)
    await asked.ready
    const serving = await NodeServer.serve(asked, { port: 0 })
    closing(serving.close)
    const asking = Client.make({ url: serving.url, retries: 100, maxDelayMillis: 200 })
    const waiting = asked.execute(held(gate), { n: 1 }).catch((error: unknown) => error)
    const raw = fetch(`${serving.url}/pipelines/held/execute`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ parameters: { n: 2 }, wait: true, timeout: 60 })
    })
    const result = asking.execute("held", { n: 3 })
    await vi.waitFor(() => expect([...gate.begun].sort()).toEqual(["1", "2", "3"]), SOON)
    const runs = await Promise.all((await asked.runs()).runs.map(({ id }) => asked.run(id)))
    const idOf = (n: number) => runs.find(({ parameters }) => parameters["n"] === String(n))!.id
    link.isRefusing = true
    link.cut()

    const failure = (await waiting) as Errors.StoreUnavailable
    expect(failure).toBeInstanceOf(Errors.StoreUnavailable)
    expect(failure.runId).toBe(idOf(1))
    const answer = await raw
    expect([answer.status, await answer.json()]).toMatchObject([
      503,
      { error: "StoreUnavailableError", task_id: idOf(2) }
    ])
    // Without Retry-After: sending the request again would start another run.
    expect(answer.headers.get("retry-after")).toBeNull()

    link.isRefusing = false
    gate.open()
    expect(await result).toBe(4)
    await vi.waitFor(async () => expect((await asked.runs({ statuses: ["COMPLETED"] })).runs).toHaveLength(3), SOON)
    expect((await asked.runs()).runs).toHaveLength(3)
  })
})
