/** The list of runs: filters in its address, changes without movement, acts on many at once. */
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import * as Demo from "./harness/DemoServer.ts"
import { visit } from "./harness/Visit.ts"

describe.skipIf(!hasBrowser)("the list of runs", () => {
  let browser: Browser
  let demo: Demo.Demo
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await Demo.make({ runs: 120 })
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  it("has the runs of the API in its order, fifty in a page, and leads to older ones and back", async () => {
    const { page, complaints } = await visit(browser, demo.url)
    const rows = page.locator("table.runs tbody tr")
    await expect.poll(() => rows.count()).toBe(50)
    const { runs } = (await (await fetch(`${demo.url}/runs?limit=50`)).json()) as { runs: Array<{ task_id: string }> }
    expect(await rows.locator("code").allTextContents()).toEqual(runs.map(({ task_id }) => task_id))
    await page.getByRole("link", { name: "Older runs" }).click()
    await expect.poll(() => rows.locator("code").first().textContent()).not.toBe(runs[0]!.task_id)
    await page.goBack()
    await expect.poll(() => rows.locator("code").first().textContent()).toBe(runs[0]!.task_id)
    expect(complaints).toEqual([])
  })

  it("keeps its filter in the address, so that a link shows the same runs", async () => {
    const { page } = await visit(browser, demo.url)
    await page.getByRole("button", { name: "Failed" }).click()
    await page.getByLabel("Search: text of an error, or a run's id").fill("ECONNREFUSED")
    await expect.poll(() => page.url()).toContain("error=ECONNREFUSED")
    await page.getByLabel("Pipeline").selectOption("orders")
    await expect.poll(() => page.url()).toContain("pipeline_id=orders")
    const link = page.url()
    for (const part of ["status=FAILED", "pipeline_id=orders"]) expect(link).toContain(part)
    const api = (await (
      await fetch(`${demo.url}/runs?status=FAILED&error=ECONNREFUSED&pipeline_id=orders&limit=50`)
    ).json()) as { runs: Array<{ task_id: string }> }
    const other = await visit(browser, demo.url, { hash: new URL(link).hash })
    for (const shown of [page, other.page]) {
      await expect
        .poll(() => shown.locator("table.runs tbody code").allTextContents())
        .toEqual(api.runs.map(({ task_id }) => task_id))
    }
    await other.page.getByRole("button", { name: "Clear" }).click()
    await expect.poll(() => other.page.locator("table.runs tbody tr").count()).toBe(50)
  })

  it("opens the run whose id is typed", async () => {
    const { page } = await visit(browser, demo.url)
    const id = await page.locator("table.runs tbody code").first().textContent()
    await page.keyboard.press("/")
    await page.keyboard.type(id!)
    await page.keyboard.press("Enter")
    await expect.poll(() => page.url()).toContain(`#/runs/${id}`)
  })

  it("does not move rows when runs begin and end, and shows new ones when asked", async () => {
    const { page, complaints } = await visit(browser, demo.url)
    const ids = page.locator("table.runs tbody code")
    await expect.poll(() => ids.count()).toBe(50)
    const before = await ids.allTextContents()
    const started = await demo.start("slow_import", { rows: 10, millis: 0, gate: "list" })
    await page.getByRole("button", { name: "Show 1 new run" }).waitFor()
    expect(await ids.allTextContents()).toEqual(before)
    await page.getByRole("button", { name: "Show 1 new run" }).click()
    const row = page.locator("table.runs tbody tr").first()
    await expect.poll(() => row.textContent()).toContain(started)
    await expect.poll(() => row.textContent()).toContain("Running")
    demo.open("list", 100)
    await expect.poll(() => row.textContent()).toContain("Completed")
    expect(complaints).toEqual([])
  })

  it("retries the selected runs, and says what was refused", async () => {
    const { page } = await visit(browser, demo.url, { hash: "#/runs?status=FAILED" })
    const rows = page.locator("table.runs tbody tr")
    await rows.first().waitFor()
    const chosen = await rows.locator("code").allTextContents()
    await rows.nth(0).getByRole("checkbox").check()
    await rows.nth(1).getByRole("checkbox").check()
    await page.getByRole("button", { name: "Retry 2", exact: true }).click()
    const dialog = page.getByRole("dialog")
    await dialog.getByRole("button", { name: "Retry", exact: true }).click()
    await dialog.getByText("2 retried. Done.").waitFor()
    await dialog.getByRole("button", { name: "Close" }).click()
    const { runs } = (await (await fetch(`${demo.url}/runs?limit=5`)).json()) as { runs: Array<{ task_id: string }> }
    const retries = await Promise.all(
      runs.slice(0, 2).map(async ({ task_id }) => {
        const run = (await (await fetch(`${demo.url}/runs/${task_id}`)).json()) as { retry_of: string }
        return run.retry_of
      })
    )
    expect(retries.toSorted()).toEqual(chosen.slice(0, 2).toSorted())
  })

  it("cancels all runs that match the filter", async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(() => demo.start("slow_import", { rows: 10, millis: 0, gate: "never" }))
    )
    const { page } = await visit(browser, demo.url, { hash: "#/runs?status=RUNNING,PENDING&pipeline_id=slow_import" })
    await page.getByRole("button", { name: "Cancel all that match…" }).click()
    const dialog = page.getByRole("dialog")
    await dialog.getByRole("button", { name: "Cancel them" }).click()
    await dialog.getByText("3 cancelled. Done.").waitFor()
    for (const id of ids) {
      const run = (await (await fetch(`${demo.url}/runs/${id}`)).json()) as { status: string }
      expect(run.status).toBe("CANCELLED")
    }
  })

  it("says that there is nothing, and where to begin", async () => {
    const empty = await Demo.make({})
    try {
      const { page, complaints } = await visit(browser, empty.url)
      await page.getByRole("heading", { name: "No runs yet" }).waitFor()
      await page.goto(`${empty.url}/dashboard#/runs?status=FAILED`)
      await page.getByRole("heading", { name: "No run matches" }).waitFor()
      expect(complaints).toEqual([])
    } finally {
      await empty.close()
    }
  })
})
