/** Two servers and two workers over one Redis, each a process of its own: what is done over one server, pages of the other show. */
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { ask, expectAsApi, SOON } from "./harness/Api.ts"
import { type ServerProcess, startDemo } from "./harness/ServerProcess.ts"
import { turn, visit } from "./harness/Visit.ts"

const redisUrl = inject("redisUrl")

const title = (page: Page, status: string) => page.locator("h1", { hasText: status })

describe.skipIf(!hasBrowser || redisUrl === undefined)("two servers and two workers", { timeout: 90_000 }, () => {
  let browser: Browser
  let processes: ReadonlyArray<ServerProcess> = []
  let one: string
  let other: string
  beforeAll(async () => {
    const args = ["--port", "0", "--prefix", `two-${process.pid}-${Math.random().toString(36).slice(2)}`]
    const started = await Promise.all([
      openBrowser(),
      startDemo(redisUrl!, ...args, "--no-worker"),
      startDemo(redisUrl!, ...args, "--no-worker"),
      startDemo(redisUrl!, ...args),
      startDemo(redisUrl!, ...args)
    ])
    browser = started[0]
    processes = started.slice(1) as ReadonlyArray<ServerProcess>
    one = processes[0]!.url
    other = processes[1]!.url
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await Promise.all(processes.map(({ kill }) => kill()))
  })

  const start = async (url: string, pipelineId: string, parameters: object): Promise<string> => {
    const response = await fetch(`${url}/pipelines/${pipelineId}/execute`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ parameters })
    })
    return ((await response.json()) as { task_id: string }).task_id
  }

  it("show a run that the page of one starts, its progress, and its end", async () => {
    const here = await visit(browser, one, { hash: "#/pipelines/slow_import?tab=run" })
    const there = await visit(browser, other)
    await there.page.getByRole("heading", { name: "No runs yet" }).waitFor()
    await here.page.getByLabel("rows").fill("5000")
    await here.page.getByLabel("millis").fill("8000")
    await here.page.getByRole("button", { name: "Start a run" }).click()
    const row = there.page.locator("table.runs tbody tr")
    await row.waitFor()
    await expect.poll(() => row.textContent(), SOON).toContain("Running")
    await row.getByRole("link").click()
    await title(there.page, "Running").waitFor()
    for (const { page } of [here, there]) {
      const progress = page.getByRole("row", { name: /^import/ }).getByRole("progressbar")
      await expect.poll(() => progress.getAttribute("value"), SOON).toMatch(/^[1-9]/)
    }
    for (const { page } of [here, there]) await title(page, "Completed").waitFor()
    const id = here.page.url().split("/runs/")[1]!
    await expectAsApi(here.page, other, id)
    await expectAsApi(there.page, one, id)
    for (const { complaints } of [here, there]) expect(complaints).toEqual([])
  })

  it("cancel a run that was started over the other", async () => {
    const id = await start(one, "slow_import", { rows: 10, millis: 0, gate: "never" })
    const here = await visit(browser, one)
    const there = await visit(browser, other, { hash: `#/runs/${id}` })
    const row = here.page.locator("table.runs tbody tr", { hasText: id })
    await expect.poll(() => row.textContent(), SOON).toContain("Running")
    await there.page.getByRole("button", { name: "Cancel…" }).click()
    const dialog = there.page.getByRole("dialog")
    await dialog.getByLabel("Reason").fill("not needed")
    await dialog.getByRole("button", { name: "Cancel the run" }).click()
    await title(there.page, "Cancelled").waitFor()
    await expect.poll(() => row.textContent(), SOON).toContain("Cancelled")
    expect(await row.textContent()).toContain("not needed")
    await expectAsApi(there.page, one, id)
    for (const { complaints } of [here, there]) expect(complaints).toEqual([])
  })

  it("pause a pipeline for both, and resume it", async () => {
    const here = await visit(browser, one, { hash: "#/pipelines/orders" })
    const there = await visit(browser, other, { hash: "#/pipelines/orders" })
    const paused = (page: Page) => page.locator("h1", { hasText: "Paused" })
    const confirm = async (page: Page, verb: string): Promise<void> => {
      await page.getByRole("button", { name: `${verb}…` }).click()
      await page.getByRole("dialog").getByRole("button", { name: verb, exact: true }).click()
    }
    await confirm(here.page, "Pause")
    for (const { page } of [here, there]) await paused(page).waitFor()
    const id = await start(other, "orders", { day: "2026-01-01", count: 1, outcome: "completed", millis: 0 })
    await turn(here.page, `#/runs/${id}`)
    await title(here.page, "Running").or(title(here.page, "Pending")).waitFor()
    expect((await ask<{ steps_completed: number }>(one, `/runs/${id}`)).steps_completed).toBe(0)
    await confirm(there.page, "Resume")
    await paused(there.page).waitFor({ state: "detached" })
    await title(here.page, "Completed").waitFor()
    await turn(here.page, "#/pipelines/orders")
    await here.page.getByRole("button", { name: "Pause…" }).waitFor()
    for (const { complaints } of [here, there]) expect(complaints).toEqual([])
  })

  it("know both workers", async () => {
    const ids: Array<ReadonlyArray<string>> = []
    for (const url of [one, other]) {
      const { page, complaints } = await visit(browser, url, { hash: "#/overview" })
      const workers = page.getByRole("table", { name: "Workers" }).locator("tbody tr")
      await expect.poll(() => workers.count(), SOON).toBe(2)
      ids.push((await workers.locator("td:first-child").allTextContents()).toSorted())
      expect(complaints).toEqual([])
    }
    expect(ids[0]).toEqual(ids[1])
  })
})
