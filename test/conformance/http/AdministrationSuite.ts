/** Pipelines that are looked at, paused and forgotten, and what becomes of their runs. */
import { expect, test } from "vitest"
import {
  ask,
  execute,
  get,
  type Json,
  keysOf,
  pathOf,
  post,
  register,
  resultOf,
  type Server,
  start,
  unused
} from "../../http/harness/Client.ts"

const HELD_TASKS = ["arrive", "hold", "leave"]

const detailOf = async (server: Server, taskId: string): Promise<Json> => {
  const { status, json, text } = await get(server, `/runs/${taskId}`)
  expect(status, text).toBe(200)
  return json
}

export const administering = (server: Server): void => {
  test("GET /pipelines/{id} has the schemas of what goes in and out", async () => {
    const { status, json } = await get(server, "/pipelines/mixed")
    expect(status).toBe(200)
    expect(keysOf(json)).toEqual([
      "created_at",
      "parameters",
      "paused",
      "pipeline_id",
      "pipeline_type",
      "result",
      "tasks",
      "version"
    ])
    expect(json).toMatchObject({ pipeline_id: "mixed", pipeline_type: "dataflow", tasks: ["gather"], paused: false })
    expect(json.parameters).toMatchObject({
      type: "object",
      properties: {
        text: { type: "string" },
        flag: { type: "boolean" },
        list: { type: "array" },
        nested: { type: "object" }
      },
      additionalProperties: false
    })
    expect([...json.parameters.required].sort()).toEqual(["count", "flag", "list", "nested", "text"])
    expect(json.result).toMatchObject({ type: "object", properties: { text: { type: "string" } } })
    const several = await get(server, "/pipelines/winding")
    expect(several.json.result).toMatchObject({
      type: "object",
      properties: { squares: { type: "array" }, word: { type: "string" } }
    })
    expect((await get(server, pathOf("absent"))).status).toBe(404)
  })

  test("a paused pipeline takes runs and starts none, until it is resumed", async () => {
    const id = await register(server, ["process"])
    const paused = await ask(server, "POST", pathOf(id, "/pause"))
    expect([paused.status, paused.json]).toEqual([200, { pipeline_id: id, paused: true }])
    expect((await get(server, pathOf(id))).json.paused).toBe(true)
    const taskId = await start(server, id, { data: "x" })
    // Another pipeline's run comes and goes meanwhile.
    await execute(server, "no_parameters", {})
    expect((await detailOf(server, taskId)).status).toBe("PENDING")
    expect((await ask(server, "POST", pathOf(id, "/resume"))).json).toEqual({ pipeline_id: id, paused: false })
    expect((await resultOf(server, taskId)).json.result).toEqual({ processed: "X" })
    for (const verb of ["pause", "resume"])
      expect((await ask(server, "POST", pathOf("absent", `/${verb}`))).status).toBe(404)
  })

  test("DELETE forgets a pipeline that was registered over HTTP, unless something needs it", async () => {
    const id = await register(server, HELD_TASKS)
    const taskId = await start(server, id, { gate: unused() })
    const busy = await ask(server, "DELETE", pathOf(id))
    expect([busy.status, busy.json.error, busy.json.pipeline_id]).toEqual([409, "PipelineProtectedError", id])
    await post(server, `/runs/${taskId}/cancel`, {})
    const removed = await ask(server, "DELETE", pathOf(id))
    expect([removed.status, removed.text]).toEqual([204, ""])
    expect((await get(server, pathOf(id, "/dag"))).status).toBe(404)
    expect((await ask(server, "DELETE", pathOf(id))).status).toBe(404)
    const again = await post(server, pathOf(id), { pipeline_type: "dataflow", tasks: ["process"] })
    expect(again.status).toBe(201)
    const own = await ask(server, "DELETE", "/pipelines/my_pipeline")
    expect([own.status, own.json.error]).toEqual([409, "PipelineProtectedError"])
    expect((await get(server, "/pipelines/my_pipeline/dag")).status).toBe(200)
  })

  test("a run of a pipeline that was forgotten is kept, but not repeated; nor is one of another shape", async () => {
    const id = await register(server, ["begin", "fail"])
    const { json } = await execute(server, id, { how: "text" })
    const retry = () => ask(server, "POST", `/runs/${json.task_id}/retry`)
    expect((await retry()).status).toBe(202)
    expect((await resultOf(server, (await retry()).json.task_id)).status).toBe(500)
    const listed = (await get(server, `/runs?pipeline_id=${id}`)).json.runs
    for (const { task_id } of listed) await resultOf(server, task_id)
    expect((await ask(server, "DELETE", pathOf(id))).status).toBe(204)
    const gone = await retry()
    expect([gone.status, gone.json.error, gone.json.pipeline_id]).toEqual([404, "PipelineNotFoundError", id])
    expect((await detailOf(server, json.task_id)).status).toBe("FAILED")
    expect((await post(server, pathOf(id), { pipeline_type: "dataflow", tasks: ["fail"] })).status).toBe(201)
    const other = await retry()
    expect([other.status, other.json.error, other.json.task_id]).toEqual([409, "RunNotRepeatableError", json.task_id])
    expect(other.json.message).toContain("has another version now")
    expect((await get(server, `/runs?pipeline_id=${id}`)).json.runs).toHaveLength(listed.length)
    expect((await ask(server, "DELETE", pathOf(id))).status).toBe(204)
    expect((await post(server, pathOf(id), { pipeline_type: "dataflow", tasks: ["fail", "begin"] })).status).toBe(201)
    // Of the same shape again, in whatever order it was registered.
    expect((await retry()).status).toBe(202)
  })
}
