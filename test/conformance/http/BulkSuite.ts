/** Many runs at once: retrying and cancelling those of a list of ids, or of a filter. */
import { expect, test } from "vitest"
import {
  detailPaths,
  execute,
  get,
  type Json,
  newName,
  post,
  register,
  resultOf,
  type Server,
  start,
  until
} from "../../http/harness/Client.ts"

const HOSTILE = [
  "",
  " ",
  "..",
  "a/b",
  "%00",
  "\u0000",
  "__proto__",
  "x".repeat(5_000),
  "😀",
  "\ud800",
  "' OR 1=1",
  "{}"
]

export const bulkSuite = (server: Server): void => {
  const detailOf = async (taskId: string): Promise<Json> => (await get(server, `/runs/${taskId}`)).json
  const idsOf = async (query: string): Promise<ReadonlyArray<string>> =>
    (await get(server, `/runs?${query}`)).json.runs.map((run: Json) => run.task_id)
  const failedRuns = async (id: string, count: number): Promise<ReadonlyArray<string>> => {
    const taskIds: Array<string> = []
    for (let at = 0; at < count; at++) taskIds.unshift((await execute(server, id, { how: "text" })).json.task_id)
    return taskIds
  }
  const ended = (taskId: string): Promise<Json> =>
    until(`the end of ${taskId}`, async () => {
      const run = await detailOf(taskId)
      return ["COMPLETED", "FAILED", "CANCELLED"].includes(run.status) ? run : undefined
    })

  test("POST /runs/retry with ids retries each run, in order, and one bad id costs the others nothing", async () => {
    const gate = newName()
    const failed = [
      (await execute(server, "flaky", { gate })).json.task_id,
      (await execute(server, "flaky", { gate })).json.task_id
    ]
    const completed = (await execute(server, "no_parameters", {})).json.task_id
    const running = await start(server, "held", { gate: newName() })
    await execute(server, "open_gate", { gate })
    const asked = [failed[0], "absent", running, failed[1], completed, failed[0]]
    const { status, json } = await post(server, "/runs/retry", { task_ids: asked })
    expect([status, json.next_cursor, json.results.map(({ task_id }: Json) => task_id)]).toEqual([202, null, asked])
    const [first, absent, unfinished, second, kept, again] = json.results
    expect(absent).toEqual({ task_id: "absent", error: "RunNotFoundError", message: expect.any(String) })
    expect([unfinished.error, kept.error]).toEqual(["RunUnfinishedError", "RunNotRepeatableError"])
    expect(again).toEqual(first)
    for (const [at, retried] of [first, second].entries()) {
      expect(retried).toEqual({ task_id: failed[at], status: "STARTED", new_task_id: expect.any(String) })
      expect((await resultOf(server, retried.new_task_id)).json.result).toBe(gate)
      expect((await detailOf(retried.new_task_id)).retry_of).toBe(failed[at])
    }
    expect((await idsOf("pipeline_id=flaky&limit=200")).filter((id) => failed.includes(id))).toHaveLength(2)
    await post(server, `/runs/${running}/cancel`, {})
  })

  test("POST /runs/retry with a filter takes FAILED and CANCELLED runs, page by page, each once", async () => {
    const id = await register(server, ["begin", "fail"])
    const failed = await failedRuns(id, 5)
    const asked: Array<string> = []
    const started: Array<string> = []
    let cursor: string | null = null
    do {
      const filter: Json = { pipeline_id: id, failed_step: "fail", ...(cursor !== null && { cursor }) }
      const { status, json }: Json = await post(server, "/runs/retry", { filter, limit: 2 })
      expect([status, json.results.length <= 2]).toEqual([202, true])
      asked.push(...json.results.map(({ task_id }: Json) => task_id))
      started.push(...json.results.map(({ new_task_id }: Json) => new_task_id))
      cursor = json.next_cursor
    } while (cursor !== null)
    expect(asked).toEqual(failed)
    for (const taskId of started) await ended(taskId)
    expect((await idsOf(`pipeline_id=${id}`)).length).toBe(10)
    const none = await post(server, "/runs/retry", { filter: { pipeline_id: id, status: "COMPLETED,RUNNING" } })
    expect(none.json).toEqual({ results: [], next_cursor: null })
    const hidden = await post(server, "/runs/retry", { filter: { pipeline_id: "absent" } })
    expect(hidden.json).toEqual({ results: [], next_cursor: null })
  })

  test("POST /runs/cancel cancels runs by id and by filter, and leaves finished runs as they are", async () => {
    const id = await register(server, ["arrive", "hold", "leave"])
    const gate = newName()
    const running = [
      await start(server, id, { gate }),
      await start(server, id, { gate }),
      await start(server, id, { gate })
    ]
    const completed = (await execute(server, "no_parameters", {})).json.task_id
    const byId = await post(server, "/runs/cancel", { task_ids: [running[0], completed, "absent"], reason: "no more" })
    expect([byId.status, byId.json.next_cursor]).toEqual([202, null])
    expect(byId.json.results).toEqual([
      { task_id: running[0], status: "CANCELLED" },
      { task_id: completed, status: "COMPLETED" },
      { task_id: "absent", error: "RunNotFoundError", message: expect.any(String) }
    ])
    expect((await detailOf(running[0]!)).reason).toBe("no more")
    const byFilter = await post(server, "/runs/cancel", { filter: { pipeline_id: id }, reason: "all of them" })
    expect(byFilter.json).toEqual({
      results: [running[2], running[1]].map((task_id) => ({ task_id, status: "CANCELLED" })),
      next_cursor: null
    })
    expect((await detailOf(running[2]!)).reason).toBe("all of them")
    expect((await post(server, "/runs/cancel", { filter: { pipeline_id: id } })).json.results).toEqual([])
  })

  test("200 ids act together, and 201 are refused", async () => {
    const id = await register(server, ["begin", "fail"])
    const [taskId] = await failedRuns(id, 1)
    const many = [...Array.from({ length: 199 }, (_, at) => `absent-${at}`), taskId!]
    const { status, json } = await post(server, "/runs/retry", { task_ids: many })
    expect([status, json.results.length]).toEqual([202, 200])
    expect(json.results.filter((result: Json) => result.status === "STARTED")).toHaveLength(1)
    for (const path of ["/runs/retry", "/runs/cancel"]) {
      const refused = await post(server, path, { task_ids: [...many, "one-more"] })
      expect([refused.status, detailPaths(refused)], path).toEqual([400, ["task_ids"]])
    }
    await ended(json.results[199].new_task_id)
  })

  test("hostile ids are unknown runs, and hostile filters match none", async () => {
    for (const path of ["/runs/retry", "/runs/cancel"]) {
      const { status, json } = await post(server, path, { task_ids: HOSTILE })
      expect([status, json.results.map(({ error }: Json) => error)], path).toEqual([
        202,
        HOSTILE.map(() => "RunNotFoundError")
      ])
      for (const text of ["\u0000", "%", "*", "__proto__", "' OR 1=1", "😀"]) {
        const filter = { status: "FAILED", error: `${text}${newName()}`, failed_step: text }
        expect((await post(server, path, { filter })).json, text).toEqual({ results: [], next_cursor: null })
      }
    }
  })

  test("bodies are validated, and all problems are reported with their paths", async () => {
    for (const [path, body, paths] of [
      ["retry", {}, [""]],
      ["retry", [], [""]],
      ["retry", { task_ids: ["a"], filter: {} }, [""]],
      ["retry", { task_ids: [] }, ["task_ids"]],
      ["retry", { task_ids: "a" }, ["task_ids"]],
      ["retry", { task_ids: [1] }, ["task_ids"]],
      ["retry", { task_ids: ["a"], limit: 5 }, ["limit"]],
      ["retry", { task_ids: ["a"], reason: "x" }, ["reason"]],
      ["retry", { filter: {}, limit: 0 }, ["limit"]],
      ["retry", { filter: {}, limit: 201 }, ["limit"]],
      ["retry", { filter: [] }, ["filter"]],
      ["cancel", { filter: {}, reason: 1, from: [] }, ["from", "reason"]],
      ["cancel", { filter: {}, reason: "x".repeat(1_001) }, ["reason"]],
      ["cancel", { filter: { limit: 1, state: "x" } }, ["filter.limit", "filter.state"]],
      ["cancel", { filter: { status: "DONE", since: "now" } }, ["filter.since", "filter.status"]],
      ["cancel", { filter: { status: ["FAILED"] } }, ["filter.status"]],
      ["cancel", { filter: { min_duration_ms: "1" } }, ["filter.min_duration_ms"]],
      ["cancel", { filter: { min_duration_ms: 2, max_duration_ms: 1 } }, ["filter.min_duration_ms"]],
      ["cancel", { filter: { error: "", failed_step: "x".repeat(201) } }, ["filter.error", "filter.failed_step"]],
      ["cancel", { filter: { error: "\ud800" } }, ["filter.error"]],
      ["cancel", { filter: { cursor: "x" } }, ["cursor"]]
    ] as const) {
      const answer = await post(server, `/runs/${path}`, body)
      expect([answer.status, detailPaths(answer)], JSON.stringify(body)).toEqual([400, paths])
    }
  })
}
