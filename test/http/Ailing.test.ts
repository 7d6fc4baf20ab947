/** The API over a Store that is ill or full, and within a limit of the program's own: in process, through `fetch`. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterEach, describe, expect, test } from "vitest"
import { Access, Errors, Levada, Store } from "../../adapters/promise/index.ts"
import { guide, held, openGate } from "../fixtures/pipelines.ts"
import { expectErrorShape, type Json } from "./harness/Client.ts"

const closing: Array<Levada.Levada> = []
afterEach(async () => {
  for (const levada of closing.splice(0)) await levada.close()
})

type Options = Pick<Levada.Options<readonly []>, "maxBodyBytes" | "store">

const make = (options: Options): Levada.Levada => {
  const pipelines = [guide, held, openGate] as const
  const levada = Levada.make({ pipelines, access: Access.open, worker: { graceMillis: 0 }, ...options })
  closing.push(levada)
  return levada
}

/** A Store in memory, ill as the test wants it. */
const ill = (how: (store: Store.Store) => Partial<Store.Store>): Layer.Layer<Store.Store, unknown> =>
  Layer.effect(
    Store.Store,
    Effect.map(Store.Store, (store) => ({ ...store, ...how(store) }))
  ).pipe(Layer.provide(Store.layerMemory()))

const ask = async (levada: Levada.Levada, method: string, path: string, json?: unknown) => {
  const response = await levada.fetch(
    new Request(`http://localhost${path}`, {
      method,
      ...(json !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(json) })
    })
  )
  const { status, headers } = response
  const text = await response.text()
  const answer = { status, headers, text, json: JSON.parse(text) as Json }
  if (status >= 400 && !path.startsWith("/health")) expectErrorShape(answer)
  return answer
}

const EXECUTE = "/pipelines/my_pipeline/execute"
const execute = (levada: Levada.Levada) => ask(levada, "POST", EXECUTE, { parameters: { data: "x" }, wait: true })

describe("a Store that breaks", () => {
  const SECRET = "password hunter2 in /srv/vault/redis.conf"
  const dying = Effect.suspend(() => Effect.die(new TypeError(SECRET)))

  test("is a 500 without detail, whatever was asked", async () => {
    const levada = make({ store: ill(() => ({ submit: () => dying, get: () => dying, list: () => dying })) })
    for (const { status, json, text } of [
      await execute(levada),
      await ask(levada, "GET", "/runs"),
      await ask(levada, "GET", "/runs/x"),
      await ask(levada, "GET", "/pipelines/result/x")
    ]) {
      expect([status, Object.keys(json).sort()]).toEqual([500, ["error", "message", "timestamp"]])
      expect(json).toMatchObject({ error: "InternalError", message: "Something went wrong on our side" })
      for (const hidden of ["hunter2", "vault", "TypeError"]) expect(text).not.toContain(hidden)
    }
    // What does not need the Store is served on.
    expect((await ask(levada, "GET", "/pipelines")).status).toBe(200)
  })

  test.for([
    ["breaks", dying],
    ["fails", Effect.fail(new Errors.StoreUnavailable(SECRET))]
  ] as const)("is told by /health, also when it %s", async ([, ping]) => {
    const { status, json, text } = await ask(make({ store: ill(() => ({ ping })) }), "GET", "/health")
    expect([status, json.status, json.broker_connected]).toEqual([503, "unhealthy", false])
    expect(text).not.toContain("hunter2")
  })
})

describe("a Store that does not answer", () => {
  const down = Effect.fail(new Errors.StoreUnavailable("The Store does not answer"))

  test.for([
    ["answers that", { ping: down }],
    ["tells of no work", { load: down }],
    ["never answers", { ping: Effect.never }]
  ] as const)("makes the server unready, and alive all the same, when it %s", { timeout: 10_000 }, async ([, how]) => {
    const levada = make({ store: ill(() => how) })
    const { status, json } = await ask(levada, "GET", "/health/ready")
    expect([status, json]).toEqual([
      503,
      { status: "unready", timestamp: expect.any(String), memory_mb: expect.any(Number) }
    ])
    const live = await ask(levada, "GET", "/health/live")
    expect([live.status, live.json.status]).toEqual([200, "alive"])
  })

  test.for([
    ["work", { load: down }],
    ["events", { feed: () => down }]
  ] as const)("leaves metrics what they have of the server, when there is no telling of %s", async ([, how]) => {
    const levada = make({ store: ill(() => how) })
    const response = await levada.fetch(new Request("http://localhost/metrics"))
    const text = await response.text()
    expect([response.status, /^levada_store_up 0$/m.test(text)]).toEqual([200, true])
    expect(text).not.toContain("levada_runs_total")
    expect(await (await levada.fetch(new Request("http://localhost/metrics"))).text()).toContain(
      'levada_http_requests_total{method="GET",route="/metrics",status="200"} 1'
    )
  })

  test("is counted on from where it was, once it is back: nothing is missed and nothing counted twice", async () => {
    let isDown = false
    const levada = make({
      store: ill(({ feed }) => ({ feed: (request) => Effect.suspend(() => (isDown ? down : feed(request))) }))
    })
    const completed = async () => (await levada.statistics("my_pipeline")).completed
    await execute(levada)
    expect(await completed()).toBe(1)
    isDown = true
    await execute(levada)
    expect((await ask(levada, "GET", "/pipelines/my_pipeline/statistics")).status).toBe(503)
    isDown = false
    await execute(levada)
    expect(await completed()).toBe(3)
  })
})

describe("a Store that takes nothing for now", () => {
  test("is a 503 that says when to ask again", async () => {
    const down = Effect.fail(new Errors.StoreUnavailable("The Store does not answer"))
    const levada = make({ store: ill(() => ({ submit: () => down, list: () => down })) })
    for (const answer of [await execute(levada), await ask(levada, "GET", "/runs")]) {
      expect([answer.status, answer.json.error]).toEqual([503, "StoreUnavailableError"])
      expect(answer.json.message).toBe("The Store does not answer")
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0)
    }
  })

  test("because it is full, is one until there is room", async () => {
    const levada = make({ store: Store.layerMemory({ maxUnfinished: 1 }) })
    const gate = "the only one"
    const { json } = await ask(levada, "POST", "/pipelines/held/execute", { parameters: { gate } })
    const refused = await execute(levada)
    expect([refused.status, refused.json.error, refused.headers.get("retry-after")]).toEqual([
      503,
      "StoreUnavailableError",
      "1"
    ])
    expect(refused.json.message).toContain("1 are unfinished")
    expect((await ask(levada, "GET", "/runs")).json.runs).toHaveLength(1)
    expect((await ask(levada, "POST", `/runs/${json.task_id}/cancel`, {})).status).toBe(202)
    expect((await execute(levada)).json.result).toEqual({ processed: "X" })
  })
})

describe("a limit of bodies that the program sets", () => {
  const bodyOf = (length: number): string => {
    const around = JSON.stringify({ parameters: { data: "" }, wait: true }).length
    return JSON.stringify({ parameters: { data: "x".repeat(length - around) }, wait: true })
  }
  const send = (levada: Levada.Levada, body: string) =>
    levada.fetch(
      new Request(`http://localhost${EXECUTE}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body
      })
    )

  test.for([100, 1 << 21])("of %d bytes: so long a body is read, a longer one is a 413 that says it", async (max) => {
    const levada = make({ maxBodyBytes: max, store: Store.layerMemory({ maxValueBytes: 1 << 22 }) })
    expect((await send(levada, bodyOf(max))).status).toBe(200)
    const { status, json } = await send(levada, bodyOf(max + 1)).then(async (response) => ({
      status: response.status,
      json: (await response.json()) as Json
    }))
    expect([status, json.error]).toEqual([413, "BodyTooLargeError"])
    expect(json.message).toContain(`${max} bytes`)
    expect((await levada.runs()).runs).toHaveLength(1)
  })
})
