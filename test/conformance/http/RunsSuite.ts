/** Runs: listing, reading, cancelling, retrying and deleting them. */
import { expect, test } from "vitest"
import {
  ask,
  detailPaths,
  execute,
  expectRecent,
  get,
  INSTANT,
  type Json,
  keysOf,
  newName,
  post,
  register,
  resultOf,
  type Server,
  start,
  statusOf,
  until
} from "../../http/harness/Client.ts"

const ROW = [
  "completed_at",
  "duration_ms",
  "error",
  "pipeline_id",
  "reason",
  "started_at",
  "status",
  "steps_completed",
  "submitted_at",
  "task_id",
  "total_steps"
]
const DETAIL = [
  ...ROW,
  "on_failure",
  "outputs",
  "parameters",
  "priority",
  "request_id",
  "retry_of",
  "schedule",
  "start_at",
  "steps",
  "targets",
  "version"
].sort()
const STEP = [
  "arm",
  "attempts",
  "completed_at",
  "duration_ms",
  "error",
  "items_failed",
  "memoised",
  "memoised_items",
  "name",
  "progress",
  "reason",
  "retry_at",
  "started_at",
  "status"
]
const HELD_TASKS = ["arrive", "hold", "leave"]

const detailOf = async (server: Server, taskId: string): Promise<Json> => {
  const { status, json, text } = await get(server, `/runs/${taskId}`)
  expect(status, text).toBe(200)
  return json
}

const untilOver = (server: Server, taskId: string): Promise<Json> =>
  until(`the end of ${taskId}`, async () => {
    const run = await detailOf(server, taskId)
    return ["COMPLETED", "FAILED", "CANCELLED"].includes(run.status) ? run : undefined
  })

const idsOf = ({ json }: { readonly json: Json }): ReadonlyArray<string> =>
  json.runs.map((run: Json) => run.task_id as string)

export const runsSuite = (server: Server): void => {
  test("GET /runs lists runs, newest first, in rows of one shape", async () => {
    const id = await register(server, ["process"])
    const taskIds: Array<string> = []
    for (let at = 0; at < 3; at++) taskIds.unshift((await execute(server, id, { data: String(at) })).json.task_id)
    const answer = await get(server, `/runs?pipeline_id=${id}`)
    expect([answer.status, idsOf(answer), answer.json.next_cursor]).toEqual([200, taskIds, null])
    expect(keysOf(answer.json)).toEqual(["next_cursor", "runs"])
    for (const row of answer.json.runs) {
      expect(keysOf(row)).toEqual(ROW)
      expect(row).toMatchObject({
        pipeline_id: id,
        status: "COMPLETED",
        steps_completed: 1,
        total_steps: 1,
        error: null,
        reason: null
      })
      for (const key of ["submitted_at", "started_at", "completed_at"]) expectRecent(row[key])
      expect(row.duration_ms).toBe(Date.parse(row.completed_at) - Date.parse(row.started_at))
    }
    expect(idsOf(await get(server, "/runs?limit=1"))).toHaveLength(1)
  })

  test("GET /runs pages with its cursor, and filters by pipeline, status and time", async () => {
    const id = await register(server, ["begin", "fail"])
    const other = await register(server, ["process"])
    const taskIds: Array<string> = []
    for (let at = 0; at < 5; at++) taskIds.unshift((await execute(server, id, { how: "text" })).json.task_id)
    await execute(server, other, { data: "x" })
    const found: Array<string> = []
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Json = await get(server, `/runs?pipeline_id=${id}&limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`)
      expect(page.json.runs.length).toBeLessThanOrEqual(2)
      found.push(...idsOf(page))
      cursor = page.json.next_cursor
    }
    expect(found).toEqual(taskIds)
    expect(idsOf(await get(server, `/runs?pipeline_id=${id}&status=COMPLETED`))).toEqual([])
    expect(idsOf(await get(server, `/runs?pipeline_id=${id}&status=FAILED`))).toEqual(taskIds)
    const { submitted_at: first } = await detailOf(server, taskIds.at(-1)!)
    const { submitted_at: last } = await detailOf(server, taskIds[0]!)
    const later = new Date(Date.parse(last) + 1).toISOString()
    expect(idsOf(await get(server, `/runs?pipeline_id=${id}&since=${first}&until=${later}`))).toEqual(taskIds)
    expect(idsOf(await get(server, `/runs?pipeline_id=${id}&since=${later}`))).toEqual([])
    expect(idsOf(await get(server, `/runs?pipeline_id=${id}&until=${first}`))).toEqual([])
    expect(idsOf(await get(server, "/runs?pipeline_id=absent"))).toEqual([])
  })

  test("GET /runs filters by several statuses, duration, failed step and error text", async () => {
    const id = await register(server, ["begin", "fail"])
    const failed = (await execute(server, id, { how: "text" })).json.task_id
    const quick = (await execute(server, "slow", { millis: 1 })).json.task_id
    const slow = (await execute(server, "slow", { millis: 120 })).json.task_id
    const gate = newName()
    const flaky = (await execute(server, "flaky", { gate })).json.task_id
    const found = async (query: string): Promise<ReadonlyArray<string>> => {
      const ids = idsOf(await get(server, `/runs?limit=200&${query}`))
      return [flaky, slow, quick, failed].filter((taskId) => ids.includes(taskId))
    }
    expect(await found("status=FAILED,CANCELLED")).toEqual([flaky, failed])
    expect(await found("status=COMPLETED,FAILED")).toEqual([flaky, slow, quick, failed])
    expect(await found("status=RUNNING,PENDING")).toEqual([])
    expect(await found("min_duration_ms=100")).toEqual([slow])
    expect(await found("pipeline_id=slow&max_duration_ms=100")).toEqual([quick])
    expect(await found("pipeline_id=slow&min_duration_ms=100&max_duration_ms=100000")).toEqual([slow])
    expect(await found("failed_step=try")).toEqual([flaky])
    expect(await found("failed_step=fail")).toEqual([failed])
    expect(await found("failed_step=none")).toEqual([])
    expect(await found("error=taskFAILED")).toEqual([flaky, failed])
    expect(await found("error=NOT%20OPEN,%20says%20%E2%80%A6/gate")).toEqual([flaky])
    expect(await found("status=COMPLETED&error=TaskFailed")).toEqual([])
    const { error } = await detailOf(server, flaky)
    expect(await found(`error=${encodeURIComponent(error.message.slice(-200))}`)).toEqual([flaky])
    // A path of the host, which no answer shows, is not found either.
    expect(await found("error=/test/")).toEqual([])
  })

  test("GET /runs refuses invalid queries, and reports all problems together", async () => {
    for (const [query, paths] of [
      ["status=DONE", ["status"]],
      ["limit=0", ["limit"]],
      ["limit=201", ["limit"]],
      ["limit=two", ["limit"]],
      ["limit=1.5", ["limit"]],
      ["since=yesterday", ["since"]],
      ["until=2026-01-01", ["until"]],
      ["until=2026-13-01T00:00:00Z", ["until"]],
      ["cursor=%20", ["cursor"]],
      ["cursor=x", ["cursor"]],
      ["status=FAILED,DONE", ["status"]],
      ["status=FAILED,", ["status"]],
      ["min_duration_ms=-1", ["min_duration_ms"]],
      ["min_duration_ms=x", ["min_duration_ms"]],
      ["max_duration_ms=1e400", ["max_duration_ms"]],
      ["min_duration_ms=2&max_duration_ms=1", ["min_duration_ms"]],
      ["error=", ["error"]],
      [`error=${"x".repeat(201)}`, ["error"]],
      ["failed_step=", ["failed_step"]],
      [`failed_step=${"x".repeat(201)}`, ["failed_step"]],
      ["status=&limit=-1&since=", ["limit", "since", "status"]]
    ] as const) {
      const answer = await get(server, `/runs?${query}`)
      expect([answer.status, detailPaths(answer)], query).toEqual([400, paths])
    }
  })

  test("GET /runs/{id} has the whole run: parameters, the state of each step, result", async () => {
    const { json } = await execute(server, "winding", { number: 3 })
    const run = await detailOf(server, json.task_id)
    expect(keysOf(run)).toEqual([...DETAIL, "result"].sort())
    expect(run).toMatchObject({
      task_id: json.task_id,
      pipeline_id: "winding",
      status: "COMPLETED",
      steps_completed: 4,
      total_steps: 5,
      on_failure: "fail-fast",
      priority: 0,
      targets: null,
      request_id: expect.stringMatching(/^[\w.:-]{1,128}$/),
      retry_of: null,
      schedule: null,
      parameters: { number: 3 },
      outputs: { numbers: [0, 1, 2], squares: [0, 1, 4], word: "odd" },
      result: { squares: [0, 1, 4], word: "odd" },
      error: null
    })
    expect(run.version).toMatch(/^[0-9a-f]{16}$/)
    for (const step of run.steps) expect(keysOf(step)).toEqual(STEP)
    const steps = new Map(run.steps.map((step: Json) => [step.name, step]))
    expect(steps.get("count")).toMatchObject({ status: "COMPLETED", attempts: 1 })
    // It ends immediately: its outcome does not wait for its progress to be written.
    expect([null, { done: 1, total: 4 }]).toContainEqual((steps.get("count") as Json).progress)
    expect(steps.get("square")).toMatchObject({ status: "COMPLETED", progress: { done: 3, total: 3 } })
    expect(steps.get("parity")).toMatchObject({ status: "COMPLETED", arm: "no" })
    expect(steps.get("parity.yes.even")).toMatchObject({
      status: "SKIPPED",
      attempts: 0,
      started_at: null,
      reason: "branch 'parity' took 'no'"
    })
    for (const step of run.steps) expect(step.completed_at).toMatch(INSTANT)
  })

  test("GET /runs/{id} of a failed run says why, and hides the host", async () => {
    const gate = newName()
    const { status, json } = await execute(server, "flaky", { gate })
    expect(status).toBe(500)
    const run = await detailOf(server, json.task_id)
    expect(run.error).toEqual({
      error: "TaskFailed",
      message: "Task 'try' failed after 1 retry: not open, says …/gate.ts",
      step: "try",
      cause: {
        error: "Error",
        message: "not open, says …/gate.ts",
        stack: expect.stringMatching(/^at .*pipelines\.ts:/)
      }
    })
    expect(run.steps.map((step: Json) => [step.name, step.status, step.attempts])).toEqual([
      ["before", "COMPLETED", 1],
      ["try", "FAILED", 2],
      ["after", "SKIPPED", 0]
    ])
    expect(run.steps[1].error).toEqual(run.error)
    expect(run.steps[2].reason).toContain("the run failed")
    expect(keysOf(run)).toEqual(DETAIL)
  })

  test("GET /runs/{id}/logs has the log lines of its tasks", async () => {
    const { json } = await execute(server, "winding", { number: 2 })
    const answer = await get(server, `/runs/${json.task_id}/logs`)
    expect(answer.json).toEqual({
      task_id: json.task_id,
      lines: [
        {
          timestamp: expect.stringMatching(INSTANT),
          level: "info",
          step: "count",
          attempt: 1,
          message: "counting",
          fields: { to: 2 }
        }
      ],
      dropped: 0
    })
  })

  test("POST cancel ends a running or waiting run, once; a finished run stays unchanged", async () => {
    const id = await register(server, HELD_TASKS)
    const taskId = await start(server, id, { gate: newName() })
    await until("the second step", async () => ((await statusOf(server, id)).steps_completed === 1 ? true : undefined))
    const cancelled = await post(server, `/runs/${taskId}/cancel`, { reason: "no longer wanted" })
    expect([cancelled.status, cancelled.json]).toEqual([202, { task_id: taskId, status: "CANCELLED" }])
    const run = await detailOf(server, taskId)
    expect(run).toMatchObject({ status: "CANCELLED", reason: "no longer wanted" })
    expect(run.steps.map((step: Json) => step.status)).toEqual(["COMPLETED", "CANCELLED", "CANCELLED"])
    expect((await ask(server, "POST", `/runs/${taskId}/cancel`)).status).toBe(202)
    expect(await detailOf(server, taskId)).toEqual(run)
    const result = await get(server, `/pipelines/result/${taskId}`)
    expect(result.json).toMatchObject({ error: "PipelineCancelledError", task_id: taskId, pipeline_id: id })
    const done = await execute(server, "no_parameters", {})
    const late = await post(server, `/runs/${done.json.task_id}/cancel`, {})
    expect(late.json).toEqual({ task_id: done.json.task_id, status: "COMPLETED" })
    const delayed = await post(server, "/pipelines/no_parameters/execute", { delay: 3_600 })
    await post(server, `/runs/${delayed.json.task_id}/cancel`, {})
    expect((await detailOf(server, delayed.json.task_id)).status).toBe("CANCELLED")
  })

  test("POST cancel ends one step, and the run continues by its policy", async () => {
    const gate = newName()
    const waited = await post(server, "/pipelines/held/execute", { parameters: { gate }, on_failure: "continue" })
    const taskId = waited.json.task_id
    await until("the step", async () => {
      const { steps } = await detailOf(server, taskId)
      return steps[1].status === "RUNNING" ? true : undefined
    })
    expect((await post(server, `/runs/${taskId}/cancel`, { step: "hold", reason: "it hangs" })).status).toBe(202)
    const run = await untilOver(server, taskId)
    expect(run).toMatchObject({ status: "FAILED", error: { error: "StepCancelled", step: "hold" } })
    expect(run.steps.map((step: Json) => [step.status, step.reason])).toEqual([
      ["COMPLETED", null],
      ["CANCELLED", "it hangs"],
      ["SKIPPED", "step 'hold' was cancelled"]
    ])
    const unknown = await post(server, `/runs/${taskId}/cancel`, { step: "absent" })
    expect([unknown.status, unknown.json.error, unknown.json.step]).toEqual([400, "UnknownStepError", "absent"])
  })

  test("POST retry starts a run that keeps completed steps, and runs the rest", async () => {
    const gate = newName()
    const failed = await execute(server, "flaky", { gate })
    await execute(server, "open_gate", { gate })
    const path = `/runs/${failed.json.task_id}/retry`
    expect((await get(server, path)).json).toEqual({ steps: ["try", "after"] })
    expect((await get(server, `${path}?from=before`)).json).toEqual({ steps: ["before", "try", "after"] })
    const retried = await ask(server, "POST", path)
    expect([retried.status, keysOf(retried.json), retried.json.status]).toEqual([202, ["status", "task_id"], "STARTED"])
    expect(retried.json.task_id).not.toBe(failed.json.task_id)
    expect((await resultOf(server, retried.json.task_id)).json.result).toBe(gate)
    const run = await detailOf(server, retried.json.task_id)
    expect(run.retry_of).toBe(failed.json.task_id)
    expect(run.steps.map((step: Json) => [step.status, step.attempts])).toEqual([
      ["COMPLETED", 0],
      ["COMPLETED", 1],
      ["COMPLETED", 1]
    ])
    const nothing = await post(server, `/runs/${retried.json.task_id}/retry`, {})
    expect([nothing.status, nothing.json.error]).toEqual([409, "RunNotRepeatableError"])
    expect((await get(server, `/runs/${retried.json.task_id}/retry`)).json.error).toBe("RunNotRepeatableError")
    const again = await post(server, `/runs/${retried.json.task_id}/retry`, { from: ["try"] })
    expect((await untilOver(server, again.json.task_id)).steps.map((step: Json) => step.attempts)).toEqual([0, 1, 1])
    const unknown = await post(server, `/runs/${retried.json.task_id}/retry`, { from: ["absent"] })
    expect([unknown.status, unknown.json.error]).toEqual([400, "UnknownStepError"])
    const unplanned = await get(server, `/runs/${retried.json.task_id}/retry?from=absent`)
    expect([unplanned.status, unplanned.json.error]).toEqual([400, "UnknownStepError"])
  })

  test("POST retry of an unfinished run is a 409, and starts nothing", async () => {
    const id = await register(server, HELD_TASKS)
    const taskId = await start(server, id, { gate: newName() })
    const { status, json } = await post(server, `/runs/${taskId}/retry`, {})
    expect([status, json.error, json.task_id]).toEqual([409, "RunUnfinishedError", taskId])
    expect((await get(server, `/runs/${taskId}/retry`)).json.error).toBe("RunUnfinishedError")
    expect(idsOf(await get(server, `/runs?pipeline_id=${id}`))).toEqual([taskId])
    await post(server, `/runs/${taskId}/cancel`, {})
  })

  test("DELETE removes a finished run, and refuses an unfinished one", async () => {
    const id = await register(server, HELD_TASKS)
    const taskId = await start(server, id, { gate: newName() })
    const refused = await ask(server, "DELETE", `/runs/${taskId}`)
    expect([refused.status, refused.json.error, refused.json.task_id]).toEqual([409, "RunUnfinishedError", taskId])
    await post(server, `/runs/${taskId}/cancel`, {})
    const removed = await ask(server, "DELETE", `/runs/${taskId}`)
    expect([removed.status, removed.text]).toEqual([204, ""])
    for (const path of [`/runs/${taskId}`, `/pipelines/result/${taskId}`])
      expect((await get(server, path)).status).toBe(404)
    expect((await ask(server, "DELETE", `/runs/${taskId}`)).status).toBe(404)
    expect((await statusOf(server, id)).status).toBe("IDLE")
  })

  test("an unknown run is a 404 on every route", async () => {
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/logs"],
      ["POST", "/cancel"],
      ["POST", "/retry"],
      ["DELETE", ""]
    ] as const) {
      const { status, json } = await ask(server, method, `/runs/absent${path}`)
      expect([status, json.error, json.task_id], `${method} ${path}`).toEqual([404, "RunNotFoundError", "absent"])
    }
  })

  test("bodies of cancel and retry are validated", async () => {
    const { json } = await execute(server, "no_parameters", {})
    for (const [path, body, paths] of [
      ["cancel", { reason: 1, step: {}, why: "x" }, ["reason", "step", "why"]],
      ["cancel", { reason: "x".repeat(1_001) }, ["reason"]],
      ["cancel", [], [""]],
      ["retry", { from: "step" }, ["from"]],
      ["retry", { from: [1] }, ["from"]],
      ["retry", { steps: [] }, ["steps"]]
    ] as const) {
      const answer = await post(server, `/runs/${json.task_id}/${path}`, body)
      expect([answer.status, detailPaths(answer)], JSON.stringify(body)).toEqual([400, paths])
    }
  })

  test("durations of a run and its steps are the differences of their instants, in milliseconds", async () => {
    const { json } = await execute(server, "slow", { millis: 60 })
    const failed = await execute(server, "failing", { how: "text" })
    for (const taskId of [json.task_id, failed.json.task_id]) {
      const run = await detailOf(server, taskId)
      for (const timed of [run, ...run.steps]) {
        expect(timed.duration_ms).toBe(Date.parse(timed.completed_at) - Date.parse(timed.started_at))
      }
    }
    // Timers may be early by a millisecond.
    const [step] = (await detailOf(server, json.task_id)).steps
    expect(step.duration_ms).toBeGreaterThanOrEqual(59)
    const id = await register(server, HELD_TASKS)
    const taskId = await start(server, id, { gate: newName() })
    await until("the second step", async () => ((await statusOf(server, id)).steps_completed === 1 ? true : undefined))
    const going = await detailOf(server, taskId)
    expect([going.duration_ms, ...going.steps.slice(1).map((each: Json) => each.duration_ms)]).toEqual([
      null,
      null,
      null
    ])
    await post(server, `/runs/${taskId}/cancel`, {})
  })
}
