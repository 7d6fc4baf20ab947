/** Elysia as a standalone server, on real sockets. */
import { request } from "node:http"
import { node } from "@elysiajs/node"
import { Elysia } from "elysia"
import { afterEach, expect, it, vi } from "vitest"
import { ElysiaPlugin } from "../../adapters/elysia/index.ts"
import type { HttpRequest } from "../../adapters/http/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { guide, held, openGate, pipelines } from "../fixtures/pipelines.ts"

const make = (): Levada.Levada => Levada.make({ pipelines, access: Access.open, worker: { graceMillis: 50 } })

const closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const serve = async (levada: Levada.Levada = make()): Promise<ElysiaPlugin.Serving & { levada: Levada.Levada }> => {
  const serving = await ElysiaPlugin.serve(levada, { port: 0 })
  closing.push(serving.close)
  return { ...serving, levada }
}

const execute = (url: string, pipeline: string, body: object, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/pipelines/${pipeline}/execute`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal && { signal })
  })

/** The id of the pipeline's run, once it runs. */
const running = (url: string, pipeline: string): Promise<string> =>
  vi.waitFor(async () => {
    const status = await (await fetch(`${url}/pipelines/${pipeline}/status`)).json()
    expect(status).toMatchObject({ status: "RUNNING" })
    return status.task_id
  })

it("listens where it says, on this machine only", async () => {
  const { url } = await serve()
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: "healthy" })
})

it("listens on an IPv6 address", async () => {
  const serving = await ElysiaPlugin.serve(make(), { port: 0, host: "::1" })
  closing.push(serving.close)
  expect(serving.url).toMatch(/^http:\/\/\[::1\]:\d+$/)
  expect((await fetch(`${serving.url}/health`)).status).toBe(200)
})

it("rejects if the port is taken, and does not disturb its owner", async () => {
  const { url } = await serve()
  const late = make()
  await expect(ElysiaPlugin.serve(late, { port: Number(new URL(url).port) })).rejects.toMatchObject({
    code: "EADDRINUSE"
  })
  await late.close()
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

it("answers every path as the API does, however short the name of the host is", async () => {
  const { url } = await serve()
  const raw = (path: string): Promise<readonly [status: number | undefined, body: string]> =>
    new Promise((resolve, reject) => {
      const asking = request(url, { path, headers: { host: "[::1]" } }, (response) => {
        let body = ""
        response.setEncoding("utf8").on("data", (chunk) => {
          body += chunk
        })
        response.on("end", () => resolve([response.statusCode, body]))
      })
      asking.on("error", reject).end()
    })
  expect((await raw("/pipelines/my_pipeline/dag"))[0]).toBe(200)
  for (const path of ["/", "/api/v1", "/dashboard/"]) expect([path, (await raw(path))[0]]).toEqual([path, 200])
  for (const path of ["/nothing", "//health", "/pipelinesx"]) {
    const [status, body] = await raw(path)
    expect(status).toBe(404)
    expect(JSON.parse(body)).toMatchObject({ error: "PathNotFoundError" })
  }
})

it("refuses a body that is too long, and continues to serve", async () => {
  const { url } = await serve()
  // Its length is not declared, so it has to be read.
  let pieces = 160
  const response = await fetch(`${url}/pipelines/my_pipeline/execute`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: new ReadableStream({
      pull: (controller) => {
        if (pieces-- > 0) controller.enqueue(new Uint8Array(64 * 1024))
        else controller.close()
      }
    }),
    duplex: "half"
  } as RequestInit)
  expect(response.status).toBe(413)
  expect(await response.json()).toMatchObject({ error: "BodyTooLargeError" })
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

it("continues to serve after a client disconnects in the middle of its body", async () => {
  const { url } = await serve()
  await new Promise<void>((resolve) => {
    const asking = request(`${url}/pipelines/my_pipeline/execute`, {
      method: "POST",
      headers: { "content-type": "application/json", "content-length": 1000 }
    })
    asking.on("error", () => resolve())
    asking.write('{"parameters":', () => asking.destroy(new Error("gone")))
  })
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

it("a client that disconnects ends its wait, not the run", async () => {
  const handled: Array<Promise<unknown>> = []
  const levada = make()
  const { url } = await serve({
    ...levada,
    handler: (asked) => {
      const reply = levada.handler(asked)
      if (asked.path.endsWith("/execute")) handled.push(Promise.resolve(reply))
      return reply
    }
  })
  const gone = new AbortController()
  const waiting = execute(url, held.id, { parameters: { gate: "leaver" }, wait: true }, gone.signal)
  const id = await running(url, held.id)
  gone.abort()
  await expect(waiting).rejects.toThrow()
  // The wait is over although the run is not.
  await handled[0]
  expect((await levada.run(id)).status).toBe("RUNNING")
  await levada.execute(openGate, { gate: "leaver" })
  expect(await levada.result(held, id)).toBe("leaver")
})

it("passes the client's address to the API", async () => {
  const levada = make()
  const { url } = await serve({
    ...levada,
    handler: ({ address }: HttpRequest) => ({ status: 200, headers: {}, body: String(address) })
  })
  expect(await (await fetch(`${url}/health`)).text()).toBe("127.0.0.1")
})

it("on close, answers waiting clients and then ends", async () => {
  const { url, close } = await serve()
  const waiting = execute(url, held.id, { parameters: { gate: "never opened" }, wait: true })
  const id = await running(url, held.id)
  expect(await Promise.all([close(), close()])).toEqual([undefined, undefined])
  const response = await waiting
  expect(response.headers.get("content-type")).toBe("application/json")
  expect(await response.json()).toMatchObject({ error: "PipelineCancelledError", task_id: id })
  await expect(fetch(`${url}/health`)).rejects.toThrow()
})

it("leaves nothing behind in the process", async () => {
  const before = process.listeners("beforeExit")
  const { url, close } = await serve()
  const late = make()
  await ElysiaPlugin.serve(late, { port: Number(new URL(url).port) }).catch(() => undefined)
  await late.close()
  await close()
  expect(process.listeners("beforeExit")).toEqual(before)
})

it("an app that listens by itself serves the API beside its own routes", async () => {
  const levada = make()
  const app = new Elysia({ adapter: node() })
    .get("/own", () => "own")
    .use(
      ElysiaPlugin.plugin({
        ...levada,
        handler: (asked) =>
          asked.query === "who" ? { status: 200, headers: {}, body: String(asked.address) } : levada.handler(asked)
      })
    )
  const server = await new Promise<Raw>((resolve) =>
    // Deno shares no port without a flag.
    app.listen({ port: 0, hostname: "127.0.0.1", reusePort: false } as object, (listening) =>
      resolve((listening as unknown as { raw: Raw }).raw)
    )
  )
  await server.ready()
  closing.push(async () => {
    await server.close(true)
    await levada.close()
  })
  const url = server.url.replace(/\/$/, "")
  expect(await (await fetch(`${url}/own`)).text()).toBe("own")
  expect(await (await fetch(`${url}/health?who`)).text()).toBe("127.0.0.1")
  const response = await execute(url, guide.id, { parameters: { data: "a" }, wait: true })
  expect(await response.json()).toMatchObject({ result: { processed: "A" } })
  const unknown = await fetch(`${url}/pipelines/a/b`)
  expect(unknown.headers.get("content-type")).toBe("application/json")
  expect(await unknown.json()).toMatchObject({ error: "PathNotFoundError" })
})

/** The server that `@elysiajs/node` listens with. */
interface Raw {
  readonly url: string
  readonly ready: () => Promise<unknown>
  readonly close: (all: boolean) => Promise<void>
}
