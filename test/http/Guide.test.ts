/** The REST guide's own samples, as they are written there: only the port is another one. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectRecent, get, type Json, keysOf, until } from "./harness/Client.ts"
import { type Launched, launch } from "./harness/launch.ts"

const HEALTH = `curl -sS "http://localhost:8000/health"`

// 3.1, Execute Async (Fire-and-Forget)
const EXECUTE_ASYNC = `curl -X POST "http://localhost:8000/pipelines/my_pipeline/execute" \\
-H "Content-Type: application/json" \\
-d '{"parameters": {"data": "input_value"}, "wait": false}'`

// 3.2, Execute Synchronous (Wait for Result)
const EXECUTE_SYNC = `curl -X POST "http://localhost:8000/pipelines/my_pipeline/execute" \\
-H "Content-Type: application/json" \\
-d '{"parameters": {"data": "input_value"}, "wait": true, "timeout": 60}'`

const run = promisify(execFile)

describe("the REST guide", () => {
  let server: Launched
  beforeAll(async () => {
    server = await launch("node", "node")
  })
  afterAll(() => server?.close())

  // The samples are meant for this machine, whatever its proxy.
  const env = { ...process.env, NO_PROXY: "*", no_proxy: "*" }
  const shell = async (line: string): Promise<Json> => {
    const { port } = new URL(server.url)
    const { stdout } = await run("sh", ["-c", line.replace("localhost:8000", `localhost:${port}`)], { env })
    return JSON.parse(stdout)
  }

  test("curl: health", async () => {
    const answer = await shell(HEALTH)
    expect(answer.status).toBe("healthy")
    expectRecent(answer.timestamp)
  })

  test("curl: fire and forget", async () => {
    const answer = await shell(EXECUTE_ASYNC)
    expect(answer).toEqual({ task_id: expect.stringMatching(/^[a-z0-9]+$/), status: "STARTED" })
    const result = await until("the result", async () => {
      const { status, json } = await get(server, `/pipelines/result/${answer.task_id}`)
      return status === 200 ? json : undefined
    })
    expect(result).toEqual({ task_id: answer.task_id, status: "COMPLETED", result: { processed: "INPUT_VALUE" } })
  })

  test("curl: wait for the result", async () => {
    expect(await shell(EXECUTE_SYNC)).toEqual({
      task_id: expect.stringMatching(/^[a-z0-9]+$/),
      status: "COMPLETED",
      result: { processed: "INPUT_VALUE" }
    })
  })

  test.for([undefined, "some-api-key"])("the Python client, with key %s", async (key) => {
    const script = fileURLToPath(new URL("guide_client.py", import.meta.url))
    const { stdout } = await run("python3", [script, server.url, ...(key === undefined ? [] : [key])], { env })
    const { pipelines, result, started, fetched } = JSON.parse(stdout)
    expect(pipelines).toContainEqual({
      pipeline_id: "audio_analysis_v1",
      pipeline_type: "dataflow",
      tasks: ["extract", "tag", "embed"],
      created_at: expect.any(String)
    })
    expect(result).toEqual({ task_id: expect.any(String), status: "COMPLETED", result: { processed: "TEST" } })
    expect(keysOf(started)).toEqual(["status", "task_id"])
    expect(started.status).toBe("STARTED")
    expect(fetched).toEqual(result)
  })

  test("the React poller's fetch", async () => {
    // What the component puts on the page.
    const pipelineId = "my_pipeline"
    const status: Json = await fetch(`${server.url}/pipelines/${pipelineId}/status`).then((res) => res.json())
    expect(status?.status).toMatch(/^(?:IDLE|RUNNING|COMPLETED)$/)
    expect(`Progress: ${status?.steps_completed} / ${status?.total_steps}`).toMatch(/^Progress: [01] \/ 1$/)
  })
})
