/** The list of open streams and WebSockets: who listens to what, and no secret. */
import { beforeAll, expect, test } from "vitest"
import { FLOWS, KEYS } from "../../fixtures/access.ts"
import {
  ask,
  expectRecent,
  get,
  type Json,
  keysOf,
  newName,
  pathOf,
  post,
  register,
  type Server,
  start,
  until
} from "../../http/harness/Client.ts"
import { Connection } from "../../http/harness/Connection.ts"
import { ObjectFactory } from "../../http/harness/Contract.ts"
import { apiKey, bearer, claims, jwt } from "../../http/harness/Credentials.ts"
import { Listener } from "../../http/harness/Listener.ts"

type Headers = Readonly<Record<string, string>>

const KEYS_OF_LISTENER = [
  "address",
  "buffered_bytes",
  "kind",
  "opened_at",
  "path",
  "principal",
  "subscription_total",
  "subscriptions"
]

const list = async (server: Server, headers: Headers = {}): Promise<Json> => {
  const { status, json, text } = await ask(server, "GET", "/listeners", { headers })
  expect(status, text).toBe(200)
  expect(keysOf(json)).toEqual(["listeners", "total"])
  expect(json.listeners.length).toBe(Math.min(json.total, 200))
  for (const listener of json.listeners) {
    expect(keysOf(listener)).toEqual(KEYS_OF_LISTENER)
    expect(listener.path).not.toContain("?")
    expectRecent(listener.opened_at)
  }
  return json
}

/** The clients that listen to a pipeline, the latest first. */
const listenersOf = async (server: Server, pipeline: string, headers: Headers = {}): Promise<ReadonlyArray<Json>> =>
  (await list(server, headers)).listeners.filter(({ subscriptions }: Json) =>
    subscriptions.some(({ pipeline_id }: Json) => pipeline_id === pipeline)
  )

/** Waits until so many clients listen to a pipeline. */
const untilListening = (
  server: Server,
  pipeline: string,
  count: number,
  headers: Headers = {}
): Promise<ReadonlyArray<Json>> =>
  until(`${count} listeners`, async () => {
    const found = await listenersOf(server, pipeline, headers)
    return found.length === count ? found : undefined
  })

export const listenersSuite = (server: Server, takesSockets: boolean): void => {
  test("GET /listeners has each open stream until it ends", async () => {
    const pipeline = await register(server, ["arrive", "hold", "leave"])
    expect(await listenersOf(server, pipeline)).toEqual([])
    const feed = await Listener.open(server, `${pathOf(pipeline, "/events")}?types=StepStartEvent&secret=hush`)
    const taskId = await start(server, pipeline, { gate: newName() })
    const run = await Listener.open(server, `/api/v1/runs/${taskId}/events`)
    const [second, first] = await untilListening(server, pipeline, 2)
    expect(second).toMatchObject({
      kind: "sse",
      path: "/runs/{task_id}/events",
      subscriptions: [{ pipeline_id: pipeline, task_id: taskId }],
      subscription_total: 1,
      principal: null
    })
    expect(first).toMatchObject({
      kind: "sse",
      path: "/pipelines/{pipeline_id}/events",
      subscriptions: [{ pipeline_id: pipeline, task_id: null }]
    })
    for (const { address, buffered_bytes } of [first, second]) {
      expect(address ?? "127.0.0.1").toMatch(/^(?:::ffff:)?127\.0\.0\.1$|^::1$/)
      expect(buffered_bytes).toBeGreaterThanOrEqual(0)
    }
    // The stream of a run ends with the run, and that of a client that leaves with the client.
    await post(server, `/runs/${taskId}/cancel`, {})
    await run.ended
    expect(await untilListening(server, pipeline, 1)).toMatchObject([{ path: "/pipelines/{pipeline_id}/events" }])
    feed.close()
    await untilListening(server, pipeline, 0)
  })

  test("GET /listeners has who listens to all pipelines, and as many as the metrics count", async () => {
    const before = (await list(server)).total
    const feed = await Listener.open(server, "/events")
    const { total, listeners } = await list(server)
    expect(total).toBe(before + 1)
    expect(listeners[0]).toMatchObject({ path: "/events", subscriptions: [{ pipeline_id: "*", task_id: null }] })
    expect((await get(server, "/metrics")).text).toContain(`levada_http_streams ${total}`)
    feed.close()
    await until("the end", async () => ((await list(server)).total === before ? true : undefined))
  })

  test.skipIf(!takesSockets)(
    "GET /listeners has each open WebSocket, with its subscriptions at that time",
    async () => {
      const pipeline = await register(server, ["process"])
      const connection = await Connection.open(server)
      await connection.ask({ type: "subscribe", pipeline_id: pipeline })
      await connection.ask({ type: "subscribe", pipeline_id: "*" })
      const [found] = await untilListening(server, pipeline, 1)
      expect(found).toMatchObject({
        kind: "websocket",
        path: "/ws",
        subscriptions: [
          { pipeline_id: pipeline, task_id: null },
          { pipeline_id: "*", task_id: null }
        ],
        subscription_total: 2,
        principal: null
      })
      await connection.ask({ type: "unsubscribe", pipeline_id: "*" })
      const [later] = await untilListening(server, pipeline, 1)
      expect(later).toMatchObject({ subscription_total: 1, opened_at: found.opened_at })
      connection.close()
      await untilListening(server, pipeline, 0)
    }
  )
}

/** The same on a secured server behind a proxy. */
export const listenersAccessSuite = (server: Server): void => {
  const owner = apiKey(KEYS.owner)
  const maker = new ObjectFactory(server, owner, [FLOWS.at(-3)!])
  let pipeline: string
  beforeAll(async () => {
    pipeline = await maker.pipeline()
  })

  test("listeners are told apart by principal and address; no key, token or query is told", async () => {
    const events = `/pipelines/${pipeline}/events`
    const { token } = await maker.post("/tokens", { pipeline_id: pipeline, expires_in: 60 }, 201)
    const from = { "x-forwarded-for": "192.0.2.9" }
    const opened = [
      await Listener.open(server, events, { ...apiKey(KEYS.viewer), ...from }),
      await Listener.open(server, `${events}?token=${token}`),
      await Listener.open(server, events, bearer(jwt(claims("viewer"))))
    ]
    const late = await Connection.open(server)
    // It does not listen before it has authenticated.
    expect(await listenersOf(server, pipeline, owner)).toHaveLength(3)
    await late.ask({ type: "auth", api_key: KEYS.named })
    await late.ask({ type: "subscribe", pipeline_id: pipeline })
    const found = await untilListening(server, pipeline, 4, owner)
    expect(found.map(({ kind, principal }) => [kind, principal])).toEqual([
      ["websocket", "ApiKey:named"],
      ["sse", "Bearer:jo"],
      ["sse", "ApiKey:owner"],
      ["sse", expect.stringMatching(/^ApiKey:key-[0-9a-f]{8}$/)]
    ])
    expect(found[3].address).toBe("192.0.2.9")
    // Another principal takes the connection over.
    await late.ask({ type: "auth", api_key: KEYS.owner })
    const { text } = await ask(server, "GET", "/listeners", { headers: owner })
    expect(JSON.parse(text).listeners[0].principal).toBe("ApiKey:owner")
    for (const secret of ["hush", token, "?", "eyJ"]) expect(text).not.toContain(secret)
    // An ACL hides the pipeline from this administrator.
    const hidden = await ask(server, "GET", "/listeners", { headers: apiKey(KEYS.excluded) })
    expect(hidden.text).not.toContain(pipeline)
    expect(hidden.json.listeners[0].subscriptions).toEqual([{ pipeline_id: "other", task_id: null }])
    for (const each of [...opened, late]) each.close()
    await untilListening(server, pipeline, 0, owner)
  })
}
