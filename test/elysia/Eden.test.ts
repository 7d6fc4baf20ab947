/** Eden's client against a server that listens: the values that the types promise. */
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { treaty } from "@elysiajs/eden"
import ts from "typescript"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ElysiaPlugin } from "../../adapters/elysia/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { check } from "../compiler.ts"
import { graph, guide, hostile, pipelines, slow } from "../fixtures/pipelines.ts"
import { tasks } from "../fixtures/tasks.ts"

/** A POST without a body needs a type, where access is open. */
const AS_JSON = { headers: { "content-type": "application/json" } }

const here = dirname(fileURLToPath(import.meta.url))

// It says the same wherever it runs.
it.runIf(process.env["TEST_RUNTIME"] === "node")(
  "the compiler accepts and refuses what it should",
  () => {
    const found = check([join(here, "Eden.types.ts")])
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([])
  },
  60_000
)

describe("a client", () => {
  const levada = Levada.make({ pipelines, tasks, access: Access.open, worker: { graceMillis: 0 } })
  let serving: ElysiaPlugin.Serving
  let client: ReturnType<typeof treaty<ElysiaPlugin.Plugin>>
  beforeAll(async () => {
    serving = await ElysiaPlugin.serve(levada, { port: 0 })
    client = treaty<typeof serving.app>(serving.url, { parseDate: false })
  })
  afterAll(() => serving.close())

  const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

  it("reads the health", async () => {
    const { data, status } = await client.health.get()
    expect(status).toBe(200)
    expect(data).toEqual({
      status: "healthy",
      timestamp: instant,
      broker_connected: true,
      memory_mb: expect.any(Number)
    })
  })

  it("reads the pipelines", async () => {
    const { data } = await client.pipelines.get()
    expect(data!.map(({ pipeline_id }) => pipeline_id)).toEqual(expect.arrayContaining([guide.id, graph.id]))
    expect(data!.find(({ pipeline_id }) => pipeline_id === graph.id)).toEqual({
      pipeline_id: graph.id,
      pipeline_type: "dataflow",
      tasks: ["extract", "tag", "embed"],
      created_at: instant
    })
  })

  it("reads a graph in all its forms", async () => {
    const { dag, visualize } = client.pipelines({ pipeline_id: graph.id })
    expect((await dag.get()).data).toEqual({
      nodes: [
        { id: "extract", outputs: ["features"] },
        { id: "tag", inputs: ["features"], outputs: ["tags"] },
        { id: "embed", inputs: ["features"], outputs: ["embedding"] }
      ],
      edges: [
        { from: "extract", to: "tag" },
        { from: "extract", to: "embed" }
      ]
    })
    const dot = (await dag.dot.get()).data!
    expect(dot).toMatch(/^digraph /)
    expect(dot).toContain("extract -> tag;")
    expect((await visualize.get()).data).toMatchObject({
      type: "dataflow",
      execution_levels: [["extract"], ["tag", "embed"]]
    })
  })

  it("reaches an id of any characters when it is escaped", async () => {
    const { data } = await client.pipelines({ pipeline_id: encodeURIComponent(hostile.id) }).status.get()
    expect(data).toMatchObject({ pipeline_id: hostile.id, status: "IDLE", started_at: null, task_id: null })
  })

  it("runs a pipeline and waits for it", async () => {
    const { execute } = client.pipelines({ pipeline_id: guide.id })
    const { data, status } = await execute.post({ parameters: { data: "ä" }, wait: true })
    expect(status).toBe(200)
    expect(data).toEqual({ task_id: expect.any(String), status: "COMPLETED", result: { processed: "Ä" } })
    const asked = await execute.post({ parameters: { data: "b" } }, { query: { wait: true, timeout: 5 } })
    expect(asked.data).toMatchObject({ status: "COMPLETED", result: { processed: "B" } })
  })

  it("starts a run and reads its result later", async () => {
    const { data, status } = await client
      .pipelines({ pipeline_id: guide.id })
      .execute.post({ parameters: { data: "later" } })
    expect(status).toBe(202)
    if (data?.status !== "STARTED") throw new Error(`Expected a run that was started, received ${data?.status}`)
    await levada.result(guide, data.task_id)
    const result = await client.pipelines.result({ task_id: data.task_id }).get()
    expect(result.data).toEqual({ task_id: data.task_id, status: "COMPLETED", result: { processed: "LATER" } })
  })

  it("tells a run that is not over from one that is", async () => {
    const task_id = await levada.start(slow, { millis: 60_000 })
    const { data, status } = await client.pipelines.result({ task_id }).get()
    expect(status).toBe(202)
    expect(data).toEqual({ task_id, status: expect.stringMatching(/^(?:PENDING|RUNNING)$/) })
  })

  it("registers a pipeline, below the version prefix too", async () => {
    const made = client.api.v1.pipelines({ pipeline_id: "made" })
    const { data, status } = await made.post({ pipeline_type: "sequential", tasks: ["increment", "double"] })
    expect(status).toBe(201)
    expect(data).toEqual({
      pipeline_id: "made",
      pipeline_type: "sequential",
      tasks: ["increment", "double"],
      created_at: instant
    })
    const ran = await made.execute.post({ parameters: { value: 2 }, wait: true })
    expect(ran.data).toMatchObject({ result: 6 })
  })

  it("looks at a run, ends it, repeats it and forgets it", async () => {
    const task_id = await levada.start(slow, { millis: 60_000 })
    const run = client.runs({ task_id })
    expect((await run.cancel.post({})).status).toBe(202)
    expect((await run.get()).data).toMatchObject({ task_id, status: "CANCELLED", pipeline_id: slow.id })
    expect((await run.logs.get()).data).toEqual({ task_id, lines: [], dropped: 0 })
    const again = await run.retry.post({})
    expect(again.status).toBe(202)
    await client.runs({ task_id: again.data!.task_id }).cancel.post({ reason: "enough" })
    const { data } = await client.runs.get({ query: { pipeline_id: slow.id, status: "CANCELLED", limit: 1 } })
    expect(data!.runs).toMatchObject([{ task_id: again.data!.task_id, reason: "enough" }])
    const { status, error } = await run.delete()
    expect([status, error]).toEqual([204, null])
    expect((await run.get()).error!.status).toBe(404)
  })

  it("makes a schedule, pauses it and removes it", async () => {
    const made = await client.schedules.post({
      id: "nightly",
      pipeline_id: guide.id,
      cron: "0 3 * * *",
      parameters: { data: "a" }
    })
    expect([made.status, made.data]).toMatchObject([201, { id: "nightly", time_zone: "UTC", paused: false }])
    const schedule = client.schedules({ schedule_id: "nightly" })
    expect((await schedule.pause.post(undefined, AS_JSON)).data).toMatchObject({ paused: true, next_at: null })
    expect((await client.schedules.get()).data!.schedules).toHaveLength(1)
    expect((await schedule.delete()).status).toBe(204)
  })

  it("tells failures apart by their status", async () => {
    const { data, error } = await client.pipelines({ pipeline_id: "nobody" }).dag.get()
    expect(data).toBeNull()
    expect(error!.status).toBe(404)
    expect(error!.value).toEqual({
      error: "PipelineNotFoundError",
      message: expect.stringContaining("'nobody'"),
      pipeline_id: "nobody",
      timestamp: instant
    })
    const refused = await client.pipelines({ pipeline_id: guide.id }).execute.post({ parameters: { data: 1 } })
    expect(refused.error).toMatchObject({
      status: 400,
      value: { error: "ParametersInvalidError", details: [{ path: "parameters.data" }] }
    })
  })
})
