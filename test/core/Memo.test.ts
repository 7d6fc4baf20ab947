import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Principal, Step, Task } from "../../adapters/promise/index.ts"
import { Testing } from "../../adapters/testing/index.ts"

const N = Schema.Number
const S = Schema.String
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

/** A memoised task that counts its calls. */
const counted = (
  more: {
    readonly version?: string
    readonly ttlMillis?: number
    readonly sleep?: number
    readonly failing?: () => boolean
  } = {}
) => {
  const calls: Array<number> = []
  const task = Task.make("square", {
    input: { n: N, note: S.pipe(Schema.withDecodingDefaultKey(Effect.succeed("none"))) },
    output: { squared: N },
    memo: { ttlMillis: more.ttlMillis ?? 0 },
    ...(more.version !== undefined && { version: more.version }),
    run: ({ n }) =>
      Effect.sync(() => calls.push(n)).pipe(
        Effect.andThen(Effect.sleep(more.sleep ?? 0)),
        Effect.andThen(
          Effect.suspend(() =>
            more.failing?.() ? Effect.fail(new Task.Fatal("no")) : Effect.succeed({ squared: n * n })
          )
        )
      )
  })
  return { task, calls, pipeline: Pipeline.make("p", [task]) }
}

describe("a memoised step", () => {
  it("is run once for the same inputs, across runs, and says that it was not run", async () => {
    const { pipeline, calls } = counted()
    testing = await Testing.make({ pipelines: [pipeline] })
    const first = await testing.run(pipeline, { n: 3 })
    const second = await testing.run(pipeline, { n: 3 })
    const other = await testing.run(pipeline, { n: 4 })
    expect([first.result, second.result, other.result]).toEqual([9, 9, 16])
    expect(calls).toEqual([3, 4])
    expect(first.story).toEqual(["0 RunStarted", "0 StepStarted square #1", "0 StepCompleted square", "0 RunCompleted"])
    expect(second.story).toEqual([
      "0 RunStarted",
      "0 StepStarted square #0",
      "0 StepCompleted square memoised",
      "0 RunCompleted"
    ])
    expect(second.run.steps[0]).toMatchObject({ status: "COMPLETED", attempts: 0, memoised: true })
    expect(first.run.steps[0]).toMatchObject({ attempts: 1, memoised: false })
  })

  it("goes by the decoded inputs: a default is the same as its value", async () => {
    const { pipeline, calls } = counted()
    testing = await Testing.make({ pipelines: [pipeline] })
    await testing.run(pipeline, { n: 3 })
    await testing.run(pipeline, { n: 3, note: "none" })
    await testing.run(pipeline, { n: 3, note: "other" })
    expect(calls).toEqual([3, 3])
  })

  it("is shared by all pipelines that have the task, and not by another version of it", async () => {
    const one = counted()
    const same = Pipeline.make("same", [one.task])
    const two = counted({ version: "2" })
    const newer = Pipeline.make("newer", [two.task])
    testing = await Testing.make({ pipelines: [one.pipeline, same, newer] })
    await testing.run(one.pipeline, { n: 3 })
    expect((await testing.run(same, { n: 3 })).run.steps[0]!.memoised).toBe(true)
    expect((await testing.run(newer, { n: 3 })).run.steps[0]!.memoised).toBe(false)
    expect([one.calls, two.calls]).toEqual([[3], [3]])
  })

  it("is forgotten after exactly its time; 0 is never", async () => {
    const short = counted({ ttlMillis: 1_000 })
    testing = await Testing.make({ pipelines: [short.pipeline] })
    await testing.run(short.pipeline, { n: 3 })
    await testing.advance(999)
    await testing.run(short.pipeline, { n: 3 })
    expect(short.calls).toHaveLength(1)
    await testing.advance(1)
    await testing.run(short.pipeline, { n: 3 })
    expect(short.calls).toHaveLength(2)
    await testing.close()
    const long = counted({ ttlMillis: 0 })
    testing = await Testing.make({ pipelines: [long.pipeline] })
    await testing.run(long.pipeline, { n: 3 })
    await testing.advance(1e12)
    await testing.run(long.pipeline, { n: 3 })
    expect(long.calls).toHaveLength(1)
  })

  it("is worked on by one attempt at a time: 50 runs at once share it", async () => {
    const { pipeline, calls } = counted({ sleep: 100 })
    testing = await Testing.make({ pipelines: [pipeline] })
    const ids = await Promise.all(Array.from({ length: 50 }, () => testing!.start(pipeline, { n: 3 })))
    const rans = await Promise.all(ids.map(async (id) => testing!.finish(id)))
    expect(rans.map(({ result }) => result)).toEqual(ids.map(() => 9))
    expect(calls).toEqual([3])
    expect(rans.filter(({ run }) => run.steps[0]!.memoised)).toHaveLength(49)
  })

  it("two steps of one run share it as well", async () => {
    const { task, calls } = counted({ sleep: 10 })
    const pipeline = Pipeline.make("p", [
      Step.make(task, { name: "a", outputs: { squared: "x" } }),
      Step.make(task, { name: "b", outputs: { squared: "x2" } })
    ])
    const same = Pipeline.make("q", [Step.map(task, { over: { n: "ns" } })])
    testing = await Testing.make({ pipelines: [pipeline, same] })
    // Other names for what they give are other results.
    await testing.run(pipeline, { n: 3 })
    expect(calls).toEqual([3, 3])
    expect((await testing.run(same, { ns: [5, 6, 5, 5] })).result).toEqual([25, 36, 25, 25])
    expect(calls.slice(2)).toEqual([5, 6])
  })

  it("keeps no failure: whoever waits tries in turn", async () => {
    let failures = 2
    const { pipeline, calls } = counted({ sleep: 10, failing: () => failures-- > 0 })
    testing = await Testing.make({ pipelines: [pipeline] })
    const ids = await Promise.all(Array.from({ length: 5 }, () => testing!.start(pipeline, { n: 3 })))
    const statuses = []
    for (const id of ids) statuses.push((await testing.finish(id)).status)
    expect(statuses.sort()).toEqual(["COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "FAILED"])
    expect(calls).toHaveLength(3)
  })

  it("whoever works on it may be cancelled: the next one takes over", async () => {
    const { pipeline, calls } = counted({ sleep: 1_000 })
    testing = await Testing.make({ pipelines: [pipeline] })
    const [first, second, third] = (await Promise.all([1, 2, 3].map(() => testing!.start(pipeline, { n: 3 })))) as [
      string,
      string,
      string
    ]
    await testing.ask((operations) => operations.cancel(host, second))
    await testing.ask((operations) => operations.cancel(host, first))
    const { status, run } = await testing.finish(third)
    expect([status, run.steps[0]!.attempts, calls.length]).toEqual(["COMPLETED", 1, 2])
  })

  it("under continue, items of a list that fails do not keep others waiting for ever", async () => {
    const fails = Task.make("fails", {
      input: { n: N },
      output: { m: N },
      memo: { ttlMillis: 0 },
      run: ({ n }) =>
        Effect.andThen(Effect.sleep(10), n === 1 ? Effect.fail(new Task.Fatal("one")) : Effect.succeed({ m: n }))
    })
    const pipeline = Pipeline.make("p", [Step.map(fails, { over: { n: "ns" } })], { onFailure: "continue" })
    testing = await Testing.make({ pipelines: [pipeline], worker: { concurrency: 2 } })
    expect((await testing.run(pipeline, { ns: [1, 2, 1, 2, 1] })).status).toBe("FAILED")
    expect((await testing.run(pipeline, { ns: [2, 3] })).result).toEqual([2, 3])
  })

  it("is kept within bounds: what was not asked for the longest leaves first", async () => {
    const { pipeline, calls } = counted()
    testing = await Testing.make({ pipelines: [pipeline], store: { memoCount: 2 } })
    for (const n of [1, 2, 1, 3, 1, 2]) await testing.run(pipeline, { n })
    expect(calls).toEqual([1, 2, 3, 2])
    await testing.close()
    const long = counted()
    testing = await Testing.make({ pipelines: [long.pipeline], store: { memoLength: 10 } })
    for (const n of [1, 1]) await testing.run(long.pipeline, { n })
    expect(long.calls).toEqual([1, 1])
  })

  it("goes together with retries and limits", async () => {
    let failures = 1
    const task = Task.make("work", {
      input: { n: N },
      output: { m: N },
      memo: { ttlMillis: 0 },
      retry: { times: 1, delayMillis: 10, jitter: 0 },
      limit: { key: ({ n }) => `k${n}`, max: 1 },
      run: ({ n }) => (failures-- > 0 ? Effect.fail("once") : Effect.succeed({ m: n }))
    })
    const pipeline = Pipeline.make("p", [task])
    testing = await Testing.make({ pipelines: [pipeline] })
    const ids = await Promise.all([1, 2, 3].map(() => testing!.start(pipeline, { n: 1 })))
    for (const id of ids) expect((await testing.finish(id)).status).toBe("COMPLETED")
    expect(testing.now()).toBe(10)
  })

  it("a time that can't be is refused by name", () => {
    expect(() => Task.make("t", { memo: { ttlMillis: -1 }, run: () => ({}) })).toThrow("memo.ttlMillis of task 't'")
  })
})
