/** The timeline of a run: readable across long gaps, growing while steps run, with a dot for each skipped step. */
import * as Schema from "effect/Schema"
import type { Browser, Locator } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { runOf } from "./harness/Api.ts"
import * as Demo from "./harness/DemoServer.ts"
import type { Pace } from "./harness/Pace.ts"
import { visit } from "./harness/Visit.ts"

const DAY_MILLIS = 86_400_000
const WAIT = { delayMillis: 2 * DAY_MILLIS, maxDelayMillis: 2 * DAY_MILLIS, jitter: 0 }

/** Its second step fails once, and tries again two days later. Each attempt takes a minute. */
const patient = (pace: Pace) =>
  Pipeline.make("patient", [
    Task.make("ask", {
      output: { asked: Schema.Boolean },
      run: async (_, { signal }) => {
        await pace.take(60_000, signal)
        return { asked: true }
      }
    }),
    Task.make("wait", {
      input: { asked: Schema.Boolean },
      output: { answer: Schema.String },
      retry: { times: 1, ...WAIT },
      run: async (_, { attempt, signal }) => {
        await pace.take(60_000, signal)
        if (attempt === 1) throw new Error("There is no answer yet")
        return { answer: "yes" }
      }
    })
  ])

describe.skipIf(!hasBrowser)("the timeline of a run", { timeout: 60_000 }, () => {
  let browser: Browser
  let demo: Demo.Demo
  let old: string
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await Demo.make({
      pipelines: (pace) => [patient(pace)],
      past: async (parts) => {
        old = await parts.start("patient", {})
        for await (const event of parts.levada.watch(old)) {
          if (event.type === "StepRetried") parts.pace.clock.moveTo(parts.pace.clock.behindMillis - WAIT.delayMillis)
        }
      }
    })
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  const open = (runId: string) => visit(browser, demo.url, { hash: `#/runs/${runId}` })
  const lane = (page: Locator): Locator => page.locator(".lane > .span")
  const widths = (bars: Locator): Promise<ReadonlyArray<number>> =>
    bars.evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().width))

  it("keeps attempts readable that are two days apart, and says how long the gap is", async () => {
    const { steps } = await runOf(demo, old)
    expect(steps.map(({ attempts }) => attempts)).toEqual([1, 2])
    const { page, complaints } = await open(old)
    const row = page.locator("table.steps > tbody > tr").filter({ hasText: "wait" })
    await expect.poll(() => lane(row).count()).toBe(2)
    const bars = await lane(row).evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect()))
    const whole = (await row.locator(".lane").boundingBox())!.width
    // Each is a minute of three, beside a short piece for the gap.
    for (const { width } of bars) expect(width).toBeGreaterThan(whole / 4)
    expect(bars[0]!.right).toBeLessThan(bars[1]!.left)
    expect(await page.locator(".axis .cut").textContent()).toContain("2 d 0 h")
    expect(await lane(row).evaluateAll((all) => all.map((bar) => bar.className))).toEqual([
      "span FAILED",
      "span COMPLETED"
    ])
    await row.getByRole("button", { name: "wait" }).click()
    await expect.poll(() => page.locator("table.attempts tbody tr").count()).toBe(2)
    await page.getByText("2 d 0 h between").waitFor()
    expect(complaints).toEqual([])
  })

  it("has growing bars while steps run", async () => {
    const runId = await demo.start("slow_import", { rows: 10, millis: 1_000, gate: "timeline" })
    const { page, complaints } = await open(runId)
    const row = page.locator("table.steps > tbody > tr").filter({ hasText: "import" })
    await expect.poll(() => row.locator(".span.RUNNING").count()).toBe(1)
    const share = () =>
      row.locator(".span.RUNNING").evaluate((bar) => Number.parseFloat((bar as HTMLElement).style.width))
    const first = await share()
    await expect.poll(share).toBeGreaterThan(first)
    demo.open("timeline", 10)
    await expect.poll(() => row.locator(".span.COMPLETED").count()).toBe(1)
    const ended = await widths(lane(row))
    await page.keyboard.press("r")
    await expect.poll(() => widths(lane(row))).toEqual(ended)
    expect(complaints).toEqual([])
  })

  it("has a dot for each skipped step, and nothing for a step that waits", async () => {
    const branched = await demo.start("kind_branch", { amount: 250 })
    await Demo.ended(demo, branched)
    const { page, complaints } = await open(branched)
    const row = page.locator("table.steps > tbody > tr").filter({ hasText: "approve" })
    await expect.poll(() => row.locator(".lane > .dot").count()).toBe(1)
    expect(await row.locator(".dot").getAttribute("title")).toBe("Skipped")
    expect(await lane(row).count()).toBe(0)

    const waiting = await demo.start("slow_import", { rows: 10, millis: 0, gate: "closed" })
    const other = await open(waiting)
    const last = other.page.locator("table.steps > tbody > tr").filter({ hasText: "index" })
    await expect.poll(() => last.textContent()).toContain("Pending")
    expect(await last.locator(".lane > *").count()).toBe(0)
    await demo.levada.cancel(waiting)
    await expect.poll(() => last.textContent()).toContain("Cancelled")
    expect([...complaints, ...other.complaints]).toEqual([])
  })

  it("has a place for a run that has not begun", async () => {
    const runId = await demo.start("slow_import", { rows: 1, millis: 0 }, { delayMillis: DAY_MILLIS })
    const { page, complaints } = await open(runId)
    await page.getByText("Starts").waitFor()
    await expect.poll(() => page.locator("table.steps > tbody > tr").count()).toBe(3)
    expect(await page.locator(".lane > *").count()).toBe(0)
    expect(complaints).toEqual([])
  })
})
