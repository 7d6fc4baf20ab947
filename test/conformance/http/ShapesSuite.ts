/** The exact shapes of every GET except results, and the forms of a path. */
import { expect, test } from "vitest"
import { HOW, hostile } from "../../fixtures/pipelines.ts"
import {
  ask,
  execute,
  expectRecent,
  get,
  INSTANT,
  keysOf,
  pathOf,
  register,
  type Server
} from "../../http/harness/Client.ts"

const ROW = ["created_at", "pipeline_id", "pipeline_type", "tasks"]

/** Every path of the guide that answers GET. */
const paths = (taskId: string): ReadonlyArray<string> => [
  "/health",
  "/pipelines",
  "/pipelines/my_pipeline/status",
  "/pipelines/my_pipeline/dag",
  "/pipelines/my_pipeline/dag/dot",
  "/pipelines/my_pipeline/visualize",
  `/pipelines/result/${taskId}`
]

const headersOf = (headers: Headers): Readonly<Record<string, string>> => {
  const own = new Set(["date", "connection", "keep-alive", "transfer-encoding", "content-length", "x-request-id"])
  return Object.fromEntries([...headers].filter(([name]) => !own.has(name)))
}

export const shapesSuite = (server: Server): void => {
  test("GET /health says that server and Store work", async () => {
    const { status, json } = await get(server, "/health")
    expect(status).toBe(200)
    expect(keysOf(json)).toEqual(["broker_connected", "memory_mb", "status", "timestamp"])
    expect(json).toMatchObject({ status: "healthy", broker_connected: true })
    expectRecent(json.timestamp)
    expect(json.memory_mb).toBeGreaterThan(1)
    expect(json.memory_mb).toBeLessThan(10_000)
  })

  test("GET /pipelines is an array of rows", async () => {
    const { status, json } = await get(server, "/pipelines")
    expect(status).toBe(200)
    expect(Array.isArray(json)).toBe(true)
    for (const row of json) {
      expect(keysOf(row)).toEqual(ROW)
      expect(["dataflow", "sequential"]).toContain(row.pipeline_type)
      expect(row.created_at).toMatch(INSTANT)
    }
    const rows = new Map(json.map((row: { readonly pipeline_id: string }) => [row.pipeline_id, row]))
    expect(rows.get("audio_analysis_v1")).toMatchObject({
      pipeline_type: "dataflow",
      tasks: ["extract", "tag", "embed"]
    })
    expect(rows.get("my_pipeline")).toMatchObject({ tasks: ["process"] })
    expect(rows.has(hostile.id)).toBe(true)
  })

  test("GET status of a pipeline that never ran is IDLE", async () => {
    const id = await register(server, ["extract", "tag"])
    const { status, json } = await get(server, pathOf(id, "/status"))
    expect(status).toBe(200)
    expect(json).toEqual({
      pipeline_id: id,
      status: "IDLE",
      steps_completed: 0,
      total_steps: 2,
      started_at: null,
      task_id: null
    })
  })

  test("GET dag is the guide's graph", async () => {
    const { status, json } = await get(server, "/pipelines/audio_analysis_v1/dag")
    expect(status).toBe(200)
    expect(json).toEqual({
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
    expect((await get(server, "/pipelines/my_pipeline/dag")).json).toEqual({
      nodes: [{ id: "process", outputs: ["result"] }],
      edges: []
    })
  })

  test("GET dag/dot is the guide's DOT text", async () => {
    const { status, headers, text } = await get(server, "/pipelines/audio_analysis_v1/dag/dot")
    expect(status).toBe(200)
    expect(headers.get("content-type")).toBe("text/vnd.graphviz; charset=utf-8")
    expect(text.trim().split(/\s*\n\s*/)).toEqual([
      'digraph "audio_analysis_v1" {',
      "node [shape=box];",
      "extract -> tag;",
      "extract -> embed;",
      "}"
    ])
  })

  test("GET visualize has tasks and levels", async () => {
    const { status, json } = await get(server, "/pipelines/audio_analysis_v1/visualize")
    expect(status).toBe(200)
    expect(json).toEqual({
      pipeline_id: "audio_analysis_v1",
      type: "dataflow",
      tasks: [
        { name: "extract", outputs: ["features"], inputs: [], description: "Extract features from audio" },
        { name: "tag", outputs: ["tags"], inputs: ["features"], description: "Generate tags" },
        { name: "embed", outputs: ["embedding"], inputs: ["features"], description: expect.any(String) }
      ],
      execution_levels: [["extract"], ["tag", "embed"]]
    })
  })

  test("names keep all their characters", async () => {
    const { id } = hostile
    const { json } = await get(server, pathOf(id, "/visualize"))
    expect(json.pipeline_id).toBe(id)
    expect(json.tasks.map(({ name }: { readonly name: string }) => name)).toEqual(hostile.dag.names)
    expect((await get(server, pathOf(id, "/dag"))).json.edges).toContainEqual({ from: "node", to: 'say "hi"' })
    expect((await get(server, pathOf(id, "/status"))).json.pipeline_id).toBe(id)
    expect((await get(server, pathOf(id, "/dag/dot"))).status).toBe(200)
    const ran = await execute(server, id, { 'in "put" \\': "a🎧" })
    expect(ran.json?.result).toEqual({ constructor: "a🎧a🎧", "🎧": "a🎧", "-1.": -1, "tab\\tn": 1 })
    expect((await get(server, pathOf(id, "/status"))).json).toMatchObject({ pipeline_id: id, status: "COMPLETED" })
  })

  test("every path answers under /api/v1 too, with or without a query", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    for (const path of paths(json.task_id)) {
      const plain = await get(server, path)
      const prefixed = await get(server, `/api/v1${path}?ignored=1&&=%ZZ`)
      expect([prefixed.status, prefixed.headers.get("content-type")], path).toEqual([
        200,
        plain.headers.get("content-type")
      ])
      if (path !== "/health") expect(prefixed.text, path).toBe(plain.text)
    }
    const posted = await ask(server, "POST", "/api/v1/pipelines/my_pipeline/execute", {
      json: { parameters: { data: "x" }, wait: true }
    })
    expect(posted.json).toMatchObject({ status: "COMPLETED", result: { processed: "X" } })
    const registered = await ask(server, "POST", "/api/v1/pipelines/under_api_v1", {
      json: { pipeline_type: "dataflow", tasks: ["process"] }
    })
    expect(registered.status).toBe(201)
    expect((await get(server, "/pipelines/under_api_v1/dag")).status).toBe(200)
    for (const path of ["/api/v1/api/v1/pipelines", "/api/v2/pipelines", "/API/v1/pipelines", "/api/v1pipelines"]) {
      expect((await get(server, path)).status, path).toBe(404)
    }
  })

  test("HEAD has GET's status and headers, and no body", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    for (const path of [...paths(json.task_id), "/pipelines/absent/dag", "/absent", "/pipelines/result/absent"]) {
      // The length of a compressed body is not that of its text.
      const headers = { "accept-encoding": "identity" }
      const got = await ask(server, "GET", path, { headers })
      const head = await ask(server, "HEAD", path, { headers })
      expect([head.status, head.text], path).toEqual([got.status, ""])
      expect(headersOf(head.headers), path).toEqual(headersOf(got.headers))
      // It may be absent, but must not differ. The length of /health changes with its numbers.
      const length = head.headers.get("content-length")
      if (length !== null && path !== "/health") expect(length, path).toBe(String(Buffer.byteLength(got.text)))
    }
  })

  test("the error of a failed run is the same on every route", async () => {
    for (const how of HOW) {
      const waited = await execute(server, "failing", { how })
      expect(waited.status, how).toBe(500)
      const fetched = await get(server, `/pipelines/result/${waited.json.task_id}`)
      expect(fetched.status, how).toBe(500)
      expect({ ...fetched.json, timestamp: "" }).toEqual({ ...waited.json, timestamp: "" })
    }
  })
}
