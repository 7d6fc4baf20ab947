/** The client of the package, against whatever serves the API. */
import { beforeAll, expect, test } from "vitest"
import { Client, ClientError } from "../../../adapters/client/index.ts"
import { bare, calendar, failing, graph, guide, held, openGate, slow } from "../../fixtures/pipelines.ts"
import { type Server, until, unused } from "../../http/harness/Client.ts"

/** What a promise rejects with. */
export const failureOf = async (promise: Promise<unknown>): Promise<ClientError> => {
  const failure = await promise.then(
    (value) => expect.unreachable(`It succeeded with ${JSON.stringify(value)}`),
    (error: unknown) => error
  )
  expect(failure).toBeInstanceOf(ClientError)
  return failure as ClientError
}

/** The types of events. */
const typesOf = (events: ReadonlyArray<Client.EventJson>): ReadonlyArray<string> => events.map(({ type }) => type)

export const asking = (server: Server): void => {
  let client: Client.Client
  beforeAll(() => {
    client = Client.make({ url: server.url })
  })

  test("lists pipelines and says what each is", async () => {
    const rows = await client.pipelines()
    expect(rows.map(({ pipeline_id: id }) => id)).toContain("my_pipeline")
    const detail = await client.pipeline("my_pipeline")
    expect(detail).toMatchObject({ pipeline_id: "my_pipeline", paused: false, parameters: { required: ["data"] } })
  })

  test("runs a pipeline by its types or by its id", async () => {
    const { processed } = await client.execute(guide, { data: "typed" })
    expect(processed).toBe("TYPED")
    expect(await client.execute("my_pipeline", { data: "by id" })).toEqual({ processed: "BY ID" })
    expect(await client.execute(bare, {})).toEqual(await client.execute("no_parameters"))
    const { tags } = await client.execute(graph, { path: "ab" })
    expect(tags).toEqual(["tag-97", "tag-98"])
  })

  test("values that are not their own JSON are what they are, in and out", async () => {
    const { next, weekdays } = await client.execute(calendar, { day: new Date("2026-11-27T00:00:00Z"), days: 3n })
    expect(next).toEqual(new Date("2026-11-30T00:00:00Z"))
    expect(weekdays).toEqual(new Set(["2026-11-27", "2026-11-30"]))
    // The same as JSON.
    expect(await client.execute("calendar", { day: "2026-11-27T00:00:00.000Z", days: "3" })).toEqual({
      next: "2026-11-30T00:00:00.000Z",
      weekdays: ["2026-11-27", "2026-11-30"]
    })
  })

  test("starts a run, watches it, and gives what it gave", async () => {
    const gate = unused()
    const taskId = await client.start(held, { gate })
    const seen: Array<Client.EventJson> = []
    const watched = (async () => {
      for await (const event of client.events(taskId)) seen.push(event)
    })()
    await until("the step to run", async () => (seen.length >= 4 ? true : undefined))
    expect(await client.status("held")).toMatchObject({ status: "RUNNING" })
    expect(await client.run(taskId)).toMatchObject({ task_id: taskId, status: "RUNNING" })
    const result = client.result(held, taskId)
    await client.execute(openGate, { gate })
    await watched
    expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, at) => at + 1))
    expect([seen[0]!.type, seen.at(-1)!.type]).toEqual(["PipelineStartEvent", "PipelineCompleteEvent"])
    expect(await result).toEqual((await client.run(taskId)).result)
    expect(await client.result(taskId)).toEqual(await result)
    const later: Array<Client.EventJson> = []
    for await (const event of client.events(taskId, { after: seen.length - 2 })) later.push(event)
    expect(later).toEqual(seen.slice(-2))
    for await (const event of client.events(taskId, { after: seen.length })) expect.unreachable(event.type)
    const some: Array<Client.EventJson> = []
    for await (const event of client.events(taskId, { types: ["StepStartEvent"] })) some.push(event)
    expect(typesOf(some)).toEqual(["StepStartEvent", "StepStartEvent", "StepStartEvent"])
  })

  test("hears what happens to all runs of a pipeline, and goes on from a place", async () => {
    const heard: Array<Client.FeedItem> = []
    const stop = new AbortController()
    const options = { pipelineId: "my_pipeline", types: ["PipelineCompleteEvent"], after: "0" } as const
    const first = await client.start(guide, { data: "a" })
    const listening = (async () => {
      for await (const item of client.feed({ ...options, signal: stop.signal })) heard.push(item)
    })()
    const has = (taskId: string) =>
      until("the end of the run", async () => heard.find(({ event }) => event?.task_id === taskId))
    const { cursor } = await has(first)
    const second = await client.start(guide, { data: "b" })
    await has(second)
    stop.abort(new Error("enough"))
    await expect(listening).rejects.toThrow("enough")
    for await (const { event } of client.feed({ ...options, after: cursor })) {
      expect(event?.task_id).not.toBe(first)
      if (event?.task_id === second) break
    }
  })

  test("lists runs, cancels, repeats and forgets them", async () => {
    const taskId = await client.start(held, { gate: unused() })
    await client.cancel(taskId, { reason: "no more" })
    const failure = await failureOf(client.result(taskId))
    expect([failure.status, failure.taskId]).toEqual([500, taskId])
    expect(await client.run(taskId)).toMatchObject({ status: "CANCELLED", reason: "no more" })
    await client.cancel(taskId)
    const { runs, next_cursor: cursor } = await client.runs({ pipeline_id: "held", status: "CANCELLED", limit: 1 })
    expect(runs).toHaveLength(1)
    expect(cursor === null || typeof cursor === "string").toBe(true)
    const again = await client.retry(taskId)
    expect(await client.run(again)).toMatchObject({ retry_of: taskId })
    await client.cancel(again)
    await client.remove(taskId)
    expect((await failureOf(client.run(taskId))).error).toBe("RunNotFoundError")
    expect(await client.logs(again)).toMatchObject({ task_id: again })
    expect(await client.statistics("held", 600)).toMatchObject({ pipeline_id: "held" })
  })

  test("says what was wrong", async () => {
    const unfit = await failureOf(client.execute("my_pipeline", { data: 1, more: true }))
    expect([unfit.name, unfit.status, unfit.error]).toEqual(["ClientError", 400, "ParametersInvalidError"])
    expect(unfit.details.map(({ path }) => path).sort()).toEqual(["parameters.data", "parameters.more"])
    expect(unfit.pipelineId).toBe("my_pipeline")
    expect(unfit.requestId).toMatch(/^[\w-]+$/)
    expect((await failureOf(client.pipeline("nowhere"))).status).toBe(404)
    const failed = await failureOf(client.execute(failing, { how: "text" }))
    expect([failed.status, failed.error, failed.step]).toEqual([500, "PipelineExecutionError", "fail"])
    expect(failed.taskId).toMatch(/^\w+$/)
    expect((await failureOf(client.events("nowhere")[Symbol.asyncIterator]().next())).status).toBe(404)
    // What the types can't be is refused before it is sent.
    await expect(client.execute(guide, { data: 1 } as never)).rejects.toMatchObject({ _tag: "ParametersInvalid" })
  })

  test("waits as long as it is told to, and the run goes on", async () => {
    const late = await failureOf(client.execute(slow, { millis: 300 }, { timeout: 0.05 }))
    expect([late.status, late.error]).toEqual([504, "PipelineTimeoutError"])
    expect(await client.result(slow, late.taskId!)).toEqual(await client.execute(slow, { millis: 300 }))
  })

  test("a key names a run", async () => {
    const idempotencyKey = unused()
    const taskId = await client.start(guide, { data: "once" }, { idempotencyKey })
    expect(await client.start(guide, { data: "once" }, { idempotencyKey })).toBe(taskId)
    expect((await failureOf(client.start(guide, { data: "twice" }, { idempotencyKey }))).status).toBe(409)
    expect(await client.start(guide, { data: "once" })).not.toBe(taskId)
  })

  test("is told to stop", async () => {
    const stop = new AbortController()
    const executing = client.execute(held, { gate: unused() }, { signal: stop.signal })
    setTimeout(() => stop.abort(new Error("changed my mind")), 50)
    await expect(executing).rejects.toThrow("changed my mind")
    for (const { task_id: id } of (await client.runs({ pipeline_id: "held", status: "RUNNING" })).runs) {
      await client.cancel(id)
    }
  })
}
