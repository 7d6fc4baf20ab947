/** Strangers in great number, over real sockets, while known principals work: these are served throughout. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { KEYS } from "../fixtures/access.ts"
import { ask, type Json } from "./harness/Client.ts"
import { Connection } from "./harness/Connection.ts"
import { type Launched, launch, type Runtime } from "./harness/launch.ts"
import { RawConnection } from "./harness/RawConnection.ts"

/** How many there are of each kind. */
const HALF_SENT = 300
const SOCKETS = 150
const DENIED = 2_000
/** How many of them ask at a time. */
const WIDTH = 40
/** How often the known principal starts a run and waits for it. */
const RUNS = 60

const known = { "x-api-key": KEYS.owner }
const addressOf = (number: number): string => `198.51.${Math.floor(number / 250)}.${number % 250}`

const inTurns = async (count: number, one: (number: number) => Promise<void>): Promise<void> => {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await one(next++)
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
}

const runtimes: ReadonlyArray<Runtime> = ["node", "bun", "deno"]

describe.each(runtimes)("a crowd of strangers on %s", (runtime) => {
  let server: Launched
  const left: Array<() => void> = []
  beforeAll(async () => {
    server = await launch(runtime, runtime, { ACCESS: "secured", GRACE_MILLIS: "100" })
  })
  afterAll(async () => {
    for (const leave of left) leave()
    await server?.close()
  })

  test("holds up no known principal and fills nothing that is theirs", { timeout: 60_000 }, async () => {
    const events = await Connection.open(server, "", known)
    expect((await events.ask({ type: "subscribe", pipeline_id: "my_pipeline" })).type).toBe("subscribed")

    // Sockets that say half of a request, and WebSockets that never say who they are.
    const halfSent = await Promise.all(Array.from({ length: HALF_SENT }, () => RawConnection.open(server)))
    left.push(() => {
      for (const each of halfSent) each.destroy()
    })
    await Promise.all(halfSent.map((each) => each.send("POST /pipelines/my_pipeline/execute HTTP/1.1\r\nx: ")))
    const mute = await Promise.allSettled(
      Array.from({ length: SOCKETS }, (_, number) =>
        Connection.open(server, "", { "x-forwarded-for": addressOf(number % 20) })
      )
    )
    left.push(() => {
      for (const each of mute) if (each.status === "fulfilled") each.value.close()
    })

    // Denials from many addresses, about many ids, all the while.
    const denied = new Map<number, number>()
    const crowd = inTurns(DENIED, async (number) => {
      const headers = { "x-api-key": `wrong-${number}`, "x-forwarded-for": addressOf(number) }
      const path = number % 2 === 0 ? `/runs/01k8j5lp955mjiil1018jf${number}` : `/pipelines/of-${number}/status`
      const { status } = await ask(server, "GET", path, { headers })
      denied.set(status, (denied.get(status) ?? 0) + 1)
    })

    const served: Array<Json> = []
    for (let count = 0; count < RUNS; count++) {
      const { status, json } = await ask(server, "POST", "/pipelines/my_pipeline/execute", {
        headers: known,
        json: { parameters: { data: `run ${count}` }, wait: true }
      })
      served.push([status, json.result?.processed])
    }
    expect(served).toEqual(Array.from({ length: RUNS }, (_, count) => [200, `RUN ${count}`]))
    await crowd
    expect([...denied]).toEqual([[403, DENIED]])

    // Their streams, their places and their records are as if nobody else had been there.
    const late = await Connection.open(server, "", known)
    expect((await late.ask({ type: "ping" })).type).toBe("pong")
    expect((await events.ask({ type: "ping" })).type).toBe("pong")
    const completed = events.messages.filter(({ type }) => type === "PipelineCompleteEvent")
    expect(completed).toHaveLength(RUNS)
    const { json } = await ask(server, "GET", "/audit?limit=1000", { headers: known })
    expect(new Set(json.records.map(({ principal }: Json) => principal))).toEqual(new Set(["ApiKey:owner"]))
    const executed = json.records.filter(({ operation }: Json) => operation.endsWith("/execute"))
    expect(executed).toHaveLength(RUNS)
    expect(json.strangers.length).toBeLessThanOrEqual(1_000)
    for (const connection of [late, events]) connection.close()
  })
})
