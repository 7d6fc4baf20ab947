/** Pages and servers with open access: the rule by itself, and a real browser that visits a page of another origin. */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { asked } from "../access/Served.ts"
import { guide } from "../fixtures/pipelines.ts"
import { hasBrowser, openBrowser } from "./harness/Browser.ts"
import { get } from "./harness/Client.ts"
import { type Launched, launch } from "./harness/launch.ts"

const HOSTS = [
  "localhost",
  "localhost:8000",
  "127.0.0.1:8000",
  "[::1]:8000",
  "levada.internal",
  "evil.example:8000",
  "10.0.0.1"
]
const ORIGINS = HOSTS.map((host) => `http://${host}`)
const CORS = "https://app.example.com"

describe("open access", () => {
  const levada = Levada.make({
    pipelines: [guide],
    access: Access.open,
    hosts: ["levada.internal"],
    cors: { origins: [CORS] }
  })
  afterAll(() => levada.close())

  const isOurs = (host: string): boolean => !/evil|10\./.test(host)

  test("takes a request of its own names and pages, and no other", () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...HOSTS),
        fc.option(fc.constantFrom(...ORIGINS, CORS, "null", "https://evil.example", "file://", "x"), {
          nil: undefined
        }),
        fc.constantFrom("cross-site", "same-origin", undefined),
        fc.constantFrom("application/json", "text/plain", undefined),
        fc.constantFrom("GET", "POST", "DELETE"),
        async (host, origin, site, type, method) => {
          const headers = {
            host,
            ...(origin !== undefined && { origin }),
            ...(site !== undefined && { "sec-fetch-site": site }),
            ...(type !== undefined && { "content-type": type })
          }
          const { status } = await asked(levada, method, "/pipelines/absent/pause", { headers })
          const isForeign =
            origin === undefined
              ? site === "cross-site"
              : origin !== CORS &&
                (site === "cross-site" || ![`http://${host}`, "http://levada.internal"].includes(origin))
          const expected = !isOurs(host)
            ? 403
            : method === "GET"
              ? 405
              : isForeign
                ? 403
                : method === "DELETE"
                  ? 405
                  : type === "application/json"
                    ? 404
                    : 415
          expect(status).toBe(expected)
        }
      ),
      { numRuns: 500 }
    ))

  test.each([["http://levada.internal"], ["levada.internal:80"], ["a/b"], [""], [7], ["x".repeat(256)]])(
    "takes no %s among its names",
    (host) => {
      const options = { pipelines: [guide], access: Access.open, hosts: [host as string] }
      expect(() => Levada.make(options)).toThrow("hosts")
    }
  )
})

describe.skipIf(!hasBrowser)("a page of another origin", () => {
  const pages: Server = createServer((_, response) => {
    response.setHeader("content-type", "text/html")
    response.end("<!doctype html><title>elsewhere</title><form method=post></form>")
  })
  let server: Launched
  beforeAll(async () => {
    server = await launch("node", "node")
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve))
  })
  afterAll(async () => {
    await server?.close()
    pages.close()
  })

  test("changes nothing on an open server, and reads nothing of it", { timeout: 60_000 }, async () => {
    const browser = await openBrowser([
      "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1",
      "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
    ])
    try {
      const { port } = pages.address() as AddressInfo
      const page = await (await browser.newContext({ bypassCSP: true })).newPage()
      await page.goto(`http://evil.example:${port}/`)
      const before = (await get(server, "/runs")).text
      const seen = await page.evaluate(async (url) => {
        const settled = async (ask: () => Promise<Response>): Promise<string> => {
          try {
            const response = await ask()
            return response.type === "opaque" ? "opaque" : await response.text()
          } catch {
            return "refused"
          }
        }
        const post = (path: string, init: RequestInit) =>
          settled(() => fetch(url + path, { method: "POST", mode: "no-cors", ...init }))
        const socket = await new Promise<string>((resolve) => {
          const opened = new WebSocket(`${url.replace("http", "ws")}/ws`)
          opened.onopen = () => resolve("open")
          opened.onerror = () => resolve("refused")
        })
        const events = await new Promise<string>((resolve) => {
          const source = new EventSource(`${url}/events`)
          source.onopen = () => resolve("open")
          source.onerror = () => resolve("refused")
        })
        const body = JSON.stringify({ parameters: { data: "x" } })
        return {
          pause: await post("/pipelines/my_pipeline/pause", {}),
          plain: await post("/pipelines/my_pipeline/execute", { body }),
          typed: await settled(() =>
            fetch(`${url}/pipelines/my_pipeline/execute`, {
              method: "POST",
              body,
              headers: { "content-type": "application/json" }
            })
          ),
          beacon: String(navigator.sendBeacon(`${url}/pipelines/my_pipeline/execute`, body)),
          read: await settled(() => fetch(`${url}/pipelines`)),
          blind: await settled(() => fetch(`${url}/pipelines`, { mode: "no-cors" })),
          socket,
          events
        }
      }, server.url)
      expect(seen).toEqual({
        pause: "opaque",
        plain: "opaque",
        typed: "refused",
        beacon: "true",
        read: "refused",
        blind: "opaque",
        socket: "refused",
        events: "refused"
      })
      // A form that is sent, which leaves the page.
      await page.evaluate((url) => {
        const form = document.querySelector("form") as HTMLFormElement
        form.action = `${url}/pipelines/my_pipeline/pause`
        form.submit()
      }, server.url)
      await page.waitForURL(/pause$/)
      expect(await page.content()).toContain("CrossSiteRequestError")
      expect((await get(server, "/pipelines/my_pipeline")).json.paused).toBe(false)
      expect((await get(server, "/runs")).text).toBe(before)
      // Another name for this machine makes the server the page's own origin.
      await page.goto(`${server.url.replace("127.0.0.1", "rebound.example")}/health`)
      expect(await page.content()).toContain("HostNotAllowedError")
      const rebound = await page.evaluate(async () => {
        const answers = await Promise.all([
          fetch("/pipelines"),
          fetch("/pipelines/my_pipeline/execute", {
            method: "POST",
            body: JSON.stringify({ parameters: { data: "x" } }),
            headers: { "content-type": "application/json" }
          })
        ])
        return answers.map(({ status }) => status)
      })
      expect(rebound).toEqual([403, 403])
      expect((await get(server, "/runs")).text).toBe(before)
    } finally {
      await browser.close()
    }
  })
})
