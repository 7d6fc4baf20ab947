/** Credentials in the page: how it asks for them, what it keeps, and that it offers nobody what the API would refuse. */
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { ask, SOON, without } from "./harness/Api.ts"
import * as Office from "./harness/Office.ts"
import { type Options, turn, visit } from "./harness/Visit.ts"

const { KEYS } = Office

/** What Chromium logs of requests whose credentials the server refuses. */
const REFUSED = /status of 40[13]/

const dialog = (page: Page) => page.getByRole("dialog", { name: "Sign in" })

const signIn = async (page: Page, secret: string, kind: "API key" | "Bearer token" = "API key"): Promise<void> => {
  await dialog(page).getByRole("radio", { name: kind }).check()
  await dialog(page).locator("input[type=password]").fill(secret)
  await dialog(page).getByRole("button", { name: "Sign in" }).click()
}

/** Everything that the browser keeps for the page. */
const kept = (page: Page): Promise<string> =>
  page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.cookie]))

/** The names of buttons and links that can be used. */
const controls = (page: Page): Promise<ReadonlyArray<string>> =>
  page
    .locator("main :is(button, a.button, [type=submit], [type=checkbox]):not([disabled])")
    .evaluateAll((found) => found.map((one) => (one.getAttribute("aria-label") ?? one.textContent).trim()))

const ACT = /^(?:Retry|Cancel|Start a run|Run again|Run now|Pause|Resume|Delete|New schedule|Select run|Select all)\b/

describe.skipIf(!hasBrowser)("the page and its caller", { timeout: 120_000 }, () => {
  let browser: Browser
  let office: Office.Office
  const runs: Record<"completed" | "failed" | "running" | "ordered", string> = {
    completed: "",
    failed: "",
    running: "",
    ordered: ""
  }
  const given = { day: "2026-01-01", count: 3, outcome: "completed", millis: 0 }
  const enter = async (key: string, options: Options = {}) => {
    const seen = await visit(browser, office.url, options)
    await signIn(seen.page, key)
    await dialog(seen.page).waitFor({ state: "detached" })
    return seen
  }
  const send = async (key: string, method: string, path: string, body?: object): Promise<Response> =>
    fetch(office.url + path, {
      method,
      headers: { "x-api-key": key, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })

  beforeAll(async () => {
    browser = await openBrowser()
    office = await Office.open()
    runs.completed = await office.start("my_pipeline", { data: "x" })
    runs.failed = await office.start("broken_report", { table: "orders" })
    runs.ordered = await office.start("orders", given)
    runs.running = await office.start("slow_import", { rows: 10, millis: 0, gate: "never" })
    const created = await send(KEYS.admin, "POST", "/schedules", {
      pipeline_id: "my_pipeline",
      id: "nightly",
      cron: "0 2 * * *",
      parameters: { data: "x" }
    })
    expect(created.status).toBe(201)
    for (const id of [runs.completed, runs.failed, runs.ordered]) {
      for await (const _ of office.levada.watch(id)) {
        // The last event ends it.
      }
    }
    for await (const event of office.levada.watch(runs.running)) {
      if (event.type === "StepStarted" && event.step === "import") break
    }
  })
  afterAll(async () => {
    await browser?.close()
    await office?.close()
  })

  it("asks for credentials before it shows anything, and again after wrong ones", async () => {
    const { page, complaints } = await visit(browser, office.url)
    await dialog(page).getByText("This server asks who you are.").waitFor()
    expect(await page.locator("main").textContent()).not.toContain("my_pipeline")
    await signIn(page, "a-key-that-nobody-has-0000")
    await dialog(page).getByText("does not know this API key").waitFor()
    expect(await dialog(page).locator("input[type=password]").inputValue()).toBe("")
    await page.keyboard.press("Escape")
    expect(await dialog(page).count()).toBe(1)
    await signIn(page, "not.a.token", "Bearer token")
    await dialog(page).getByText("does not accept them").waitFor()
    await signIn(page, KEYS.reader)
    await page.getByRole("link", { name: runs.failed }).waitFor()
    expect(await dialog(page).count()).toBe(0)
    expect(without(complaints, REFUSED)).toEqual([])
  })

  it("keeps a key in memory only", async () => {
    const { page, context } = await enter(KEYS.reader)
    const asked: Array<string> = []
    page.on("request", (request) => asked.push(request.url()))
    for (const view of ["#/pipelines", "#/overview", `#/runs/${runs.failed}`])
      await page.goto(`${office.url}/dashboard${view}`)
    await page.locator("h1", { hasText: "Failed" }).waitFor()
    expect(await kept(page)).not.toContain(KEYS.reader)
    expect(asked.filter((url) => url.includes(KEYS.reader))).toEqual([])
    await page.reload()
    await dialog(page).waitFor()
    const other = await visit(browser, office.url, { of: context })
    await dialog(other.page).waitFor()
  })

  it("keeps a key in the storage of the tab if that is ticked, until the user signs out", async () => {
    const { page, context } = await visit(browser, office.url)
    await dialog(page).getByRole("checkbox").check()
    await signIn(page, KEYS.reader)
    await page.getByRole("link", { name: runs.failed }).waitFor()
    const storages = (): Promise<ReadonlyArray<boolean>> =>
      page.evaluate(
        (key) => [localStorage, sessionStorage].map((one) => JSON.stringify(one).includes(key)),
        KEYS.reader
      )
    expect(await storages()).toEqual([false, true])
    await page.reload()
    await page.getByRole("link", { name: runs.failed }).waitFor()
    const other = await visit(browser, office.url, { of: context })
    await dialog(other.page).waitFor()

    await page.getByRole("button", { name: "Sign out" }).click()
    await dialog(page).waitFor()
    expect(await storages()).toEqual([false, false])
    expect(await page.locator("body").textContent()).not.toContain("broken_report")
    await page.goBack()
    await page.goForward()
    await dialog(page).waitFor()
  })

  it("takes a token that is for one run, and shows this run alone", async () => {
    const issued = await send(KEYS.admin, "POST", "/tokens", { task_id: runs.completed })
    expect(issued.status).toBe(201)
    const { token } = (await issued.json()) as { token: string }
    const { page } = await visit(browser, office.url, { hash: `#/runs/${runs.completed}` })
    await signIn(page, token, "Bearer token")
    await page.locator("h1", { hasText: "Completed" }).waitFor()
    expect((await controls(page)).filter((name) => ACT.test(name))).toEqual([])
    await page.goto(`${office.url}/dashboard#/runs/${runs.failed}`)
    await page.getByRole("heading", { name: "There is no such run" }).waitFor()
  })

  /** Every view, by what shows that it is there. */
  const views = (): ReadonlyArray<readonly [hash: string, shown: string]> => [
    ["#/runs", `a[href*="${runs.failed}"]`],
    ["#/runs?status=FAILED", `a[href*="${runs.failed}"]`],
    ["#/runs?status=PENDING,RUNNING", `a[href*="${runs.running}"]`],
    ["#/runs?pipeline_id=orders", `a[href*="${runs.ordered}"]`],
    ...[runs.completed, runs.failed, runs.running, runs.ordered].flatMap((id) => [
      [`#/runs/${id}`, "table.steps tbody tr"] as const,
      [`#/runs/${id}?tab=graph`, "section.graph"] as const,
      [`#/runs/${id}?tab=log`, "section[aria-label=Log]"] as const,
      [`#/runs/${id}?tab=values`, "section[aria-label=Values]"] as const
    ]),
    [`#/runs/${runs.running}?step=import`, ".step-panel"],
    [`#/runs/${runs.failed}?step=render`, ".step-panel"],
    ["#/pipelines", 'main a[href="#/pipelines/orders"]'],
    ...["my_pipeline", "orders"].flatMap((id) => [
      [`#/pipelines/${id}`, "section.graph"] as const,
      [`#/pipelines/${id}?tab=run`, "form, section.graph"] as const,
      [`#/pipelines/${id}?tab=statistics`, "main select"] as const,
      [`#/pipelines/${id}?tab=schedules`, "main table, .empty h2"] as const,
      [`#/pipelines/${id}?tab=runs`, "table.runs"] as const
    ]),
    ["#/schedules", "main table"],
    ["#/overview", ".figures"]
  ]

  /** The acts that each view offers a caller. */
  const offers = async (key: string): Promise<ReadonlyMap<string, ReadonlyArray<string>>> => {
    const { page, complaints } = await enter(key)
    await page.getByRole("link", { name: runs.failed }).waitFor()
    const found = new Map<string, ReadonlyArray<string>>()
    for (const [hash, shown] of views()) {
      await turn(page, hash)
      await page.locator(shown).first().waitFor()
      found.set(
        hash,
        (await controls(page)).filter((name) => ACT.test(name))
      )
    }
    expect(without(complaints, /status of 401/)).toEqual([])
    return found
  }

  it("offers an admin every act", async () => {
    const found = await offers(KEYS.admin)
    const names = new Set([...found.values()].flat().map((name) => name.replace(/(run|schedule) \S{20,}$/, "$1")))
    for (const act of [
      "Select all runs of this page",
      "Select run",
      "Retry all that match…",
      "Cancel all that match…",
      "Retry from the failure…",
      "Retry from a step…",
      "Cancel…",
      "Cancel this step…",
      "Run again with these parameters…",
      "Start a run",
      "Pause…",
      "New schedule…",
      "Run now…",
      "Delete…"
    ]) {
      expect([...names], act).toContain(act)
    }
  })

  it("offers a reader none, in any view, and the API refuses them", async () => {
    const found = await offers(KEYS.reader)
    expect(found.size).toBeGreaterThan(30)
    for (const [hash, names] of found) expect(names, hash).toEqual([])
    const { page } = await enter(KEYS.reader)
    await page.getByRole("link", { name: runs.failed }).waitFor()
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    expect(await page.getByRole("toolbar").count()).toBe(0)
    expect(await page.getByRole("link", { name: "Audit" }).count()).toBe(0)
    await page.goto(`${office.url}/dashboard#/audit`)
    await page.getByRole("alert").waitFor()

    for (const [method, path, body] of [
      ["POST", `/runs/${runs.failed}/retry`, {}],
      ["POST", `/runs/${runs.running}/cancel`, {}],
      ["POST", `/runs/${runs.running}/cancel`, { step: "import" }],
      ["POST", "/pipelines/my_pipeline/execute", { parameters: { data: "x" } }],
      ["POST", "/pipelines/my_pipeline/pause", {}],
      ["POST", "/pipelines/my_pipeline/resume", {}],
      ["POST", "/schedules", { pipeline_id: "my_pipeline", every: 60, parameters: { data: "x" } }],
      ["POST", "/schedules/nightly/pause", {}],
      ["POST", "/schedules/nightly/resume", {}],
      ["DELETE", "/schedules/nightly"],
      ["DELETE", `/runs/${runs.completed}`],
      ["POST", "/runs/retry", { task_ids: [runs.failed] }],
      ["POST", "/runs/cancel", { filter: { status: "RUNNING" } }],
      ["GET", "/audit"]
    ] as const) {
      expect((await send(KEYS.reader, method, path, body)).status, `${method} ${path}`).toBe(403)
    }
    const { status } = await ask<{ status: string }>(office.url, `/runs/${runs.running}`, KEYS.admin)
    expect(status).toBe("RUNNING")
  })

  it("offers the executor of one pipeline acts there only", async () => {
    const found = await offers(KEYS.clerk)
    const ofOrders = new Map([...found].filter(([hash]) => hash.includes("orders") || hash.includes(runs.ordered)))
    for (const [hash, names] of found) {
      if (ofOrders.has(hash)) continue
      const others = names.filter((name) => name !== "Select all runs of this page" && !name.endsWith(runs.ordered))
      expect(others, hash).toEqual([])
    }
    expect(ofOrders.get(`#/runs/${runs.ordered}`)).toEqual(["Retry from a step…", "Run again with these parameters…"])
    expect(ofOrders.get("#/pipelines/orders?tab=run")).toEqual(["Start a run"])
    expect(ofOrders.get("#/runs?pipeline_id=orders")).toContain(`Select run ${runs.ordered}`)
  })

  it("shows the audit log to admins", async () => {
    await send(KEYS.reader, "POST", "/pipelines/my_pipeline/pause", {})
    const { page, complaints } = await enter(KEYS.admin)
    await page.getByRole("link", { name: "Audit", exact: true }).click()
    await page.getByRole("heading", { name: "Audit" }).waitFor()
    await page.getByRole("cell", { name: "Denied" }).first().waitFor()
    await page.getByRole("cell", { name: /ruth/ }).first().waitFor()
    expect(without(complaints, REFUSED)).toEqual([])
  })
})

describe.skipIf(!hasBrowser)("credentials that expire", { timeout: 90_000 }, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  const entered = async (office: Office.Office, hash: string) => {
    const seen = await visit(browser, office.url, { hash })
    await signIn(seen.page, KEYS.passing)
    return seen
  }

  const fill = async (page: Page): Promise<void> => {
    await page.getByLabel("day").fill("2026-05-04")
    await page.getByLabel("count").fill("17")
    await page.getByLabel("millis").fill("0")
    await page.getByLabel("outcome").selectOption({ label: "completed" })
    await page.getByText("Options", { exact: true }).click()
    await page.getByLabel("Priority").fill("42")
  }

  const expectFilled = async (page: Page): Promise<void> => {
    for (const [label, value] of [
      ["day", "2026-05-04"],
      ["count", "17"],
      ["Priority", "42"]
    ] as const) {
      expect(await page.getByLabel(label).inputValue(), label).toBe(value)
    }
  }

  it("are asked for again while a run is started, and the run is started as it was typed", async () => {
    const office = await Office.open()
    try {
      const { page, complaints } = await entered(office, "#/pipelines/orders?tab=run")
      await fill(page)
      office.expire()
      await page.getByRole("button", { name: "Start a run" }).click()
      await dialog(page).waitFor()
      await expectFilled(page)
      await signIn(page, "a-key-that-nobody-has-0000")
      await dialog(page).waitFor()
      await expectFilled(page)
      await signIn(page, KEYS.clerk)
      await expect.poll(() => page.url(), SOON).toContain("#/runs/")
      const id = page.url().split("/runs/")[1]!
      const run = await ask<{ parameters: object; priority: number }>(office.url, `/runs/${id}`, KEYS.admin)
      expect(run.parameters).toEqual({ day: "2026-05-04", count: 17, outcome: "completed", millis: 0 })
      expect(run.priority).toBe(42)
      const { runs } = await ask<{ runs: ReadonlyArray<unknown> }>(office.url, "/runs", KEYS.admin)
      expect(runs).toHaveLength(1)
      expect(without(complaints, REFUSED)).toEqual([])
    } finally {
      await office.close()
    }
  })

  it("are asked for again by themselves, and nothing that was typed is lost", async () => {
    const office = await Office.open()
    try {
      const { page, complaints } = await entered(office, "#/pipelines/orders?tab=run")
      await fill(page)
      office.expire()
      await dialog(page).waitFor()
      await signIn(page, KEYS.clerk)
      await dialog(page).waitFor({ state: "detached" })
      await expectFilled(page)
      await page.getByRole("button", { name: "Start a run" }).click()
      await expect.poll(() => page.url(), SOON).toContain("#/runs/")
      expect(without(complaints, REFUSED)).toEqual([])
    } finally {
      await office.close()
    }
  })

  it("leave nothing on the page that the next caller may not see", async () => {
    const office = await Office.open()
    try {
      const { page } = await entered(office, "#/audit")
      await page.getByRole("heading", { name: "Audit" }).waitFor()
      await page.getByText("pia").first().waitFor()
      office.expire()
      await page.keyboard.press("r")
      await dialog(page).waitFor()
      await signIn(page, KEYS.reader)
      await page.getByRole("alert").waitFor()
      expect(await page.locator("main").textContent()).not.toContain("pia")
    } finally {
      await office.close()
    }
  })
})
