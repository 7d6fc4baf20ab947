/** The list of open streams is bounded, whatever listens. */
import { expect, test } from "vitest"
import { listeners } from "../../adapters/http/events/ListenerWire.ts"
import type { StreamListener } from "../../adapters/http/server/Streams.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { host } from "../../core/values/Principal.ts"
import { send } from "../access/PrincipalServer.ts"
import { guide } from "../fixtures/pipelines.ts"

const listener = (at: number, subscriptions: number): StreamListener => ({
  kind: "websocket",
  path: "/ws",
  openedAtMillis: at,
  caller: { principal: { id: `ApiKey:${at}`, roles: [] }, origin: { ...host.origin, address: undefined } },
  subscriptions: Array.from({ length: subscriptions }, (_, number) => ({ pipelineId: `p${number % 2}`, runId: "r" })),
  bufferedBytes: at,
  end: () => undefined
})

test("at most 200 listeners are listed, the latest first, with 20 subscriptions each", () => {
  const open = Array.from({ length: 1_000 }, (_, at) => listener(at, at === 999 ? 100 : 1))
  const { listeners: listed, total } = listeners(open, (id) => id === "p0")
  expect([listed.length, total]).toEqual([200, 1_000])
  expect(listed.map(({ principal }) => principal)).toEqual(Array.from({ length: 200 }, (_, at) => `ApiKey:${999 - at}`))
  const [first] = listed
  expect([first!.subscriptions.length, first!.subscription_total, first!.address]).toEqual([20, 100, null])
  expect(first!.subscriptions.slice(0, 2)).toEqual([
    { pipeline_id: "p0", task_id: "r" },
    { pipeline_id: "other", task_id: null }
  ])
})

test("a stream that was refused, and one that was only asked about, are not listed", async () => {
  const levada = Levada.make({ pipelines: [guide], access: Access.open, maxStreams: 1 })
  const total = async () => (await send(levada, "GET", "/listeners")).json.total
  const open = await levada.fetch(new Request("http://localhost/events"))
  expect((await levada.fetch(new Request("http://localhost/events"))).status).toBe(503)
  expect(await total()).toBe(1)
  await open.body!.cancel()
  expect(await total()).toBe(0)
  expect((await levada.fetch(new Request("http://localhost/events", { method: "HEAD" }))).status).toBe(200)
  expect(await total()).toBe(0)
  await levada.close()
})
