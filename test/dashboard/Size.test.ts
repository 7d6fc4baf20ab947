/** The size of the dashboard: of its files, and what a browser loads before the first data. */
import { gunzipSync } from "node:zlib"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { files } from "../../adapters/dashboard/index.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import * as Demo from "./harness/DemoServer.ts"
import { visit } from "./harness/Visit.ts"

const gzipped = (name: string): number => Buffer.from(files[name]!.gzip, "base64").length
const plain = (name: string): number => gunzipSync(Buffer.from(files[name]!.gzip, "base64")).length

describe("the files of the dashboard", () => {
  it("are a shell, at most 40 kB of scripts and 8 kB of styles, compressed", () => {
    expect(Object.keys(files).toSorted()).toEqual(["app.js", "index.html", "style.css"])
    expect(gzipped("app.js")).toBeLessThanOrEqual(40_000)
    expect(gzipped("style.css")).toBeLessThanOrEqual(8_000)
    expect(plain("app.js")).toBeLessThanOrEqual(120_000)
    expect(plain("index.html")).toBeLessThanOrEqual(1_000)
  })
})

describe.skipIf(!hasBrowser)("a first visit", { timeout: 60_000 }, () => {
  let browser: Browser
  let demo: Demo.Demo
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await Demo.make({ runs: 20 })
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  it("needs three requests before it asks for data, all compressed, and none of them again the next time", async () => {
    const context = await browser.newContext()
    const first = await context.newPage()
    const asked: Array<string> = []
    const received: Array<readonly [path: string, encoding: string | undefined]> = []
    context.on("request", (request) => asked.push(new URL(request.url()).pathname))
    first.on("response", (response) => {
      received.push([new URL(response.url()).pathname, response.headers()["content-encoding"]])
    })
    await first.goto(`${demo.url}/dashboard`)
    await first.locator("table.runs").waitFor()
    const ofPage = (path: string): boolean => path.startsWith("/dashboard")
    const before = asked.slice(
      0,
      asked.findIndex((path) => !ofPage(path))
    )
    expect(before.map((path) => path.replace(/[0-9a-f]{16}/, "HASH")).toSorted()).toEqual([
      "/dashboard",
      "/dashboard/app.HASH.js",
      "/dashboard/style.HASH.css"
    ])
    expect(asked.filter(ofPage)).toHaveLength(3)
    for (const [path, encoding] of received.filter(([path]) => path.includes("."))) {
      expect([path, encoding]).toEqual([path, "gzip"])
    }

    await first.reload()
    await first.locator("table.runs").waitFor()
    const sent = await first.evaluate(() =>
      (performance.getEntriesByType("resource") as Array<PerformanceResourceTiming>)
        .filter(({ name }) => /\.(?:js|css)$/.test(name))
        .map(({ transferSize }) => transferSize)
    )
    expect(sent).toEqual([0, 0])
    await context.close()
  })

  it("asks for the caller, the runs, the pipelines and the events, and nothing else", async () => {
    const { page, complaints } = await visit(browser, demo.url)
    const asked: Array<string> = []
    page.on("request", (request) => asked.push(request.url().slice(demo.url.length)))
    await page.reload()
    await page.locator("table.runs").waitFor()
    const ofApi = (): ReadonlyArray<string> =>
      [...new Set(asked)].filter((path) => !path.startsWith("/dashboard")).toSorted()
    await expect.poll(ofApi).toEqual(["/events?values=false", "/me", "/pipelines", "/runs?limit=50"])
    expect(complaints).toEqual([])
  })
})
