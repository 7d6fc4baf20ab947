/** Pictures as the programs read them that they are for: browsers, librsvg, Mermaid, Cytoscape. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import cytoscape from "cytoscape"
import * as fc from "fast-check"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Dagre } from "../../adapters/dagre/index.ts"
import { Ascii, Cytoscape, Layout, Mermaid, type Pipeline, type Run, Svg } from "../../core/index.ts"
import * as Picture from "../../core/render/Picture.ts"
import { shown } from "../../core/render/Words.ts"
import { drawn, runOf } from "../../docs/pictures/drawn.ts"
import { NASTY } from "../core/render/Names.ts"
import { pipelineOf, pipelines as random } from "../core/render/RandomPictures.ts"
import { pipelines as fixtures } from "../fixtures/pipelines.ts"
import { hasBrowser, openBrowser } from "./harness/Browser.ts"

const STATUSES = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED", "CANCELLED"] as const

/** A run with each status in turn. */
const someRun = ({ id, dag, version }: Pipeline.Any): Run.Run =>
  ({
    id: "r",
    pipelineId: id,
    version,
    status: "RUNNING",
    steps: dag.names.map((name, at) => ({
      name,
      status: STATUSES[at % STATUSES.length],
      attempts: at,
      startedAtMillis: 0,
      completedAtMillis: at * 1_000,
      itemsFailed: at % 3,
      progress: { done: at, total: at + 1 }
    }))
  }) as unknown as Run.Run

/** Pipelines with every kind of name, each without and with a run. */
const subjects: ReadonlyArray<readonly [Pipeline.Any, Run.Run | undefined]> = [
  ...fixtures,
  ...Object.values(drawn).map(({ pipeline }) => pipeline),
  pipelineOf(
    NASTY,
    NASTY.map((_, at) => (at % 4 === 0 ? [] : [at - 1]))
  ),
  ...fc.sample(random, { numRuns: 30, seed: 16 })
].flatMap((pipeline) => [
  [pipeline, undefined],
  [pipeline, someRun(pipeline)]
])

/** The text as HTML shows it: runs of spaces are one, and signs without a width are left out. */
const collapsed = (text: string): string =>
  shown(text)
    .replace(/[\u200b\u2060\ufeff]/gu, "")
    .replace(/\s+/gu, " ")
    .trim()

const svgs = (): ReadonlyArray<string> =>
  subjects.map(([pipeline, run], at) =>
    Svg.toSvg(pipeline, run, Layout.make(pipeline, at % 4 < 2 ? Dagre.engine : Layout.LAYERS))
  )

describe.runIf(hasBrowser)("in Chromium", () => {
  let browser: Browser
  let page: Page
  const complaints: Array<string> = []
  beforeAll(async () => {
    browser = await openBrowser()
    page = await browser.newPage()
    page.on("pageerror", (error) => complaints.push(String(error)))
    page.on("dialog", (dialog) => {
      complaints.push(dialog.message())
      void dialog.dismiss()
    })
    await page.route("http*://**", (route) => {
      complaints.push(route.request().url())
      return route.abort()
    })
  }, 30_000)
  afterAll(() => browser?.close())

  test("an SVG document is well-formed and has all steps, whatever their names", { timeout: 60_000 }, async () => {
    const read = await page.evaluate(
      (texts) =>
        texts.map((text) => {
          const document = new DOMParser().parseFromString(text, "image/svg+xml")
          return {
            error: document.querySelector("parsererror")?.textContent ?? "",
            title: document.querySelector("title")?.textContent ?? "",
            steps: Array.from(document.querySelectorAll("[data-step]"), (step) => ({
              name: step.getAttribute("data-step"),
              title: step.querySelector("title")?.textContent ?? "",
              status: step.getAttribute("class"),
              label: step.querySelector("text")?.textContent ?? ""
            })),
            heads: document.querySelectorAll(".head").length,
            strange: Array.from(document.querySelectorAll("*"), ({ localName }) => localName).filter(
              (name) => !["svg", "title", "style", "rect", "g", "path", "text", "polygon"].includes(name)
            )
          }
        }),
      svgs() as Array<string>
    )
    for (const [at, [pipeline, run]] of subjects.entries()) {
      const picture = Picture.of(pipeline, run)
      const { error, title, steps, heads, strange } = read[at]!
      expect([error, title, strange]).toEqual(["", shown(pipeline.id), []])
      expect(steps.map(({ name }) => name)).toEqual(pipeline.dag.names.map(shown))
      expect(steps.map(({ status }) => status)).toEqual(picture.nodes.map(({ state }) => state?.status ?? null))
      for (const [node, { title, label }] of steps.entries()) {
        expect(title.startsWith(shown(pipeline.dag.names[node]!))).toBe(true)
        if (!label.endsWith("…")) expect(label).toBe(shown(picture.nodes[node]!.label))
      }
      expect(heads).toBe(picture.edges.length)
    }
  })

  test("texts stay inside their nodes", { timeout: 60_000 }, async () => {
    const wide = await page.evaluate(
      (texts) => {
        const found: Array<string> = []
        for (const text of texts) {
          document.body.innerHTML = text
          for (const step of document.querySelectorAll("[data-step]")) {
            const shape = step.querySelector(".shape")!.getBoundingClientRect()
            for (const line of step.querySelectorAll("text")) {
              const { width, top, bottom } = line.getBoundingClientRect()
              if (width === 0) continue
              if (width > shape.width + 1 || top < shape.top - 1 || bottom > shape.bottom + 1) {
                found.push(`${line.textContent} is ${width} wide in ${shape.width}`)
              }
            }
          }
        }
        document.body.innerHTML = ""
        return found
      },
      svgs() as Array<string>
    )
    expect(wide).toEqual([])
  })

  test("a picture is light or dark as its reader prefers", async () => {
    const colours: Array<string> = []
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setContent(svgs()[1]!)
      colours.push(await page.evaluate(() => getComputedStyle(document.querySelector(".ground")!).fill))
    }
    expect(colours).toEqual(["rgb(255, 255, 255)", "rgb(17, 17, 19)"])
  })

  test("Mermaid reads every flowchart, and shows the names", { timeout: 120_000 }, async () => {
    await page.setContent("<body></body>")
    await page.addScriptTag({ path: fileURLToPath(import.meta.resolve("mermaid/dist/mermaid.min.js")) })
    const read = await page.evaluate(
      async (texts) => {
        const { mermaid } = globalThis as unknown as {
          mermaid: {
            initialize: (options: object) => void
            parse: (text: string) => Promise<{ diagramType: string }>
            render: (id: string, text: string) => Promise<{ svg: string }>
          }
        }
        mermaid.initialize({ startOnLoad: false, securityLevel: "strict" })
        const found: Array<{ readonly error: string; readonly labels: ReadonlyArray<string>; readonly edges: number }> =
          []
        for (const [at, text] of texts.entries()) {
          try {
            const { diagramType } = await mermaid.parse(text)
            const { svg } = await mermaid.render(`m${at}`, text)
            const document = new DOMParser().parseFromString(svg, "text/html")
            const nodes = Array.from(document.querySelectorAll(".node"), (node) => ({
              at: Number(/-n(\d+)-/.exec(node.id)?.[1]),
              label: node.querySelector("p, .nodeLabel")?.innerHTML ?? ""
            }))
            const decoded = (html: string): string => {
              const first = document.createElement("div")
              first.innerHTML = html.split(/<br\s*\/?>/)[0]!
              return first.textContent ?? ""
            }
            found.push({
              error: diagramType.startsWith("flowchart") ? "" : diagramType,
              labels: nodes.sort((one, other) => one.at - other.at).map(({ label }) => decoded(label)),
              edges: document.querySelectorAll(".edgePaths path").length
            })
          } catch (error) {
            found.push({ error: String(error), labels: [], edges: 0 })
          }
        }
        return found
      },
      subjects.map(([pipeline, run]) => Mermaid.toMermaid(pipeline, run))
    )
    for (const [at, [pipeline, run]] of subjects.entries()) {
      const { nodes, edges } = Picture.of(pipeline, run)
      const text = Mermaid.toMermaid(pipeline, run)
      expect(read[at]!.error, text).toBe("")
      expect(read[at]!.labels.map(collapsed), text).toEqual(nodes.map(({ label }) => collapsed(label)))
      expect(read[at]!.edges, text).toBe(edges.length)
    }
  })

  test("no picture runs a script, asks for anything or fails", () => {
    expect(complaints).toEqual([])
  })
})

const hasRsvg = spawnSync("rsvg-convert", ["--version"]).error === undefined
if (!hasRsvg && process.env["CI"] === undefined) console.warn("There is no rsvg-convert: apt-get install librsvg2-bin")

describe.runIf(hasRsvg || process.env["CI"] !== undefined)("by librsvg", () => {
  test("an SVG document becomes a PNG of its size, without a complaint", { timeout: 120_000 }, () => {
    for (const [at, svg] of svgs().entries()) {
      if (at % 3 !== 0) continue
      const { status, stdout, stderr } = spawnSync("rsvg-convert", [], { input: svg })
      expect([status, stderr.toString()], svg).toEqual([0, ""])
      const [width, height] = [stdout.readUInt32BE(16), stdout.readUInt32BE(20)]
      const [, wanted, high] = /width="([\d.]+)" height="([\d.]+)"/.exec(svg)!
      expect([width, height]).toEqual([Math.ceil(Number(wanted)), Math.ceil(Number(high))])
    }
  })
})

describe("by Cytoscape", () => {
  test("elements are a graph with all names, edges, boxes and places", () => {
    for (const [pipeline, run] of subjects) {
      const layout = Layout.make(pipeline)
      // As over HTTP.
      const { elements } = JSON.parse(JSON.stringify(Cytoscape.toCytoscape(pipeline, run, layout)))
      const graph = cytoscape({ headless: true, elements, layout: { name: "preset" } })
      const picture = Picture.of(pipeline, run)
      const steps = graph.nodes().filter((node) => node.id().startsWith("n"))
      expect(steps.map((node) => node.data("name"))).toEqual(picture.nodes.map(({ name }) => name))
      expect(steps.map((node) => node.data("status"))).toEqual(picture.nodes.map(({ state }) => state?.status))
      expect(graph.edges().map((edge) => [edge.source().id(), edge.target().id()])).toEqual(
        picture.edges.map(({ from, to }) => [`n${from}`, `n${to}`])
      )
      for (const [at, node] of picture.nodes.entries()) {
        const parent = graph.$id(`n${at}`).parent()
        expect(parent.map((box) => box.data("name"))).toEqual(node.box === -1 ? [] : [picture.boxes[node.box]!.name])
        const { x, y, width, height } = layout.nodes[at]!
        expect(graph.$id(`n${at}`).position()).toEqual({ x: x + width / 2, y: y + height / 2 })
      }
      graph.destroy()
    }
  })
})

describe("text for a terminal", () => {
  test("has every name", () => {
    for (const [pipeline, run] of subjects) {
      const text = Ascii.toAscii(pipeline, run)
      for (const name of pipeline.dag.names) expect(text).toContain(shown(name))
    }
  })

  test("has one row for each step, after the rows of the steps that it needs", () => {
    fc.assert(
      fc.property(random, ({ dag }) => {
        const names = dag.names.map((_, at) => `step_${at}.`)
        const rows = Ascii.toAscii(pipelineOf(names, dag.dependencies)).split("\n")
        const rowOf = names.map((name) => rows.findIndex((row) => row.includes(name)))
        expect(rows.filter((row) => row.includes("step_")).length).toBe(names.length)
        for (const [at, needs] of dag.dependencies.entries()) {
          for (const needed of needs) expect(rowOf[at]).toBeGreaterThan(rowOf[needed]!)
        }
      })
    )
  })

  test("draws lanes as version control does", () => {
    expect(Ascii.toAscii(drawn["nested"]!.pipeline)).toBe(`* fetch
|-+
* | facts.clean
|-|-+
* | | facts.measure.0.length
| | * facts.measure.1.language
+-|-'
* | facts.measure
| * title
+-'
* write
`)
    expect(Ascii.toAscii(drawn["run"]!.pipeline, runOf(drawn["run"]!))).toContain(
      "| | * facts.measure.1.language (✗ failed · attempt 3 · 30.4 s)"
    )
  })
})
