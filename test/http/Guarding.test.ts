/** What the document and the metrics tell whom, where people have to say who they are. */
import { afterAll, describe, expect, test } from "vitest"
import { NodeServer } from "../../adapters/node/index.ts"
import { Levada } from "../../adapters/promise/index.ts"
import { scrape } from "../conformance/http/MetricsSuite.ts"
import { choices, KEYS } from "../fixtures/access.ts"
import { flaky, guide } from "../fixtures/pipelines.ts"
import { ask } from "./harness/Client.ts"

const closing: Array<() => Promise<void>> = []
afterAll(() => Promise.all(closing.map((close) => close())))

const serve = async (more: { readonly guardDocs?: boolean; readonly guardMetrics?: boolean }) => {
  const levada = Levada.make({ pipelines: [guide, flaky], ...choices.secured(), ...more })
  const serving = await NodeServer.serve(levada, { port: 0 })
  closing.push(serving.close)
  for (let at = 0; at < 3; at++) await levada.execute(guide, { data: "x" })
  await levada.execute(guide, { data: "x" })
  return serving
}

const key = (name: keyof typeof KEYS) => ({ "x-api-key": KEYS[name] })

describe("metrics", () => {
  test("are for everybody, and name pipelines to whoever may read them", async () => {
    const server = await serve({})
    const named = (text: string) => [...new Set(Array.from(text.matchAll(/pipeline="([^"]*)"/g), ([, name]) => name))]
    const anybody = await scrape(server)
    expect(named(anybody.text)).toEqual(["other"])
    expect(anybody.text).not.toContain("my_pipeline")
    expect(anybody.text).not.toContain('step="process"')
    expect(anybody.samples.get('levada_runs_total{pipeline="other",outcome="completed"}')).toBe(4)
    expect(named((await scrape(server, key("viewer"))).text)).toEqual(["other"])
    const other = await scrape(server, key("other"))
    expect(named(other.text)).toEqual(["my_pipeline"])
    expect(other.samples.get('levada_runs_total{pipeline="my_pipeline",outcome="completed"}')).toBe(4)
    // Nor does it help to show what nobody has.
    for (const headers of [{ "x-api-key": "nobody has this" }, { authorization: "Bearer x.y.z" }, key("executes")]) {
      expect(named((await scrape(server, headers)).text)).toEqual(["other"])
    }
  })

  test("are for those who may read, where the program says so", async () => {
    const server = await serve({ guardMetrics: true })
    expect((await ask(server, "GET", "/metrics")).status).toBe(401)
    expect((await ask(server, "GET", "/metrics", { headers: key("executes") })).status).toBe(403)
    expect((await scrape(server, key("other"))).text).toContain('pipeline="my_pipeline"')
    expect((await ask(server, "GET", "/docs")).status).toBe(200)
    expect((await ask(server, "GET", "/health/ready")).status).toBe(200)
  })
})

test("so are the document and its pages", async () => {
  const server = await serve({ guardDocs: true })
  for (const path of [
    "/openapi.json",
    "/docs",
    "/docs/start.js",
    "/redoc",
    "/redoc/start.js",
    "/api/v1/openapi.json"
  ]) {
    expect([path, (await ask(server, "GET", path)).status]).toEqual([path, 401])
    expect([path, (await ask(server, "GET", path, { headers: key("executes") })).status]).toEqual([path, 403])
    expect([path, (await ask(server, "GET", path, { headers: key("reads") })).status]).toEqual([path, 200])
  }
  const { json } = await ask(server, "GET", "/openapi.json", { headers: key("reads") })
  expect(json.paths["/openapi.json"].get.description).toBe("Needs the permission 'read'.")
  expect(json.paths["/openapi.json"].get.responses["401"]).toBeDefined()
  expect(json.paths["/metrics"].get.description).toBe("For everybody.")
})
