/** The view of a run: its failure first, links to its parts, and the acts on it. */
import * as Schema from "effect/Schema"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { read, runOf, withoutStatuses } from "./harness/Api.ts"
import * as Demo from "./harness/DemoServer.ts"
import { visit } from "./harness/Visit.ts"

const S = Schema.String

/** Joins its inputs to a text; fails when one of them is `bad`. */
const spell = <const Name extends string, const Needs extends ReadonlyArray<string>>(name: Name, ...needs: Needs) =>
  Task.make(name, {
    input: Object.fromEntries(needs.map((need) => [need, S])) as { readonly [K in Needs[number]]: typeof S },
    output: { [name]: S } as { readonly [K in Name]: typeof S },
    run: (inputs) => {
      if (Object.values(inputs).includes("bad")) throw new Error(`'${name}' got a bad input`)
      return { [name]: `${name}(${Object.values(inputs).join(",")})` } as never
    }
  })

//   file ── load ── clean ── embed ── store
//                     └───── tag (lang)
const tree = Pipeline.make("tree", [
  spell("load", "file"),
  spell("clean", "load"),
  spell("tag", "clean", "lang"),
  spell("embed", "clean"),
  spell("store", "embed")
])

const fork = Pipeline.make("fork", [
  Step.branch(
    Task.make("is_long", {
      input: { text: S },
      output: { long: Schema.Boolean },
      run: ({ text }) => ({ long: text.length > 3 })
    }),
    { yes: [spell("cut", "text")], no: [spell("pad", "text"), spell("frame", "pad")] }
  ),
  spell("print", "tail")
])

interface Rows {
  readonly runs: ReadonlyArray<{ readonly task_id: string }>
}

describe.skipIf(!hasBrowser)("the view of a run", { timeout: 60_000 }, () => {
  let browser: Browser
  let demo: Demo.Demo
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await Demo.make({ pipelines: () => [tree, fork] })
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  /** The id of a run that has ended. */
  const finished = async (pipelineId: string, parameters: object, options: object = {}): Promise<string> => {
    const runId = await demo.start(pipelineId, parameters, options)
    await Demo.ended(demo, runId)
    return runId
  }
  const open = (runId: string, query = "") => visit(browser, demo.url, { hash: `#/runs/${runId}${query}` })
  const steps = (page: Page) => page.locator("table.steps > tbody > tr:not(.panel)")
  const stepRow = (page: Page, name: string) =>
    steps(page).filter({ has: page.getByRole("button", { name, exact: true }) })

  it("says first what went wrong: the step, the message and the errors behind it", async () => {
    const runId = await finished("broken_report", { table: "orders" })
    const { page, complaints } = await open(runId)
    const failure = page.getByRole("region", { name: "Step render failed" })
    await failure.waitFor()
    await expect
      .poll(() => failure.locator(".message").allTextContents())
      .toEqual([
        "Page 3 can't be rendered:\nline 17 of the template\nasks for a font",
        "The font 'Garamond' can't be loaded",
        "ENOENT: no such file or directory, open 'Garamond.otf'"
      ])
    const { y, height } = (await failure.boundingBox())!
    expect(y + height).toBeLessThan(800)
    expect(y).toBeLessThan((await steps(page).first().boundingBox())!.y)
    expect(await failure.getByRole("link", { name: "Runs that failed in this step" }).getAttribute("href")).toBe(
      "#/runs?pipeline_id=broken_report&failed_step=render&status=FAILED"
    )
    await failure.getByRole("link", { name: "Log of the step" }).click()
    await expect.poll(() => page.locator(".line.warn .text").textContent()).toContain("the font is missing")
    await page.goBack()
    await failure.getByRole("link", { name: "Attempts of the step" }).click()
    await expect.poll(() => page.locator("tr.panel table.attempts tbody tr").count()).toBe(1)
    expect(complaints).toEqual([])
  })

  it("has a link to each of its parts, which shows the same again", async () => {
    const runId = await finished("flaky_upload", { failures: 2 })
    const { page, complaints } = await open(runId)
    for (const [title, part] of [
      ["Graph", "tab=graph"],
      ["Log", "tab=log"],
      ["Values", "tab=values"]
    ] as const) {
      await page.getByRole("navigation", { name: "Parts of the run" }).getByRole("link", { name: title }).click()
      await expect.poll(() => page.url()).toContain(part)
      const again = await visit(browser, demo.url, { hash: new URL(page.url()).hash })
      await again.page.getByRole("region", { name: title }).waitFor()
      await again.context.close()
    }
    await page.goto(`${demo.url}/dashboard#/runs/${runId}?step=upload`)
    const attempts = page.locator("tr.panel table.attempts tbody tr")
    await expect.poll(() => attempts.count()).toBe(3)
    expect(await attempts.locator(".status").allTextContents()).toEqual(["Failed", "Failed", "Completed"])
    await page.goto(`${demo.url}/dashboard#/runs/${runId}?tab=log&step=announce`)
    await page.getByText("No line matches.").waitFor()
    await page.getByLabel("Step").selectOption("upload")
    await expect.poll(() => page.locator(".line").count()).toBe(3)
    expect(page.url()).toContain("step=upload")
    await stepsShown(page, runId)
    expect(complaints).toEqual([])
  })

  /** The rows have the steps of the API, with their states. */
  const stepsShown = async (page: Page, runId: string): Promise<void> => {
    await page.goto(`${demo.url}/dashboard#/runs/${runId}`)
    const run = await runOf(demo, runId)
    await expect.poll(() => steps(page).count()).toBe(run.steps.length)
    for (const { name, status, attempts } of run.steps) {
      await expect.poll(async () => (await stepRow(page, name).textContent())?.toUpperCase()).toContain(status)
      if (attempts > 0) expect(await stepRow(page, name).locator("td").nth(2).textContent()).toBe(String(attempts))
    }
  }

  it("cancels a run, with a reason", async () => {
    const runId = await demo.start("slow_import", { rows: 10, millis: 0, gate: "closed" })
    const { page, complaints } = await open(runId)
    await page.getByRole("button", { name: "Cancel…" }).click()
    const dialog = page.getByRole("dialog", { name: "Cancel the run" })
    await dialog.getByLabel("Reason (optional)").fill("no longer needed <b>")
    await dialog.getByRole("button", { name: "Cancel the run" }).click()
    await expect.poll(() => page.locator("h1 .status").textContent()).toBe("Cancelled")
    await expect.poll(() => page.locator("dl.facts").textContent()).toContain("no longer needed <b>")
    expect(await dialog.count()).toBe(0)
    expect(await runOf(demo, runId)).toMatchObject({ status: "CANCELLED", reason: "no longer needed <b>" })
    await page.getByRole("button", { name: "Retry from the failure…" }).waitFor()
    expect(complaints).toEqual([])
  })

  it("cancels one step of a run", async () => {
    const runId = await demo.start("slow_import", { rows: 10, millis: 0, gate: "closed" }, { onFailure: "continue" })
    const { page, complaints } = await open(runId)
    await stepRow(page, "import").getByRole("button").click()
    await page.getByRole("button", { name: "Cancel this step…" }).click()
    const dialog = page.getByRole("dialog", { name: "Cancel the step import" })
    await dialog.getByRole("button", { name: "Cancel the step" }).click()
    await expect.poll(() => stepRow(page, "import").textContent()).toContain("Cancelled")
    const { steps: all } = await runOf(demo, runId)
    expect(all.map(({ name, status }) => [name, status])).toEqual([
      ["download", "COMPLETED"],
      ["import", "CANCELLED"],
      ["index", "SKIPPED"]
    ])
    expect(complaints).toEqual([])
  })

  /** Opens the dialog of a finished run; what its list says will run. */
  const planned = async (page: Page): Promise<ReadonlyArray<string>> => {
    const dialog = page.getByRole("dialog", { name: "Retry the run" })
    await dialog.getByText("will run").waitFor()
    return await dialog.locator(".planned li bdi").allTextContents()
  }

  /** The steps of a retry that ran: those that it did not keep and did not leave out. */
  const ranOf = async (runId: string): Promise<ReadonlyArray<string>> => {
    await Demo.ended(demo, runId)
    const { steps: all } = await runOf(demo, runId)
    return all.filter(({ attempts }) => attempts > 0).map(({ name }) => name)
  }

  /** Sends the dialog; the id of the new run, which the page then shows. */
  const retry = async (page: Page, runId: string): Promise<string> => {
    await page.getByRole("dialog").getByRole("button", { name: "Retry", exact: true }).click()
    await expect.poll(() => page.url()).not.toContain(runId)
    await page.getByRole("link", { name: runId }).waitFor()
    return new URL(page.url()).hash.replace(/^#\/runs\//, "")
  }

  it("retries from the failure unless told otherwise, and lists the steps that will run", async () => {
    const runId = await finished("orders", { day: "2026-01-01", count: 3, outcome: "failed", millis: 0 })
    const { page, complaints } = await open(runId)
    const button = page.getByRole("button", { name: "Retry from the failure…" })
    expect(await button.getAttribute("class")).toBe("primary")
    await button.click()
    expect(
      await page
        .getByRole("dialog")
        .getByRole("radio", { name: /^From the failure/ })
        .isChecked()
    ).toBe(true)
    const { steps: all } = await runOf(demo, runId)
    const undone = all.filter(({ status }) => status !== "COMPLETED").map(({ name }) => name)
    expect(undone).toEqual(expect.arrayContaining(["tax", "invoice"]))
    expect(await planned(page)).toEqual(undone)
    const again = await retry(page, runId)
    // The failure is the same again, so that the steps after it do not run.
    expect(await ranOf(again)).toEqual(undone.filter((name) => name !== "invoice"))
    expect((await runOf(demo, again)).retry_of).toBe(runId)
    expect(complaints).toEqual([])
  })

  it.each([
    ["a step in the middle", "tree", { file: "f", lang: "l" }, "embed"],
    ["the first step", "tree", { file: "f", lang: "l" }, "load"],
    ["a step after a branch", "fork", { text: "abc", tail: "t" }, "print"],
    ["a step in an arm", "fork", { text: "abc", tail: "t" }, "is_long.no.pad"]
  ])(
    "retries a completed run from %s, and what ran is what the dialog said",
    async (_, pipelineId, parameters, from) => {
      const runId = await finished(pipelineId, parameters)
      const { page, complaints } = await open(runId)
      await page.getByRole("button", { name: "Retry from a step…" }).click()
      const dialog = page.getByRole("dialog", { name: "Retry the run" })
      await dialog.getByLabel("Step", { exact: true }).fill(from)
      await expect.poll(() => planned(page)).toContain(from)
      const listed = await planned(page)
      expect(await ranOf(await retry(page, runId))).toEqual(listed)
      expect(complaints).toEqual([])
    }
  )

  it("lists both arms of a branch that decides anew", async () => {
    const runId = await finished("fork", { text: "abc", tail: "t" })
    const { page, complaints } = await open(runId)
    await page.getByRole("button", { name: "Retry from a step…" }).click()
    expect(await planned(page)).toEqual(["is_long", "is_long.yes.cut", "is_long.no.pad", "is_long.no.frame"])
    expect(await ranOf(await retry(page, runId))).toEqual(["is_long", "is_long.no.pad", "is_long.no.frame"])
    expect(complaints).toEqual([])
  })

  it("offers a retry from the failure for a completed run whose items failed", async () => {
    const runId = await finished("kind_map", { count: 30 })
    const { page, complaints } = await open(runId)
    await page.getByRole("button", { name: "Retry from the failure…" }).click()
    expect(await planned(page)).toEqual(["shrink"])
    const again = await retry(page, runId)
    expect(await ranOf(again)).toEqual(["shrink"])
    expect(complaints).toEqual([])
  })

  it("sends no retry from a step that the run does not have", async () => {
    const runId = await finished("tree", { file: "f", lang: "l" })
    const { page, complaints } = await open(runId)
    await page.getByRole("button", { name: "Retry from a step…" }).click()
    const dialog = page.getByRole("dialog", { name: "Retry the run" })
    await dialog.getByLabel("Step", { exact: true }).fill("stroe")
    await dialog.getByText("The run has no step 'stroe'.").waitFor()
    await expect.poll(() => dialog.getByRole("button", { name: "Retry", exact: true }).isDisabled()).toBe(true)
    await page.keyboard.press("Escape")
    await expect.poll(() => dialog.count()).toBe(0)
    expect(complaints).toEqual([])
  })

  it("shows why the server refuses a retry, and keeps the dialog open", async () => {
    const runId = await finished("fork", { text: "abc", tail: "t" })
    const { page, complaints } = await open(runId)
    await page.getByRole("button", { name: "Retry from a step…" }).click()
    const dialog = page.getByRole("dialog", { name: "Retry the run" })
    await dialog.getByLabel("Step", { exact: true }).fill("is_long.yes.cut")
    await dialog.getByText("is in an arm that branch 'is_long' did not take").waitFor()
    expect(await dialog.getByRole("button", { name: "Retry", exact: true }).isDisabled()).toBe(true)
    expect(withoutStatuses(complaints, 409)).toEqual([])
  })

  it("runs again with the same parameters, which can be changed", async () => {
    const runId = await finished("tree", { file: "f & <g>", lang: "l" })
    const { page, complaints } = await open(runId)
    await page.getByRole("link", { name: "Run again with these parameters…" }).click()
    const form = page.getByRole("form", { name: "Start a run" })
    await expect.poll(() => form.getByLabel("file").inputValue()).toBe("f & <g>")
    await form.getByLabel("lang").fill("m")
    await form.getByRole("button", { name: "Start a run" }).click()
    await page.getByRole("heading", { name: /tree/ }).waitFor()
    await expect.poll(() => page.url()).toMatch(/#\/runs\/[0-9a-z]+$/)
    const { runs } = await read<Rows>(demo, "/runs?limit=1")
    expect((await runOf(demo, runs[0]!.task_id)).parameters).toEqual({ file: "f & <g>", lang: "m" })
    expect(complaints).toEqual([])
  })

  it("says that a run does not exist, and leads to all runs", async () => {
    for (const id of ["absent", "../../health", "<img src=x onerror=alert(1)>", "%"]) {
      const { page, complaints, context } = await open(encodeURIComponent(id))
      await page.getByRole("heading", { name: "There is no such run" }).waitFor()
      expect(await page.locator("main code").textContent()).toBe(id)
      await page.getByRole("link", { name: "All runs" }).click()
      await page.locator("table.runs").waitFor()
      expect(withoutStatuses(complaints, 404)).toEqual([])
      await context.close()
    }
  })

  it("shows a run whose link names an unknown step or part", async () => {
    const runId = await finished("tree", { file: "f", lang: "l" })
    const { page, complaints } = await open(runId, "?step=absent&tab=nowhere&show=STRANGE")
    await page.locator("h1").waitFor()
    await page.getByText("No step matches.").waitFor()
    await page.goto(`${demo.url}/dashboard#/runs/${runId}?step=absent`)
    await expect.poll(() => steps(page).count()).toBe(5)
    expect(await page.locator("tr.panel").count()).toBe(0)
    expect(complaints).toEqual([])
  })

  it("says that a run was deleted while it was shown", async () => {
    const runId = await finished("tree", { file: "f", lang: "l" })
    const { page, complaints } = await open(runId)
    await expect.poll(() => steps(page).count()).toBe(5)
    expect((await fetch(`${demo.url}/runs/${runId}`, { method: "DELETE" })).ok).toBe(true)
    await stepRow(page, "clean").getByRole("button").click()
    await page.keyboard.press("r")
    await page.getByRole("heading", { name: "There is no such run" }).waitFor()
    expect(withoutStatuses(complaints, 404)).toEqual([])
  })
})
