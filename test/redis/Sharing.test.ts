/** Two servers and two workers on one Redis, none of which knows of the others: whoever is asked, it is one Levada. */
import * as Schema from "effect/Schema"
import { expect, inject, test, vi } from "vitest"
import { Errors, type Event, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { doubling, Gate, held, heldItems } from "./Gate.ts"
import { ask, levada, SOON } from "./Opening.ts"

const N = Schema.Number
const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
let count = 0

/** Where nobody else is. */
const here = () => ({ url: url!, prefix: `sharing-${process.pid}-${++count}` })

/** Two servers that run nothing, and two workers, with pipelines that know whose they are. */
const four = async (pipelinesOf: (who: string) => ReadonlyArray<Pipeline.Any>, concurrency = 100) => {
  // No lease ends while a test looks.
  const store = { ...here(), leaseMillis: 60_000 }
  const server = () => levada(pipelinesOf(""), store, { worker: false })
  const worker = (who: string) => levada(pipelinesOf(who), store, { worker: { concurrency } })
  const all = [server(), server(), worker("x"), worker("y")] as const
  await Promise.all(all.map(({ ready }) => ready))
  return { servers: [all[0], all[1]] as const, workers: [all[2], all[3]] as const, all, store }
}

const collect = async (events: AsyncIterable<Event.Event>): Promise<ReadonlyArray<Event.Event>> => {
  const all: Array<Event.Event> = []
  for await (const event of events) all.push(event)
  return all
}

shared("all of them give the same answers", async () => {
  const gate = new Gate()
  gate.open()
  const { servers, all } = await four((who) => [held(gate, who), doubling])
  const [one, two] = servers
  const runId = await one.start(held(gate), { n: 1 })
  await two.execute(doubling, { n: 2 })
  await two.result(held(gate), runId)
  const timing = { everyMillis: 3_600_000 }
  await one.addSchedule(Levada.schedule(doubling, { id: "hourly", timing, parameters: { n: 1 } }))
  for (const path of [
    `/runs/${runId}`,
    `/runs/${runId}/logs`,
    `/pipelines/result/${runId}`,
    "/pipelines/held/status",
    "/pipelines/doubling",
    "/runs",
    "/runs?limit=1",
    "/runs?status=COMPLETED&pipeline_id=held",
    "/schedules",
    "/schedules/hourly"
  ]) {
    const answers = await Promise.all(all.map((levada) => ask(levada, "GET", path)))
    expect(answers[0]!.status, path).toBe(200)
    // When each of them got its pipelines is the one thing that is its own.
    const said = answers.map(({ json }) => ({
      ...json,
      created_at: path === "/pipelines/doubling" ? "" : json["created_at"]
    }))
    for (const other of said) expect(other, path).toEqual(said[0])
  }
})

shared("what one starts another one runs, and whoever watches or waits sees it happen", async () => {
  const gate = new Gate()
  const { all, workers } = await four((who) => [held(gate, who)])
  const runId = await all[0].start(held(gate), { n: 1 })
  const watched = all.map((levada) => collect(levada.watch(runId)))
  const results = all.map((levada) => levada.result(held(gate), runId))
  await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
  // Halfway, they see the same too.
  for (const levada of all) expect((await levada.run(runId)).steps[0]).toMatchObject({ status: "RUNNING", attempts: 1 })
  const late = collect(workers[1].watch(runId, 2))
  gate.open()
  expect(await Promise.all(results)).toEqual([2, 2, 2, 2])
  const [first, ...others] = await Promise.all(watched)
  expect(first!.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6])
  for (const other of others) expect(other).toEqual(first)
  expect(await late).toEqual(first!.slice(2))
  expect(["x1", "y1"]).toContain(gate.begun[0])
})

shared("a pause holds everywhere, and so does its end", async () => {
  const gate = new Gate()
  gate.open()
  const { servers, workers } = await four((who) => [held(gate, who), doubling])
  const [one, two] = servers
  await one.pause("held")
  expect((await ask(two, "GET", "/pipelines/held")).json).toMatchObject({ paused: true })
  const runIds = [await one.start(held(gate), { n: 1 }), await workers[0].start(held(gate), { n: 2 })]
  // Both workers go on with what is not paused.
  for (let n = 0; n < 20; n++) await Promise.all(servers.map((levada) => levada.execute(doubling, { n })))
  for (const runId of runIds) expect((await two.run(runId)).status).toBe("PENDING")
  expect(gate.begun).toEqual([])
  await two.resume("held")
  expect(await Promise.all(runIds.map((runId) => one.result(held(gate), runId)))).toEqual([2, 3])
  expect((await ask(one, "GET", "/pipelines/held")).json).toMatchObject({ paused: false })
})

shared("cancelling reaches the step, whichever process runs it", async () => {
  const gate = new Gate()
  const { servers } = await four((who) => [held(gate, who), heldItems(gate, who)], 4)
  const [one, two] = servers
  const runId = await one.start(held(gate), { n: 1 })
  await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
  await two.cancel(runId, "enough")
  expect(await one.run(runId)).toMatchObject({ status: "CANCELLED", reason: "enough" })
  await vi.waitFor(() => expect(gate.stopped).toEqual(gate.begun), SOON)

  // Four places in each of two workers: its eight items are in both.
  const many = await two.start(heldItems(gate), { ns: [10, 11, 12, 13, 14, 15, 16, 17] })
  await vi.waitFor(() => expect(gate.begun).toHaveLength(9), SOON)
  await one.cancelStep(many, "hold", "not that")
  await vi.waitFor(() => expect([...gate.stopped].sort()).toEqual([...gate.begun].sort()), SOON)
  expect(await two.run(many)).toMatchObject({
    status: "FAILED",
    error: { name: "StepCancelled", step: "hold" },
    steps: [{ status: "CANCELLED", reason: "not that" }]
  })
})

shared("a failure in one process stops what another one runs of the same run", async () => {
  const gate = new Gate()
  const store = here()
  // Each of the two has room for one step, so the other one has the other.
  const pipelineOf = (who: string) =>
    Pipeline.make("two", [
      Task.make("hold", {
        input: { n: N },
        output: { held: N },
        run: async ({ n }, { signal }) => {
          await gate.pass(who, signal)
          return { held: n }
        }
      }),
      Task.make("fail", {
        input: { n: N },
        output: { failed: N },
        run: async () => {
          await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
          gate.begun.push(who)
          throw new Error("no")
        }
      })
    ])
  for (const who of ["x", "y"]) levada([pipelineOf(who)], store, { worker: { concurrency: 1 } })
  const asked = levada([pipelineOf("")], store, { worker: false })
  await expect(asked.execute(pipelineOf(""), { n: 1 })).rejects.toBeInstanceOf(Errors.RunFailed)
  await vi.waitFor(() => expect(gate.stopped).toHaveLength(1), SOON)
  expect([...gate.begun].sort()).toEqual(["x", "y"])
})

shared("a worker leaves versions that it does not have to those that have them", async () => {
  const store = here()
  const [old, current] = [new Gate(), new Gate()]
  old.open()
  current.open()
  const before = held(old, "old", { version: "1" })
  const after = held(current, "new", { version: "2" })
  const server = levada([after], store, { worker: false })
  const oldServer = levada([before], store, { worker: false })
  const oldWorker = levada([before, doubling], store)
  await oldWorker.ready
  const waits = await server.start(after, { n: 1 })
  // It works on, also on runs of its own version that came later.
  expect(await oldServer.execute(before, { n: 5 })).toBe(6)
  expect(old.begun).toEqual(["old5"])
  for (const levada of [server, oldServer, oldWorker]) expect((await levada.run(waits)).status).toBe("PENDING")
  levada([after], store)
  expect(await server.result(after, waits)).toBe(2)
  expect(current.begun).toEqual(["new1"])
  expect(old.begun).toEqual(["old5"])
})

shared("the items of one step go to all workers that have room", async () => {
  const gate = new Gate()
  const { servers } = await four((who) => [heldItems(gate, who)], 3)
  const ns = Array.from({ length: 20 }, (_, n) => n)
  const runId = await servers[0].start(heldItems(gate), { ns })
  // Three each, and not one more, before any of them is over.
  await vi.waitFor(() => expect(gate.begun).toHaveLength(6), SOON)
  const taken = (who: string): number => gate.begun.filter((name) => name.startsWith(who)).length
  expect([taken("x"), taken("y")]).toEqual([3, 3])
  expect((await servers[1].run(runId)).steps[0]!.progress).toEqual({ done: 0, total: 20 })
  gate.open()
  expect(await servers[1].result(heldItems(gate), runId)).toEqual(ns)
  expect(gate.begun).toHaveLength(20)
})

shared("what a process finished before it was closed, and what it left, is there for the others", async () => {
  const gate = new Gate()
  const { servers, workers } = await four((who) => [held(gate, who)])
  const runId = await servers[0].start(held(gate), { n: 1 })
  await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
  const [mine, other] = gate.begun[0] === "x1" ? workers : [workers[1], workers[0]]
  await servers[0].close()
  // It may take no time to finish: what it runs is given back, and the other one goes on at once.
  await mine.close()
  await vi.waitFor(() => expect(gate.begun).toHaveLength(2), SOON)
  expect(gate.begun[1]).not.toBe(gate.begun[0])
  gate.open()
  expect(await servers[1].result(held(gate), runId)).toBe(2)
  expect((await other.run(runId)).steps[0]).toMatchObject({ attempts: 2 })
})

shared(
  "a pipeline that is registered with one of them is all others', and is gone for all when it is removed",
  async () => {
    const { all, servers } = await four(() => [doubling])
    const [one, two] = servers
    const definition = { pipeline_type: "sequential", tasks: ["double", "double"] }
    expect((await ask(one, "POST", "/pipelines/fourfold", definition)).status).toBe(201)
    expect((await ask(two, "POST", "/pipelines/fourfold", definition)).status).toBe(409)
    const execution = { parameters: { n: 3 }, wait: true }
    const { status, json } = await ask(two, "POST", "/pipelines/fourfold/execute", execution)
    expect([status, json["status"], json["result"]]).toEqual([200, "COMPLETED", 12])
    for (const levada of all) {
      const listed = (await ask(levada, "GET", "/pipelines")).json as unknown as ReadonlyArray<Record<string, unknown>>
      expect(listed.map((pipeline) => pipeline["pipeline_id"])).toEqual(["doubling", "fourfold"])
    }
    expect((await ask(two, "DELETE", "/pipelines/fourfold")).status).toBe(204)
    for (const levada of all) expect((await ask(levada, "GET", "/pipelines/fourfold")).status).toBe(404)
  }
)

shared("workers take runs of a pipeline as soon as it is registered, wherever that was", async () => {
  const { servers } = await four(() => [doubling])
  const millis: Array<number> = []
  for (const [at, id] of ["a", "b", "c", "d", "e"].entries()) {
    const one = servers[at % 2]!
    const definition = { pipeline_type: "sequential", tasks: ["double", "double"] }
    expect((await ask(one, "POST", `/pipelines/${id}`, definition)).status).toBe(201)
    const since = performance.now()
    const { status } = await ask(one, "POST", `/pipelines/${id}/execute`, { parameters: { n: 1 }, wait: true })
    millis.push(performance.now() - since)
    expect(status).toBe(200)
  }
  // Not when they look by themselves, which they do each second.
  expect(millis.toSorted((one, other) => one - other)[2]).toBeLessThan(500)
})

shared("whoever is asked has counted the runs of all, each once", async () => {
  const { servers, all } = await four(() => [doubling])
  const runs = 300
  await Promise.all(Array.from({ length: runs }, (_, n) => servers[n % 2]!.execute(doubling, { n })))
  for (const levada of all) {
    const { completed, failed, steps } = await levada.statistics("doubling")
    expect([completed, failed, steps.map(({ step, completed }) => [step, completed])]).toEqual([
      runs,
      0,
      [["double", runs]]
    ])
    const { json } = await ask(levada, "GET", "/health/ready")
    expect(json).toMatchObject({ status: "ready", workers: 2, steps_waiting: 0, steps_running: 0, runs_unfinished: 0 })
  }
  // And those that come later, once.
  await servers[0].execute(doubling, { n: 1 })
  for (const levada of all) expect((await levada.statistics("doubling")).completed).toBe(runs + 1)
})

shared("who watches a run that another process removes is told so, by every way of watching", async () => {
  const store = here()
  const many = Pipeline.make(
    "many",
    Array.from({ length: 300 }, (_, at) =>
      Task.make(`s${at}`, { input: {}, output: { [`s${at}`]: N }, run: () => ({ [`s${at}`]: at }) })
    ) as ReadonlyArray<Task.Any>
  ) as Pipeline.Any
  const made = levada([many], store)
  const other = levada([many], store, { worker: false })
  const over = async (): Promise<string> => {
    const runId = await made.start(many, {} as never)
    await made.result(many, runId)
    return runId
  }

  const watched = await over()
  let seen = 0
  const watching = (async () => {
    for await (const event of made.watch(watched)) {
      expect(event.sequence).toBe(++seen)
      if (seen === 1) await other.remove(watched)
    }
  })()
  await expect(watching).rejects.toMatchObject({ _tag: "RunNotFound", runId: watched })
  expect(seen).toBeGreaterThan(0)

  const streamed = await over()
  const response = await made.fetch(new Request(`http://localhost/runs/${streamed}/events`))
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = (await reader.read()).value!
  await other.remove(streamed)
  for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value
  const parts = text.trim().split("\n\n")
  expect(parts.at(-1)).toMatch(/^event: failure\ndata: /)
  const failure = JSON.parse(parts.at(-1)!.split("data: ")[1]!)
  expect(failure).toMatchObject({ error: "RunNotFoundError", task_id: streamed, message: expect.any(String) })
  const ids = parts.filter((part) => part.startsWith("id:")).map((part) => Number(/^id: (\d+)/.exec(part)![1]))
  expect(ids).toEqual(ids.map((_, at) => at + 1))
  expect((await made.fetch(new Request(`http://localhost/runs/${streamed}/events`))).status).toBe(404)
})
