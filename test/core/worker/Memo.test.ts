import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { afterEach, describe, expect, it } from "vitest"
import { Access, Levada, Pipeline, Principal, type Run, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

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

  it("with a version is shared by all pipelines that have the task, and not by another version of it", async () => {
    const one = counted({ version: "1" })
    const same = Pipeline.make("same", [one.task])
    const two = counted({ version: "2" })
    const newer = Pipeline.make("newer", [two.task])
    testing = await Testing.make({ pipelines: [one.pipeline, same, newer] })
    await testing.run(one.pipeline, { n: 3 })
    expect((await testing.run(same, { n: 3 })).run.steps[0]!.memoised).toBe(true)
    expect((await testing.run(newer, { n: 3 })).run.steps[0]!.memoised).toBe(false)
    expect([one.calls, two.calls]).toEqual([[3], [3]])
  })

  it("without a version is its own: tasks of one name and code may differ in what they close over", async () => {
    const scale = (factor: number) =>
      Task.make("scale", {
        input: { n: Schema.Number },
        output: { scaled: Schema.Number },
        memo: { ttlMillis: 0 },
        run: ({ n }) => ({ scaled: n * factor })
      })
    const twice = Pipeline.make("twice", [scale(2)])
    const thrice = Pipeline.make("thrice", [scale(3)])
    testing = await Testing.make({ pipelines: [twice, thrice] })
    expect((await testing.run(twice, { n: 1 })).result).toBe(2)
    expect((await testing.run(thrice, { n: 1 })).result).toBe(3)
    expect((await testing.run(twice, { n: 1 })).run.steps[0]!.memoised).toBe(true)
  })

  it("takes inputs for the same in whatever order the keys of their objects came", async () => {
    let calls = 0
    const size = Task.make("size", {
      input: { of: Schema.Record(Schema.String, Schema.Number) },
      output: { size: Schema.Number },
      memo: { ttlMillis: 0 },
      run: ({ of }) => {
        calls++
        return { size: Object.keys(of).length }
      }
    })
    const pipeline = Pipeline.make("p", [size])
    testing = await Testing.make({ pipelines: [pipeline] })
    await testing.run(pipeline, { of: { a: 1, b: 2 } })
    await testing.run(pipeline, { of: { b: 2, a: 1 } })
    expect(calls).toBe(1)
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
    testing = await Testing.make({ pipelines: [long.pipeline], store: { memoBytes: 10 } })
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

describe("the key of a memoised step", () => {
  /** Runs a pipeline, without a test kit: that puts code of its own around every task. */
  const run = async <P extends Pipeline.Any>(
    pipelines: ReadonlyArray<P>,
    body: (run: (at: number, parameters: object) => Promise<readonly [unknown, Run.StepState]>) => Promise<void>
  ) => {
    const levada = Levada.make({ pipelines: pipelines as ReadonlyArray<Pipeline.Any>, access: Access.open } as never)
    await body(async (at, parameters) => {
      const runId = await levada.start(pipelines[at]! as Pipeline.Any, parameters as never)
      const result = await levada.result(pipelines[at]! as Pipeline.Any, runId)
      return [result, (await levada.run(runId)).steps[0]!]
    })
    await levada.close()
  }

  it("knows what a step's values are called: one filter in two places gives both its lists", async () => {
    const calls: Array<number> = []
    const isEven = Task.make("isEven", {
      input: { n: N },
      output: { ok: Schema.Boolean },
      memo: { ttlMillis: 0 },
      run: ({ n }) => {
        calls.push(n)
        return { ok: n % 2 === 0 }
      }
    })
    const place = (name: string, output: string) => Step.filter(isEven, { name, over: { n: "ns" }, output })
    const pipeline = Pipeline.make("p", [place("one", "left") as never, place("two", "right") as never])
    await run([pipeline], async (run) => {
      for (const _ of [1, 2]) {
        expect((await run(0, { ns: [1, 2, 3, 4] }))[0]).toEqual({ left: [2, 4], right: [2, 4] })
      }
    })
    expect(calls).toHaveLength(8)
  })

  it("knows what a step does with its task: a map, a filter and a task do not mix", async () => {
    const ask = Task.make("ask", {
      input: { n: Schema.Unknown },
      output: { ok: Schema.Boolean },
      memo: { ttlMillis: 0 },
      run: ({ n }) => ({ ok: n === 1 })
    })
    const pipelines = [
      Pipeline.make("task", [ask]),
      Pipeline.make("map", [Step.map(ask, { over: { n: "n" } })]),
      Pipeline.make("filter", [Step.filter(ask, { over: { n: "n" }, output: "ok" })])
    ] as ReadonlyArray<Pipeline.Any>
    await run(pipelines, async (run) => {
      for (const _ of [1, 2]) {
        expect((await run(0, { n: 1 }))[0]).toBe(true)
        expect((await run(1, { n: [1, 2] }))[0]).toEqual([true, false])
        expect((await run(2, { n: [1, 2] }))[0]).toEqual([1])
      }
    })
  })

  it("knows the code of its task: another task of the same name is another task", async () => {
    const memo = { ttlMillis: 0 }
    const twice = Task.make("calc", { input: { n: N }, output: { m: N }, memo, run: ({ n }) => ({ m: n * 2 }) })
    const square = Task.make("calc", { input: { n: N }, output: { m: N }, memo, run: ({ n }) => ({ m: n * n }) })
    await run([Pipeline.make("twice", [twice]), Pipeline.make("square", [square])], async (run) => {
      expect((await run(0, { n: 5 }))[0]).toBe(10)
      expect((await run(1, { n: 5 }))[0]).toBe(25)
      expect(await run(1, { n: 5 })).toMatchObject([25, { memoised: true }])
      expect(await run(0, { n: 5 })).toMatchObject([10, { memoised: true }])
    })
  })

  it("is none where inputs can't be written: then it is run each time", async () => {
    const oneWay = S.pipe(
      Schema.decodeTo(Schema.Symbol, {
        decode: SchemaGetter.transform((text: string) => Symbol.for(text)),
        encode: SchemaGetter.forbidden(() => "it goes one way only")
      } as never)
    ) as unknown as typeof Schema.Symbol
    let calls = 0
    const look = Task.make("look", {
      input: { what: oneWay },
      output: { seen: N },
      memo: { ttlMillis: 0 },
      run: () => ({ seen: ++calls })
    })
    const give = Task.make("give", { output: { what: S }, run: () => ({ what: "x" }) })
    const built = Pipeline.fromTasks("p", "dataflow", [look as Task.Any, give])
    if (built._tag === "Failure") throw built.failure
    await run([built.success], async (run) => {
      for (const count of [1, 2, 3]) expect(await run(0, {})).toMatchObject([count, { memoised: false, attempts: 1 }])
    })
  })

  it("tells apart whatever inputs can be told apart", async () => {
    const value = Schema.optionalKey(Schema.NullOr(Schema.Unknown))
    const show = Task.make("show", {
      input: { a: value, b: value },
      output: { shown: S },
      memo: { ttlMillis: 0 },
      run: (inputs) => ({ shown: JSON.stringify(inputs) })
    })
    const pipeline = Pipeline.make("p", [show])
    const values = [
      undefined,
      null,
      "null",
      0,
      "0",
      "",
      [],
      [null],
      {},
      { a: 1 },
      '{"a":1}',
      "a,b",
      ["a", "b"],
      '"',
      "\\"
    ]
    await run([pipeline], async (run) => {
      for (const _ of [1, 2]) {
        for (const a of values) {
          for (const b of values) {
            const given = { ...(a !== undefined && { a }), ...(b !== undefined && { b }) }
            expect((await run(0, given))[0]).toBe(JSON.stringify(given))
          }
        }
      }
      expect((await run(0, { a: 0 }))[1].memoised).toBe(true)
    })
  })
})
