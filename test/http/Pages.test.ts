/** The documentation's pages in a real browser, which can reach only the server. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { serve } from "../../examples/pages/serve.ts"
import { expectValid } from "../conformance/http/OpenApiSuite.ts"
import { KEYS } from "../fixtures/access.ts"
import { graph, held, hostile, openGate, pipelines } from "../fixtures/pipelines.ts"
import { hasBrowser, openBrowser, openPage } from "./harness/Browser.ts"
import { type Json, newName, until } from "./harness/Client.ts"
import { type Launched, launch } from "./harness/launch.ts"

describe.skipIf(!hasBrowser)("in a browser", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  describe.each([
    ["Node", "node", "node", ""],
    ["a mounted fetch handler", "bun", "fetch", "/api/v1"]
  ] as const)("%s", (_, runtime, script, prefix) => {
    let server: Launched
    beforeAll(async () => {
      server = await launch(runtime, script)
    })
    afterAll(() => server?.close())

    test(`/docs lists the API and can call it, below '${prefix}'`, async () => {
      const { page, complaints } = await openPage(browser, new URL(server.url).origin)
      await page.goto(`${server.url}${prefix}/docs`)
      await page.locator("#docs .info .title").waitFor()
      const operation = page.locator("#operations-execute-execute_my_pipeline")
      await operation.locator(".opblock-summary-control").click()
      await operation.locator("textarea.body-param__text").fill('{"parameters": {"data": "abc"}, "wait": true}')
      await operation.locator("button.execute").click()
      const answer = operation.locator(".live-responses-table .response-col_description .highlight-code").first()
      await answer.waitFor()
      const shown = await answer.textContent()
      expect(shown).toContain('"COMPLETED"')
      expect(shown).toContain('"ABC"')
      expect(
        await operation.locator(".live-responses-table .response .response-col_status").first().textContent()
      ).toContain("200")
      expect(complaints).toEqual([])
      await page.context().close()
    })

    test(`/visualize shows a browser the picture, below '${prefix}'`, async () => {
      const { page, complaints } = await openPage(browser, new URL(server.url).origin)
      for (const { id } of [graph, hostile]) {
        await page.goto(`${server.url}${prefix}/pipelines/${encodeURIComponent(id)}/visualize`)
        expect(await page.locator("h1").textContent()).toBe(id)
        // Its style is in force.
        expect(await page.locator(".levada-dag .ground").evaluate((ground) => getComputedStyle(ground).fill)).toBe(
          "rgb(255, 255, 255)"
        )
        await page.getByRole("link", { name: "SVG", exact: true }).click()
        await page.locator("svg.levada-dag").waitFor()
        expect(await page.locator(".ground").evaluate((ground) => getComputedStyle(ground).fill)).toBe(
          "rgb(255, 255, 255)"
        )
      }
      expect(complaints).toEqual([])
      await page.context().close()
    })

    // The same files as for /docs, from the same route.
    test.runIf(script === "node")("/redoc lists the API, and finds it by search", async () => {
      const { page, complaints } = await openPage(browser, new URL(server.url).origin)
      await page.goto(`${server.url}/redoc`)
      await page.locator("#redoc h1").first().waitFor()
      expect(await page.locator("#redoc").textContent()).toContain("Starts a run of 'my_pipeline'.")
      await page.locator('[role="search"] input').fill("audit log")
      await page.locator('[data-role="search:results"] li').first().waitFor()
      expect(complaints).toEqual([])
      await page.context().close()
    })
  })
})

describe.skipIf(!hasBrowser)("a program's own pages", () => {
  const levada = Levada.make({ pipelines, access: Access.open, worker: { graceMillis: 0 } })
  let serving: Awaited<ReturnType<typeof serve>>
  let browser: Browser
  beforeAll(async () => {
    serving = await serve(levada, { port: 0 })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await serving?.close()
  })

  test("the React component polls a running pipeline until it is over", async () => {
    const gate = newName()
    const { page, complaints } = await openPage(browser, serving.url)
    await page.clock.install()
    await page.goto(`${serving.url}/status.html?pipeline=held`)
    const shows = async (...texts: ReadonlyArray<string>) => {
      for (const text of texts) await page.getByText(text, { exact: true }).waitFor()
    }
    await shows("Pipeline: held", "Status: IDLE", "Progress: 0 / 3")
    const runId = await levada.start(held, { gate })
    await until("the second step", async () =>
      (await levada.run(runId)).steps.filter(({ status }) => status === "RUNNING").length === 1 ? true : undefined
    )
    // It has not polled again yet.
    await shows("Status: IDLE")
    await page.clock.runFor(5_000)
    await shows("Status: RUNNING", "Progress: 1 / 3")
    await levada.execute(openGate, { gate })
    await levada.result(held, runId)
    await page.clock.runFor(5_000)
    await shows("Status: COMPLETED", "Progress: 3 / 3")
    expect(complaints).toEqual([])
  })

  test("an unknown pipeline and a lost server are reported", async () => {
    const { page } = await openPage(browser, serving.url)
    await page.goto(`${serving.url}/graph.html?pipeline=absent`)
    await page.getByText("absent").waitFor()
    await page.clock.install()
    await page.goto(`${serving.url}/status.html?pipeline=absent`)
    expect(await page.getByRole("alert").textContent()).toContain("'absent'")
    await page.route("**/status", (route) => route.abort())
    await page.clock.runFor(5_000)
    await page.getByText("The server does not answer.").waitFor()
  })

  test.for([graph, hostile])("d3-graphviz draws the graph of '$id'", async (pipeline) => {
    const { page, complaints } = await openPage(browser, serving.url)
    await page.goto(`${serving.url}/graph.html?pipeline=${encodeURIComponent(pipeline.id)}`)
    await page.locator("#root svg g.node").first().waitFor()
    const texts = await page.locator("#root svg g.node text").allTextContents()
    expect(texts.sort()).toEqual([...pipeline.dag.names].sort())
    const edges = pipeline.dag.names.flatMap((_, index) => pipeline.dag.dependents[index] ?? [])
    expect(await page.locator("#root svg g.edge").count()).toBe(edges.length)
    expect(complaints).toEqual([])
  })
})

describe.skipIf(!hasBrowser)("the client in a page", () => {
  let server: Launched
  let browser: Browser
  let bundle: string
  beforeAll(async () => {
    server = await launch("node", "node", { ACCESS: "secured" })
    browser = await openBrowser()
    const root = fileURLToPath(new URL("../../", import.meta.url))
    const options = ["--bundle", "--format=iife", "--global-name=levada", "--platform=browser"]
    const { stdout } = await promisify(execFile)(
      join(root, "node_modules/.bin/esbuild"),
      [join(root, "adapters/client/index.ts"), ...options],
      { maxBuffer: 10_000_000 }
    )
    bundle = stdout
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  test("runs pipelines and receives events, with a key", async () => {
    const { page, complaints } = await openPage(browser, server.url)
    await page.route(`${server.url}/page.html`, (route) =>
      route.fulfill({ contentType: "text/html", body: `<!doctype html><script>${bundle}</script>` })
    )
    await page.goto(`${server.url}/page.html`)
    const { result, types, failure } = await page.evaluate(async (apiKey) => {
      const { Client } = (globalThis as unknown as { levada: typeof import("../../adapters/client/index.ts") }).levada
      // The page's own origin.
      const client = Client.make({ url: "/", apiKey })
      const result = await client.execute("my_pipeline", { data: "in a page" })
      const types: Array<string> = []
      const taskId = await client.start("my_pipeline", { data: "x" })
      for await (const { type } of client.events(taskId)) types.push(type)
      const failure = await client.execute("audio_analysis_v1", { path: "x" }).catch((error) => `${error}`)
      return { result, types, failure }
    }, KEYS.other)
    expect(result).toEqual({ processed: "IN A PAGE" })
    expect(types).toEqual(["PipelineStartEvent", "StepStartEvent", "StepCompleteEvent", "PipelineCompleteEvent"])
    expect(failure).toMatch(/^ClientError: .* does not have the permission/)
    expect(complaints.filter((complaint) => !complaint.includes("403"))).toEqual([])
  })
})

describe("on a secured server", () => {
  let server: Launched
  beforeAll(async () => {
    server = await launch("node", "node", { ACCESS: "secured" })
  })
  afterAll(() => server?.close())

  const documentFor = async (headers: Readonly<Record<string, string>>): Promise<Json> => {
    const response = await fetch(`${server.url}/openapi.json`, { headers })
    expect(response.status).toBe(200)
    return response.json()
  }
  const described = (document: Json): ReadonlyArray<string> =>
    Object.keys(document.paths).flatMap((path) => /^\/pipelines\/([^{/]+)\/execute$/.exec(path)?.[1] ?? [])

  test("the document describes authentication, and lists only pipelines that the reader may read", async () => {
    const open = await documentFor({})
    await expectValid(open)
    expect(described(open)).toEqual([])
    expect(open.security).toEqual([{ apiKey: [] }, { bearer: [] }])
    expect(open.paths["/health"].get.security).toEqual([])
    expect(JSON.stringify(open)).not.toContain("my_pipeline")
    expect(described(await documentFor({ "x-api-key": "nobody has this" }))).toEqual([])
    expect(described(await documentFor({ "x-api-key": KEYS.viewer }))).not.toContain("my_pipeline")
    expect(described(await documentFor({ "x-api-key": KEYS.other }))).toEqual(["my_pipeline"])
    expect(described(await documentFor({ "x-api-key": KEYS.owner }))).toEqual(
      expect.arrayContaining(["my_pipeline", "audio_analysis_v1"])
    )
  })

  test.skipIf(!hasBrowser)("/docs accepts a key, and then calls what the key permits", async () => {
    const browser = await openBrowser()
    try {
      const { page, complaints } = await openPage(browser, server.url)
      await page.goto(`${server.url}/docs`)
      const list = page.locator("#operations-pipelines-getPipelines")
      await list.locator(".opblock-summary-control").click()
      await list.locator("button.execute").click()
      const status = list.locator(".live-responses-table .response .response-col_status").first()
      await status.waitFor()
      expect(await status.textContent()).toContain("401")
      await page.locator(".auth-wrapper button.authorize").first().click()
      await page.locator("#api_key_value").fill(KEYS.other)
      await page.locator(".auth-btn-wrapper button.authorize").first().click()
      await page.locator("button.btn-done").first().click()
      await list.locator("button.execute").click()
      await until("the answer", async () => ((await status.textContent())?.includes("200") ? true : undefined))
      expect(await list.locator(".live-responses-table").textContent()).toContain("my_pipeline")
      expect(complaints.filter((complaint) => !complaint.includes("401"))).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
