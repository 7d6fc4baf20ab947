/** Parts of a run: its values one by one, the items and attempts of its steps, and the values in its events. */
import { expect, test } from "vitest"
import { hostile } from "../../fixtures/pipelines.ts"
import {
  detailPaths,
  execute,
  get,
  INSTANT,
  type Json,
  keysOf,
  newName,
  post,
  resultOf,
  type Server,
  start,
  until
} from "../../http/harness/Client.ts"
import { Connection } from "../../http/harness/Connection.ts"
import { Listener } from "../../http/harness/Listener.ts"

/** All rows of a list, page by page. */
const allOf = async (server: Server, path: string, key: string): Promise<ReadonlyArray<Json>> => {
  const rows: Array<Json> = []
  for (let cursor = ""; ; ) {
    const { status, json, text } = await get(server, `${path}${cursor}`)
    expect(status, text).toBe(200)
    expect(keysOf(json)).toEqual([key, "next_cursor"])
    rows.push(...json[key])
    if (json.next_cursor === null) return rows
    cursor = `&cursor=${json.next_cursor}`
  }
}

const ended = async (server: Server, pipeline: string, parameters: unknown): Promise<string> => {
  const { json } = await execute(server, pipeline, parameters)
  return json.task_id
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

export const runPartsSuite = (server: Server, takesSockets: boolean): void => {
  test("a run without its values has their names, kinds, steps and sizes instead", async () => {
    const taskId = await ended(server, "my_pipeline", { data: "é" })
    const { json: whole } = await get(server, `/runs/${taskId}`)
    const { parameters, outputs, result: _, ...rest } = whole
    for (const no of ["false", "0"]) {
      const { status, json } = await get(server, `/api/v1/runs/${taskId}?values=${no}`)
      expect(status).toBe(200)
      expect(json).toEqual({
        ...rest,
        values: [
          { name: "data", kind: "parameter", step: null, bytes: bytesOf(parameters.data) },
          { name: "result", kind: "output", step: "process", bytes: bytesOf(outputs.result) }
        ]
      })
    }
    expect((await get(server, `/runs/${taskId}?values=true`)).json).toEqual(whole)
    const bad = await get(server, `/runs/${taskId}?values=none`)
    expect([bad.status, bad.json.error, detailPaths(bad)]).toEqual([400, "QueryInvalidError", ["values"]])
  })

  test("a value, a step's items and its attempts are found by names that have to be escaped", async () => {
    const { json } = await post(server, `/pipelines/${encodeURIComponent(hostile.id)}/execute`, {
      parameters: { 'in "put" \\': "x" },
      wait: true,
      timeout: 60
    })
    const path = `/runs/${json.task_id}`
    const { json: run } = await get(server, path)
    const { json: outline } = await get(server, `${path}?values=false`)
    const values = { ...run.parameters, ...run.outputs }
    expect(outline.values.map(({ name }: Json) => name).sort()).toEqual(Object.keys(values).sort())
    for (const { name, bytes } of outline.values) {
      const { status, text, json: value } = await get(server, `${path}/values/${encodeURIComponent(name)}`)
      expect(status).toBe(200)
      expect(value).toEqual(values[name])
      expect(Buffer.byteLength(text)).toBe(bytes)
    }
    for (const { name } of run.steps) {
      const of = `${path}/steps/${encodeURIComponent(name)}`
      expect((await get(server, `${of}/items`)).json).toEqual({ items: [], next_cursor: null })
      expect((await get(server, `${of}/attempts`)).json).toMatchObject({
        attempts: [{ attempt: 1, item: null, status: "COMPLETED", error: null, worker: expect.any(String) }],
        next_cursor: null
      })
    }
  })

  test("unknown runs, steps and values are 404s that name them; invalid queries are 400s", async () => {
    const taskId = await ended(server, "my_pipeline", { data: "x" })
    const names = ["nothing", "constructor", "__proto__", "%01", "%00", "a%2Fb", "%F0%9F%8E%A7", "n".repeat(1_000)]
    for (const name of names) {
      const value = await get(server, `/runs/${taskId}/values/${name}`)
      expect([value.status, value.json.error, value.json.task_id]).toEqual([404, "ValueNotFoundError", taskId])
      for (const list of ["items", "attempts"]) {
        const { status, json } = await get(server, `/runs/${taskId}/steps/${name}/${list}`)
        expect([status, json.error, json.task_id]).toEqual([404, "StepNotFoundError", taskId])
        expect(typeof json.step).toBe("string")
      }
    }
    for (const path of ["?values=false", "/values/data", "/steps/process/items", "/steps/process/attempts"]) {
      const { status, json } = await get(server, `/runs/none${path}`)
      expect([status, json.error, json.task_id]).toEqual([404, "RunNotFoundError", "none"])
    }
    const queries = [
      ["items?status=LOST", "status"],
      ["items?limit=0", "limit"],
      ["items?limit=501", "limit"],
      ["items?cursor=-", "cursor"],
      ["attempts?limit=501", "limit"],
      ["attempts?cursor=x", "cursor"]
    ] as const
    for (const [query, key] of queries) {
      const answer = await get(server, `/runs/${taskId}/steps/process/${query}`)
      expect([answer.status, detailPaths(answer)], query).toEqual([400, [key]])
    }
  })

  test("a map of 1,000 items is listed page by page, by status, with values or without", async () => {
    const texts = Array.from({ length: 1_000 }, (_, at) => (at % 100 === 7 ? "" : `t${at}`))
    const taskId = await ended(server, "lenient", { texts })
    const path = `/runs/${taskId}/steps/shout/items`
    const rows = await allOf(server, `${path}?limit=300`, "items")
    expect(rows.map(({ index }) => index)).toEqual(texts.map((_, at) => at))
    expect(rows.map(({ value }) => value)).toEqual(texts)
    expect(rows[0]).toEqual({
      index: 0,
      count: 1,
      status: "COMPLETED",
      attempts: 1,
      error: null,
      value: "t0",
      outputs: { shouts: "T0" }
    })
    const failed = await allOf(server, `${path}?status=FAILED&limit=4&values=false`, "items")
    expect(failed.map(({ index }) => index)).toEqual([7, 107, 207, 307, 407, 507, 607, 707, 807, 907])
    // More than one part of the list is searched for one answer.
    expect((await get(server, `${path}?status=FAILED&values=false`)).json).toEqual({ items: failed, next_cursor: null })
    for (const row of failed) {
      expect(keysOf(row)).toEqual(["attempts", "count", "error", "index", "status"])
      expect(row).toMatchObject({ status: "FAILED", error: { item: row.index, step: "shout" } })
      expect(row.error.message).not.toContain("/srv/vault")
    }
    const { json } = await get(server, path)
    expect([json.items.length, json.next_cursor]).toEqual([100, "100"])
    const attempts = await allOf(server, `/runs/${taskId}/steps/shout/attempts?limit=4`, "attempts")
    expect(attempts.map(({ item, status }) => [item, status])).toEqual([
      [null, "COMPLETED"],
      ...[7, 107, 207, 307, 407, 507, 607, 707, 807, 907].map((item) => expect.arrayContaining([item, "FAILED"]))
    ])
    for (const { item, started_at, worker } of attempts) {
      expect(item === null ? typeof worker : [started_at, worker]).toEqual(item === null ? "string" : [null, null])
    }
  })

  test("attempts of a step have their times, errors and workers", async () => {
    const taskId = await ended(server, "flaky", { gate: newName() })
    const { json } = await post(server, "/pipelines/flaky/execute", { parameters: { gate: newName() }, wait: true })
    for (const id of [taskId, json.task_id]) {
      const attempts = await allOf(server, `/runs/${id}/steps/try/attempts?limit=1`, "attempts")
      expect(attempts).toHaveLength(2)
      for (const [at, row] of attempts.entries()) {
        expect(keysOf(row)).toEqual(
          ["attempt", "item", "status", "started_at", "completed_at", "duration_ms", "error", "worker"].sort()
        )
        expect(row).toMatchObject({ attempt: at + 1, item: null, status: "FAILED", error: { step: "try" } })
        expect(row.error.message).not.toContain("/srv/vault")
        expect([row.started_at, row.completed_at]).toEqual([
          expect.stringMatching(INSTANT),
          expect.stringMatching(INSTANT)
        ])
        expect(row.duration_ms).toBe(Date.parse(row.completed_at) - Date.parse(row.started_at))
        expect(row.worker).not.toBe("")
      }
      expect((await get(server, `/runs/${id}/steps/after/attempts`)).json).toEqual({ attempts: [], next_cursor: null })
    }
  })

  test("a running attempt has no end; a cancelled one has the reason", async () => {
    const taskId = await start(server, "held", { gate: newName() })
    const path = `/runs/${taskId}/steps/hold/attempts`
    const running = await until("an attempt", async () => (await get(server, path)).json.attempts[0])
    expect(running).toMatchObject({ status: "RUNNING", completed_at: null, duration_ms: null, error: null })
    await post(server, `/runs/${taskId}/cancel`, { reason: "enough" })
    await resultOf(server, taskId)
    const { json } = await get(server, path)
    expect(json.attempts).toMatchObject([
      {
        status: "CANCELLED",
        error: { error: "RunCancelled", message: "the run was cancelled: enough" },
        worker: running.worker
      }
    ])
  })

  test("the first event has the pipeline's type and the input, the last one status, duration and result", async () => {
    const taskId = await ended(server, "my_pipeline", { data: "x" })
    const listener = await Listener.open(server, `/runs/${taskId}/events`)
    await listener.ended
    const [first, step, completed, last] = listener.events
    expect(first).toMatchObject({ pipeline_type: "dataflow", input: { data: "x" } })
    expect(step.worker).toMatch(/./)
    expect(completed.result).toEqual({ processed: "X" })
    expect(last).toMatchObject({ status: "COMPLETED", result: { processed: "X" } })
    expect(last.duration_ms).toBe(Date.parse(last.timestamp) - Date.parse(first.timestamp))
    for (const event of listener.events) expect("truncated" in event).toBe(false)
  })

  test("values=false leaves out input and result, on every stream", async () => {
    const paths = ["/events?values=false", "/pipelines/my_pipeline/events?values=0"]
    const feeds = await Promise.all(paths.map((path) => Listener.open(server, path)))
    const full = await Listener.open(server, "/events")
    const taskId = await ended(server, "my_pipeline", { data: "x" })
    const own = await Listener.open(server, `/runs/${taskId}/events?values=false`)
    await own.ended
    const of = ({ events }: Listener): ReadonlyArray<Json> => events.filter(({ task_id }) => task_id === taskId)
    await until("all events", async () => [...feeds, full].every((feed) => of(feed).length === 4) || undefined)
    const bare = of(full).map(({ input: _, result: _result, ...event }) => event)
    expect(bare.map(({ type }) => type)).toContain("PipelineCompleteEvent")
    for (const listener of [own, ...feeds]) expect(of(listener)).toEqual(bare)
    for (const feed of [...feeds, full]) feed.close()
    const bad = await get(server, `/runs/${taskId}/events?values=2`)
    expect([bad.status, detailPaths(bad)]).toEqual([400, ["values"]])
  })

  test.runIf(takesSockets)("values: false leaves them out over a WebSocket", async () => {
    const taskId = await ended(server, "my_pipeline", { data: "x" })
    const connection = await Connection.open(server)
    const subject = { task_id: taskId }
    await connection.ask({ type: "subscribe", ...subject, values: false })
    expect(await connection.next()).toMatchObject({ type: "ended" })
    expect(connection.events).toHaveLength(4)
    for (const event of connection.events) expect(["input", "result"].filter((key) => key in event)).toEqual([])
    await connection.ask({ type: "subscribe", ...subject })
    expect(await connection.next()).toMatchObject({ type: "ended" })
    expect(connection.events[4]).toMatchObject({ input: { data: "x" } })
    expect(connection.events[7]).toMatchObject({ status: "COMPLETED", result: { processed: "X" } })
    expect(await connection.ask({ type: "subscribe", ...subject, values: "no" })).toMatchObject({
      type: "error",
      details: [{ path: "values" }]
    })
    connection.close()
  })
}
