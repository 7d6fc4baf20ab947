/** What a server says of itself in numbers: metrics that Prometheus reads, statistics and health. */
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
  register,
  resultOf,
  type Server,
  start,
  unused
} from "../../http/harness/Client.ts"

/** Samples by name and labels, in the order in which Prometheus writes these. */
export type Samples = ReadonlyMap<string, number>

/** Reads metrics; what promtool objects to, fails. */
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

export const measuring = (server: Server): void => {
  test("metrics count what was run since", async () => {
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
    // By route, and neither by path nor by run.
    const execution = `method="POST",route="/pipelines/{pipeline_id}/execute"`
    expect(grown("levada_http_requests_total", `${execution},status="200"`)).toBeGreaterThanOrEqual(3)
    expect(grown("levada_http_request_duration_seconds_count", execution)).toBeGreaterThanOrEqual(3)
    expect(samples.get("levada_store_up")).toBe(1)
    expect(samples.get("levada_workers")).toBeGreaterThanOrEqual(1)
    expect(of(samples, "levada_queue_depth", `pipeline="${pipeline}"`)).toBe(0)
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(10_000_000)
  })

  test("what anybody makes up makes no series of its own", async () => {
    await scrape(server)
    for (let at = 0; at < 5; at++) {
      await get(server, `/nowhere/${unused()}`)
      await get(server, `/runs/${unused()}`)
      await ask(server, "PATCH", `/runs/${unused()}`)
    }
    const once = (await scrape(server)).samples.size
    for (let at = 0; at < 20; at++) {
      await get(server, `/nowhere/${unused()}`)
      await get(server, `/runs/${unused()}`)
      await ask(server, "PATCH", `/runs/${unused()}`)
    }
    const { samples, text } = await scrape(server)
    expect(samples.size).toBe(once)
    expect(samples.get(`levada_http_requests_total{method="GET",route="none",status="404"}`)).toBeGreaterThanOrEqual(25)
    for (const [name] of samples) expect(name).not.toMatch(/route="[^"]*(?:nowhere|fresh)|task_id="/)
    expect(text).not.toContain("PATCH")
  })

  test("a name that could break out of its label does not", async () => {
    const { json: pipelines } = await get(server, "/pipelines")
    const { pipeline_id: id } = pipelines.find((row: Json) => row.pipeline_id.startsWith('we"ird'))
    const parameters = { 'in "put" \\': "x" }
    expect((await execute(server, id, parameters)).status).toBe(200)
    const { text } = await scrape(server)
    expect(text).toContain(`pipeline="${id.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`)
  })

  test("statistics say how runs went, step by step", async () => {
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

  test("they say why runs failed, without what errors have in them that is nobody's business", async () => {
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
