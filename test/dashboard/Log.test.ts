/** The log of a run: all lines are in the page, the end is followed, errors are one click away. */
import * as Schema from "effect/Schema"
import type { Browser, Locator } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import * as Demo from "./harness/DemoServer.ts"
import type { Pace } from "./harness/Pace.ts"
import { visit } from "./harness/Visit.ts"

/** Writes so many lines at once, and again each time that its gate opens. */
const chatty = (pace: Pace) =>
  Pipeline.make("chatty", [
    Task.make("talk", {
      input: { lines: Schema.Int, rounds: Schema.Int, gate: Schema.String },
      output: { said: Schema.Int },
      run: async ({ lines, rounds, gate }, { log, signal }) => {
        let said = 0
        for (let round = 0; round < rounds; round++) {
          if (round > 0) await pace.pass(gate, signal)
          for (let at = 0; at < lines; at++) {
            said++
            log(`line ${said} of the log`, { said }, said % 100 === 50 ? "error" : said % 100 === 0 ? "warn" : "info")
          }
        }
        return { said }
      }
    })
  ])

describe.skipIf(!hasBrowser)("the log of a run", { timeout: 60_000 }, () => {
  let browser: Browser
  let demo: Demo.Demo
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await Demo.make({ pipelines: (pace) => [chatty(pace)] })
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  it("has all 1,000 lines in the page, so that the browser's search finds the first", async () => {
    const runId = await demo.start("chatty", { lines: 1_000, rounds: 1, gate: "none" })
    await Demo.ended(demo, runId)
    const { page, complaints } = await visit(browser, demo.url, { hash: `#/runs/${runId}?tab=log` })
    await expect.poll(() => page.locator(".line").count()).toBe(1_000)
    for (const wanted of ["line 1 of the log", "line 1000 of the log"]) {
      expect(
        await page.evaluate((text) => {
          getSelection()?.removeAllRanges()
          // The search of a page that all browsers have, though its types don't.
          return (window as unknown as { find: (text: string) => boolean }).find(text)
        }, wanted)
      ).toBe(true)
      const found = page.locator(".line").filter({ hasText: wanted })
      await expect.poll(() => found.evaluate((line) => getSelection()?.containsNode(line, true))).toBe(true)
    }
    const before = await page.locator(".line").first().textContent()
    expect(before).toContain("talk")

    await page.getByRole("button", { name: "Warnings and errors only" }).click()
    await expect.poll(() => page.locator(".line").count()).toBe(20)
    expect(await page.locator(".line .level").allTextContents()).toEqual(
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? "error" : "warn"))
    )
    await page.getByText("20 lines").waitFor()
    await page.getByRole("button", { name: "Warnings and errors only" }).click()
    await expect.poll(() => page.locator(".line").count()).toBe(1_000)
    expect(complaints).toEqual([])
  })

  it("says how many older lines were dropped", async () => {
    const runId = await demo.start("chatty", { lines: 1_200, rounds: 1, gate: "none" })
    await Demo.ended(demo, runId)
    const { page } = await visit(browser, demo.url, { hash: `#/runs/${runId}?tab=log` })
    await page.getByText("1,000 lines, 200 older ones were dropped").waitFor()
    expect(await page.locator(".line").first().textContent()).toContain("line 201 of the log")
  })

  it("follows the end until the user scrolls up, and again from the end", async () => {
    const runId = await demo.start("chatty", { lines: 60, rounds: 4, gate: "talk" })
    const { page, complaints } = await visit(browser, demo.url, { hash: `#/runs/${runId}?tab=log` })
    const lines = page.locator(".line")
    const log = page.getByRole("log")
    await expect.poll(() => lines.count()).toBe(60)
    await expect.poll(() => isAtEnd(log)).toBe(true)
    demo.open("talk")
    await expect.poll(() => lines.count()).toBe(120)
    await expect.poll(() => isAtEnd(log)).toBe(true)

    const place = (): Promise<number> => log.evaluate(({ scrollTop }) => scrollTop)
    await log.focus()
    await page.keyboard.press("Home")
    await expect.poll(place).toBe(0)
    demo.open("talk")
    await expect.poll(() => lines.count()).toBe(180)
    expect(await place()).toBe(0)

    await page.keyboard.press("End")
    await expect.poll(() => isAtEnd(log)).toBe(true)
    demo.open("talk")
    await expect.poll(() => lines.count()).toBe(240)
    await expect.poll(() => isAtEnd(log)).toBe(true)
    expect(complaints).toEqual([])
  })
})

const isAtEnd = (log: Locator): Promise<boolean> =>
  log.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight < 2)
