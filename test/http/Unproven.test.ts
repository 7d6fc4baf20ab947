/** WebSockets without credentials: few of them, and in no place of known principals. */
import { afterAll, expect, test } from "vitest"
import { MAX_UNPROVEN_BY_ADDRESS } from "../../adapters/http/server/Streams.ts"
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

test("take no place of a known principal, few of an address, and a place once they are known", async () => {
  const crowd = await Promise.all(Array.from({ length: 40 }, () => Connection.open(serving, "", from(1))))
  const refused = await Promise.all(crowd.slice(MAX_UNPROVEN_BY_ADDRESS).map(({ closed }) => closed))
  expect(new Set(refused.map(([code]) => code))).toEqual(new Set([1013]))
  const events = await fetch(`${serving.url}/events`, { headers: key })
  expect(events.status).toBe(200)
  // Another address is not concerned.
  const late = await Connection.open(serving, "", from(2))
  expect((await late.ask({ type: "auth", api_key: KEYS.owner })).type).toBe("authenticated")
  const known = await Connection.open(serving, "", key)
  expect((await known.ask({ type: "ping" })).type).toBe("pong")
  // Those were three: who comes now is refused, and so is who is known only now.
  expect((await fetch(`${serving.url}/events`, { headers: key })).status).toBe(503)
  crowd[0]!.send({ type: "auth", api_key: KEYS.owner })
  expect((await crowd[0]!.closed)[0]).toBe(1013)
  // What is closed is free again.
  late.close()
  await late.closed
  crowd[1]!.send({ type: "auth", api_key: KEYS.owner })
  expect((await crowd[1]!.next()).type).toBe("authenticated")
  for (const connection of [...crowd, known]) connection.close()
  await events.body?.cancel()
})
