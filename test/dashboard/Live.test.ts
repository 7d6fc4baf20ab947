/** The page follows changes, also over a connection that breaks, in many tabs, and without the browser's locks. */
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada, Store } from "../../adapters/promise/index.ts"
import { Proxy } from "../chaos/Proxy.ts"
import { guide } from "../fixtures/pipelines.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { describeWithServers, place } from "../redis/Resources.ts"
import { freePort } from "../redis/server.ts"
import { ask, CUT, expectAsApi, SOON, without } from "./harness/Api.ts"
import * as Demo from "./harness/DemoServer.ts"
import { startDemo } from "./harness/ServerProcess.ts"
import { visit } from "./harness/Visit.ts"

const banner = (page: Page) => page.locator(".outage p")
const liveness = (page: Page) => page.locator(".settings .live")
const freshRuns = (page: Page, count: number) =>
  page.getByRole("button", { name: `Show ${count} new ${count === 1 ? "run" : "runs"}`, exact: true })

const held = (gate: string): object => ({ rows: 10, millis: 0, gate })

/** Who follows events of the server. */
const listeners = async (url: string, key?: string) => {
  const answer = await ask<{ listeners: ReadonlyArray<{ kind: string; principal: string | null }> }>(
    url,
    "/listeners",
    key
  )
  return answer.listeners.map(({ principal }) => principal).toSorted()
}

describe.skipIf(!hasBrowser)("the page over a connection that breaks", { timeout: 90_000 }, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  it("says so, tries again by itself, and then shows what the API says", async () => {
    const demo = await Demo.make({})
    const proxy = await Proxy.open(Number(new URL(demo.url).port))
    try {
      const url = `http://127.0.0.1:${proxy.port}`
      const id = await demo.start("slow_import", held("cut"))
      const run = await visit(browser, url, { hash: `#/runs/${id}` })
      // Another tab, which gets its events from the first one.
      const list = await visit(browser, url, { of: run.context })
      const [row] = [list.page.locator("table.runs tbody tr", { hasText: id })]
      for (const { page } of [run, list]) await expect.poll(() => liveness(page).textContent(), SOON).toBe("Live")
      demo.open("cut", 3)
      await run.page.getByText("30 %").or(run.page.getByText("3 of 10")).first().waitFor()

      proxy.isRefusing = true
      proxy.cut()
      for (const { page } of [run, list]) {
        await banner(page).waitFor()
        expect(await banner(page).textContent()).toContain("The server does not answer.")
        expect(await liveness(page).textContent()).toBe("Offline")
      }
      demo.open("cut", 7)
      for await (const _ of demo.levada.watch(id)) {
        // It ends while the page can't know.
      }
      const other = await demo.start("orders", { day: "2026-01-01", count: 1, outcome: "completed", millis: 0 })
      expect(await row!.textContent()).toContain("Running")

      proxy.isRefusing = false
      for (const { page } of [run, list]) await banner(page).waitFor({ state: "detached" })
      await expectAsApi(run.page, demo.url, id)
      await expect.poll(() => row!.textContent(), SOON).toContain("Completed")
      await freshRuns(list.page, 1).click()
      await list.page.getByRole("link", { name: other }).waitFor()

      const later = await demo.start("slow_import", held("never"))
      await freshRuns(list.page, 1).click()
      await list.page.getByRole("link", { name: later }).waitFor()
      for (const { complaints } of [run, list]) expect(without(complaints, CUT)).toEqual([])
    } finally {
      proxy.close()
      await demo.close()
    }
  })

  it("misses nothing when only its stream breaks, before its first event", async () => {
    const demo = await Demo.make({})
    const proxy = await Proxy.open(Number(new URL(demo.url).port))
    try {
      const { page, complaints } = await visit(browser, `http://127.0.0.1:${proxy.port}`)
      await page.getByRole("heading", { name: "No runs yet" }).waitFor()
      await expect.poll(() => listeners(demo.url), SOON).toHaveLength(1)
      proxy.cut()
      const id = await demo.start("slow_import", held("never"))
      await page.getByRole("link", { name: id }).or(freshRuns(page, 1)).waitFor()
      expect(without(complaints, CUT)).toEqual([])
    } finally {
      proxy.close()
      await demo.close()
    }
  })

  it("loads everything again when the server no longer has the events between", async () => {
    const store = Store.layerMemory({ historyCount: 3 })
    const levada = Levada.make({ pipelines: [guide], access: Access.open, store })
    const server = await NodeServer.serve(levada, { port: 0, host: "127.0.0.1" })
    const proxy = await Proxy.open(Number(new URL(server.url).port))
    try {
      const { page, complaints } = await visit(browser, `http://127.0.0.1:${proxy.port}`)
      await expect.poll(() => listeners(server.url), SOON).toHaveLength(1)
      const first = await levada.start(guide, { data: "x" })
      await page.getByRole("link", { name: first }).waitFor()
      proxy.isRefusing = true
      proxy.cut()
      await banner(page).waitFor()
      for (let at = 0; at < 10; at++) await levada.execute(guide, { data: "x" })
      proxy.isRefusing = false
      await banner(page).waitFor({ state: "detached" })
      await freshRuns(page, 3).click()
      const { runs } = await ask<{ runs: ReadonlyArray<{ task_id: string }> }>(server.url, "/runs")
      expect(await page.locator("table.runs tbody code").allTextContents()).toEqual(runs.map((run) => run.task_id))
      expect(without(complaints, CUT)).toEqual([])
    } finally {
      proxy.close()
      await server.close()
    }
  })
})

describe.skipIf(!hasBrowser || inject("redisUrl") === undefined)("a server that dies", { timeout: 90_000 }, () => {
  it("is awaited; the page goes on with the server that takes its place", async () => {
    const browser = await openBrowser()
    const port = String(await freePort())
    const prefix = `dies-${port}`
    const args = ["--port", port, "--prefix", prefix]
    let demo = await startDemo(inject("redisUrl")!, ...args)
    try {
      const post = async (path: string, body: object): Promise<string> => {
        const response = await fetch(demo.url + path, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body)
        })
        return ((await response.json()) as { task_id: string }).task_id
      }
      const id = await post("/pipelines/slow_import/execute", { parameters: held("held") })
      const { page, complaints } = await visit(browser, demo.url, { hash: `#/runs/${id}` })
      await page.getByRole("heading", { name: "Running" }).waitFor()
      await demo.kill()
      await banner(page).waitFor()
      demo = await startDemo(inject("redisUrl")!, ...args)
      await banner(page).waitFor({ state: "detached" })
      await expect.poll(() => liveness(page).textContent(), SOON).toBe("Live")
      await post(`/runs/${id}/cancel`, { reason: "enough" })
      await page.getByRole("heading", { name: "Cancelled" }).waitFor()
      await expectAsApi(page, demo.url, id)
      expect(without(complaints, CUT)).toEqual([])
    } finally {
      await browser.close()
      await demo.kill()
    }
  })
})

describeWithServers("a store that is down", { timeout: 90_000 }, () => {
  it.skipIf(!hasBrowser)("is named by the page, which comes back by itself", async () => {
    const browser = await openBrowser()
    const redis = place(await freePort())
    let store = await redis.start("--appendfsync", "always")
    const demo = await Demo.make({ redis: { url: store.url, prefix: "down" } })
    try {
      const id = await demo.start("slow_import", held("never"))
      const list = await visit(browser, demo.url)
      const overview = await visit(browser, demo.url, { hash: "#/overview" })
      const row = list.page.locator("table.runs tbody tr", { hasText: id })
      await row.waitFor()
      await overview.page.getByText("Unfinished runs").waitFor()
      await store.stop()
      for (const { page } of [list, overview]) {
        await banner(page).waitFor()
        await expect.poll(() => banner(page).textContent(), SOON).toMatch(/store/i)
      }
      // What was shown stays.
      expect(await row.count()).toBe(1)
      store = await redis.start("--appendfsync", "always")
      for (const { page } of [list, overview]) await banner(page).waitFor({ state: "detached" })
      await overview.page.getByText("Unfinished runs").waitFor()
      expect(await list.page.getByRole("alert").count()).toBe(0)
      await demo.levada.cancel(id)
      await expect.poll(() => row.textContent(), SOON).toContain("Cancelled")
      for (const { complaints } of [list, overview]) expect(without(complaints, /status of 503/)).toEqual([])
    } finally {
      await browser.close()
      await demo.close()
    }
  })
})

describe.skipIf(!hasBrowser)("many tabs of one browser", { timeout: 90_000 }, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  it("load and are live over one stream, also after the tab that has it is closed", async () => {
    const demo = await Demo.make({ runs: 3 })
    try {
      const first = await visit(browser, demo.url)
      const tabs = [first]
      while (tabs.length < 8) tabs.push(await visit(browser, demo.url, { of: first.context }))
      for (const { page } of tabs) await expect.poll(() => page.locator("table.runs tbody tr").count(), SOON).toBe(3)
      await expect.poll(() => listeners(demo.url), SOON).toHaveLength(1)
      await demo.start("slow_import", held("never"))
      for (const { page } of tabs) await freshRuns(page, 1).waitFor()
      expect(await listeners(demo.url)).toHaveLength(1)

      await first.page.close()
      await expect.poll(() => listeners(demo.url), SOON).toHaveLength(1)
      await demo.start("slow_import", held("never"))
      for (const { page } of tabs.slice(1)) await freshRuns(page, 2).waitFor()
      expect(await listeners(demo.url)).toHaveLength(1)
      for (const { complaints } of tabs) expect(complaints).toEqual([])
      await first.context.close()
      await expect.poll(() => listeners(demo.url), SOON).toHaveLength(0)
    } finally {
      await demo.close()
    }
  })

  it("have a stream for each of their credentials, and get no events of others", async () => {
    const demo = await Demo.make({ secured: true })
    try {
      const reader = await visit(browser, demo.url)
      const executor = await visit(browser, demo.url, { of: reader.context })
      const another = await visit(browser, demo.url, { of: reader.context })
      for (const [{ page }, key] of [
        [reader, Demo.DEMO_KEYS.reader],
        [executor, Demo.DEMO_KEYS.executor],
        [another, Demo.DEMO_KEYS.executor]
      ] as const) {
        await page.getByRole("dialog").getByRole("textbox", { name: "API key" }).fill(key)
        await page.getByRole("button", { name: "Sign in" }).click()
        await page.getByRole("heading", { name: "No runs yet" }).waitFor()
      }
      await expect.poll(() => listeners(demo.url, Demo.DEMO_KEYS.admin), SOON).toEqual(["ApiKey:emil", "ApiKey:ruth"])
      const hidden = await demo.start("slow_import", held("never"))
      await reader.page.getByRole("link", { name: hidden }).waitFor()
      const shown = await demo.start("orders", { day: "2026-01-01", count: 1, outcome: "completed", millis: 0 })
      await freshRuns(reader.page, 1).waitFor()
      for (const { page } of [executor, another]) {
        await page.getByRole("link", { name: shown }).waitFor()
        expect(await page.locator("table.runs tbody tr").count()).toBe(1)
      }
      for (const { complaints } of [reader, executor, another]) expect(without(complaints, /status of 401/)).toEqual([])
    } finally {
      await demo.close()
    }
  })

  it("poll where the browser has no locks", async () => {
    const demo = await Demo.make({ runs: 1 })
    try {
      const context = await browser.newContext()
      await context.addInitScript(() => {
        Object.defineProperty(Navigator.prototype, "locks", { value: undefined })
      })
      const { page, complaints } = await visit(browser, demo.url, { of: context })
      await page.locator("table.runs tbody tr").first().waitFor()
      expect(await liveness(page).textContent()).toBe("Every 5 s")
      const id = await demo.start("slow_import", held("polled"))
      await freshRuns(page, 1).click()
      const row = page.locator("table.runs tbody tr", { hasText: id })
      await expect.poll(() => row.textContent(), SOON).toContain("Running")
      demo.open("polled", 10)
      await expect.poll(() => row.textContent(), SOON).toContain("Completed")
      expect(await listeners(demo.url)).toEqual([])
      expect(complaints).toEqual([])
    } finally {
      await demo.close()
    }
  })
})
