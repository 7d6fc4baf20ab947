/** Runs: started, waited for, looked at while they run, and asked for afterwards. */
import { expect, test } from "vitest"
import { HIDDEN, HOW } from "../../fixtures/pipelines.ts"
import {
  type Answer,
  ask,
  detailPaths,
  execute,
  expectRecent,
  get,
  keysOf,
  pathOf,
  post,
  register,
  resultOf,
  type Server,
  start,
  statusOf,
  until,
  unused
} from "../../http/harness/Client.ts"
import { RawConnection } from "../../http/harness/RawConnection.ts"

const HELD_TASKS = ["arrive", "hold", "leave"]

const expectCompleted = ({ status, text, json }: Answer, result: unknown): void => {
  expect(status, text).toBe(200)
  expect(keysOf(json)).toEqual(["result", "status", "task_id"])
  expect(json.status).toBe("COMPLETED")
  expect(json.result).toEqual(result)
}

const untilStatus = (server: Server, id: string, expected: string): Promise<{ readonly task_id: string }> =>
  until(`${id} to be ${expected}`, async () => {
    const now = await statusOf(server, id)
    return now.status === expected ? now : undefined
  })

export const executing = (server: Server): void => {
  test("not waiting: 202 with the run's id, and the result later", async () => {
    const { status, json } = await post(server, "/pipelines/my_pipeline/execute", { parameters: { data: "input" } })
    expect(status).toBe(202)
    expect(keysOf(json)).toEqual(["status", "task_id"])
    expect(json.status).toBe("STARTED")
    const result = await resultOf(server, json.task_id)
    expectCompleted(result, { processed: "INPUT" })
    expect(result.json.task_id).toBe(json.task_id)
    // A result can be had again.
    expect((await get(server, `/pipelines/result/${json.task_id}`)).text).toBe(result.text)
  })

  test("waiting: 200 with the result", async () => {
    expectCompleted(await execute(server, "my_pipeline", { data: "input" }), { processed: "INPUT" })
  })

  test("several terminal outputs are an object by name, one is its value", async () => {
    const several = await execute(server, "audio_analysis_v1", { path: "ab" })
    expectCompleted(several, { tags: ["tag-97", "tag-98"], embedding: [48.5, 49] })
    expectCompleted(await execute(server, "no_parameters", {}), true)
  })

  test("parameters of every kind arrive as they were sent", async () => {
    const parameters = {
      text: 'a "quoted" \\ line\n\u0000\u2028 of 日本語 🎧 \ud800',
      count: -1.5e-7,
      flag: false,
      nested: { inner: { deep: 9_007_199_254_740_991 }, label: "" },
      list: [0, 1e21, -2]
    }
    expectCompleted(await execute(server, "mixed", parameters), parameters)
    expectCompleted(await execute(server, "mixed", { ...parameters, note: "here" }), { ...parameters, note: "here" })
  })

  test("wait and timeout may be query parameters; the body wins", async () => {
    const path = "/pipelines/slow/execute"
    const parameters = { millis: 200 }
    const status = async (query: string, body: object): Promise<number> =>
      (await post(server, `${path}${query}`, { parameters, ...body })).status
    expect(await status("?wait=true", {})).toBe(200)
    expect(await status("?wait=true&timeout=30", {})).toBe(200)
    expect(await status("?wait=true&timeout=0.01", {})).toBe(504)
    expect(await status("?wait=false", {})).toBe(202)
    expect(await status("?wait=true", { wait: false })).toBe(202)
    expect(await status("?wait=false", { wait: true })).toBe(200)
    expect(await status("?timeout=0.01", { wait: true, timeout: 30 })).toBe(200)
    expect(await status("?timeout=30", { wait: true, timeout: 0.01 })).toBe(504)
  })

  test("a wait that times out is a 504 with the run's id; the run goes on", async () => {
    const gate = unused()
    const waited = await post(server, "/pipelines/held/execute", { parameters: { gate }, wait: true, timeout: 1 })
    expect(waited.status).toBe(504)
    expect(waited.json).toMatchObject({ error: "PipelineTimeoutError", pipeline_id: "held" })
    const { task_id: taskId } = waited.json
    const running = await get(server, `/pipelines/result/${taskId}`)
    expect([running.status, running.json]).toEqual([202, { task_id: taskId, status: "RUNNING" }])
    await execute(server, "open_gate", { gate })
    expectCompleted(await resultOf(server, taskId), gate)
  })

  test("status goes from IDLE through RUNNING to COMPLETED", async () => {
    const id = await register(server, HELD_TASKS)
    const gate = unused()
    expect((await statusOf(server, id)).status).toBe("IDLE")
    const taskId = await start(server, id, { gate })
    const running = await until("the second step", async () => {
      const now = await statusOf(server, id)
      return now.steps_completed === 1 ? now : undefined
    })
    expect(running).toEqual({
      pipeline_id: id,
      status: "RUNNING",
      steps_completed: 1,
      total_steps: 3,
      started_at: expect.any(String),
      task_id: taskId
    })
    expectRecent(running.started_at)
    await execute(server, "open_gate", { gate })
    await resultOf(server, taskId)
    expect(await statusOf(server, id)).toEqual({ ...running, status: "COMPLETED", steps_completed: 3 })
  })

  test("status is of a running run before a finished one, and else of the last", async () => {
    const id = await register(server, HELD_TASKS)
    const [first, second] = [unused(), unused()]
    const firstId = await start(server, id, { gate: first })
    const secondId = await start(server, id, { gate: second })
    await execute(server, "open_gate", { gate: second })
    await resultOf(server, secondId)
    expect(await statusOf(server, id)).toMatchObject({ status: "RUNNING", task_id: firstId })
    await execute(server, "open_gate", { gate: first })
    await resultOf(server, firstId)
    expect(await statusOf(server, id)).toMatchObject({ status: "COMPLETED", task_id: secondId })
  })

  test("status of a failed run is FAILED", async () => {
    const id = await register(server, ["begin", "fail"])
    const { json } = await execute(server, id, { how: "text" })
    const now = await statusOf(server, id)
    expect(now).toMatchObject({ status: "FAILED", steps_completed: 1, total_steps: 2, task_id: json.task_id })
  })

  test.for(HOW)("a run that fails (%s) is a 500 that names step and run, and hides the host", async (how) => {
    const { status, json, text } = await execute(server, "failing", { how })
    expect(status).toBe(500)
    expect(json).toMatchObject({ error: "PipelineExecutionError", pipeline_id: "failing", step: "fail" })
    expect(keysOf(json)).toEqual(["error", "message", "pipeline_id", "step", "task_id", "timestamp"])
    expect(json.message).toContain("Task 'fail'")
    for (const hidden of HIDDEN) expect(text).not.toContain(JSON.stringify(hidden).slice(1, -1))
  })

  test("a run that takes longer than it may fails", async () => {
    const { status, json } = await execute(server, "hasty", { millis: 60_000 })
    expect(status).toBe(500)
    expect(json).toMatchObject({ error: "PipelineExecutionError", pipeline_id: "hasty", task_id: expect.any(String) })
    expect(json.message).toContain("100 ms")
    expect(await statusOf(server, "hasty")).toMatchObject({ status: "FAILED", task_id: json.task_id })
  })

  test("a value of 1 MiB is kept, a longer one fails the run", async () => {
    const { status, json } = await execute(server, "big_output", { length: 1_048_570 })
    expect([status, json.result.length]).toEqual([200, 1_048_570])
    const over = await execute(server, "big_output", { length: 1_100_000 })
    expect(over.status).toBe(500)
    expect(over.json).toMatchObject({ error: "PipelineExecutionError", step: "grow", pipeline_id: "big_output" })
    expect(over.text.length).toBeLessThan(5_000)
  })

  test("200 runs at once each get their own answer", async () => {
    const names = Array.from({ length: 200 }, (_, index) => `run-${index}-${unused()}`)
    const answers = await Promise.all(names.map((data) => execute(server, "my_pipeline", { data })))
    expect(answers.map(({ json }) => json.result.processed)).toEqual(names.map((name) => name.toUpperCase()))
    expect(new Set(answers.map(({ json }) => json.task_id)).size).toBe(200)
  })

  test("more runs than there is room for wait their turn, and the API answers meanwhile", async () => {
    const ids = await Promise.all(Array.from({ length: 150 }, () => start(server, "slow", { millis: 400 })))
    for (const id of ids) {
      const { status, json } = await get(server, `/pipelines/result/${id}`)
      expect([status, json.task_id]).toEqual([json.status === "COMPLETED" ? 200 : 202, id])
      // Those whose turn has not come are not RUNNING yet.
      expect(["PENDING", "RUNNING", "COMPLETED"]).toContain(json.status)
    }
    for (const id of ids) expectCompleted(await resultOf(server, id), 400)
  })

  test("a client that goes away ends its wait, not the run", async () => {
    const id = await register(server, HELD_TASKS)
    const gate = unused()
    const body = JSON.stringify({ parameters: { gate }, wait: true, timeout: 60 })
    const connection = await RawConnection.open(server)
    await connection.request("POST", pathOf(id, "/execute"), {
      "content-type": "application/json",
      "content-length": String(body.length)
    })
    await connection.send(body)
    const { task_id: taskId } = await untilStatus(server, id, "RUNNING")
    expect(connection.answered).toBe(false)
    connection.destroy()
    await connection.closed
    expect((await get(server, `/pipelines/result/${taskId}`)).status).toBe(202)
    await execute(server, "open_gate", { gate })
    expectCompleted(await resultOf(server, taskId), gate)
  })

  test("targets and given values: a part is run, and what the targets give is the result", async () => {
    const path = "/pipelines/audio_analysis_v1/execute"
    const body = { given: { features: [1, 2] }, targets: ["tag"], wait: true }
    expectCompleted(await post(server, path, body), ["tag-1", "tag-2"])
    const both = await post(server, path, { parameters: { path: "a" }, targets: ["extract", "embed"], wait: true })
    expectCompleted(both, { features: [97], embedding: [48.5] })
    const unknown = await post(server, path, { parameters: { path: "a" }, targets: ["label"] })
    expect([unknown.status, unknown.json.error, unknown.json.step]).toEqual([400, "UnknownStepError", "label"])
    const wrong = await post(server, path, { given: { features: "none", label: 1 } })
    expect([wrong.status, detailPaths(wrong)]).toEqual([400, ["given.features", "given.label"]])
  })

  test("the failure policy, the priority, the delay and the time limit of a run may be its own", async () => {
    const body = { parameters: { how: "text" }, on_failure: "continue", priority: 7, run_timeout: 60 }
    const { json } = await post(server, "/pipelines/failing/execute", body)
    await resultOf(server, json.task_id)
    expect((await get(server, `/runs/${json.task_id}`)).json).toMatchObject({ on_failure: "continue", priority: 7 })
    const late = await post(server, "/pipelines/no_parameters/execute", { delay: 0.05, wait: true })
    const run = (await get(server, `/runs/${late.json.task_id}`)).json
    expect(Date.parse(run.start_at) - Date.parse(run.submitted_at)).toBe(50)
    expect(Date.parse(run.started_at)).toBeGreaterThanOrEqual(Date.parse(run.start_at))
    const short = await post(server, "/pipelines/slow/execute", {
      parameters: { millis: 60_000 },
      run_timeout: 0.05,
      wait: true
    })
    expect([short.status, short.json.message]).toEqual([500, "The run took longer than 50 ms"])
  })

  test("an Idempotency-Key names a run: the same again answers it, another body is a 409", async () => {
    const id = await register(server, ["process"])
    const key = unused()
    const send = (
      data: string,
      more: object = {},
      headers: Readonly<Record<string, string>> = { "Idempotency-Key": key }
    ) => ask(server, "POST", pathOf(id, "/execute"), { json: { parameters: { data }, ...more }, headers })
    const first = await send("x")
    expect(first.status).toBe(202)
    expect((await send("x")).json).toEqual(first.json)
    expectCompleted(await send("x", { wait: true }), { processed: "X" })
    const other = await send("y")
    expect([other.status, other.json.error, other.json.task_id]).toEqual([
      409,
      "IdempotencyConflictError",
      first.json.task_id
    ])
    expect((await send("x", { priority: 1 })).status).toBe(409)
    expect((await send("x", {}, { "Idempotency-Key": unused() })).json.task_id).not.toBe(first.json.task_id)
    const at = await Promise.all(
      Array.from({ length: 20 }, () => send("many", {}, { "idempotency-key": `${key}-many` }))
    )
    expect(new Set(at.map(({ json }) => json.task_id)).size).toBe(1)
    expect((await get(server, `/runs?pipeline_id=${id}`)).json.runs).toHaveLength(3)
    const long = await send("x", {}, { "Idempotency-Key": "k".repeat(256) })
    expect([long.status, detailPaths(long)]).toEqual([400, ["Idempotency-Key"]])
  })

  test("an Idempotency-Key does not look at the order of JSON keys, nor at whether and how long is waited", async () => {
    const id = await register(server, ["gather"])
    const key = unused()
    const send = async (body: string) => {
      const headers = { "content-type": "application/json", "Idempotency-Key": key }
      const { status, json } = await ask(server, "POST", pathOf(id, "/execute"), { body, headers })
      return [status, json.task_id]
    }
    const [status, taskId] = await send(
      '{"parameters":{"text":"a","count":1,"flag":true,"nested":{"inner":{"deep":1},"label":"b"},"list":[1,2]},"priority":1}'
    )
    expect(status).toBe(202)
    expect(
      await send(
        '{"priority":1,"parameters":{"list":[1,2],"nested":{"label":"b","inner":{"deep":1}},"flag":true,"count":1,"text":"a"},"wait":true,"timeout":20}'
      )
    ).toEqual([200, taskId])
    // The order of a list is another matter.
    const [other] = await send(
      '{"parameters":{"text":"a","count":1,"flag":true,"nested":{"inner":{"deep":1},"label":"b"},"list":[2,1]},"priority":1}'
    )
    expect(other).toBe(409)
  })

  test("Prefer: wait is the same as wait with timeout; query and body win", async () => {
    const send = (prefer: string, body: object = {}, query = "") =>
      ask(server, "POST", `/pipelines/slow/execute${query}`, {
        json: { parameters: { millis: 150 }, ...body },
        headers: { Prefer: prefer }
      })
    expect((await send("wait=30")).status).toBe(200)
    expect((await send("respond-async, wait=30; x=1")).status).toBe(200)
    expect((await send("wait=0")).status).toBe(504)
    expect((await send("wait=30", { wait: false })).status).toBe(202)
    expect((await send("wait=0", { timeout: 30 })).status).toBe(200)
    expect((await send("wait=0", {}, "?timeout=30")).status).toBe(200)
    for (const other of ["respond-async", "wait", "wait=soon", "await=5", ""])
      expect((await send(other)).status, other).toBe(202)
  })

  test("a result is unknown for any other id", async () => {
    for (const id of ["absent", "__proto__", "constructor", "%20", "a%2Fb", "🎧", "0".repeat(1_000)]) {
      const { status } = await get(server, `/pipelines/result/${id}`)
      expect(status, id).toBe(404)
    }
  })
}
