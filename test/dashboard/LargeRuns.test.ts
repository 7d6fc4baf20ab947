/** Runs with large values and with many items: what is loaded, what is in the page, what is one click away. */
import { readFile } from "node:fs/promises"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { runOf } from "./harness/Api.ts"
import * as Demo from "./harness/DemoServer.ts"
import { visit } from "./harness/Visit.ts"

const MIB = 1 << 20

describe.skipIf(!hasBrowser)("large runs", { timeout: 60_000 }, () => {
  let browser: Browser
  let demo: Demo.Demo
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await Demo.make()
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  const finished = async (pipelineId: string, parameters: object): Promise<string> => {
    const runId = await demo.start(pipelineId, parameters)
    await Demo.ended(demo, runId)
    return runId
  }

  it("of 50 values of 1 MiB open with at most 200 kB; a click loads one value, for which there is a preview and a file", async () => {
    const runId = await finished("large_values", { seed: "<s>" })
    const { page, complaints, received } = await visit(browser, demo.url, { hash: `#/runs/${runId}` })
    await expect.poll(() => page.locator("table.steps > tbody > tr").count()).toBe(50)
    for (const tab of ["Graph", "Log", "Values"]) await page.getByRole("link", { name: new RegExp(`^${tab}`) }).click()
    const values = page.getByRole("region", { name: "Values" }).getByRole("listitem")
    await expect.poll(() => values.count()).toBe(51)
    expect(await received()).toBeLessThan(200_000)

    const text = `"<s>7 ${"<b>".repeat(MIB)}`.slice(0, MIB - 1).concat('"')
    const { outputs } = await runOf(demo, runId)
    expect(JSON.stringify(outputs["value_7"])).toBe(text)
    const value = values.filter({ has: page.getByRole("button", { name: "value_7", exact: true }) })
    expect(await value.textContent()).toContain("1.0 MB")
    await value.getByRole("button", { name: "value_7", exact: true }).click()
    const shown = value.locator("pre")
    await expect.poll(async () => (await shown.textContent())?.length).toBe(50_000)
    expect(await shown.textContent()).toBe(text.slice(0, 50_000))
    expect(await shown.locator("b").count()).toBe(0)
    const once = await received()
    await value.getByRole("button", { name: /^Show more/ }).click()
    await expect.poll(async () => (await shown.textContent())?.length).toBe(200_000)
    const download = page.waitForEvent("download")
    await value.getByRole("button", { name: "Download value_7" }).click()
    const file = await download
    expect(file.suggestedFilename()).toBe("value_7.json")
    expect(await readFile(await file.path(), "utf8")).toBe(text)
    // The value was loaded once.
    expect(await received()).toBe(once)
    expect(complaints).toEqual([])
  })

  it("of 100,000 items are one node and one row, with the failed items in one click", async () => {
    const runId = await finished("hundred_thousand", { count: 100_000, millis: 0 })
    const { page, complaints, received } = await visit(browser, demo.url, { hash: `#/runs/${runId}?tab=graph` })
    await expect.poll(() => page.locator(".paper .node").count()).toBe(2)
    expect(await page.locator(".paper .node.map").count()).toBe(1)
    await page.getByRole("link", { name: /^Steps/ }).click()
    const steps = page.locator("table.steps > tbody > tr:not(.panel)")
    await expect.poll(() => steps.count()).toBe(2)
    const check = steps.filter({ hasText: "check" })
    expect(await check.textContent()).toContain("100 failed")

    await check.getByRole("button", { name: "check" }).click()
    const items = page.getByRole("region", { name: "Items" }).locator("tbody tr")
    await expect.poll(() => items.count()).toBe(100)
    const failed = Array.from({ length: 100 }, (_, at) => String(997 * at + 996))
    expect(await items.locator("td:first-child").allTextContents()).toEqual(failed)
    expect(await items.first().textContent()).toContain("996 has a wrong check digit")
    expect(await page.locator("tr").count()).toBeLessThanOrEqual(200)

    const chip = page.getByRole("region", { name: "Items" }).getByRole("button", { name: /^Failed/ })
    await chip.click()
    await expect.poll(() => items.first().locator("td").first().textContent()).toBe("0")
    expect(await items.count()).toBe(100)
    await page.getByRole("button", { name: "Later items" }).click()
    await expect.poll(() => items.first().locator("td").first().textContent()).toBe("100")
    await page.getByRole("button", { name: "Earlier items" }).click()
    await expect.poll(() => items.first().locator("td").first().textContent()).toBe("0")
    expect(await page.locator("tr").count()).toBeLessThanOrEqual(200)
    await chip.click()
    await expect.poll(() => items.first().locator("td").first().textContent()).toBe("996")
    expect(await received()).toBeLessThan(200_000)
    expect(complaints).toEqual([])
  })

  it("of 5,000 steps have few rows in the page; each step is found by its name, and by a link", async () => {
    const runId = await finished("graph_layers_5000", {})
    const { page, complaints } = await visit(browser, demo.url, { hash: `#/runs/${runId}` })
    const steps = page.locator("table.steps > tbody > tr:not(.panel)")
    await expect.poll(() => steps.count()).toBe(100)
    await page.getByRole("button", { name: "Show 100 more of 5,000 steps" }).click()
    await expect.poll(() => steps.count()).toBe(200)
    await page.getByLabel("Find a step").fill("STEP_4321")
    await expect.poll(() => steps.count()).toBe(1)
    expect(await steps.textContent()).toContain("step_4321")
    await page.goto(`${demo.url}/dashboard#/runs/${runId}?step=step_4999`)
    await page.reload()
    await page.locator("tr.panel table.attempts").waitFor()
    await expect.poll(() => page.locator("tr.open").textContent()).toContain("step_4999")
    expect(await page.locator("tr.open").evaluate((row) => row.getBoundingClientRect().bottom <= innerHeight)).toBe(
      true
    )
    expect(await page.locator("tr").count()).toBeLessThanOrEqual(200)
    expect(complaints).toEqual([])
  })

  it("of 100,000 items say while they run how many are done", async () => {
    const runId = await demo.start("hundred_thousand", { count: 100_000, millis: 50 })
    const { page, complaints } = await visit(browser, demo.url, { hash: `#/runs/${runId}` })
    const check = page.locator("table.steps > tbody > tr").filter({ hasText: "check" })
    await expect.poll(() => check.textContent()).toMatch(/[\d,]+ of 100,000/)
    const first = await check.locator("progress").evaluate((bar: HTMLProgressElement) => bar.value)
    await expect
      .poll(() => check.locator("progress").evaluate((bar: HTMLProgressElement) => bar.value))
      .toBeGreaterThan(first)
    await demo.levada.cancel(runId, "seen enough")
    await expect.poll(() => page.locator("h1 .status").textContent()).toBe("Cancelled")
    expect(complaints).toEqual([])
  })
})
