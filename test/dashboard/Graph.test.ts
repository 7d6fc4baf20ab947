/** The graph: of every shape, size and kind of step, coloured live, moved by keys, without the layout library. */
import * as Schema from "effect/Schema"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Layout, neighbourhood } from "../../adapters/dashboard/page/graph/Layout.ts"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { read, runOf, withoutStatuses } from "./harness/Api.ts"
import { chainOf, fanOf, layersOf } from "./harness/DemoPipelines.ts"
import * as Demo from "./harness/DemoServer.ts"
import { visit } from "./harness/Visit.ts"

/** 600 steps in layers of ten, each of which needs two of the layer above; one fails. */
const weak = Pipeline.make(
  "weak_layers",
  Array.from({ length: 600 }, (_, at) => {
    const above = at < 10 ? [] : [at - 10, at - 10 - (at % 10) + ((at + 3) % 10)]
    return Task.make(`step_${at}` as string, {
      input: Object.fromEntries(above.map((from) => [`v${from}`, Schema.Number])),
      output: { [`v${at}`]: Schema.Number },
      run: () => {
        if (at === 305) throw new Error("305 fails")
        return { [`v${at}`]: at } as never
      }
    })
  })
)

describe.skipIf(!hasBrowser)("the graph", { timeout: 60_000 }, () => {
  let browser: Browser
  let demo: Demo.Demo
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await Demo.make({
      pipelines: () => [
        ...[5, 50].flatMap((size) => [chainOf(size), fanOf(size), layersOf(size)]),
        chainOf(5_001),
        weak
      ]
    })
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  const ofPipeline = (id: string) => visit(browser, demo.url, { hash: `#/pipelines/${id}` })
  const ofRun = (runId: string) => visit(browser, demo.url, { hash: `#/runs/${runId}?tab=graph` })
  const nodes = (page: Page) => page.locator(".paper .node")
  const layoutOf = (id: string) => read<Layout>(demo, `/pipelines/${id}/dag/layout`)
  const finished = async (id: string, parameters: object, options: object = {}): Promise<string> => {
    const runId = await demo.start(id, parameters, options)
    await Demo.ended(demo, runId)
    return runId
  }
  /** The part of the graph that is in view. */
  const view = async (page: Page): Promise<ReadonlyArray<number>> =>
    (await page.locator(".paper svg").getAttribute("viewBox"))!.split(" ").map(Number)

  it.each(["chain", "fan", "layers"].flatMap((shape) => [5, 50, 300, 5_000].map((size) => [shape, size] as const)))(
    "of shape %s and %i steps opens, and has in the page only what is in view",
    async (shape, size) => {
      const id = `graph_${shape}_${size}`
      const { page, complaints, context } = await ofPipeline(id)
      await expect.poll(() => nodes(page).count()).toBeGreaterThan(0)
      expect(await page.locator(".paper").getAttribute("aria-label")).toContain(`Graph of ${size} nodes`)
      const layout = await layoutOf(id)
      // The first answer to its size decides what is in view.
      await expect
        .poll(async () => {
          const [x = 0, y = 0, width = 0, height = 0] = await view(page)
          const names = layout.nodes
            .filter(
              (node) =>
                node.x <= x + width && node.x + node.width >= x && node.y <= y + height && node.y + node.height >= y
            )
            .map(({ name }) => name)
          const shown = (await nodes(page).locator("title").allTextContents()).map((title) => title.split(",")[0])
          return JSON.stringify(shown) === JSON.stringify(names)
        })
        .toBe(true)
      expect(await nodes(page).count()).toBeLessThan(size < 5_000 ? size + 1 : size)
      expect(complaints).toEqual([])
      await context.close()
    }
  )

  it("of more than 500 nodes opens with the failed steps and two hops around them, and shows all when asked", async () => {
    const runId = await finished("weak_layers", {}, { onFailure: "continue" })
    const { steps } = await runOf(demo, runId)
    const failed = new Set(steps.filter(({ status }) => status === "FAILED").map(({ name }) => name))
    expect([...failed]).toEqual(["step_305"])
    const near = neighbourhood(await layoutOf("weak_layers"), ({ name }) => failed.has(name), 2)
    const { page, complaints } = await ofRun(runId)
    await page.getByText(`Shows failed and running steps and their neighbours: ${near.size} of 600`).waitFor()
    await expect.poll(() => nodes(page).count()).toBe(near.size)
    expect(await page.locator(".node.FAILED title").textContent()).toContain("step_305, ✗ failed")
    // The failed one is to be seen, at a size that can be read.
    await expect.poll(() => page.locator(".node.FAILED .label").isVisible()).toBe(true)
    expect(await page.locator(".node.FAILED").boundingBox()).toMatchObject({ width: expect.any(Number) })
    await page.getByRole("button", { name: "Show all" }).click()
    await expect.poll(() => nodes(page).count()).toBeGreaterThan(near.size)
    expect(complaints).toEqual([])
  })

  it.each([
    ["kind_map", ["task", "map"], []],
    ["kind_filter", ["filter"], []],
    ["kind_reduce", ["reduce"], []],
    ["kind_branch", ["branch", "task", "task", "task"], []],
    ["kind_group", ["task", "task", "task", "task"], ["facts"]],
    ["kind_nested", ["task", "task", "task", "task", "task", "task"], ["kind_group", "facts"]],
    ["kind_chain", ["map", "task"], []]
  ])("of %s shows the kinds of its steps", async (id, kinds, boxes) => {
    const { page, complaints, context } = await ofPipeline(id)
    await expect.poll(() => nodes(page).count()).toBe(kinds.length)
    const shown = await nodes(page).evaluateAll((all) => all.map((node) => node.classList[1]))
    expect(shown).toEqual(kinds)
    for (const kind of new Set(kinds)) {
      if (kind !== "task") expect(await page.locator(`.node.${kind} .detail`).first().textContent()).toContain(kind)
    }
    // A map is drawn as a pile, a branch with six corners.
    if (shown.includes("map")) expect(await page.locator(".node.map rect").count()).toBe(2)
    if (shown.includes("branch")) {
      expect(await page.locator(".node.branch polygon").count()).toBe(1)
      expect((await page.locator(".edge text").allTextContents()).toSorted()).toEqual(["no", "yes"])
    }
    expect(await page.locator(".box text").allTextContents()).toEqual(boxes)
    expect(complaints).toEqual([])
    await context.close()
  })

  it("has the colours, signs and words of a run while it runs", async () => {
    const runId = await demo.start("slow_import", { rows: 10, millis: 0, gate: "graph" })
    const { page, complaints } = await ofRun(runId)
    const node = (name: string) =>
      nodes(page).filter({ has: page.locator("title", { hasText: new RegExp(`^${name},`) }) })
    const stroke = (name: string) =>
      node(name)
        .locator("rect")
        .evaluate((rect) => getComputedStyle(rect).stroke)
    await expect.poll(() => node("import").getAttribute("class")).toContain("RUNNING")
    expect(await node("import").locator(".detail").textContent()).toMatch(/^▶ running/)
    expect(await node("index").getAttribute("class")).toContain("PENDING")
    const running = await stroke("import")
    demo.open("graph", 4)
    await expect.poll(() => node("import").locator("title").textContent()).toContain("4 of 10")
    demo.open("graph", 6)
    await expect.poll(() => node("import").getAttribute("class")).toContain("COMPLETED")
    await expect.poll(() => node("index").getAttribute("class")).toContain("COMPLETED")
    expect(await node("import").locator(".detail").textContent()).toMatch(/^✓ completed/)
    expect(await stroke("import")).not.toBe(running)
    expect(await stroke("import")).toBe(await stroke("download"))
    expect(complaints).toEqual([])
  })

  it("leads to a step by mouse and by keyboard", async () => {
    const runId = await finished("flaky_upload", { failures: 1 })
    const { page, complaints } = await ofRun(runId)
    await nodes(page).nth(1).click()
    await expect.poll(() => page.locator("tr.open").textContent()).toContain("upload")
    await page.goBack()
    await page.locator(".paper a").first().focus()
    await page.keyboard.press("Enter")
    await expect.poll(() => page.locator("tr.open").textContent()).toContain("pack")
    expect(complaints).toEqual([])
  })

  it("draws its own layers where the server has no layout library", async () => {
    const { page, complaints } = await visit(browser, demo.url)
    await page.route(/\/dag\/layout$/, (route) =>
      route.fulfill({
        status: 501,
        contentType: "application/json",
        body: JSON.stringify({ error: "LayoutUnavailableError", message: "npm install @dagrejs/dagre" })
      })
    )
    await page.goto(`${demo.url}/dashboard#/pipelines/audio_analysis_v1`)
    await expect.poll(() => nodes(page).count()).toBe(3)
    const ys = await nodes(page).evaluateAll((all) => all.map((node) => Math.round(node.getBoundingClientRect().y)))
    expect(ys[1]).toBe(ys[2])
    expect(ys[0]).toBeLessThan(ys[1]!)
    expect(await page.getByRole("alert").count()).toBe(0)
    expect(withoutStatuses(complaints, 501)).toEqual([])
  })

  it("shows the server's message for a graph that is too large", async () => {
    const { page, complaints } = await ofPipeline("graph_chain_5001")
    await expect.poll(() => page.getByRole("alert").textContent()).toMatch(/5,?001 nodes/)
    // The rest of the view goes on.
    await page.getByRole("link", { name: "Statistics" }).click()
    await expect.poll(() => page.getByRole("alert").count()).toBe(0)
    expect(withoutStatuses(complaints, 422)).toEqual([])
  })

  it("is moved and enlarged by keys, buttons, wheel and pointer", async () => {
    const { page, complaints } = await ofPipeline("graph_layers_50")
    await expect.poll(() => nodes(page).count()).toBeGreaterThan(0)
    const paper = page.locator(".paper")
    await paper.focus()
    const fitted = await view(page)
    const moves = [
      ["ArrowRight", 0, 1],
      ["ArrowLeft", 0, -1],
      ["ArrowDown", 1, 1],
      ["ArrowUp", 1, -1],
      ["+", 2, -1],
      ["-", 2, 1]
    ] as const
    for (const [key, place, way] of moves) {
      const before = (await view(page))[place]!
      await page.keyboard.press(key)
      await expect.poll(async () => Math.sign((await view(page))[place]! - before)).toBe(way)
    }
    await page.getByRole("button", { name: "Enlarge" }).click()
    await expect.poll(async () => (await view(page))[2]).toBeLessThan(fitted[2]!)
    await page.getByRole("button", { name: "Fit all" }).click()
    await expect.poll(() => view(page)).toEqual(fitted)
    await page.getByRole("button", { name: "Shrink" }).click()
    await expect.poll(async () => (await view(page))[2]).toBeGreaterThan(fitted[2]!)
    await page.getByRole("button", { name: "Fit all" }).click()

    const { x, y, width, height } = (await paper.boundingBox())!
    await page.mouse.move(x + width / 2, y + height / 2)
    await page.keyboard.down("Control")
    await page.mouse.wheel(0, -300)
    await page.keyboard.up("Control")
    await expect.poll(async () => (await view(page))[2]).toBeLessThan(fitted[2]!)
    const before = await view(page)
    await page.mouse.down()
    await page.mouse.move(x + width / 2 + 50, y + height / 2 + 30)
    await page.mouse.up()
    await expect.poll(async () => (await view(page))[0]! < before[0]! && (await view(page))[1]! < before[1]!).toBe(true)
    expect(complaints).toEqual([])
  })
})
