/** What a web page of another origin can do to a server that is open to everybody on its visitor's machine: nothing. */
import { expect, test } from "vitest"
import { type Answer, ask, get, pathOf, register, type Server } from "../../http/harness/Client.ts"
import { connected, JSON_TYPE } from "../../http/harness/RawConnection.ts"

const FOREIGN = "https://evil.example"

/** Asks with headers that `fetch` sends none of. */
const raw = (
  server: Server,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body = ""
): Promise<Pick<Answer, "status" | "text">> =>
  connected(server, async (connection) => {
    await connection.request(method, path, {
      ...headers,
      ...(method !== "GET" && { "content-length": `${body.length}` })
    })
    if (body !== "") await connection.send(body)
    const answer = await connection.answer()
    return { status: answer?.status ?? 0, text: answer?.body ?? "" }
  })

export const webPages = (server: Server): void => {
  const isPaused = async (id: string): Promise<boolean> => (await get(server, pathOf(id))).json.paused

  test("a form or a script of another origin pauses no pipeline", async () => {
    const id = await register(server, ["process"])
    for (const origin of [FOREIGN, "null", "http://localhost:1", "http://127.0.0.1.evil.example"]) {
      const answer = await raw(server, "POST", pathOf(id, "/pause"), { origin, ...JSON_TYPE })
      expect([origin, answer.status]).toEqual([origin, 403])
      expect(answer.text).toContain("CrossSiteRequestError")
    }
    expect(
      (await raw(server, "POST", pathOf(id, "/pause"), { "sec-fetch-site": "cross-site", ...JSON_TYPE })).status
    ).toBe(403)
    // Neither does one that hides where it is from: a form says no type of JSON.
    for (const headers of [
      {},
      { "content-type": "text/plain" },
      { "content-type": "application/x-www-form-urlencoded" }
    ]) {
      expect((await raw(server, "POST", pathOf(id, "/pause"), headers)).status).toBe(415)
    }
    for (const method of ["DELETE", "PUT"]) {
      expect((await raw(server, method, pathOf(id, method === "PUT" ? "/acl" : ""), { origin: FOREIGN })).status).toBe(
        403
      )
    }
    expect(await isPaused(id)).toBe(false)
    // Its own pages, and clients that are no browsers, go on.
    const { host } = new URL(server.url)
    for (const own of [{ origin: `http://${host}`, "sec-fetch-site": "same-origin" }, {}]) {
      expect((await raw(server, "POST", pathOf(id, "/pause"), { ...own, ...JSON_TYPE })).status).toBe(200)
    }
    expect(await isPaused(id)).toBe(true)
  })

  test("another name for this machine is refused whatever is asked for", async () => {
    const paths = ["/pipelines", "/health", "/openapi.json", "/docs", "/absent"]
    for (const host of [
      "evil.example",
      "evil.example:8000",
      "localhost.evil.example",
      "127.0.0.1.nip.io",
      "0.0.0.0",
      "10.0.0.1",
      "[::2]"
    ]) {
      for (const path of paths) {
        const { status, text } = await raw(server, "GET", path, { host })
        expect([host, path, status]).toEqual([host, path, 403])
        expect(text).toContain("HostNotAllowedError")
      }
    }
    for (const host of [
      "localhost",
      "LOCALHOST:8000",
      "localhost.",
      "levada.localhost",
      "127.0.0.1",
      "127.8.9.1:80",
      "[::1]:8000"
    ]) {
      expect([host, (await raw(server, "GET", "/health", { host })).status]).toEqual([host, 200])
    }
  })

  test("a WebSocket of another origin is not opened", async () => {
    const upgrade = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
    }
    for (const headers of [{ origin: FOREIGN }, { origin: "null" }, { "sec-fetch-site": "cross-site" }]) {
      expect((await raw(server, "GET", "/ws", { ...upgrade, ...headers })).status).toBe(403)
    }
  })

  test("pages of another origin may still look at what is harmless, and read none of it", async () => {
    const answer = await ask(server, "GET", "/pipelines", { headers: { origin: FOREIGN } })
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, null])
  })
}
