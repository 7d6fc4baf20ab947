/** The dashboard in `examples/` with a Prometheus that scrapes a server: every panel shows data. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { freePort, isThere } from "../redis/server.ts"
import { ask, execute, type Json, newName, post, start, until } from "./harness/Client.ts"
import { type Launched, launch } from "./harness/launch.ts"

const hasPrometheus = isThere("prometheus")

const dashboard: Json = JSON.parse(await readFile(join(import.meta.dirname, "../../examples/grafana.json"), "utf8"))
const panels: ReadonlyArray<Json> = dashboard.panels.filter(({ type }: Json) => type !== "row")

/** Fills in variables as Grafana does. */
const filled = (expr: string): string =>
  expr.replaceAll("$__rate_interval", "10s").replaceAll("$__range", "1m").replaceAll("$pipeline", ".*")

if (!hasPrometheus && process.env["CI"] !== undefined)
  throw new Error("There is no prometheus to test the dashboard with")

describe.skipIf(!hasPrometheus)("the Grafana dashboard", () => {
  let folder: string
  let server: Launched
  let prometheus: ChildProcess
  const api = { url: "" }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "levada-prometheus-"))
    server = await launch("node", "node")
    const port = await freePort()
    api.url = `http://127.0.0.1:${port}`
    const target = new URL(server.url).host
    await writeFile(
      join(folder, "prometheus.yml"),
      `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: levada\n    static_configs: [{ targets: ["${target}"] }]\n`
    )
    const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`]
    prometheus = spawn("prometheus", [...flags, `--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" })
    await until("Prometheus", async () => (await fetch(`${api.url}/-/ready`).catch(() => undefined))?.ok || undefined)
  }, 30_000)

  afterAll(async () => {
    prometheus?.kill("SIGKILL")
    await server?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test("has panels that do not overlap, and all of them use the chosen data source", () => {
    const taken = new Set<string>()
    for (const { title, gridPos, datasource, targets } of panels) {
      expect([datasource.uid, targets.length > 0], title).toEqual([`\${datasource}`, true])
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`), `${title} at ${x},${y}`).toBe(false)
          taken.add(`${x},${y}`)
        }
      }
    }
  })

  test("shows data in every panel", { timeout: 60_000 }, async () => {
    const gate = newName()
    await start(server, "held", { gate })
    const asked = async (expr: string): Promise<ReadonlyArray<Json>> => {
      const query = new URLSearchParams({ query: filled(expr) })
      const answer = (await (await fetch(`${api.url}/api/v1/query?${query}`)).json()) as Json
      expect(answer.status, `${expr}: ${answer.error}`).toBe("success")
      return answer.data.result
    }
    const wanting = new Set(panels.flatMap(({ targets }) => targets.map(({ expr }: Json) => expr as string)))
    for (let round = 0; wanting.size > 0 && round < 40; round++) {
      await execute(server, "my_pipeline", { data: "x" })
      await post(server, "/pipelines/flaky/execute", { parameters: { gate: newName() }, wait: true })
      for (const expr of wanting) {
        const found = await asked(expr)
        // A ratio of two zeros is not a number.
        if (found.length > 0 && found.every(({ value }) => value[1] !== "NaN" || found.length > 1)) wanting.delete(expr)
      }
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    expect([...wanting]).toEqual([])
    const [failing] = await asked(
      panels.find(({ title }) => title === "Share of runs that fail").targets[0].expr.replace("$pipeline", "flaky")
    )
    expect(Number(failing.value[1])).toBe(1)
    const unfinished = panels.find(({ title }) => title === "Runs that are not over").targets[0].expr
    // Prometheus may have asked last while another run was under way: then the next answer counts.
    await vi.waitUntil(async () => Number((await asked(unfinished))[0]?.value[1]) === 1, {
      timeout: 20_000,
      interval: 200
    })
    await execute(server, "open_gate", { gate })
    expect((await ask(server, "GET", "/health")).status).toBe(200)
  })
})
