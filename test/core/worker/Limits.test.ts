import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Principal, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
const S = Schema.String
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

/** Counts how many are at work at once, by key. */
class Gauge {
  readonly running: Map<string, number> = new Map()
  readonly most: Map<string, number> = new Map()
  readonly order: Array<string> = []

  work<A>(key: string, name: string, millis: number, value: A): Effect.Effect<A> {
    const change = (by: number): void => {
      const now = (this.running.get(key) ?? 0) + by
      this.running.set(key, now)
      this.most.set(key, Math.max(this.most.get(key) ?? 0, now))
    }
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        this.order.push(name)
        change(1)
      }),
      () => Effect.as(Effect.sleep(millis), value),
      () => Effect.sync(() => change(-1))
    )
  }
}

const startAll = (pipeline: Pipeline.Pipeline<string, { readonly n: number }, unknown, never, never>, count: number) =>
  Promise.all(Array.from({ length: count }, (_, n) => testing!.start(pipeline, { n })))

describe("the limit of a worker", () => {
  it("is never exceeded and is reached, over many runs", async () => {
    const gauge = new Gauge()
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      run: ({ n }) => gauge.work("all", String(n), 1 + (n % 7), { m: n })
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline], worker: { concurrency: 7 } })
    for (const runId of await startAll(pipeline, 100)) expect((await testing.finish(runId)).status).toBe("COMPLETED")
    expect(gauge.most.get("all")).toBe(7)
  })
})

describe("the limits of a pipeline", () => {
  it("steps: over all its runs, items too, and no other pipeline's", async () => {
    const gauge = new Gauge()
    const make = (id: string, limit: { readonly steps?: number }) => {
      const first = Task.make("first", {
        input: { n: N },
        output: { list: Schema.Array(N) },
        run: ({ n }) => gauge.work(id, "first", 5, { list: [n, n, n] })
      })
      const each = Task.make("each", {
        input: { item: N },
        output: { done: N },
        run: ({ item }) => gauge.work(id, "each", 5, { done: item })
      })
      return Pipeline.make(id, [first, Step.map(each, { over: { item: "list" } })], { limit })
    }
    const [limited, free] = [make("limited", { steps: 3 }), make("free", {})]
    testing = await Testing.make({ pipelines: [limited, free] })
    const ids = [...(await startAll(limited, 10)), ...(await startAll(free, 10))]
    for (const runId of ids) expect((await testing.finish(runId)).status).toBe("COMPLETED")
    expect(gauge.most.get("limited")).toBe(3)
    expect(gauge.most.get("free")).toBeGreaterThan(3)
  })

  it("runs: the others are PENDING until their turn comes, in their order", async () => {
    const gauge = new Gauge()
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      run: ({ n }) => gauge.work("runs", String(n), 10, { m: n })
    })
    const more = Task.make("more", {
      input: { m: N },
      output: { k: N },
      run: ({ m }) => gauge.work("runs", String(m), 10, { k: m })
    })
    const pipeline = Pipeline.make("p", [work, more], { limit: { runs: 2 } })
    testing = await Testing.make({ pipelines: [pipeline] })
    const ids = await startAll(pipeline, 6)
    expect(await Promise.all(ids.map(async (id) => (await testing!.look(id)).status))).toEqual([
      "RUNNING",
      "RUNNING",
      "PENDING",
      "PENDING",
      "PENDING",
      "PENDING"
    ])
    for (const runId of ids) await testing.finish(runId)
    expect(gauge.most.get("runs")).toBe(2)
    expect(gauge.order.filter((_, at) => gauge.order.indexOf(gauge.order[at]!) === at)).toEqual([
      "0",
      "1",
      "2",
      "3",
      "4",
      "5"
    ])
    expect(testing.now()).toBe(60)
  })

  it("a run that fails or is cancelled makes room too", async () => {
    const work = Task.make("work", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: n }) })
    const pipeline = Pipeline.make("p", [work], { limit: { runs: 1 } })
    testing = await Testing.make({ pipelines: [pipeline], fail: { work: 1 }, delay: { work: 1_000 } })
    const [first, second, third, fourth] = (await startAll(pipeline, 4)) as [string, string, string, string]
    await testing.ask((operations) => operations.cancel(host, second))
    await testing.ask((operations) => operations.cancel(host, first))
    expect((await testing.look(third)).status).toBe("RUNNING")
    expect((await testing.finish(third)).status).toBe("FAILED")
    expect((await testing.look(fourth)).status).toBe("RUNNING")
  })
})

describe("the limit of a key", () => {
  it("is shared by all tasks that have it, in whichever pipeline they are", async () => {
    const gauge = new Gauge()
    const gpu = (name: string) =>
      Task.make(name, {
        input: { n: N },
        output: { m: N },
        limit: { key: "gpu", max: 2 },
        run: ({ n }) => gauge.work("gpu", name, 3, { m: n })
      })
    const free = Task.make("free", {
      input: { n: N },
      output: { k: N },
      run: ({ n }) => gauge.work("free", "free", 3, { k: n })
    })
    const one = Pipeline.make("one", [gpu("a"), free])
    const two = Pipeline.make("two", [gpu("b")])
    testing = await Testing.make({ pipelines: [one, two] })
    const ids = [...(await startAll(one as never, 8)), ...(await startAll(two, 8))]
    for (const runId of ids) expect((await testing.finish(runId)).status).toBe("COMPLETED")
    expect(gauge.most.get("gpu")).toBe(2)
    expect(gauge.most.get("free")).toBe(8)
    // Two at a time, sixteen of them: no place was ever left empty.
    expect(testing.now()).toBe(24)
  })

  it("is the task's own when it names none", async () => {
    const gauge = new Gauge()
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      limit: { max: 1 },
      run: ({ n }) => gauge.work("w", String(n), 2, { m: n })
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    for (const runId of await startAll(pipeline, 5)) await testing.finish(runId)
    expect([gauge.most.get("w"), testing.now()]).toEqual([1, 10])
  })

  it("may depend on the input: one after the other for one customer, side by side for several", async () => {
    const gauge = new Gauge()
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      limit: { key: ({ n }) => `customer-${n % 3}`, max: 1 },
      run: ({ n }) =>
        Effect.andThen(
          gauge.work("all", String(n), 0, undefined),
          gauge.work(`customer-${n % 3}`, String(n), 10, { m: n })
        )
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    const ids = await startAll(pipeline, 12)
    for (const runId of ids)
      expect((await testing.finish(runId)).run.steps[0]).toMatchObject({ status: "COMPLETED", attempts: 1 })
    expect([0, 1, 2].map((customer) => gauge.most.get(`customer-${customer}`))).toEqual([1, 1, 1])
    expect(testing.now()).toBe(40)
  })

  it("holds for the items of a map, each by its own input", async () => {
    const gauge = new Gauge()
    const work = Task.make("work", {
      input: { url: S },
      output: { page: S },
      limit: { key: ({ url }) => new URL(url).host, max: 2 },
      run: ({ url }) => gauge.work(new URL(url).host, url, 10, { page: url })
    })
    const pipeline = Pipeline.make("p", [Step.map(work, { over: { url: "urls" } })])
    testing = await Testing.make({ pipelines: [pipeline] })
    const urls = Array.from({ length: 12 }, (_, at) => `https://host${at % 3}.example/${at}`)
    expect((await testing.run(pipeline, { urls })).result).toEqual(urls)
    expect([0, 1, 2].map((at) => gauge.most.get(`host${at}.example`))).toEqual([2, 2, 2])
    expect(testing.now()).toBe(20)
  })

  it("a key that can't be made fails the step and names it, and holds nothing", async () => {
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      limit: {
        key: ({ n }) => {
          if (n === 0) throw new Error("no key")
          return n === 1 ? (5 as unknown as string) : "k"
        },
        max: 1
      },
      run: ({ n }) => ({ m: n })
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, { n: 0 })).run.error).toMatchObject({
      name: "LimitKeyFailed",
      step: "work",
      message: "The limit key of task 'work' failed: no key"
    })
    expect((await testing.run(pipeline, { n: 1 })).run.error).toMatchObject({ name: "LimitKeyFailed", step: "work" })
    const { status, story } = await testing.run(pipeline, { n: 2 })
    expect(status).toBe("COMPLETED")
    expect(story).toEqual(["0 RunStarted", "0 StepStarted work #1", "0 StepCompleted work", "0 RunCompleted"])
  })

  it("together with others is held all or not at all, and nobody is forgotten", async () => {
    const gauge = new Gauge()
    const make = (name: string, key: string) =>
      Task.make(name, {
        input: { n: N },
        output: { [name]: N },
        limit: { key, max: 1 },
        run: ({ n }) => gauge.work(key, name, 1 + (n % 3), { [name]: n })
      }) as unknown as Task.Task<string, { n: typeof N }, {}, never, never>
    const names = ["a", "b", "c", "d"]
    const pipelines = [1, 2, 3].map((at) =>
      Pipeline.make(`p${at}`, names.map((name, which) => make(name, `k${(which + at) % 3}`)) as never, {
        limit: { steps: at, runs: 4 }
      })
    )
    testing = await Testing.make({ pipelines: pipelines as never })
    const ids = (await Promise.all(pipelines.map((pipeline) => startAll(pipeline as never, 10)))).flat()
    for (const runId of ids) expect((await testing.finish(runId)).status).toBe("COMPLETED")
    expect([0, 1, 2].map((at) => gauge.most.get(`k${at}`))).toEqual([1, 1, 1])
  })

  it.each([
    [{ max: 0 }, "max of limit of task 'work'"],
    [{ max: -1 }, "max of limit of task 'work'"],
    [{ max: 1.5 }, "max of limit of task 'work'"],
    [{ key: "x".repeat(501), max: 1 }, "key of limit of task 'work'"]
  ])("%o is refused by name", (limit, option) => {
    expect(() => Task.make("work", { limit, run: () => ({}) })).toThrow(option)
  })
})

describe("priorities", () => {
  it("those with the highest go first, and in their order within one", async () => {
    const order: Array<string> = []
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      run: ({ n }) =>
        Effect.andThen(
          Effect.sync(() => void order.push(String(n))),
          Effect.as(Effect.sleep(1), { m: n })
        )
    })
    const pipeline = Pipeline.make("p", [work])
    const other = Pipeline.make("other", [work])
    testing = await Testing.make({ pipelines: [pipeline, other], worker: { concurrency: 1 } })
    await testing.start(pipeline, { n: 0 })
    const ids: Array<string> = []
    for (const [n, priority] of [
      [1, 0],
      [2, -5],
      [3, 100],
      [4, 0],
      [5, 7],
      [6, 100]
    ] as const) {
      ids.push(await testing.start(n % 2 === 0 ? pipeline : other, { n }, { priority }))
    }
    for (const runId of ids) await testing.finish(runId)
    expect(order).toEqual(["0", "3", "6", "5", "1", "4", "2"])
  })

  it("hold among those that wait for a limit, too", async () => {
    const order: Array<string> = []
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      limit: { max: 1 },
      run: ({ n }) =>
        Effect.andThen(
          Effect.sync(() => void order.push(String(n))),
          Effect.as(Effect.sleep(1), { m: n })
        )
    })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline] })
    const ids: Array<string> = []
    for (const [n, priority] of [
      [0, 0],
      [1, 0],
      [2, -5],
      [3, 9],
      [4, 0]
    ] as const)
      ids.push(await testing.start(pipeline, { n }, { priority }))
    for (const runId of ids) await testing.finish(runId)
    expect(order).toEqual(["0", "3", "1", "4", "2"])
  })
})

describe("a delayed run", () => {
  it("begins after exactly its delay; its time limit counts from then", async () => {
    const work = Task.make("work", { output: { x: N }, run: () => ({ x: 1 }) })
    const pipeline = Pipeline.make("p", [work])
    testing = await Testing.make({ pipelines: [pipeline], delay: { work: 500 } })
    const runId = await testing.start(pipeline, {}, { delayMillis: 60_000, timeoutMillis: 1_000 })
    await testing.advance(59_999)
    expect(await testing.look(runId)).toMatchObject({
      status: "PENDING",
      startAtMillis: 60_000,
      startedAtMillis: undefined
    })
    await testing.advance(1)
    expect(await testing.look(runId)).toMatchObject({ status: "RUNNING", startedAtMillis: 60_000 })
    expect((await testing.finish(runId)).status).toBe("COMPLETED")
    const late = await testing.finish(await testing.start(pipeline, {}, { delayMillis: 10, timeoutMillis: 499 }))
    expect(late.run).toMatchObject({ status: "FAILED", error: { name: "RunTimedOut" } })
  })
})

describe("a paused pipeline", () => {
  it("starts nothing, finishes what runs, takes runs, and goes on where it was when it is resumed", async () => {
    const first = Task.make("first", { output: { x: N }, run: () => ({ x: 1 }) })
    const second = Task.make("second", { input: { x: N }, output: { y: N }, run: ({ x }) => ({ y: x }) })
    const pipeline = Pipeline.make("p", [first, second])
    const other = Pipeline.make("other", [first])
    testing = await Testing.make({ pipelines: [pipeline, other], delay: { first: 10 } })
    const running = await testing.start(pipeline, {})
    await testing.ask((operations) => operations.pause(host, "p"))
    const later = await testing.start(pipeline, {})
    await testing.advance(1_000)
    expect((await testing.look(running)).steps.map(({ status }) => status)).toEqual(["COMPLETED", "PENDING"])
    expect((await testing.look(later)).status).toBe("PENDING")
    expect((await testing.run(other, {})).status).toBe("COMPLETED")
    expect(await testing.ask((operations) => operations.pausable(host, "p"))).toMatchObject({ paused: true })
    expect(await testing.ask((operations) => operations.pausable(host, "other"))).toMatchObject({ paused: false })
    await testing.ask((operations) => operations.pause(host, "p"))
    await testing.ask((operations) => operations.resume(host, "p"))
    expect((await testing.look(running)).status).toBe("COMPLETED")
    expect((await testing.finish(later)).status).toBe("COMPLETED")
    expect(await testing.ask((operations) => operations.pausable(host, "p"))).toMatchObject({ paused: false })
  })

  it("that does not exist is PipelineNotFound", async () => {
    testing = await Testing.make({ pipelines: [] })
    for (const way of ["pause", "resume", "pausable"] as const) {
      await expect(
        testing.ask((operations) => operations[way](host, "none") as Effect.Effect<unknown, unknown>)
      ).rejects.toMatchObject({ _tag: "PipelineNotFound" })
    }
  })
})
