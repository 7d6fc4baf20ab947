/** The events of a run as they happen: each once and in order, whenever a reader comes, goes and comes back. */
import { expect, test } from "vitest"
import {
  ask,
  execute,
  get,
  INSTANT,
  type Json,
  post,
  resultOf,
  type Server,
  start,
  until,
  unused
} from "../../http/harness/Client.ts"
import { Listener } from "../../http/harness/Listener.ts"

const types = (events: ReadonlyArray<Json>): ReadonlyArray<string> =>
  events.map(({ type, step_name: step }) => (step === undefined ? type : `${type} ${step}`))

const HELD = [
  "PipelineStartEvent",
  "StepStartEvent arrive",
  "StepCompleteEvent arrive",
  "StepStartEvent hold",
  "StepCompleteEvent hold",
  "StepStartEvent leave",
  "StepCompleteEvent leave",
  "PipelineCompleteEvent"
]

const ONE = ["PipelineStartEvent", "StepStartEvent process", "StepCompleteEvent process", "PipelineCompleteEvent"]

const sequences = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at)

export const eventing = (server: Server): void => {
  test("a run that is over tells all of it, in order, and ends", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    const listener = await Listener.open(server, `/runs/${json.task_id}/events`)
    await listener.ended
    const [begun, , completed, over] = listener.events
    expect(types(listener.events)).toEqual([
      "PipelineStartEvent",
      "StepStartEvent process",
      "StepCompleteEvent process",
      "PipelineCompleteEvent"
    ])
    expect(listener.ids).toEqual(["1", "2", "3", "4"])
    for (const [at, event] of listener.events.entries()) {
      expect(event).toMatchObject({ pipeline_id: "my_pipeline", task_id: json.task_id, sequence: at + 1 })
      expect(event.timestamp).toMatch(INSTANT)
    }
    expect(begun.request_id).toMatch(/^[\w.:-]+$/)
    expect(completed).toMatchObject({ step_index: 0, attempt: 1, result: { processed: "X" } })
    expect(completed.duration_ms).toBeGreaterThanOrEqual(0)
    expect("step_name" in over).toBe(false)
    const timestamps = listener.events.map(({ timestamp }) => Date.parse(timestamp))
    expect(timestamps).toEqual(timestamps.toSorted((one, other) => one - other))
  })

  test("a run that goes on tells what happens when it happens, to everyone who listens", async () => {
    const gate = unused()
    const taskId = await start(server, "held", { gate })
    const listeners = await Promise.all(
      Array.from({ length: 5 }, () => Listener.open(server, `/api/v1/runs/${taskId}/events`))
    )
    const [first] = listeners
    await until("the first four events", async () => (first!.events.length >= 4 ? true : undefined))
    expect(types(first!.events)).toEqual(HELD.slice(0, 4))
    expect(first!.isOver).toBe(false)
    await execute(server, "open_gate", { gate })
    for (const listener of listeners) {
      await listener.ended
      expect(types(listener.events)).toEqual(HELD)
      expect(listener.events.map(({ sequence }) => sequence)).toEqual(sequences(1, 8))
    }
  })

  test("whoever comes back goes on where they were, by header or by query, and is told when nothing is left", async () => {
    const gate = unused()
    const taskId = await start(server, "held", { gate })
    const path = `/runs/${taskId}/events`
    const early = await Listener.open(server, path)
    await until("the first two events", async () => (early.events.length >= 2 ? true : undefined))
    early.close()
    const late = [
      await Listener.open(server, path, { "last-event-id": "2" }),
      await Listener.open(server, `${path}?after=2`),
      await Listener.open(server, `${path}?after=0`, { "last-event-id": "2" })
    ]
    await execute(server, "open_gate", { gate })
    for (const listener of late) {
      await listener.ended
      expect(listener.events.map(({ sequence }) => sequence)).toEqual(sequences(3, 8))
    }
    for (const after of ["8", "9", "1000"]) {
      const { status, text } = await ask(server, "GET", path, { headers: { "last-event-id": after } })
      expect([status, text]).toEqual([204, ""])
    }
  })

  test("failures, retries, skipped steps and cancels have types of their own, and no path of the host", async () => {
    const { json } = await post(server, "/pipelines/flaky/execute", { parameters: { gate: unused() }, wait: true })
    const listener = await Listener.open(server, `/runs/${json.task_id}/events`)
    await listener.ended
    expect(types(listener.events)).toEqual(
      expect.arrayContaining(["StepRetryEvent try", "StepErrorEvent try", "PipelineErrorEvent"])
    )
    const retried = listener.events.find(({ type }) => type === "StepRetryEvent")
    expect(retried).toMatchObject({ attempt: 1, error: { error: expect.any(String), message: expect.any(String) } })
    expect(retried.wait_ms).toBeGreaterThan(0)
    expect(JSON.stringify(listener.events)).not.toContain("/srv/vault")
    const gate = unused()
    const taskId = await start(server, "held", { gate })
    const cancelled = await Listener.open(server, `/runs/${taskId}/events?types=PipelineCancelEvent`)
    await post(server, `/runs/${taskId}/cancel`, { reason: "enough" })
    await cancelled.ended
    expect(cancelled.events).toMatchObject([{ type: "PipelineCancelEvent", reason: "enough", task_id: taskId }])
  })

  test("an item that failed has an event of its own, and its step says how many there were", async () => {
    const { json } = await execute(server, "lenient", { texts: ["a", "", "c", ""] })
    expect(json.result).toEqual(["A", "C"])
    const listener = await Listener.open(server, `/runs/${json.task_id}/events?types=StepItemErrorEvent`)
    await listener.ended
    expect(listener.events.map(({ step_name, attempt, item }) => [step_name, attempt, item]).sort()).toEqual([
      ["shout", 1, 1],
      ["shout", 1, 3]
    ])
    expect(listener.events[0].error).toMatchObject({ error: "TaskFailed", step: "shout", message: expect.any(String) })
    expect(JSON.stringify(listener.events)).not.toContain("/srv/vault")
    const { json: run } = await ask(server, "GET", `/runs/${json.task_id}`)
    expect(run.steps).toMatchObject([{ name: "shout", status: "COMPLETED", items_failed: 2 }])
  })

  test("only the types that are asked for are told, and the stream ends all the same", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    const listener = await Listener.open(server, `/runs/${json.task_id}/events?types=StepStartEvent,StepErrorEvent`)
    await listener.ended
    expect([types(listener.events), listener.ids]).toEqual([["StepStartEvent process"], ["2"]])
    // Whoever comes again, as browsers do, hears that there is nothing more.
    const headers = { "last-event-id": listener.place! }
    const path = `/runs/${json.task_id}/events?types=StepStartEvent,StepErrorEvent`
    expect((await ask(server, "GET", path, { headers })).status).toBe(204)
  })

  test("what can't be read is refused by name, and what is not there is a 404", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    const path = `/runs/${json.task_id}/events`
    for (const [query, headers, name] of [
      ["?after=-1", {}, "after"],
      ["?after=one", {}, "after"],
      ["", { "last-event-id": "x" }, "after"],
      ["?types=StepDanceEvent", {}, "types"],
      ["?types=", {}, "types"]
    ] as const) {
      const answer = await ask(server, "GET", path + query, { headers })
      expect([answer.status, answer.json.details[0].path]).toEqual([400, name])
    }
    expect((await get(server, "/runs/absent/events")).status).toBe(404)
    const { status, text, headers } = await ask(server, "HEAD", path)
    expect([status, text, headers.get("content-type")]).toEqual([200, "", "text/event-stream"])
  })

  test("readers that go away hold nothing up", async () => {
    const gate = unused()
    const taskId = await start(server, "held", { gate })
    const gone = await Promise.all(Array.from({ length: 100 }, () => Listener.open(server, `/runs/${taskId}/events`)))
    for (const listener of gone) listener.close()
    const stayed = await Listener.open(server, `/runs/${taskId}/events`)
    await execute(server, "open_gate", { gate })
    await stayed.ended
    expect(types(stayed.events)).toEqual(HELD)
    expect((await resultOf(server, taskId)).status).toBe(200)
  })

  test("the feed of a pipeline tells what happens to its runs from now on, and to no others", async () => {
    await execute(server, "my_pipeline", { data: "before" })
    const feed = await Listener.open(server, "/pipelines/my_pipeline/events")
    const { json: other } = await execute(server, "open_gate", { gate: unused() })
    const runs = [
      await execute(server, "my_pipeline", { data: "x" }),
      await execute(server, "my_pipeline", { data: "y" })
    ]
    const ids: ReadonlyArray<string> = runs.map(({ json }) => json.task_id)
    await until("all events", async () => (feed.events.length >= 8 ? true : undefined))
    for (const [at, id] of ids.entries()) {
      const told = feed.events.filter(({ task_id }) => task_id === id)
      expect(types(told), String(at)).toEqual(ONE)
      expect(told.map(({ sequence }) => sequence)).toEqual(sequences(1, 4))
    }
    expect(feed.events.every(({ task_id }) => ids.includes(task_id) && task_id !== other.task_id)).toBe(true)
    expect([new Set(feed.ids).size, feed.gaps]).toEqual([8, []])
    feed.close()
  })

  test("the feed of all goes on behind any event, by header or by query", async () => {
    const first = await Listener.open(server, "/events")
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    const mine = (listener: Listener) => listener.events.filter(({ task_id }) => task_id === json.task_id)
    await until("all of its events", async () => (mine(first).length >= 4 ? true : undefined))
    expect(types(mine(first))).toEqual(ONE)
    const cursor = first.ids[first.events.findIndex(({ task_id }) => task_id === json.task_id) + 1]!
    first.close()
    for (const listener of [
      await Listener.open(server, "/api/v1/events", { "last-event-id": cursor }),
      await Listener.open(server, `/events?after=${cursor}`),
      await Listener.open(
        server,
        `/pipelines/my_pipeline/events?after=${cursor}&types=StepCompleteEvent,PipelineCompleteEvent`
      )
    ]) {
      await until("the rest", async () => (mine(listener).length >= 2 ? true : undefined))
      expect(types(mine(listener))).toEqual(ONE.slice(2))
      expect(listener.gaps).toEqual([])
      listener.close()
    }
  })

  test("a feed says when events are missed, and refuses what is no id of its own", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    const late = await Listener.open(server, "/pipelines/my_pipeline/events?after=1-1.1")
    await until("its events", async () => late.events.find(({ task_id: id }) => id === json.task_id && true))
    expect(late.gaps.length).toBeGreaterThanOrEqual(1)
    late.close()
    for (const path of ["/events", "/pipelines/my_pipeline/events"]) {
      for (const after of ["x", "1", "-1-1.1", "1-1", " "]) {
        const answer = await ask(server, "GET", `${path}?after=${encodeURIComponent(after)}`)
        expect([answer.status, answer.json.details[0].path]).toEqual([400, "after"])
      }
      const wrong = await ask(server, "GET", `${path}?types=Nothing`)
      expect([wrong.status, wrong.json.details[0].path]).toEqual([400, "types"])
    }
    expect((await get(server, "/pipelines/absent/events")).status).toBe(404)
  })
}
