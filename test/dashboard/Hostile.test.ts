/** Names, errors, log lines, values and addresses that look like markup or script: they are shown as they are, and do nothing. */

import * as Schema from "effect/Schema"
import fc from "fast-check"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada, Parameters, Pipeline, Task } from "../../adapters/promise/index.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { ask, SOON, without } from "./harness/Api.ts"
import { HOSTILE, HOSTILE_INPUT } from "./harness/DemoPipelines.ts"
import * as Demo from "./harness/DemoServer.ts"
import { turn, type Visit, visit } from "./harness/Visit.ts"

const segment = encodeURIComponent

/** A GET of something that does not exist. */
const MISSING = /status of 40[04]/

/** Elements and attributes that only the hostile texts could have made, and whether a script of them has run. */
const traces = (page: Page): Promise<ReadonlyArray<string>> =>
  page.evaluate(() => [
    ...Array.from(
      document.querySelectorAll("img, iframe, object, embed, script:not([src]), b, marquee"),
      (one) => one.outerHTML
    ),
    ...Array.from(document.querySelectorAll("*"))
      .flatMap((one) => Array.from(one.attributes))
      .filter(({ name }) => name.startsWith("on"))
      .map(({ name, value }) => `${name}=${value}`),
    ...Array.from(
      document.querySelectorAll("[href], [src], [action]"),
      (one) => ["href", "src", "action"].map((name) => one.getAttribute(name)).find((value) => value !== null)!
    ).filter((address) => /^\s*(?:javascript|vbscript|data:(?!,?$))/i.test(address)),
    ...("ran" in window ? ["a script has run"] : [])
  ])

/** The text of an element with its spaces, as the page has it. */
const texts = (page: Page, selector: string): Promise<ReadonlyArray<string>> =>
  page.locator(selector).evaluateAll((found) => found.map((one) => one.textContent))

const expectUnharmed = async ({ page, complaints }: Visit, ...expected: ReadonlyArray<RegExp>): Promise<void> => {
  expect(await traces(page)).toEqual([])
  expect(await page.locator(".problem", { hasText: "Error:" }).allTextContents()).toEqual([])
  expect(expected.reduce(without, complaints)).toEqual([])
}

describe.skipIf(!hasBrowser)("hostile texts", { timeout: 120_000 }, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  describe("of the demo", () => {
    let demo: Demo.Demo
    let seen: Visit
    const runs = new Map<string, string>()
    beforeAll(async () => {
      demo = await Demo.make({})
      for (const name of Object.values(HOSTILE)) {
        runs.set(name, await demo.start(name, { [HOSTILE_INPUT]: HOSTILE.markup }))
      }
      for (const id of runs.values()) {
        for await (const _ of demo.levada.watch(id)) {
          // The last event ends it.
        }
      }
      await demo.levada.addSchedule({
        id: HOSTILE.markup,
        pipelineId: HOSTILE.script,
        timing: { everyMillis: 86_400_000 },
        given: Parameters.fromValues({ [HOSTILE_INPUT]: HOSTILE.markup })
      })
      seen = await visit(browser, demo.url)
    })
    afterAll(() => demo?.close())

    it("are shown as they are in the list of runs, and in its filter", async () => {
      const { page } = seen
      await page.locator("table.runs tbody tr").first().waitFor()
      const names = await texts(page, "table.runs td.name bdi")
      expect(names.toSorted()).toEqual(Object.values(HOSTILE).toSorted())
      const why = await texts(page, "table.runs td.why")
      for (const name of Object.values(HOSTILE)) expect(why.join("\n")).toContain(`${name} ${HOSTILE.markup}`)
      // The pipelines come with an answer of their own.
      await expect
        .poll(() => texts(page, "main select option"), SOON)
        .toEqual(expect.arrayContaining(Object.values(HOSTILE)))
      await expectUnharmed(seen)
    })

    it.each(Object.entries(HOSTILE))(
      "are shown as they are in each view of a run and its pipeline: %s",
      async (_, name) => {
        const { page } = seen
        const id = runs.get(name)!
        const fails = `${name.slice(0, 190)} fails`

        await turn(page, `#/runs/${id}`)
        await page.locator(".failure").waitFor()
        expect(await texts(page, "h1 bdi")).toEqual([name])
        expect(await page.title()).toContain(id)
        expect((await texts(page, ".failure .message")).join("\n")).toContain(`${name} ${HOSTILE.markup}`)
        expect(await texts(page, ".failure .message")).toContain(HOSTILE.script)
        expect(await texts(page, "table.steps tbody tr:not(.panel) bdi")).toEqual([name, fails])
        await expectUnharmed(seen)

        await page.locator("table.steps tbody tr:not(.panel) button").nth(1).click()
        await page.locator("table.attempts tbody tr").first().waitFor()
        await expectUnharmed(seen)

        await turn(page, `#/runs/${id}?tab=log`)
        await page.locator(".log .line").first().waitFor()
        const [line] = await texts(page, ".log .line .text")
        expect(line).toContain(name)
        expect(line).toContain(JSON.stringify({ [name]: name, [HOSTILE.script]: HOSTILE.markup }))
        await turn(page, `#/runs/${id}?tab=log&step=${segment(fails)}`)
        await expectUnharmed(seen)

        await turn(page, `#/runs/${id}?tab=values`)
        await page.locator("ul.values li").first().waitFor()
        expect((await texts(page, "ul.values bdi")).toSorted()).toEqual([HOSTILE_INPUT, name].toSorted())
        for (const opener of await page.locator("ul.values button.opener").all()) await opener.click()
        await page.locator("pre.json").nth(1).waitFor()
        expect((await texts(page, "pre.json")).toSorted()).toEqual(
          [HOSTILE.markup, `${name} ${HOSTILE.markup}`].map((value) => JSON.stringify(value)).toSorted()
        )
        await expectUnharmed(seen)

        await turn(page, `#/runs/${id}?tab=graph`)
        await page.locator("section.graph svg text").first().waitFor()
        expect((await texts(page, "section.graph svg text")).join("\n")).toContain(name.slice(0, 4))
        await expectUnharmed(seen)

        await turn(page, `#/runs/${id}`)
        await page.getByRole("button", { name: /^Retry from the failure/ }).click()
        await page.getByRole("dialog").getByText("will run").waitFor()
        expect(await texts(page, "dialog .planned bdi")).toEqual([fails])
        await expectUnharmed(seen)
        await page.keyboard.press("Escape")

        for (const [tab, shown] of [
          ["graph", "section.graph svg text"],
          ["run", "form label bdi"],
          ["statistics", ".figures"],
          ["schedules", "main table, .empty"],
          ["runs", "table.runs tbody tr"]
        ] as const) {
          await turn(page, `#/pipelines/${segment(name)}?tab=${tab}`)
          await page.locator(shown).first().waitFor()
          expect(await texts(page, "h1 bdi")).toEqual([name])
          expect(await page.title()).toBe(`${name.trim()} · Levada`)
          if (tab === "run") expect(await texts(page, "form label bdi")).toContain(HOSTILE_INPUT)
          await expectUnharmed(seen)
        }

        await turn(
          page,
          `#/runs?pipeline_id=${segment(name)}&failed_step=${segment(fails)}&error=${segment(HOSTILE.script)}`
        )
        await page.getByRole("link", { name: id }).waitFor()
        await expectUnharmed(seen)
      }
    )

    it("are shown as they are in the lists of pipelines and schedules, and in the overview", async () => {
      const { page } = seen
      await turn(page, "#/pipelines")
      for (const name of Object.values(HOSTILE)) {
        await page.getByRole("textbox", { name: "Find a pipeline" }).fill(name.slice(0, 60))
        await page
          .locator(`main td a[href="#/pipelines/${segment(name)}"]`)
          .first()
          .waitFor()
      }
      await expectUnharmed(seen)
      await turn(page, "#/schedules")
      await page.locator("main table td").first().waitFor()
      const [schedules] = await texts(page, "main table tbody")
      for (const name of [HOSTILE.markup, HOSTILE.script]) expect(schedules).toContain(name)
      await page.getByRole("button", { name: "Run now…" }).click()
      await page.getByRole("dialog").locator("pre.json").waitFor()
      const [asked] = await texts(page, "dialog")
      expect(asked).toContain(HOSTILE.markup)
      await expectUnharmed(seen)
      await page.keyboard.press("Escape")
      await turn(page, "#/overview")
      await page.locator("main table, main ul.entries", { hasText: HOSTILE.url }).first().waitFor()
      await expectUnharmed(seen)
    })

    it("in an address do nothing, and the page says what is missing", async () => {
      const { page } = seen
      const odd = [
        ...Object.values(HOSTILE),
        "..",
        ".",
        "%",
        "%2e%2e",
        "../pipelines",
        "a/b",
        "//elsewhere.example",
        "\u0000",
        "\ud800",
        "constructor",
        "__proto__",
        "?values=true#x"
      ]
      for (const id of odd.map((one) => segment(one.toWellFormed()))) {
        await turn(page, `#/runs/${id}`)
        await page.getByRole("heading", { name: "There is no such run" }).waitFor()
        expect(await traces(page)).toEqual([])
      }
      for (const id of odd.slice(Object.keys(HOSTILE).length).map((one) => segment(one.toWellFormed()))) {
        await turn(page, `#/pipelines/${id}`)
        await page.getByRole("heading", { name: "There is no such pipeline" }).waitFor()
        expect(await traces(page)).toEqual([])
      }
      expect(without(seen.complaints, MISSING)).toEqual([])
      for (const hash of [
        "#/constructor",
        "#/__proto__/x?__proto__=1",
        "#//evil.example/x",
        "#/%ff",
        "#javascript:window.ran=1",
        "#/runs?range=constructor",
        "#/runs?range=__proto__&status=toString",
        "#/runs?status=<img src=x onerror=window.ran=1>",
        "#/runs?since=yesterday&until=99999999999999",
        "#/runs?cursor=<script>window.ran=1</script>&min_duration_ms=-1",
        `#/runs/${runs.get(HOSTILE.markup)}?tab=__proto__&step=constructor&show=toString`,
        `#/runs/${runs.get(HOSTILE.markup)}?tab=log&step=<img src=x onerror=window.ran=1>`,
        "#/pipelines/orders?tab=constructor&period=__proto__",
        "#/pipelines/orders?tab=statistics&period=constructor",
        "#/pipelines/orders?tab=run&like=..",
        "#/pipelines/orders?tab=run&like=<img src=x onerror=window.ran=1>",
        "#/audit?outcome=constructor&since=x&cursor=y"
      ]) {
        await turn(page, hash)
        await page.locator("main h1, main .problem").first().waitFor()
        expect(await traces(page), hash).toEqual([])
        expect(await page.locator(".problem", { hasText: /^\s*Error/ }).allTextContents(), hash).toEqual([])
      }
      expect(without(seen.complaints, MISSING)).toEqual([])
    })
  })

  it("made at random are shown as they are", async () => {
    const parts = fc.constantFrom(
      "<",
      ">",
      '"',
      "'",
      "&",
      "/",
      "\\",
      "?",
      "#",
      "%",
      ";",
      " ",
      "\u202e",
      "\u200b",
      "`",
      "{{",
      "}}",
      "$" + "{",
      "]]>",
      "<!--",
      "<svg onload=window.ran=1>",
      "onerror=",
      "javascript:",
      "&lt;",
      "constructor",
      "__proto__",
      "é",
      "🎧",
      ".",
      "..",
      "=",
      ":"
    )
    const names = fc.uniqueArray(
      fc
        .array(fc.oneof(parts, fc.string({ maxLength: 5 })), { minLength: 1, maxLength: 8 })
        .map((some) =>
          some
            .join("")
            .replace(/\p{Cc}/gu, "")
            .toWellFormed()
        )
        .filter((name) => name.length > 0 && name.length < 190 && ![".", "..", "__proto__", "result"].includes(name)),
      { minLength: 4, maxLength: 4 }
    )
    await fc.assert(
      fc.asyncProperty(names, fc.string({ unit: "grapheme", maxLength: 60 }), async (four, text) => {
        const [id, step, input, output] = four as [string, string, string, string]
        const pipeline = Pipeline.make(id, [
          Task.make(step, {
            description: text,
            input: { [input]: Schema.String },
            output: { [output]: Schema.String },
            run: (_, { log }) => {
              log(`${id} ${step}`, { [input]: output })
              throw new Error(`${output} ${step}`)
            }
          })
        ])
        const levada = Levada.make({ pipelines: [pipeline], access: Access.open })
        const server = await NodeServer.serve(levada, { port: 0, host: "127.0.0.1" })
        const seen = await visit(browser, server.url)
        const { page, context } = seen
        try {
          const runId = await levada.start(pipeline, { [input]: `${input} ${text}` } as never)
          for await (const _ of levada.watch(runId)) {
            // The last event ends it.
          }
          // The API hides what looks like a path of this machine in a message.
          const { steps, error } = await ask<{
            steps: ReadonlyArray<{ name: string }>
            error: { cause: { message: string } }
          }>(server.url, `/runs/${runId}`)
          await page.getByRole("link", { name: runId }).click()
          await page.locator(".failure").waitFor()
          expect(await texts(page, "h1 bdi")).toEqual([id])
          expect(await texts(page, "table.steps tbody bdi")).toEqual(steps.map(({ name }) => name))
          expect((await texts(page, ".failure .message")).join("\n")).toContain(error.cause.message)
          await page.getByRole("link", { name: "Log", exact: true }).click()
          await page.locator(".log .line").waitFor()
          expect((await texts(page, ".log .line .text"))[0]).toContain(`${id} ${step}`)
          await page.getByRole("link", { name: /^Values/ }).click()
          await page.locator("ul.values button.opener").first().click()
          await page.locator("pre.json").waitFor()
          expect(await texts(page, "pre.json")).toEqual([JSON.stringify(`${input} ${text}`)])
          // A name may have no visible sign, which nobody can click.
          await turn(page, (await page.locator("h1 a").getAttribute("href"))!)
          await page.locator("section.graph").waitFor()
          expect(await texts(page, "h1 bdi")).toEqual([id])
          await page.getByRole("link", { name: "Start a run" }).click()
          await page.locator("form label bdi").first().waitFor({ state: "attached" })
          expect(await texts(page, "form label bdi")).toContain(input)
          await expectUnharmed(seen)
        } finally {
          await context.close()
          await server.close()
        }
      }),
      // Shrinking would wait for each text that does not appear.
      { numRuns: 8, endOnFailure: true }
    )
  })
})
