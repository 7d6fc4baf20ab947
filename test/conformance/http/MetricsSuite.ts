/** Figures about a server: Prometheus metrics, statistics and health. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { expect, test } from "vitest"
import { HIDDEN } from "../../fixtures/pipelines.ts"
import {
  ask,
  execute,
  expectRecent,
  get,
  INSTANT,
  type Json,
  keysOf,
  newName,
  pathOf,
  register,
  resultOf,
  type Server,
  start
} from "../../http/harness/Client.ts"

/** Samples by name and labels, in Prometheus' order. */
export type Samples = ReadonlyMap<string, number>

/** Reads the metrics; fails on any complaint of promtool. */
export const scrape = async (
  server: Server,
  headers: Readonly<Record<string, string>> = {}
): Promise<{ readonly samples: Samples; readonly text: string }> => {
  const { status, headers: found, text } = await ask(server, "GET", "/metrics", { headers })
  expect([status, found.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"])
  const checked = promisify(execFile)("promtool", ["check", "metrics"])
  checked.child.stdin!.end(text)
  const { stdout, stderr } = await checked.catch((error: { stdout: string; stderr: string }) => error)
  expect(`${stdout}${stderr}`).toBe("")
  const samples = new Map<string, number>()
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue
    const space = line.lastIndexOf(" ")
    expect(samples.has(line.slice(0, space)), line).toBe(false)
    samples.set(line.slice(0, space), Number(line.slice(space + 1)))
  }
  return { samples, text }
}

const statistics = async (server: Server, pipeline: string): Promise<Json> => {
  const { status, json } = await get(server, `/pipelines/${pipeline}/statistics`)
  expect(status).toBe(200)
  return json
}

export const metricsSuite = (server: Server): void => {
  test("metrics count the runs made since", async () => {
    const pipeline = await register(server, ["process"])
    await execute(server, pipeline, { data: "x" })
    const { samples: before } = await scrape(server)
    const of = (samples: Samples, name: string, labels: string): number => samples.get(`${name}{${labels}}`)!
    for (let at = 0; at < 3; at++) await execute(server, pipeline, { data: "x" })
    const { samples } = await scrape(server)
    const grown = (name: string, labels: string): number => of(samples, name, labels) - of(before, name, labels)
    expect(grown("levada_runs_total", `pipeline="${pipeline}",outcome="completed"`)).toBe(3)
    expect(of(samples, "levada_runs_total", `pipeline="${pipeline}",outcome="failed"`)).toBe(0)
    expect(grown("levada_steps_total", `pipeline="${pipeline}",step="process",outcome="completed"`)).toBe(3)
    expect(grown("levada_run_duration_seconds_count", `pipeline="${pipeline}"`)).toBe(3)
    expect(grown("levada_run_duration_seconds_bucket", `pipeline="${pipeline}",le="+Inf"`)).toBe(3)
    expect(grown("levada_step_duration_seconds_count", `pipeline="${pipeline}",step="process"`)).toBe(3)
    // By route, not by path or run.
    const execution = `method="POST",route="/pipelines/{pipeline_id}/execute"`
    expect(grown("levada_http_requests_total", `${execution},status="200"`)).toBeGreaterThanOrEqual(3)
    expect(grown("levada_http_request_duration_seconds_count", execution)).toBeGreaterThanOrEqual(3)
    expect(samples.get("levada_store_up")).toBe(1)
    expect(samples.get("levada_workers")).toBeGreaterThanOrEqual(1)
    expect(of(samples, "levada_queue_depth", `pipeline="${pipeline}"`)).toBe(0)
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(10_000_000)
  })

  test("names chosen by clients create no series", async () => {
    await scrape(server)
    for (let at = 0; at < 5; at++) {
      await get(server, `/nowhere/${newName()}`)
      await get(server, `/runs/${newName()}`)
      await ask(server, "PATCH", `/runs/${newName()}`)
    }
    const once = (await scrape(server)).samples.size
    for (let at = 0; at < 20; at++) {
      await get(server, `/nowhere/${newName()}`)
      await get(server, `/runs/${newName()}`)
      await ask(server, "PATCH", `/runs/${newName()}`)
    }
    const { samples, text } = await scrape(server)
    expect(samples.size).toBe(once)
    expect(samples.get(`levada_http_requests_total{method="GET",route="none",status="404"}`)).toBeGreaterThanOrEqual(25)
    for (const [name] of samples) expect(name).not.toMatch(/route="[^"]*(?:nowhere|fresh)|task_id="/)
    expect(text).not.toContain("PATCH")
  })

  test("a name can't break out of its label", async () => {
    const { json: pipelines } = await get(server, "/pipelines")
    const { pipeline_id: id } = pipelines.find((row: Json) => row.pipeline_id.startsWith('we"ird'))
    const parameters = { 'in "put" \\': "x" }
    expect((await execute(server, id, parameters)).status).toBe(200)
    const { text } = await scrape(server)
    expect(text).toContain(`pipeline="${id.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`)
  })

  test("statistics describe runs step by step", async () => {
    const pipeline = await register(server, ["process"])
    expect(await statistics(server, pipeline)).toMatchObject({
      pipeline_id: pipeline,
      completed: 0,
      success_rate: null,
      p50_ms: null,
      steps: [],
      slowest_step: null
    })
    for (let at = 0; at < 4; at++) await execute(server, pipeline, { data: "x" })
    const found = await statistics(server, pipeline)
    expect(found).toMatchObject({ completed: 4, failed: 0, cancelled: 0, success_rate: 1, failures: [] })
    expect(found.steps).toMatchObject([{ step_name: "process", completed: 4, retried: 0, skipped: 0, memoised: 0 }])
    expect(found.since).toMatch(INSTANT)
    expectRecent(found.until)
    expect(found.p95_ms).toBeGreaterThanOrEqual(found.p50_ms)
    expect(found.max_ms).toBeGreaterThanOrEqual(found.p50_ms)
  })

  test("statistics say why runs failed, without secrets from their errors", async () => {
    const before = await statistics(server, "failing")
    await resultOf(server, await start(server, "failing", { how: "path" }))
    const found = await statistics(server, "failing")
    expect(found.failed).toBe(before.failed + 1)
    expect(found.most_failing_step).toBe("fail")
    expect(found.failures.length).toBeGreaterThan(0)
    for (const { error, message, count } of found.failures) {
      expect([typeof error, typeof message]).toEqual(["string", "string"])
      expect(count).toBeGreaterThan(0)
      for (const hidden of HIDDEN) expect(message).not.toContain(hidden)
    }
  })

  test.for(["0", "-1", "86401", "x", ""])("a window of '%s' is refused", async (window) => {
    const answer = await get(server, `/pipelines/my_pipeline/statistics?window=${window}`)
    expect([answer.status, answer.json.error]).toEqual([400, "QueryInvalidError"])
    expect(answer.json.details).toEqual([{ path: "window", message: "Expected a number of seconds from 1 to 86400" }])
  })

  test("a series has the finished runs of a pipeline over time, and of all", async () => {
    const pipeline = await register(server, ["process"])
    const path = `/pipelines/${pipeline}/statistics/series`
    const sum = ({ points }: Json, outcome: string): number =>
      points.reduce((total: number, point: Json) => total + point[outcome], 0)
    const empty = await get(server, path)
    expect([empty.status, keysOf(empty.json), sum(empty.json, "completed")]).toEqual([
      200,
      ["points", "since", "until"],
      0
    ])
    const before = (await get(server, "/statistics/series?minutes=60&points=60")).json
    for (let at = 0; at < 3; at++) await execute(server, pipeline, { data: "x" })
    const { json } = await get(server, path)
    expect([sum(json, "completed"), sum(json, "failed"), sum(json, "cancelled")]).toEqual([3, 0, 0])
    expectRecent(json.until)
    expect(json.since).toMatch(INSTANT)
    expect(json.points.length).toBeLessThanOrEqual(60)
    expect(Date.parse(json.points[0].at)).toBeLessThanOrEqual(Date.parse(json.since))
    for (const [at, point] of json.points.entries()) {
      expect(keysOf(point)).toEqual(["at", "cancelled", "completed", "failed", "p50_ms", "p95_ms"])
      expect(Date.parse(point.at) % 60_000).toBe(0)
      expect(point.p50_ms === null).toBe(point.completed === 0)
      if (point.completed > 0) expect(point.p95_ms).toBeGreaterThanOrEqual(point.p50_ms)
      if (at > 0) expect(Date.parse(point.at) - Date.parse(json.points[at - 1].at)).toBe(60_000)
    }
    const after = (await get(server, "/statistics/series?minutes=60&points=60")).json
    expect(sum(after, "completed")).toBeGreaterThanOrEqual(sum(before, "completed") + 3)
    const day = (await get(server, `${path}?minutes=1440&points=288`)).json
    expect(sum(day, "completed")).toBe(3)
    const one = (await get(server, `${path}?minutes=60&points=1`)).json
    expect([one.points.length, sum(one, "completed")]).toEqual([1, 3])
    expect((await get(server, `${pathOf(newName())}/statistics/series`)).status).toBe(404)
  })

  test.for([
    ["minutes", "0"],
    ["minutes", "1441"],
    ["minutes", "1.5"],
    ["minutes", "x"],
    ["points", "0"],
    ["points", "-1"],
    ["points", "289"],
    ["points", ""]
  ] as const)("a series of %s=%s is refused", async ([name, value]) => {
    for (const path of ["/pipelines/my_pipeline/statistics/series", "/statistics/series"]) {
      const answer = await get(server, `${path}?${name}=${value}`)
      expect([answer.status, answer.json.error]).toEqual([400, "QueryInvalidError"])
      const most = name === "minutes" ? 1_440 : 288
      expect(answer.json.details).toEqual([{ path: name, message: `Expected a whole number from 1 to ${most}` }])
    }
  })

  test("health says whether the process lives, and whether it is ready, and for what", async () => {
    const { status, json } = await get(server, "/health/live")
    expect([status, json.status]).toEqual([200, "alive"])
    const ready = await get(server, "/health/ready")
    expect(ready.status).toBe(200)
    expect(ready.json).toMatchObject({
      status: "ready",
      workers: expect.any(Number),
      steps_waiting: expect.any(Number),
      steps_running: expect.any(Number),
      runs_unfinished: expect.any(Number),
      oldest_waiting_ms: expect.any(Number),
      abandoned: expect.any(Array),
      overdue_schedules: expect.any(Array)
    })
    expect(ready.json.workers).toBeGreaterThanOrEqual(1)
    expectRecent(ready.json.timestamp)
  })
}
