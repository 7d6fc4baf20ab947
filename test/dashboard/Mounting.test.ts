/** The page under any path and on any server: it loads, goes on live, and needs nothing from elsewhere. */
import type { Browser, BrowserContext, Response } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { guide } from "../fixtures/pipelines.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { launch } from "../http/harness/launch.ts"
import { bridged, type Mount, proxied } from "./harness/Mounts.ts"
import { visit } from "./harness/Visit.ts"

const make = (basePath = ""): Levada.Levada => Levada.make({ pipelines: [guide], access: Access.open, basePath })

const onNode = (basePath = ""): Promise<Mount> => NodeServer.serve(make(basePath), { port: 0, host: "127.0.0.1" })

/** Another mount of the API of a server, which ends with it. */
const over = async (inner: Mount, mount: (url: string) => Promise<Mount>): Promise<Mount> => {
  const outer = await mount(inner.url)
  return {
    url: outer.url,
    close: async () => {
      await outer.close()
      await inner.close()
    }
  }
}

const asHandler = async (basePath: string): Promise<Mount> => {
  const levada = make(basePath)
  const mount = await bridged(levada.fetch, basePath)
  return {
    url: mount.url,
    close: async () => {
      await levada.close()
      await mount.close()
    }
  }
}

/** Each mount: its server, and the path of the API there. */
const MOUNTS: Readonly<Record<string, readonly [open: () => Promise<Mount>, path: string]>> = {
  "NodeServer, at the root": [() => onNode(), ""],
  "NodeServer, at the root, by the other spelling": [() => onNode(), "/api/v1"],
  "NodeServer, below /flows": [() => onNode("/flows"), "/flows"],
  "NodeServer, below /api/v1": [() => onNode("/api/v1"), "/api/v1"],
  "NodeServer, below a path with signs": [() => onNode("/a%20b/d+e"), "/a%20b/d+e"],
  "a proxy that removes /tools/levada": [
    async () => over(await onNode(), (url) => proxied(url, "/tools/levada")),
    "/tools/levada"
  ],
  "a proxy that removes a prefix from /flows": [
    async () => over(await onNode("/flows"), (url) => proxied(new URL(url).origin, "/x")),
    "/x/flows"
  ],
  "the fetch handler in a program's own server": [() => asHandler("/flows"), "/flows"],
  "the fetch handler in Bun.serve": [() => launch("bun", "fetch"), "/flows"],
  DenoServer: [() => launch("deno", "deno"), ""],
  "Elysia on Node": [() => launch("node", "elysia"), ""]
}

/** Everything that a browser asks for, from its start, and the answers. */
const recorded = async (browser: Browser) => {
  const context: BrowserContext = await browser.newContext()
  const asked: Array<string> = []
  const answers: Array<Response> = []
  context.on("request", (request) => asked.push(new URL(request.url()).pathname))
  context.on("response", (response) => answers.push(response))
  return { context, asked, answers }
}

describe.skipIf(!hasBrowser)("the dashboard is mounted", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  describe.each(Object.entries(MOUNTS))("on %s", (_, [open, path]) => {
    let mount: Mount
    let base: string
    const start = async (): Promise<string> => {
      const response = await fetch(`${base}/pipelines/my_pipeline/execute`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"parameters":{"data":"input"},"wait":true}'
      })
      return ((await response.json()) as { task_id: string }).task_id
    }
    beforeAll(async () => {
      mount = await open()
      base = new URL(mount.url).origin + path
      await start()
    })
    afterAll(() => mount?.close())

    it.each(["/dashboard", "/dashboard/", "/dashboard?from=a+link", "/"])("shows runs at %s", async (page) => {
      const { context, asked, answers } = await recorded(browser)
      const seen = await visit(browser, base, { path: page, of: context })
      const rows = seen.page.locator("table.runs tbody tr")
      await rows.first().waitFor()
      expect(new URL(seen.page.url()).pathname).toMatch(/\/dashboard\/?$/)
      const firstData = asked.findIndex((one) => /\/(?:runs|pipelines|me|events)$/.test(one))
      expect(asked.slice(page === "/" ? 1 : 0, firstData).map((one) => one.replace(/\.[0-9a-f]{16}\./, "."))).toEqual([
        expect.stringMatching(/\/dashboard\/?$/),
        `${path}/dashboard/style.css`,
        `${path}/dashboard/app.js`
      ])
      for (const answer of answers) expect(answer.status(), answer.url()).toBeLessThan(400)
      const files = answers.filter((answer) => /\.(?:js|css)$/.test(answer.url()))
      expect(files).toHaveLength(2)
      for (const file of files) {
        const headers = await file.allHeaders()
        expect(headers["content-encoding"], file.url()).toBe("gzip")
        expect(headers["cache-control"], file.url()).toContain("immutable")
      }
      expect(seen.complaints).toEqual([])
      await context.close()
    })

    it("shows changes as they happen, and keeps its place when it is loaded again", async () => {
      const { page, context, complaints } = await visit(browser, base)
      await page.locator("table.runs tbody tr").first().waitFor()
      const id = await start()
      await page.getByRole("button", { name: /^Show \d+ new run/ }).click()
      await page.getByRole("link", { name: id }).click()
      await page.getByRole("heading", { name: /Completed/ }).waitFor()
      await page.reload()
      await page.getByRole("heading", { name: /Completed/ }).waitFor()
      expect(complaints).toEqual([])
      await context.close()
    })
  })

  it("is left out with dashboard: false", async () => {
    const levada = Levada.make({ pipelines: [guide], access: Access.open, dashboard: false })
    const server = await NodeServer.serve(levada, { port: 0, host: "127.0.0.1" })
    try {
      for (const path of ["/dashboard", "/dashboard/", "/dashboard/app.js", "/api/v1/dashboard"]) {
        expect((await fetch(server.url + path)).status, path).toBe(404)
      }
      const page = await (await browser.newContext()).newPage()
      const answer = await page.goto(`${server.url}/`)
      expect(answer!.status()).toBe(200)
      expect(((await answer!.json()) as { links: object }).links).not.toHaveProperty("dashboard")
    } finally {
      await server.close()
    }
  })

  it("asks no other host for anything when the path looks like one", async () => {
    const server = await over(await onNode(), (url) => proxied(url, "//elsewhere.example"))
    try {
      const { page, complaints } = await visit(browser, server.url)
      await page.getByRole("heading", { name: "No runs yet" }).waitFor()
      expect(complaints).toEqual([])
    } finally {
      await server.close()
    }
  })
})
