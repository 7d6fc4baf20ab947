/** How the dashboard looks and is used: by axe's rules, in colours, by keyboard alone, on a phone, with less motion. */
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import type { AxeResults } from "axe-core"
import type { Browser, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { Parameters as Given } from "../../adapters/promise/index.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { withoutStatuses } from "./harness/Api.ts"
import { HOSTILE, HOSTILE_INPUT } from "./harness/DemoPipelines.ts"
import * as Demo from "./harness/DemoServer.ts"
import { visit } from "./harness/Visit.ts"

const SCHEMES = ["light", "dark"] as const
const WIDE = { width: 1280, height: 800 }
const PHONE = { width: 390, height: 844 }
const STATES = ["completed", "failed", "running", "pending", "cancelled", "skipped"] as const

describe.skipIf(!hasBrowser)("the looks", { timeout: 120_000 }, () => {
  let browser: Browser
  let demo: Demo.Demo
  let axe: string
  const runs: Record<string, string> = {}
  beforeAll(async () => {
    browser = await openBrowser()
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
    demo = await Demo.make({ secured: true })
    const over = async (name: string, id: string, parameters: object): Promise<void> => {
      runs[name] = await demo.start(id, parameters)
      await Demo.ended(demo, runs[name])
    }
    await over("failed", "broken_report", { table: "orders" })
    await over("items", "kind_map", { count: 60 })
    await over("branch", "kind_branch", { amount: 250 })
    await over("nested", "kind_nested", { url: "https://example.org" })
    await over("long", HOSTILE.word, { [HOSTILE_INPUT]: "x" })
    await over("completed", "orders", { day: "2026-01-01", count: 3, outcome: "completed", millis: 0 })
    runs["cancelled"] = await demo.start("slow_import", { rows: 10, millis: 0, gate: "never" })
    await demo.levada.cancel(runs["cancelled"], "no longer needed")
    runs["running"] = await demo.start("slow_import", { rows: 10, millis: 0, gate: "looks" })
    runs["pending"] = await demo.start("slow_import", { rows: 10, millis: 0 }, { delayMillis: 86_400_000 })
    await demo.levada.addSchedule({
      id: "orders:often",
      pipelineId: "my_pipeline",
      timing: { everyMillis: 900_000 },
      given: Given.fromValues({ data: "x" })
    })
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  afterEach(async () => {
    // A caller has only so many streams at once.
    for (const context of browser.contexts()) await context.close()
  })

  const signIn = async (page: Page, key: string = Demo.DEMO_KEYS.admin): Promise<void> => {
    await page.locator('input[type="password"]').fill(key)
    await page.keyboard.press("Enter")
    await page.getByRole("link", { name: "Audit" }).waitFor()
  }

  /** A page of an admin. */
  const open = async (hash: string, options: Parameters<typeof visit>[2] = {}) => {
    const opened = await visit(browser, demo.url, { hash, ...options })
    await signIn(opened.page)
    // The first request had no credentials.
    return { ...opened, complaints: () => withoutStatuses(opened.complaints, 401) }
  }

  const faults = async (page: Page): Promise<ReadonlyArray<string>> => {
    await page.evaluate(axe)
    const { violations } = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as AxeResults
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) =>
        nodes.slice(0, 5).map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`)
      )
  }

  const VIEWS: ReadonlyArray<readonly [name: string, hash: () => string, act: (page: Page) => Promise<unknown>]> = [
    ["the list of runs", () => "#/runs", (page) => page.locator("table.runs").waitFor()],
    [
      "the list with all filters and selected runs",
      () => "#/runs?status=FAILED,RUNNING,CANCELLED",
      async (page) => {
        await page.getByRole("button", { name: "More filters" }).click()
        await page.locator("table.runs tbody input").first().check()
        await page.keyboard.press("j")
      }
    ],
    ["an empty list", () => "#/runs?pipeline_id=absent", (page) => page.getByText("No run matches").waitFor()],
    ["a failed run", () => `#/runs/${runs["failed"]}?step=render`, (page) => page.locator("table.attempts").waitFor()],
    [
      "a running run",
      () => `#/runs/${runs["running"]}?step=import`,
      (page) => page.locator("table.attempts").waitFor()
    ],
    ["a run with items", () => `#/runs/${runs["items"]}?step=shrink`, (page) => page.locator("table.items").waitFor()],
    ["a run with long names", () => `#/runs/${runs["long"]}`, (page) => page.locator("table.steps").waitFor()],
    [
      "the graph of a run",
      () => `#/runs/${runs["nested"]}?tab=graph`,
      (page) => page.locator(".node").first().waitFor()
    ],
    ["the log of a run", () => `#/runs/${runs["failed"]}?tab=log`, (page) => page.locator(".line").first().waitFor()],
    [
      "the values of a run",
      () => `#/runs/${runs["completed"]}?tab=values`,
      async (page) => {
        await page.getByRole("button", { name: "invoice", exact: true }).click()
        await page.locator("pre.json").waitFor()
      }
    ],
    ["no such run", () => "#/runs/absent", (page) => page.getByText("There is no such run").waitFor()],
    [
      "the retry dialog",
      () => `#/runs/${runs["failed"]}`,
      async (page) => {
        await page.getByRole("button", { name: "Retry from the failure…" }).click()
        await page.locator(".planned li").first().waitFor()
      }
    ],
    [
      "the keys",
      () => "#/runs",
      async (page) => {
        await page.locator("table.runs").waitFor()
        await page.keyboard.press("?")
        await page.getByRole("dialog", { name: "Keys" }).waitFor()
      }
    ],
    ["the list of pipelines", () => "#/pipelines", (page) => page.locator("main table").first().waitFor()],
    ["a pipeline", () => "#/pipelines/kind_branch", (page) => page.locator(".node").first().waitFor()],
    [
      "a pipeline with long names",
      () => `#/pipelines/${HOSTILE.word}`,
      (page) => page.locator(".node").first().waitFor()
    ],
    ["the form of a run", () => "#/pipelines/orders?tab=run", (page) => page.getByRole("form").waitFor()],
    ["statistics", () => "#/pipelines/orders?tab=statistics", (page) => page.locator("main svg").first().waitFor()],
    [
      "the schedules of a pipeline",
      () => "#/pipelines/my_pipeline?tab=schedules",
      (page) => page.getByText("orders:often").waitFor()
    ],
    [
      "the runs of a pipeline",
      () => "#/pipelines/slow_import?tab=runs",
      (page) => page.locator("table.runs").waitFor()
    ],
    ["all schedules", () => "#/schedules", (page) => page.getByText("orders:often").waitFor()],
    ["the overview", () => "#/overview", (page) => page.locator("main h2").first().waitFor()],
    ["the audit log", () => "#/audit", (page) => page.getByRole("table", { name: "Records" }).waitFor()]
  ]

  it.each(VIEWS)(
    "axe finds nothing serious in %s, light and dark, wide and on a phone, which scrolls only down",
    async (_, hash, act) => {
      const { page, complaints } = await open(hash())
      await act(page)
      for (const size of [WIDE, PHONE]) {
        await page.setViewportSize(size)
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme })
          expect([colorScheme, size.width, await faults(page)]).toEqual([colorScheme, size.width, []])
        }
        const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
        expect([size.width, widths[0]! <= widths[1]!, widths]).toEqual([size.width, true, widths])
      }
      expect(withoutStatuses(complaints(), 404)).toEqual([])
    }
  )

  it("axe finds nothing serious where credentials are asked for", async () => {
    const { page } = await visit(browser, demo.url, { viewport: PHONE })
    await page.getByRole("dialog", { name: "Sign in" }).waitFor()
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      expect(await faults(page)).toEqual([])
    }
  })

  // -- states and colours ------------------------------------------------------------------------------------------------

  it("each state has an icon and a word, not only a colour", async () => {
    const { page, complaints } = await open("#/runs")
    await page.locator("table.runs tbody tr").first().waitFor()
    const seen = new Map<string, Set<string>>()
    const look = async (): Promise<void> => {
      const found = await page.locator(".status").evaluateAll((all) =>
        all.map((one) => ({
          word: one.firstElementChild!.nextSibling!.textContent!,
          path: one.querySelector("svg path")!.getAttribute("d")!,
          width: one.querySelector("svg")!.getBoundingClientRect().width,
          state: one.classList[1]!
        }))
      )
      for (const { word, path, width, state } of found) {
        expect([word.toUpperCase(), width]).toEqual([state, 14])
        seen.set(state, (seen.get(state) ?? new Set()).add(path))
      }
    }
    await look()
    await page.goto(`${demo.url}/dashboard#/runs/${runs["branch"]}`)
    await page.locator(".status.SKIPPED").waitFor()
    await look()
    expect([...seen.keys()].toSorted()).toEqual(STATES.map((state) => state.toUpperCase()).toSorted())
    const icons = [...seen.values()].map((paths) => [...paths])
    expect(icons.every(({ length }) => length === 1)).toBe(true)
    expect(new Set(icons.flat()).size).toBe(STATES.length)
    // In the graph, signs and words.
    await page.goto(`${demo.url}/dashboard#/runs/${runs["branch"]}?tab=graph`)
    await page.locator(".node.SKIPPED").waitFor()
    expect(await page.locator(".node.SKIPPED .detail").textContent()).toBe("↷ skipped")
    expect(await page.locator(".node.COMPLETED .detail").first().textContent()).toContain("✓ completed")
    expect(complaints()).toEqual([])
  })

  it("colours of states differ without red or green light, and are read on every ground", async () => {
    for (const colorScheme of SCHEMES) {
      const { page } = await open("#/runs", { colorScheme })
      const names = [
        ...STATES,
        "ink",
        "faint",
        "accent",
        "focus",
        "on-accent",
        "ground",
        "sheet",
        "raised",
        "failed-ground"
      ]
      const colours = await page.evaluate((all) => {
        const probe = document.body.appendChild(document.createElement("i"))
        const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!
        return Object.fromEntries(
          all.map((name) => {
            probe.style.color = `var(--${name})`
            pixel.fillStyle = getComputedStyle(probe).color
            pixel.fillRect(0, 0, 1, 1)
            return [name, [...pixel.getImageData(0, 0, 1, 1).data.slice(0, 3)]]
          })
        )
      }, names)
      const of = (name: string): Colour => colours[name] as unknown as Colour
      const grounds = ["ground", "sheet", "raised", "failed-ground"]
      const faint = [...STATES, "ink", "faint", "accent"].flatMap((name) =>
        grounds.filter((ground) => contrast(of(name), of(ground)) < 4.5).map((ground) => `${name} on ${ground}`)
      )
      expect([colorScheme, faint]).toEqual([colorScheme, []])
      expect(contrast(of("on-accent"), of("accent"))).toBeGreaterThanOrEqual(4.5)
      for (const ground of ["ground", "sheet", "raised"]) {
        expect(contrast(of("focus"), of(ground))).toBeGreaterThanOrEqual(3)
      }
      const alike = Object.entries(VISIONS).flatMap(([vision, { matrix, least }]) =>
        STATES.flatMap((one, at) =>
          STATES.slice(at + 1)
            .filter((other) => distance(seenWith(matrix, of(one)), seenWith(matrix, of(other))) < least)
            .map((other) => `${vision}: ${one} and ${other}`)
        )
      )
      expect([colorScheme, alike]).toEqual([colorScheme, []])
    }
  })

  it("the theme that the user chooses stays, in all tabs", async () => {
    const { page, context } = await open("#/runs", { colorScheme: "light" })
    const ground = (of: Page) => of.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await ground(page)
    const other = await visit(browser, demo.url, { of: context })
    await page.getByRole("button", { name: "Use the dark theme" }).click()
    await expect.poll(() => ground(page)).not.toBe(light)
    await expect.poll(() => ground(other.page)).toBe(await ground(page))
    await page.reload()
    await expect.poll(() => ground(page)).not.toBe(light)
  })

  it("nothing moves for users who want less motion", async () => {
    const moving = (page: Page): Promise<number> =>
      page.evaluate(() => document.getAnimations().filter((one) => Number(one.effect!.getTiming().duration) > 0).length)
    const calm = await open(`#/runs/${runs["running"]}`, { reducedMotion: "reduce" })
    await calm.page.locator(".status.RUNNING").first().waitFor()
    await calm.page.getByRole("button", { name: "import" }).click()
    await calm.page.locator("table.attempts").waitFor()
    expect(await moving(calm.page)).toBe(0)
    const other = await open(`#/runs/${runs["running"]}`, { reducedMotion: "no-preference" })
    await expect.poll(() => moving(other.page)).toBeGreaterThan(0)
    expect([...calm.complaints(), ...other.complaints()]).toEqual([])
  })

  // -- the keyboard ------------------------------------------------------------------------------------------------------

  /** What has the focus, and whether it can be seen there. */
  const focused = (page: Page) =>
    page.evaluate(() => {
      const element = document.activeElement!
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      const shape = element.querySelector("rect, polygon")
      const isInGraph = element instanceof SVGElement && shape !== null
      return {
        name: element.getAttribute("aria-label") ?? element.textContent!.trim(),
        tag: element.tagName.toLowerCase(),
        isVisible: isInGraph
          ? Number.parseFloat(getComputedStyle(shape).strokeWidth) >= 3
          : outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2
      }
    })

  /** Presses Tab until this has the focus. Everything on the way shows its focus. */
  const tabTo = async (page: Page, name: string | RegExp): Promise<void> => {
    const passed: Array<string> = []
    for (let presses = 0; presses < 80; presses++) {
      await page.keyboard.press("Tab")
      const at = await focused(page)
      // After the last element the browser's own controls have their turn.
      if (at.tag === "body") continue
      expect(at).toMatchObject({ isVisible: true })
      passed.push(at.name)
      if (typeof name === "string" ? at.name === name : name.test(at.name)) return
    }
    expect(passed).toContain(name)
  }

  it("is enough to go from the list to a failed run, its failure, a retry, and back", async () => {
    const { page, complaints } = await open("#/runs?pipeline_id=broken_report")
    const current = page.locator("table.runs tr.current")
    await page.locator("table.runs tbody tr").first().waitFor()
    await page.keyboard.press("j")
    await expect.poll(() => current.count()).toBe(1)
    expect(await current.textContent()).toContain("Failed")
    await page.keyboard.press("Enter")
    await page.getByRole("region", { name: "Step render failed" }).waitFor()
    // From the beginning of the view, not of the page.
    await expect.poll(async () => (await focused(page)).tag).toBe("main")
    await tabTo(page, "Retry from the failure…")
    await page.keyboard.press("Enter")
    const dialog = page.getByRole("dialog", { name: "Retry the run" })
    await dialog.locator(".planned li").first().waitFor()
    await tabTo(page, "Retry")
    expect(await page.evaluate(() => document.activeElement!.closest("dialog") !== null)).toBe(true)
    await page.keyboard.press("Escape")
    await expect.poll(() => dialog.count()).toBe(0)
    await expect.poll(() => focused(page)).toMatchObject({ name: "Retry from the failure…", isVisible: true })
    await tabTo(page, "Attempts of the step")
    await page.keyboard.press("Enter")
    await page.locator("table.attempts").waitFor()
    await tabTo(page, "Log of the step")
    await page.keyboard.press("Enter")
    await page.getByRole("log").waitFor()
    await page.keyboard.press("Escape")
    await page.locator("table.runs").waitFor()
    expect(new URL(page.url()).hash).toBe("#/runs")
    expect(complaints()).toEqual([])
  })

  it("is enough to sign in, to pass the navigation, and to use every field of a run's form", async () => {
    const { page } = await visit(browser, demo.url, { hash: "#/pipelines/slow_import?tab=run" })
    const dialog = page.getByRole("dialog", { name: "Sign in" })
    await dialog.waitFor()
    // It asks until it has an answer.
    for (let times = 0; times < 3; times++) await page.keyboard.press("Escape")
    await dialog.waitFor()
    await page.locator('input[type="password"]').focus()
    await page.keyboard.type(Demo.DEMO_KEYS.admin)
    await page.keyboard.press("Enter")
    await page.getByRole("form", { name: "Start a run" }).waitFor()
    await page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await tabTo(page, "Skip to the content")
    await page.keyboard.press("Enter")
    await expect.poll(async () => (await focused(page)).tag).toBe("main")
    await tabTo(page, /Start a run$/)
  })

  it("moves, selects and opens rows; finds, loads, explains and changes views", async () => {
    const { page, complaints } = await open("#/runs")
    const rows = page.locator("table.runs tbody tr")
    await rows.first().waitFor()
    const currentAt = () => rows.evaluateAll((all) => all.findIndex((row) => row.classList.contains("current")))
    for (const [key, at] of [
      ["j", 0],
      ["j", 1],
      ["j", 2],
      ["k", 1]
    ] as const) {
      await page.keyboard.press(key)
      await expect.poll(currentAt).toBe(at)
    }
    await page.keyboard.press("x")
    await expect.poll(() => rows.nth(1).getByRole("checkbox").isChecked()).toBe(true)
    await page.keyboard.press("x")
    await expect.poll(() => rows.nth(1).getByRole("checkbox").isChecked()).toBe(false)

    await page.keyboard.press("/")
    expect((await focused(page)).tag).toBe("input")
    // While the user types, keys are texts.
    await page.keyboard.type("jx?r1")
    expect(await page.getByRole("searchbox").or(page.locator(".search input")).first().inputValue()).toBe("jx?r1")
    expect(await page.getByRole("dialog").count()).toBe(0)
    for (let sign = 0; sign < 5; sign++) await page.keyboard.press("Backspace")
    await page.keyboard.press("Escape")
    expect((await focused(page)).tag).not.toBe("input")
    await expect.poll(() => rows.count()).toBe(9)

    const again = page.waitForRequest(/\/runs\?/)
    await page.keyboard.press("r")
    await again

    await page.keyboard.press("?")
    const help = page.getByRole("dialog", { name: "Keys" })
    await help.waitFor()
    await page.keyboard.press("2")
    expect(new URL(page.url()).hash).toBe("#/runs")
    await page.keyboard.press("Escape")
    await expect.poll(() => help.count()).toBe(0)
    for (const [key, hash] of [
      ["2", "#/pipelines"],
      ["3", "#/schedules"],
      ["4", "#/overview"],
      ["5", "#/audit"],
      ["1", "#/runs"]
    ]) {
      await page.keyboard.press(key!)
      await expect.poll(() => new URL(page.url()).hash).toBe(hash)
    }
    await rows.first().waitFor()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect.poll(() => page.url()).toMatch(/#\/runs\/[0-9a-z]+$/)
    expect(complaints()).toEqual([])
  })

  it("a dialog gives the focus back to what opened it, however it is closed", async () => {
    const { page } = await open(`#/runs/${runs["running"]}`)
    const opener = page.getByRole("button", { name: "Cancel…" })
    const dialog = page.getByRole("dialog", { name: "Cancel the run" })
    const ways: ReadonlyArray<() => Promise<void>> = [
      () => page.keyboard.press("Escape"),
      () => dialog.getByRole("button", { name: "Close" }).click(),
      () => page.mouse.click(5, 5)
    ]
    for (const close of ways) {
      await opener.focus()
      await page.keyboard.press("Enter")
      await dialog.waitFor()
      await close()
      await expect.poll(() => dialog.count()).toBe(0)
      await expect.poll(() => opener.evaluate((button) => button === document.activeElement)).toBe(true)
    }
  })

  it("a view begins at its top", async () => {
    const { page } = await open("#/pipelines", { viewport: { width: 1280, height: 300 } })
    await page.locator("main table").first().waitFor()
    const link = page.getByRole("link", { name: "slow_import", exact: true })
    await link.scrollIntoViewIfNeeded()
    await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(0)
    await link.click()
    await page.locator(".node").first().waitFor()
    await expect.poll(() => page.evaluate(() => scrollY)).toBe(0)
  })
})

// -- colours --------------------------------------------------------------------------------------------------------------

/** Red, green and blue from 0 to 255. */
type Colour = readonly [number, number, number]
type Matrix = readonly [Colour, Colour, Colour]

/**
 * How colours are seen without one kind of cones, for linear light, and how far apart the states' colours must then be.
 * Source: Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009.
 */
const VISIONS: Readonly<Record<string, { readonly matrix: Matrix; readonly least: number }>> = {
  "all cones": {
    matrix: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1]
    ],
    least: 18
  },
  protanopia: {
    matrix: [
      [0.152286, 1.052583, -0.204868],
      [0.114503, 0.786281, 0.099216],
      [-0.003882, -0.048116, 1.051998]
    ],
    least: 14
  },
  deuteranopia: {
    matrix: [
      [0.367322, 0.860646, -0.227968],
      [0.280085, 0.672501, 0.047413],
      [-0.01182, 0.04294, 0.968881]
    ],
    least: 14
  },
  tritanopia: {
    matrix: [
      [1.255528, -0.076749, -0.178779],
      [-0.078411, 0.930809, 0.147602],
      [0.004733, 0.691367, 0.3039]
    ],
    least: 10
  }
}

const linear = (colour: Colour): Colour =>
  colour.map((byte) => {
    const part = byte / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }) as unknown as Colour

const dot = (row: Colour, [x, y, z]: Colour): number => row[0] * x + row[1] * y + row[2] * z

/** The linear light that a colour looks like. */
const seenWith = (matrix: Matrix, colour: Colour): Colour =>
  matrix.map((row) => Math.min(1, Math.max(0, dot(row, linear(colour))))) as unknown as Colour

/** The contrast of WCAG 2, from 1 to 21. */
const contrast = (one: Colour, other: Colour): number => {
  const [light = 0, dark = 0] = [one, other]
    .map((colour) => dot([0.2126, 0.7152, 0.0722], linear(colour)))
    .toSorted((left, right) => right - left)
  return (light + 0.05) / (dark + 0.05)
}

/** The distance in CIELAB (CIE76); about 2 can just be seen. */
const distance = (one: Colour, other: Colour): number => {
  const [left, right] = [lab(one), lab(other)]
  return Math.hypot(left[0] - right[0], left[1] - right[1], left[2] - right[2])
}

const lab = (light: Colour): Colour => {
  const root = (part: number): number => (part > 0.008856 ? Math.cbrt(part) : 7.787 * part + 16 / 116)
  const x = root(dot([0.4124, 0.3576, 0.1805], light) / 0.95047)
  const y = root(dot([0.2126, 0.7152, 0.0722], light))
  const z = root(dot([0.0193, 0.1192, 0.9505], light) / 1.08883)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}
