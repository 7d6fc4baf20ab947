/** Tasks that run in a thread, in the pipelines of a Levada: all that holds for other tasks holds for them. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Access, Levada, Pipeline, Step, Store, Task } from "../../adapters/promise/index.ts"
import { Testing } from "../../adapters/testing/index.ts"
import { Threads } from "../../adapters/threads/index.ts"
import { moduleOf } from "./Calls.ts"

const S = Schema.String
const N = Schema.Number
const beats = { input: { looks: Schema.optionalKey(Schema.Boolean) } }

const double = Task.make("double", { input: { n: N }, output: { m: N }, thread: moduleOf("double") })
const doubling = Pipeline.make("doubling", [double])
const half = Task.make("half", { input: { n: N }, output: { m: N }, thread: moduleOf("half") })
const halving = Pipeline.make("halving", [half])
const halves = Pipeline.make("halves", [Step.map(half, { over: { n: "ns" }, chunk: 2 })])
const raising = Pipeline.make("raising", [
  Task.make("raising", {
    input: { how: S },
    output: {},
    thread: moduleOf("raising").href,
    retry: { times: 3, delayMillis: 0 }
  })
])
const ending = Pipeline.make("ending", [
  Task.make("ending", {
    input: { how: S },
    output: { done: Schema.Boolean },
    thread: moduleOf("ending"),
    retry: { times: 1, delayMillis: 0 }
  })
])
const telling = Pipeline.make("telling", [Task.make("telling", { input: { lines: N }, thread: moduleOf("telling") })])
const spinning = Pipeline.make("spinning", [Task.make("spinning", { ...beats, thread: moduleOf("spinning") })])
const late = Pipeline.make("late", [Task.make("late", { ...beats, thread: moduleOf("spinning"), timeoutMillis: 100 })])
const optional = Pipeline.make("optional", [
  Task.make("optional", { input: { n: Schema.Option(N) }, output: { m: N }, thread: moduleOf("half") })
])

const pipelines = [doubling, halving, halves, raising, ending, telling, spinning, late, optional]

const opened: Array<Levada.Levada> = []
const open = (threads?: Threads.Options): Levada.Levada => {
  const levada = Levada.make({
    pipelines,
    access: Access.open,
    worker: { graceMillis: 0 },
    ...(threads && { threads })
  })
  opened.push(levada)
  return levada
}
afterEach(async () => {
  for (const levada of opened.splice(0)) await levada.close()
})

/** The reason for which a run ended. */
const failureOf = async (running: Promise<unknown>): Promise<unknown> => {
  try {
    await running
  } catch (error) {
    return (error as { readonly error: unknown }).error
  }
  return undefined
}

/** Waits for an event of a run. */
const event = async (levada: Levada.Levada, runId: string, type: string): Promise<void> => {
  for await (const event of levada.watch(runId)) if (event.type === type) return
}

describe("a task in a thread", () => {
  it("gives its outputs, also to a map that takes several items at a time", async () => {
    const levada = open()
    expect(await levada.execute(doubling, { n: 4 })).toBe(8)
    expect(await levada.execute(halves, { ns: [2, 4, 6, 8, 10] })).toEqual([1, 2, 3, 4, 5])
  })

  it("fails with its own error, which a Fatal keeps from being retried", async () => {
    const levada = open()
    expect(await failureOf(levada.execute(raising, { how: "error" }))).toMatchObject({
      name: "TaskFailed",
      message: "Task 'raising' failed after 3 retries: too large",
      cause: { name: "RangeError", message: "too large", cause: { name: "TypeError", message: "no number" } }
    })
    expect(await failureOf(levada.execute(raising, { how: "fatal" }))).toMatchObject({
      message: "Task 'raising' failed: never again",
      cause: { name: "Fatal" }
    })
  })

  it("that ends its thread has failed, and is retried in another", async () => {
    const levada = open({ size: 1 })
    expect(await levada.execute(ending, { how: "once" })).toBe(true)
    expect(await failureOf(levada.execute(ending, { how: "exit" }))).toMatchObject({
      message: "Task 'ending' failed after 1 retry: its thread ended with exit code 3 before the task returned",
      cause: { name: "ThreadEnded" }
    })
    expect(await levada.execute(halving, { n: 2 })).toBe(1)
  })

  it.each(["throw", "reject"])("that leaks an error fails its own attempt, and no other: %s", async (how) => {
    const levada = open({ size: 2 })
    const runId = await levada.start(spinning, { looks: true })
    await event(levada, runId, "StepProgressed")
    expect(await failureOf(levada.execute(ending, { how }))).toMatchObject({
      message: expect.stringMatching(/^Task 'ending' failed after 1 retry: its thread ended with exit code \d/),
      cause: { name: "ThreadEnded", cause: { name: "RangeError" } }
    })
    expect(await levada.execute(halving, { n: 2 })).toBe(1)
    expect((await levada.run(runId)).steps[0]).toMatchObject({ status: "RUNNING", attempts: 1 })
    await levada.cancel(runId, "enough")
  })

  it("is not given what does not come out of a thread as it went in", async () => {
    const running = open().execute(optional, { n: Option.some(1) })
    expect(await failureOf(running)).toMatchObject({
      message: expect.stringContaining("input 'n' cannot be copied between threads: n is an instance of")
    })
  })

  it("tells progress and lines", async () => {
    const levada = open()
    const runId = await levada.start(telling, { lines: 1 })
    await levada.result(telling, runId)
    const { lines } = await levada.lines(runId)
    expect(lines.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ["info", "begins", '{"at":1}'],
      ["warn", "warns", '{"note":"fields that are no JSON are not kept"}'],
      ["info", "line 0", undefined]
    ])
  })

  it("stops when its run is cancelled, and its thread is free", async () => {
    const levada = open({ size: 1 })
    const runId = await levada.start(spinning, {})
    await event(levada, runId, "StepProgressed")
    await levada.cancel(runId, "enough")
    expect((await levada.run(runId)).status).toBe("CANCELLED")
    expect(await levada.execute(halving, { n: 2 })).toBe(1)
  })

  it("times out", async () => {
    expect(await failureOf(open().execute(late, { looks: true }))).toMatchObject({
      message: "Task 'late' failed: it took longer than 100 ms",
      cause: { name: "StepTimedOut" }
    })
  })

  it("stops when the program closes", async () => {
    const levada = open()
    const runId = await levada.start(spinning, {})
    await event(levada, runId, "StepProgressed")
    await levada.close()
  })

  it("runs in programs of layers that provide threads", async () => {
    const live = Levada.layer({ pipelines, access: Access.open })
    const executing = Levada.execute(doubling, { n: 2 }).pipe(Effect.provide(live))
    const stores = Effect.provide(executing, [Store.layerMemory(), Threads.layer({ size: 1 })])
    expect(await Effect.runPromise(stores)).toBe(4)
    const without = Effect.flip(Effect.provide(executing, Store.layerMemory()))
    expect(await Effect.runPromise(without)).toMatchObject({ error: { cause: { name: "ThreadsUnavailable" } } })
  })

  it("runs in tests on virtual time", async () => {
    const testing = await Testing.make({ pipelines: [halving], delay: { half: 60_000 } })
    expect((await testing.run(halving, { n: 2 })).result).toBe(1)
    expect(testing.now()).toBeGreaterThanOrEqual(60_000)
    await testing.close()
  })

  it("needs nothing of the runtime before it is called", async () => {
    const { getBuiltinModule } = process
    const asked: Array<string> = []
    process.getBuiltinModule = ((name: string) => {
      asked.push(name)
      return getBuiltinModule(name)
    }) as typeof getBuiltinModule
    try {
      const levada = open()
      await levada.runs()
      expect(asked).not.toContain("node:worker_threads")
      await levada.execute(halving, { n: 2 })
      expect(asked).toContain("node:worker_threads")
    } finally {
      process.getBuiltinModule = getBuiltinModule
    }
  })

  it("fails by name where the runtime has no threads", async () => {
    const { getBuiltinModule } = process
    process.getBuiltinModule = (() => undefined) as never
    try {
      expect(await failureOf(open().execute(halving, { n: 2 }))).toMatchObject({
        message: expect.stringContaining("Task 'half' runs in a thread, but this runtime has no threads"),
        cause: { name: "ThreadsUnavailable" }
      })
    } finally {
      process.getBuiltinModule = getBuiltinModule
    }
  })
})
