/** What clients need not be sent: answers that they have, and bytes that compression saves. */
import { request } from "node:http"
import { gunzipSync } from "node:zlib"
import { expect, test } from "vitest"
import { ask, execute, get, pathOf, post, register, type Server } from "../../http/harness/Client.ts"

/** An answer as it was sent. */
interface Raw {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: Buffer
}

/** Sends a request without a client that decompresses. */
const raw = (
  server: Server,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: unknown
): Promise<Raw> =>
  new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : JSON.stringify(body)
    const type =
      sent === undefined ? {} : { "content-type": "application/json", "content-length": `${Buffer.byteLength(sent)}` }
    const asking = request(server.url + path, { method, headers: { ...type, ...headers } }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("error", reject)
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) })
      )
    })
    asking.on("error", reject).end(sent)
  })

/** Paths whose answers have entity tags. */
const tagged = (runId: string): ReadonlyArray<string> => [
  "/pipelines",
  "/pipelines/my_pipeline",
  "/pipelines/my_pipeline/dag",
  "/pipelines/my_pipeline/dag/dot",
  "/pipelines/my_pipeline/visualize",
  `/runs/${runId}`,
  "/openapi.json"
]

const LONG = "a long value ".repeat(500)

export const transferSuite = (server: Server): void => {
  test("an answer that the client has is a 304, however it names the tag", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    for (const path of tagged(json.task_id)) {
      const first = await get(server, path)
      const tag = first.headers.get("etag")!
      expect([path, tag]).toEqual([path, expect.stringMatching(/^W\/"[\w-]+"$/)])
      expect(first.headers.get("cache-control")).toBe("no-store")
      for (const known of [tag, tag.slice(2), `"x", ${tag}`, `W/"x",${tag}, "y"`, "*"]) {
        const again = await ask(server, "GET", path, { headers: { "if-none-match": known } })
        expect([path, known, again.status, again.text]).toEqual([path, known, 304, ""])
        for (const name of ["etag", "cache-control", "vary"]) {
          expect([path, again.headers.get(name)]).toEqual([path, first.headers.get(name)])
        }
        expect(again.headers.get("content-type")).toBe(null)
      }
      for (const other of ['"x"', tag.slice(3, -1), `"${tag}"`, "", ","]) {
        expect([path, other, (await raw(server, "GET", path, { "if-none-match": other })).status]).toEqual([
          path,
          other,
          200
        ])
      }
      expect((await raw(server, "HEAD", path, { "if-none-match": tag })).status).toBe(304)
    }
  })

  test("a change gets another tag", async () => {
    const tagOf = async (path: string): Promise<string | null> => (await get(server, path)).headers.get("etag")
    const before = await tagOf("/pipelines")
    const id = await register(server, ["process"])
    expect(await tagOf("/pipelines")).not.toBe(before)
    const active = await tagOf(pathOf(id))
    expect((await ask(server, "POST", pathOf(id, "/pause"))).status).toBe(200)
    expect(await tagOf(pathOf(id))).not.toBe(active)
    const started = await post(server, pathOf(id, "/execute"), { parameters: { data: "x" } })
    const path = `/runs/${started.json.task_id}`
    const waiting = await tagOf(path)
    expect((await post(server, `${path}/cancel`, {})).status).toBe(202)
    const cancelled = await ask(server, "GET", path, { headers: { "if-none-match": waiting! } })
    expect([cancelled.status, cancelled.json.status]).toEqual([200, "CANCELLED"])
  })

  test("a tag helps no caller past a missing object", async () => {
    for (const path of ["/runs/absent", "/pipelines/absent", "/pipelines/absent/dag"]) {
      expect((await ask(server, "GET", path, { headers: { "if-none-match": "*" } })).status).toBe(404)
    }
  })

  test("a long answer is compressed for clients that accept gzip, and for no others", async () => {
    const plain = await raw(server, "GET", "/openapi.json", { "accept-encoding": "identity" })
    expect(plain.headers["content-encoding"]).toBeUndefined()
    for (const accepted of ["gzip", "br;q=1, GZIP;q=0.5", "x-gzip", "*", "deflate, gzip;q=1.0, *;q=0"]) {
      const { status, headers, body } = await raw(server, "GET", "/openapi.json", { "accept-encoding": accepted })
      expect([accepted, status, headers["content-encoding"]]).toEqual([accepted, 200, "gzip"])
      expect(headers["vary"]).toMatch(/accept-encoding/i)
      expect(headers["etag"]).toBe(plain.headers["etag"])
      expect(body.length).toBeLessThan(plain.body.length / 3)
      expect(gunzipSync(body).equals(plain.body)).toBe(true)
    }
    for (const accepted of [
      "gzip;q=0",
      "*;q=0",
      "identity",
      "gzip;q=0.2, identity",
      "*, gzip;q=0",
      "gzipped",
      ";q=1"
    ]) {
      const { headers, body } = await raw(server, "GET", "/openapi.json", { "accept-encoding": accepted })
      expect([accepted, headers["content-encoding"]]).toEqual([accepted, undefined])
      expect(headers["vary"]).toMatch(/accept-encoding/i)
      expect(body.equals(plain.body)).toBe(true)
    }
    const { headers, body } = await raw(server, "GET", "/openapi.json")
    expect([headers["content-encoding"], body.equals(plain.body)]).toEqual([undefined, true])
  })

  test("HEAD has the headers of a compressed answer, and no body", async () => {
    const accept = { "accept-encoding": "gzip" }
    const got = await raw(server, "GET", "/openapi.json", accept)
    const head = await raw(server, "HEAD", "/openapi.json", accept)
    expect([head.status, head.headers["content-encoding"], head.body.length]).toEqual([200, "gzip", 0])
    expect(head.headers["etag"]).toBe(got.headers["etag"])
    const length = head.headers["content-length"]
    if (length !== undefined) expect(length).toBe(String(got.body.length))
  })

  test("results of any size arrive as they are, compressed or not", async () => {
    const accept = { "accept-encoding": "gzip" }
    for (const data of [LONG, `🎧${LONG.repeat(8)}é`, LONG.repeat(80)]) {
      const sent = { parameters: { data }, wait: true, timeout: 60 }
      const { status, headers, body } = await raw(server, "POST", "/pipelines/my_pipeline/execute", accept, sent)
      expect([status, headers["content-encoding"]]).toEqual([200, "gzip"])
      expect(JSON.parse(gunzipSync(body).toString()).result.processed === data.toUpperCase()).toBe(true)
    }
    const short = await raw(server, "GET", "/pipelines/my_pipeline/dag", { "accept-encoding": "identity" })
    expect(short.headers["content-encoding"]).toBeUndefined()
  })

  test("event streams and answers without a body are not compressed", async () => {
    const accept = { "accept-encoding": "gzip" }
    const { json } = await execute(server, "my_pipeline", { data: LONG })
    const events = await raw(server, "GET", `/runs/${json.task_id}/events`, accept)
    expect([events.status, events.headers["content-type"], events.headers["content-encoding"]]).toEqual([
      200,
      "text/event-stream",
      undefined
    ])
    const { etag } = (await raw(server, "GET", "/openapi.json", accept)).headers
    const known = await raw(server, "GET", "/openapi.json", { ...accept, "if-none-match": String(etag) })
    expect([known.status, known.headers["content-encoding"], known.body.length]).toEqual([304, undefined, 0])
    const removed = await raw(server, "DELETE", `/runs/${json.task_id}`, accept)
    expect([removed.status, removed.headers["content-encoding"], removed.body.length]).toEqual([204, undefined, 0])
  })
}
