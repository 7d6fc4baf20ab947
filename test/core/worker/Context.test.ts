import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { type Log, Pipeline, Principal, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

const tick = () => new Promise((resolve) => setTimeout(resolve, 0))

describe("progress", () => {
  it("is told while a step runs, and is the last that was said", async () => {
    const gate = Promise.withResolvers<void>()
    const work = Task.make("work", {
      output: { x: N },
      run: async (_, { progress }) => {
        for (let done = 0; done <= 50; done++) {
          progress(done, 200)
          await tick()
        }
        await gate.promise
        return { x: 1 }
      }
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    const starting = testing.start(pipeline, {})
    for (let turn = 0; turn < 100; turn++) await tick()
    gate.resolve()
    const { events, run } = await testing.finish(await starting)
    expect(run.steps[0]!.progress).toEqual({ done: 50, total: 200 })
    const told = events.flatMap((event) => (event.type === "StepProgressed" ? [event.done] : []))
    // One for each percent: of 200 units every second one.
    expect(told[0]).toBe(0)
    expect(told.at(-1)).toBe(50)
    expect(told.length).toBeLessThanOrEqual(26)
  })

  it("said a million times costs a hundred events", async () => {
    const work = Task.make("work", {
      output: { x: N },
      run: async (_, { progress }) => {
        for (let done = 0; done < 1_000; done++) {
          for (let more = 0; more < 1_000; more++) progress(done * 1_000 + more, 1_000_000)
          await Promise.resolve()
        }
        return { x: 1 }
      }
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, {})).events.length).toBeLessThan(110)
  })

  it("starts anew with each attempt, never goes back within one, and nonsense is passed over", async () => {
    const work = Task.make("work", {
      output: { x: N },
      retry: { times: 1, delayMillis: 0 },
      run: async (_, { progress, attempt }) => {
        for (const [done, total] of [
          [1, 2],
          [1, 4],
          [-1, 5],
          [Number.NaN, 1],
          [3, 4]
        ] as const) {
          progress(done, total)
          await tick()
        }
        if (attempt === 1) throw new Error("again")
        return { x: 1 }
      }
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    const { story } = await testing.run(pipeline, {})
    expect(story.map((line) => line.replace(/^\d+ /, ""))).toEqual([
      "RunStarted",
      "StepStarted work #1",
      "StepProgressed work 1/2",
      "StepProgressed work 3/4",
      "StepRetried work #1 after 0 ms",
      "StepStarted work #2",
      "StepProgressed work 1/2",
      "StepProgressed work 3/4",
      "StepCompleted work",
      "RunCompleted"
    ])
  })
})

describe("progress that is none", () => {
  const amounts: ReadonlyArray<unknown> = [
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    "1",
    null,
    undefined,
    {},
    Symbol("amount"),
    { valueOf: () => 1 }
  ]

  it("is passed over, whatever it is, and breaks nothing", async () => {
    const work = Task.make("work", {
      output: { x: N },
      run: async (_, { progress }) => {
        const say = progress as (done: unknown, total: unknown) => void
        for (const amount of amounts) {
          say(amount, 10)
          await tick()
          say(1, amount)
          await tick()
        }
        progress(3, 10)
        return { x: 1 }
      }
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    const { status, story, run } = await testing.run(pipeline, {})
    expect(status).toBe("COMPLETED")
    expect(story.filter((line) => line.includes("Progressed"))).toEqual(["0 StepProgressed work 3/10"])
    expect(run.steps[0]!.progress).toEqual({ done: 3, total: 10 })
  })

  it("past the end is told once, and nothing of zero is no more than nothing", async () => {
    const work = Task.make("work", {
      output: { x: N },
      run: async (_, { progress }) => {
        for (const [done, total] of [
          [0, 0],
          [5, 0],
          [7, 5],
          [8, 5],
          [1e300, 5]
        ] as const) {
          progress(done, total)
          await tick()
        }
        return { x: 1 }
      }
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    const { status, events } = await testing.run(pipeline, {})
    expect(status).toBe("COMPLETED")
    expect(events.filter(({ type }) => type === "StepProgressed")).toHaveLength(2)
  })
})

describe("lines", () => {
  const logging = (write: (log: Task.TaskContext["log"], item: number | undefined) => void) =>
    Task.make("work", {
      input: { n: N },
      output: { m: N },
      run: ({ n }, { log, item }) => {
        write(log, item)
        return { m: n }
      }
    })
  const linesOf = async (write: Parameters<typeof logging>[0]): Promise<ReadonlyArray<Log.Line>> => {
    const pipeline = Pipeline.make("p", [logging(write)])
    testing = await Testing.make({ pipelines: [pipeline] })
    return (await testing.run(pipeline, { n: 1 })).lines
  }

  it("are kept with the run: when, how much it matters, where, what", async () => {
    const lines = await linesOf((log) => {
      log("begun")
      log("half", { done: 1, of: { total: 2 } })
      log("odd", undefined, "warn")
    })
    expect(lines).toEqual([
      { atMillis: 0, level: "info", step: "work", attempt: 1, message: "begun" },
      { atMillis: 0, level: "info", step: "work", attempt: 1, message: "half", fields: '{"done":1,"of":{"total":2}}' },
      { atMillis: 0, level: "warn", step: "work", attempt: 1, message: "odd" }
    ])
  })

  it("say which item they are of", async () => {
    const pipeline = Pipeline.make("p", [
      Step.map(
        logging((log, item) => log(`item ${item}`)),
        { over: { n: "ns" }, chunk: 2 }
      )
    ])
    testing = await Testing.make({ pipelines: [pipeline] })
    const { lines } = await testing.run(pipeline, { ns: [7, 8, 9] })
    expect(lines.map(({ message }) => message)).toEqual(["item 0", "item 1", "item 2"])
  })

  it("are bounded: the newest 1,000, none too long, and it is told how many are gone", async () => {
    const pipeline = Pipeline.make("p", [
      logging((log) => {
        for (let at = 0; at < 3_500; at++) log(`line ${at}`)
        log("x".repeat(10_000), { long: "y".repeat(10_000) })
      })
    ])
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run } = await testing.run(pipeline, { n: 1 })
    const { lines, dropped } = await testing.ask((operations) => operations.lines(host, run.id))
    expect([lines.length, dropped]).toEqual([1_000, 2_501])
    expect(lines[0]!.message).toBe("line 2501")
    expect(lines.at(-1)!.message).toHaveLength(2_001)
    expect(lines.at(-1)!.fields).toBe('{"note":"fields of more than 2000 characters of JSON are not kept"}')
  })

  it("said faster than anybody can take them down are the newest ones too, and the others are counted", async () => {
    const pipeline = Pipeline.make("p", [
      logging((log) => {
        for (let at = 0; at < 25_000; at++) log(`line ${at}`)
      })
    ])
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run } = await testing.run(pipeline, { n: 1 })
    const { lines, dropped } = await testing.ask((operations) => operations.lines(host, run.id))
    expect([lines.length, dropped]).toEqual([1_000, 24_000])
    expect([lines[0]!.message, lines.at(-1)!.message]).toEqual(["line 24000", "line 24999"])
  })

  it("of several runs that are lost are counted with the run that they were of", async () => {
    const pipeline = Pipeline.make("p", [
      Task.make("talk", {
        input: { count: N },
        output: { said: N },
        run: ({ count }, { log }) => {
          for (let at = 0; at < count; at++) log(`line ${at}`)
          return { said: count }
        }
      })
    ])
    testing = await Testing.make({ pipelines: [pipeline] })
    const said = async (ids: ReadonlyArray<string>) =>
      Promise.all(
        ids.map(async (id) => {
          const { lines, dropped } = await testing!.ask((operations) => operations.lines(host, id))
          return lines.length + dropped
        })
      )
    // Started together, so that they talk in one turn.
    const counts = [4_000, 4_000, 4_000]
    const ids = await Promise.all(counts.map((count) => testing!.start(pipeline, { count })))
    for (const id of ids) await testing.finish(id)
    expect(await said(ids)).toEqual(counts)
  })

  it("take whatever a task says without breaking it", async () => {
    const cyclic: Record<string, unknown> = {}
    cyclic["self"] = cyclic
    const lines = await linesOf((log) => {
      log(undefined as unknown as string)
      log("cyclic", cyclic)
      log("big", { big: 1n })
      log("nothing", { undefined: undefined })
    })
    expect(lines.map(({ message, fields }) => [message, fields])).toEqual([
      ["undefined", undefined],
      ["cyclic", '{"note":"fields that are no JSON are not kept"}'],
      ["big", '{"note":"fields that are no JSON are not kept"}'],
      ["nothing", "{}"]
    ])
  })
})

describe("the context", () => {
  it("says which run, pipeline, step, item and attempt it is", async () => {
    const seen: Array<unknown> = []
    const look = Task.make("look", {
      input: { n: N },
      output: { m: N },
      retry: { times: 1, delayMillis: 0 },
      run: ({ n }, { runId, pipelineId, step, item, attempt, signal }) => {
        seen.push([runId.length, pipelineId, step, item, attempt, signal.aborted])
        if (n === 8 && attempt === 1) throw new Error("again")
        return { m: n }
      }
    })
    const pipeline = Pipeline.make("p", [
      Step.make(look, { name: "one", inputs: { n: "a" }, outputs: { m: "b" } }),
      Step.map(look, { over: { n: "ns" } })
    ])
    testing = await Testing.make({ pipelines: [pipeline] })
    await testing.run(pipeline, { a: 1, ns: [7, 8] })
    const id = expect.any(Number)
    expect(seen).toEqual([
      [id, "p", "one", undefined, 1, false],
      [id, "p", "look", 0, 1, false],
      [id, "p", "look", 1, 1, false],
      [id, "p", "look", 1, 2, false]
    ])
  })
})
