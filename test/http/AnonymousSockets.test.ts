/** WebSockets without credentials: only a few are allowed, and they take no slot of authenticated principals. */
import { afterAll, expect, test } from "vitest"
import { MAX_UNAUTHENTICATED_BY_ADDRESS } from "../../adapters/http/server/Streams.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Levada } from "../../adapters/promise/index.ts"
import { choices, KEYS } from "../fixtures/access.ts"
import { guide } from "../fixtures/pipelines.ts"
import { Connection } from "./harness/Connection.ts"

const key = { "x-api-key": KEYS.owner }
const MAX = 3

const levada = Levada.make({ pipelines: [guide], ...choices.secured(), maxStreams: MAX })
const serving = await NodeServer.serve(levada, { port: 0 })
afterAll(() => serving.close())

const from = (address: number) => ({ "x-forwarded-for": `192.0.2.${address}` })

test("unauthenticated WebSockets are limited per address, and take a slot only once they authenticate", async () => {
  const crowd = await Promise.all(Array.from({ length: 40 }, () => Connection.open(serving, "", from(1))))
  const refused = await Promise.all(crowd.slice(MAX_UNAUTHENTICATED_BY_ADDRESS).map(({ closed }) => closed))
  expect(new Set(refused.map(([code]) => code))).toEqual(new Set([1013]))
  const events = await fetch(`${serving.url}/events`, { headers: key })
  expect(events.status).toBe(200)
  // Other addresses are not affected.
  const late = await Connection.open(serving, "", from(2))
  expect((await late.ask({ type: "auth", api_key: KEYS.owner })).type).toBe("authenticated")
  const known = await Connection.open(serving, "", key)
  expect((await known.ask({ type: "ping" })).type).toBe("pong")
  // Those were three: new streams are refused, and so is a WebSocket that authenticates only now.
  expect((await fetch(`${serving.url}/events`, { headers: key })).status).toBe(503)
  crowd[0]!.send({ type: "auth", api_key: KEYS.owner })
  expect((await crowd[0]!.closed)[0]).toBe(1013)
  // A closed one frees its slot.
  late.close()
  await late.closed
  crowd[1]!.send({ type: "auth", api_key: KEYS.owner })
  expect((await crowd[1]!.next()).type).toBe("authenticated")
  for (const connection of [...crowd, known]) connection.close()
  await events.body?.cancel()
})
