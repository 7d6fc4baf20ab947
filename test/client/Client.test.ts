/** The client where the way to the server is bad: what is sent again, what is not, and that nothing is done or told twice. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { BunServer } from "../../adapters/bun/index.ts"
import { Client, ClientError } from "../../adapters/client/index.ts"
import { DenoServer } from "../../adapters/deno/index.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { asking, failureOf } from "../conformance/http/ClientSuite.ts"
import { guide, pipelines } from "../fixtures/pipelines.ts"
import { tasks } from "../fixtures/tasks.ts"
import { register, until } from "../http/harness/Client.ts"

const levada = Levada.make({ pipelines, tasks, access: Access.open, worker: { graceMillis: 0 } })
/** What each runtime has itself. */
const servers = { node: NodeServer, bun: BunServer, deno: DenoServer }
const { serve } = servers[process.env["TEST_RUNTIME"] as keyof typeof servers]
const server = { url: "" }
let close: () => Promise<void> = () => levada.close()
beforeAll(async () => {
  const serving = await serve(levada, { port: 0 })
  server.url = serving.url
  close = serving.close
})
afterAll(() => close())

type Fetch = NonNullable<Client.Options["fetch"]>

/** The server, without a way to it that could be bad. */
const direct: Fetch = (url, init) => fetch(url, init)

/** A client whose requests go by `fetch`, and which waits for almost nothing. */
const over = (fetch: Fetch, more: Partial<Client.Options> = {}): Client.Client =>
  Client.make({ url: `${server.url}/`, maxDelayMillis: 20, fetch, ...more })

/** Answers that come before those of the server. */
const first = (...answers: ReadonlyArray<(sent: Request) => Response | Promise<Response>>) => {
  const seen: Array<Request> = []
  const fetching: Fetch = (url, init) => {
    const sent = new Request(url, init)
    seen.push(sent.clone() as Request)
    const answer = answers[seen.length - 1]
    return answer === undefined ? fetch(sent) : Promise.resolve(answer(sent))
  }
  return { fetch: fetching, seen }
}

const refusal =
  (status: number, headers: Readonly<Record<string, string>> = {}) =>
  () =>
    Response.json({ error: "SomeError", message: "not now", timestamp: "" }, { status, headers })
const broken = () => Promise.reject(new TypeError("fetch failed"))
/** The server does what it is asked, and its answer is lost. */
const lost = async (sent: Request) => {
  await (await fetch(sent)).text()
  throw new TypeError("terminated")
}

describe("on this runtime", () => asking(server))

describe("sends again", () => {
  test("what the server can't take now, when it may come again", async () => {
    const { fetch, seen } = first(refusal(503), refusal(429, { "retry-after": "0" }), refusal(503))
    expect(await over(fetch).execute(guide, { data: "x" })).toEqual({ processed: "X" })
    expect(seen).toHaveLength(4)
  })

  test("what was lost on the way, there or back, and starts one run", async () => {
    const before = (await levada.runs({ pipelineId: "my_pipeline", limit: 1_000 })).runs.length
    const { fetch, seen } = first(lost, broken, lost)
    expect(await over(fetch).execute(guide, { data: "x" })).toEqual({ processed: "X" })
    const keys = new Set(seen.map(({ headers }) => headers.get("idempotency-key")))
    expect([seen.length, keys.size]).toEqual([4, 1])
    expect((await levada.runs({ pipelineId: "my_pipeline", limit: 1_000 })).runs).toHaveLength(before + 1)
  })

  test("no more often than it is told to", async () => {
    const { fetch, seen } = first(...Array.from({ length: 10 }, () => refusal(503)))
    const failure = await failureOf(over(fetch, { retries: 2 }).pipelines())
    expect([failure.status, failure.error, failure.message, seen.length]).toEqual([503, "SomeError", "not now", 3])
    const unreachable = first(...Array.from({ length: 10 }, () => broken))
    const none = await failureOf(over(unreachable.fetch, { retries: 0 }).pipelines())
    expect([none.status, none.error, none.message]).toEqual([0, "ConnectionError", `Cannot reach ${server.url}`])
    expect(none.cause).toBeInstanceOf(TypeError)
    expect(unreachable.seen).toHaveLength(1)
  })

  test("nothing before the server wants it, and does not wait for longer than it is told to", async () => {
    const { fetch, seen } = first(refusal(429, { "retry-after": "60" }))
    expect((await failureOf(over(fetch).pipelines())).status).toBe(429)
    expect(seen).toHaveLength(1)
    const soon = first(refusal(429, { "retry-after": "1" }))
    const began = Date.now()
    await over(soon.fetch, { maxDelayMillis: 5_000 }).pipelines()
    expect(Date.now() - began).toBeGreaterThanOrEqual(990)
    const date = first(refusal(503, { "retry-after": new Date(Date.now() - 1_000).toUTCString() }))
    await over(date.fetch).pipelines()
    expect(date.seen).toHaveLength(2)
  })

  test.for([400, 401, 403, 404, 409, 500, 504])("nothing that was answered with %i", async (status) => {
    const { fetch, seen } = first(refusal(status))
    expect((await failureOf(over(fetch).start(guide, { data: "x" }))).status).toBe(status)
    expect(seen).toHaveLength(1)
  })

  test("nothing that would be done twice", async () => {
    const taskId = await levada.start(guide, { data: "x" })
    await levada.result(guide, taskId)
    const { fetch, seen } = first(lost)
    expect((await failureOf(over(fetch).retry(taskId, { from: ["process"] }))).error).toBe("ConnectionError")
    expect(seen).toHaveLength(1)
    const refused = first(refusal(503))
    expect((await failureOf(over(refused.fetch).remove(taskId))).status).toBe(503)
    expect(refused.seen).toHaveLength(1)
  })

  test("nothing once it is told to stop, however long it would wait", async () => {
    const { fetch, seen } = first(...Array.from({ length: 10 }, () => refusal(503, { "retry-after": "30" })))
    const stop = new AbortController()
    const asking = over(fetch, { maxDelayMillis: 60_000 }).pipelines({ signal: stop.signal })
    await until("the first request", async () => (seen.length === 1 ? true : undefined))
    stop.abort(new Error("enough"))
    await expect(asking).rejects.toThrow("enough")
    await expect(over(direct).pipelines({ signal: stop.signal })).rejects.toThrow("enough")
  })
})

describe("events over connections that break at random", () => {
  /** Cuts every answer after a few bytes, within a message as well as between two. */
  const cutting = (random: () => number): { readonly fetch: Fetch; readonly cuts: () => number } => {
    let cuts = 0
    const fetching: Fetch = async (url, init) => {
      const response = await fetch(url, init)
      if (response.body === null || !url.includes("/events")) return response
      if (random() < 0.2) throw new TypeError("connection refused")
      let left = Math.floor(random() * 900)
      const isError = random() < 0.5
      const cut = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          controller.enqueue(chunk.subarray(0, left))
          left -= chunk.length
          if (left > 0) return
          cuts++
          if (isError) controller.error(new TypeError("terminated"))
          else controller.terminate()
        }
      })
      return new Response(response.body.pipeThrough(cut), response)
    }
    return { fetch: fetching, cuts: () => cuts }
  }

  /** A generator of Lehmer's, so that a seed makes a test what it was. */
  const seeded = (seed: number) => () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }

  test.for([1, 2, 3, 4, 5])("each comes once and in order, of a run and of all (seed %i)", async (seed) => {
    const { fetch, cuts } = cutting(seeded(seed))
    const client = over(fetch, { retries: 50 })
    const pipelineId = await register(server, ["process"])
    const before = await over(direct).start(pipelineId, { data: "before" })
    await over(direct).result(before)
    const fed: Array<Client.EventJson> = []
    const stop = new AbortController()
    const feeding = (async () => {
      for await (const { event } of client.feed({ signal: stop.signal, pipelineId, after: "0" })) {
        fed.push(event!)
      }
    })()
    const ids = await Promise.all(Array.from({ length: 20 }, () => client.start(pipelineId, { data: "x" })))
    for (const id of ids) {
      const events: Array<Client.EventJson> = []
      for await (const event of client.events(id)) events.push(event)
      expect(events.map(({ sequence, type }) => `${sequence} ${type}`)).toEqual([
        "1 PipelineStartEvent",
        "2 StepStartEvent",
        "3 StepCompleteEvent",
        "4 PipelineCompleteEvent"
      ])
    }
    await until("all of the feed", async () => {
      const ended = new Set(fed.filter(({ type }) => type === "PipelineCompleteEvent").map((event) => event.task_id))
      return ids.every((id) => ended.has(id)) ? true : undefined
    })
    stop.abort()
    await feeding.catch(() => undefined)
    const sequences = Map.groupBy(fed, (event) => event.task_id)
    for (const id of [before, ...ids]) {
      expect(sequences.get(id)!.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
    }
    expect(cuts()).toBeGreaterThan(20)
  })

  test("of a run that is removed meanwhile they end in RunNotFoundError, and the failure is no event", async () => {
    const taskId = await over(direct).start("my_pipeline", { data: "x" })
    await over(direct).result(taskId)
    const failure = `event: failure\ndata: ${JSON.stringify({ error: "RunNotFoundError", message: "gone" })}\n\n`
    const { fetch } = first(() => new Response(`id: 1\ndata: {"type":"PipelineStartEvent","sequence":1}\n\n${failure}`))
    await over(direct).remove(taskId)
    const seen: Array<number> = []
    const reading = (async () => {
      for await (const { sequence } of over(fetch).events(taskId)) seen.push(sequence)
    })()
    expect(await failureOf(reading)).toMatchObject({ status: 404, error: "RunNotFoundError" })
    expect(seen).toEqual([1])
  })

  test("they end when they are told to, although the answer does not", async () => {
    const { fetch, seen } = first(() => new Response(new ReadableStream<Uint8Array>()))
    const stop = new AbortController()
    const reading = over(fetch).feed({ signal: stop.signal })[Symbol.asyncIterator]().next()
    const refused = expect(reading).rejects.toThrow("enough")
    await until("the request", async () => (seen.length === 1 ? true : undefined))
    stop.abort(new Error("enough"))
    await refused
  })

  test("a gap is told as one", async () => {
    await levada.execute(guide, { data: "x" })
    const items: Array<Client.FeedItem> = []
    for await (const item of over(direct).feed({ after: "1-99999999.0", pipelineId: "my_pipeline" })) {
      items.push(item)
      if (item.event !== undefined) break
    }
    expect(items[0]).toEqual({ cursor: expect.any(String), event: undefined })
  })
})

describe("credentials", () => {
  test("are sent as what they are, and got anew for each request", async () => {
    const { fetch, seen } = first(refusal(503))
    let count = 0
    const client = over(fetch, { apiKey: "the key", token: async () => `token-${++count}` })
    await client.pipelines()
    await client.pipelines()
    expect(seen.map(({ headers }) => headers.get("authorization"))).toEqual([
      "Bearer token-1",
      "Bearer token-2",
      "Bearer token-3"
    ])
    expect(new Set(seen.map(({ headers }) => headers.get("x-api-key")))).toEqual(new Set(["the key"]))
  })

  test("are in no error", async () => {
    const secrets = { apiKey: "hush-key", token: "hush-token" }
    for (const answer of [refusal(500), broken, () => new Response("<h1>Bad gateway</h1>", { status: 502 })]) {
      const failure = await failureOf(over(first(answer).fetch, { ...secrets, retries: 0 }).pipelines())
      expect(`${failure.stack} ${JSON.stringify(failure)} ${failure.cause}`).not.toContain("hush")
    }
    await expect(
      over(direct, { token: () => Promise.reject(new Error("no token to be had")) }).pipelines()
    ).rejects.toThrow("no token to be had")
  })
})

test("an answer that is not ours is an error all the same", async () => {
  const { fetch } = first(() => new Response("<h1>Bad gateway</h1>", { status: 502 }))
  const failure = await failureOf(over(fetch).pipelines())
  expect(failure).toBeInstanceOf(ClientError)
  expect([failure.status, failure.error, failure.message]).toEqual([502, "HttpError", "The server answered 502"])
})

test.for(["", "localhost:8000", "ftp://x", "not a url"])("an address that is none is refused: '%s'", (url) => {
  expect(() => Client.make({ url })).toThrow(
    `Cannot use the url: expected one such as 'https://levada.example.com/flows', received '${url}'`
  )
})
