/** Maps and filters that go on without failed items, and retries that run only these. */
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Principal, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"
import type { Expansion } from "../../../core/pipeline/Plan.ts"
import { cases } from "../../cases.ts"
import { over, sharing } from "../harness/Restarting.ts"

const N = Schema.Number
const S = Schema.String
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

/** A task that fails for some items, until it is mended, and remembers its calls. */
const fragile = (bad: ReadonlyArray<number>) => {
  const calls: Array<number> = []
  const state = { isMended: false, calls }
  const task = Task.make("work", {
    input: { n: N },
    output: { m: N },
    run: async ({ n }) => {
      calls.push(n)
      if (!state.isMended && bad.includes(n)) throw new Error(`no ${n}`)
      return { m: n * 10 }
    }
  })
  return { state, task }
}

const ns = [0, 1, 2, 3, 4, 5]
const BAD = [1, 3, 4]

const retried = async (runId: string, from?: ReadonlyArray<string>) =>
  testing!.finish(await testing!.ask((operations) => operations.retry(host, runId, from)))

describe("a map with three bad items of six", () => {
  const total = Task.make("total", {
    input: { m: Schema.Array(N) },
    output: { total: N },
    run: ({ m }) => ({ total: m.reduce((sum, each) => sum + each, 0) })
  })

  it.each([undefined, 2, 4])("skips them, and a retry runs only these, in units of %s", async (chunk) => {
    const { state, task } = fragile(BAD)
    const going = { over: { n: "ns" }, onItemFailure: "skip", ...(chunk !== undefined && { chunk }) } as const
    const pipeline = Pipeline.make("p", [Step.map(task, going), total])
    testing = await Testing.make({ pipelines: [pipeline] })
    const first = await testing.run(pipeline, { ns })
    expect([first.status, first.result]).toEqual(["COMPLETED", 70])
    expect(first.run.steps[0]).toMatchObject({ status: "COMPLETED", itemsFailed: 3, progress: { done: 6, total: 6 } })
    expect(first.run.outputs["m"]).toBe("[0,20,50]")
    expect(first.story.filter((line) => line.includes("ItemFailed")).sort()).toEqual(
      BAD.map((n) => `0 StepItemFailed work[${n}] #1 Task 'work' failed at item ${n}: no ${n}`)
    )
    state.isMended = true
    state.calls.length = 0
    const again = await retried(first.run.id)
    expect([again.status, again.result]).toEqual(["COMPLETED", 150])
    const size = chunk ?? 1
    const units = new Set(BAD.map((n) => Math.floor(n / size)))
    expect(state.calls.sort()).toEqual(ns.filter((n) => units.has(Math.floor(n / size))))
    await expect(testing.ask((operations) => operations.retry(host, again.run.id))).rejects.toMatchObject({
      _tag: "RunNotRepeatable"
    })
  })

  it("collects them: all are run, the step fails, and a retry runs only these", async () => {
    const { state, task } = fragile(BAD)
    const pipeline = Pipeline.make("p", [Step.map(task, { over: { n: "ns" }, onItemFailure: "collect" }), total])
    testing = await Testing.make({ pipelines: [pipeline] })
    const first = await testing.run(pipeline, { ns })
    expect(first.run).toMatchObject({ status: "FAILED", steps: [{ itemsFailed: 3 }, { status: "SKIPPED" }] })
    expect(first.run.error).toMatchObject({ name: "ItemsFailed", step: "work", cause: { item: 1 } })
    expect(first.run.error!.message).toBe(
      "3 of 6 items of step 'work' failed, but at most 0 may; the first failed: 1, 3, 4. Task 'work' failed at item 1: no 1"
    )
    expect(state.calls.splice(0).sort()).toEqual(ns)
    state.isMended = true
    expect((await retried(first.run.id)).result).toBe(150)
    expect(state.calls.sort()).toEqual(BAD)
  })

  it("fails with the first where nothing is said, and a retry runs what failed or was not finished", async () => {
    const { state, task } = fragile(BAD)
    const pipeline = Pipeline.make("p", [Step.map(task, { over: { n: "ns" }, concurrency: 1 }), total])
    testing = await Testing.make({ pipelines: [pipeline] })
    const first = await testing.run(pipeline, { ns })
    expect(first.run).toMatchObject({ status: "FAILED", error: { item: 1 }, steps: [{ itemsFailed: 1 }, {}] })
    expect(first.story.filter((line) => line.includes("ItemFailed"))).toEqual([])
    state.isMended = true
    state.calls.length = 0
    expect((await retried(first.run.id)).result).toBe(150)
    expect(state.calls).toEqual([1, 2, 3, 4, 5])
  })

  it.each([
    [{ onItemFailure: "skip", toleratedItemFailures: 2 }, "FAILED"],
    [{ onItemFailure: "skip", toleratedItemFailures: 3 }, "COMPLETED"],
    [{ onItemFailure: "skip", toleratedItemFailures: "49%" }, "FAILED"],
    [{ onItemFailure: "skip", toleratedItemFailures: "50%" }, "COMPLETED"],
    [{ onItemFailure: "collect", toleratedItemFailures: 3 }, "COMPLETED"],
    [{ onItemFailure: "collect", toleratedItemFailures: "49%" }, "FAILED"],
    [{ onItemFailure: "collect", toleratedItemFailures: "100%" }, "COMPLETED"]
  ] as const)("with %j is %s", async (going, status) => {
    const pipeline = Pipeline.make("p", [Step.map(fragile(BAD).task, { over: { n: "ns" }, ...going })])
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, { ns })).status).toBe(status)
  })

  it("of which the rule changes is of the same version: its run can be retried under the new rule", async () => {
    const { state, task } = fragile(BAD)
    const strict = Pipeline.make("p", [Step.map(task, { over: { n: "ns" }, onItemFailure: "collect" }), total])
    const lenient = Pipeline.make("p", [Step.map(task, { over: { n: "ns" }, onItemFailure: "skip" }), total])
    expect(lenient.version).toBe(strict.version)
    await sharing(async (serve) => {
      const before = serve(strict)
      const first = await over(before, await before.start(strict, { ns }))
      await before.close()
      expect(first.status).toBe("FAILED")
      state.calls.length = 0
      const after = serve(lenient)
      expect(await over(after, await after.retry(first.id))).toMatchObject({
        status: "COMPLETED",
        outputs: { total: "70" }
      })
      expect(state.calls.sort()).toEqual(BAD)
      await after.close()
    })
  })
})

describe("a retry of a step that goes through items", () => {
  const start = async (bad: ReadonlyArray<number>) => {
    const { state, task } = fragile(bad)
    const lists: Array<ReadonlyArray<number>> = [ns]
    const list = Task.make("list", { output: { ns: Schema.Array(N) }, run: () => ({ ns: lists.at(-1)! }) })
    const pipeline = Pipeline.make("p", [list, Step.map(task, { over: { n: "ns" }, onItemFailure: "skip" })])
    testing = await Testing.make({ pipelines: [pipeline] })
    const first = await testing.run(pipeline, {})
    state.isMended = true
    state.calls.length = 0
    return { state, lists, first }
  }

  it("that is named runs all of them", async () => {
    const { state, first } = await start(BAD)
    expect((await retried(first.run.id, ["work"])).result).toEqual([0, 10, 20, 30, 40, 50])
    expect(state.calls.sort()).toEqual(ns)
  })

  it("whose list is made anew runs all of them", async () => {
    const { state, lists, first } = await start(BAD)
    lists.push([7, 8, 9, 10, 11, 12])
    expect((await retried(first.run.id, ["list"])).result).toEqual([70, 80, 90, 100, 110, 120])
    expect(state.calls).toHaveLength(6)
  })

  it("keeps what the run before kept, and what that run itself has completed", async () => {
    const { state, first } = await start(BAD)
    state.isMended = false
    const second = await retried(first.run.id)
    expect([second.result, state.calls.splice(0).sort()]).toEqual([[0, 20, 50], BAD])
    state.isMended = true
    expect((await retried(second.run.id)).result).toEqual([0, 10, 20, 30, 40, 50])
    expect(state.calls.sort()).toEqual(BAD)
  })

  it("of which results were too long keeps none: they would be so again", async () => {
    let length = 60
    const calls: Array<number> = []
    const long = Task.make("long", {
      input: { n: N },
      output: { text: S },
      run: ({ n }) => ({ text: "x".repeat(calls.push(n) && length) })
    })
    const pipeline = Pipeline.make("p", [Step.map(long, { over: { n: "ns" } })])
    testing = await Testing.make({ pipelines: [pipeline], store: { maxValueBytes: 100 } })
    const first = await testing.run(pipeline, { ns: [1, 2, 3] })
    expect(first.run.error).toMatchObject({ name: "ValueTooLarge" })
    length = 2
    calls.length = 0
    expect((await retried(first.run.id)).result).toEqual(["xx", "xx", "xx"])
    expect(calls).toEqual([1, 2, 3])
  })

  it("after a cancel runs what was not finished", async () => {
    const { state, task } = fragile([])
    const pipeline = Pipeline.make("p", [Step.map(task, { over: { n: "ns" }, concurrency: 2 })])
    const delay = { work: ({ item }: { readonly item: number | undefined }) => 100 * (item! + 1) }
    testing = await Testing.make({ pipelines: [pipeline], delay })
    const runId = await testing.start(pipeline, { ns })
    await testing.advance(250)
    await testing.ask((operations) => operations.cancel(host, runId))
    expect((await testing.look(runId)).status).toBe("CANCELLED")
    state.calls.length = 0
    expect((await retried(runId)).result).toEqual([0, 10, 20, 30, 40, 50])
    expect(state.calls.sort()).toEqual([2, 3, 4, 5])
  })
})

describe("an item in a unit of several", () => {
  it("that failed costs itself alone, whichever it is", async () => {
    const bads = fc.uniqueArray(fc.nat(6), { maxLength: 7 })
    await fc.assert(
      fc.asyncProperty(bads, fc.integer({ min: 1, max: 8 }), fc.boolean(), async (bad, chunk, isFilter) => {
        const { task } = fragile(bad)
        const isGood = Task.make("isGood", {
          input: { n: N },
          output: { good: Schema.Boolean },
          run: ({ n }) => {
            if (bad.includes(n)) throw new Error(`no ${n}`)
            return { good: n % 3 !== 0 }
          }
        })
        const rule = { over: { n: "ns" }, chunk, onItemFailure: "skip" } as const
        const step = isFilter ? Step.filter(isGood, { ...rule, output: "kept" }) : Step.map(task, rule)
        const made = Pipeline.fromTasks("p", "dataflow", [step])
        if (made._tag === "Failure") throw made.failure
        testing = await Testing.make({ pipelines: [made.success] })
        const all = [0, 1, 2, 3, 4, 5, 6]
        const { result, run } = await testing.run(made.success, { ns: all })
        const good = all.filter((n) => !bad.includes(n))
        expect(result).toEqual(isFilter ? good.filter((n) => n % 3 !== 0) : good.map((n) => 10 * n))
        expect(run.steps[0]).toMatchObject({ itemsFailed: bad.length, progress: { done: 7, total: 7 } })
        await testing.close()
      }),
      { numRuns: cases(60) }
    )
  })

  it("is retried with the others of its unit before it has failed for good", async () => {
    const { state, task } = fragile([1])
    const retrying = { ...task, retry: { times: 1, delayMillis: 5, jitter: 0 } }
    const pipeline = Pipeline.make("p", [Step.map(retrying, { over: { n: "ns" }, chunk: 3, onItemFailure: "skip" })])
    testing = await Testing.make({ pipelines: [pipeline] })
    const { result, run } = await testing.run(pipeline, { ns: [0, 1, 2] })
    expect([result, state.calls]).toEqual([
      [0, 20],
      [0, 1, 0, 1, 2]
    ])
    expect(run.steps[0]!.itemsFailed).toBe(1)
  })

  it("fails with all of its unit when the unit runs out of time", async () => {
    const { task } = fragile([])
    const pipeline = Pipeline.make("p", [
      Step.map({ ...task, timeoutMillis: 150 }, { over: { n: "ns" }, chunk: 3, onItemFailure: "skip" })
    ])
    const delay = { work: ({ item }: { readonly item: number | undefined }) => (item === 1 ? 1_000 : 10) }
    testing = await Testing.make({ pipelines: [pipeline], delay })
    const { result, run, events } = await testing.run(pipeline, { ns })
    expect([result, run.steps[0]!.itemsFailed]).toEqual([[30, 40, 50], 3])
    const told = events.flatMap((event) =>
      event.type === "StepItemFailed" ? [[event.item, event.error.cause?.name]] : []
    )
    expect(told).toEqual([0, 1, 2].map((item) => [item, "StepTimedOut"]))
  })

  it("is not memoised with its unit when it failed", async () => {
    const { state, task } = fragile([1])
    const memoised = { ...task, memo: { ttlMillis: 0 } }
    const pipeline = Pipeline.make("p", [Step.map(memoised, { over: { n: "ns" }, chunk: 2, onItemFailure: "skip" })])
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, { ns: [0, 1, 2, 3] })).result).toEqual([0, 20, 30])
    state.isMended = true
    state.calls.length = 0
    const { result, run } = await testing.run(pipeline, { ns: [0, 1, 2, 3] })
    expect([result, state.calls]).toEqual([
      [0, 10, 20, 30],
      [0, 1]
    ])
    expect(run.steps[0]).toMatchObject({ memoisedItems: 2, itemsFailed: 0 })
  })

  it("that can't be read has failed like any other", async () => {
    const anything = Task.make("anything", {
      output: { ns: Schema.Array(Schema.Unknown) },
      run: () => ({ ns: [1, "two", 3] })
    })
    for (const chunk of [1, 3]) {
      const made = Pipeline.fromTasks("p", "dataflow", [
        anything,
        Step.map(fragile([]).task, { over: { n: "ns" }, chunk, onItemFailure: "skip" })
      ])
      if (made._tag === "Failure") throw made.failure
      testing = await Testing.make({ pipelines: [made.success] })
      const { result, run } = await testing.run(made.success, {})
      expect([result, run.steps[1]!.itemsFailed]).toEqual([[10, 30], 1])
      await testing.close()
    }
  })
})

describe("the rule for failed items", () => {
  const { task } = fragile([])
  const add = Task.make("add", { input: { sum: N, n: N }, output: { sum: N }, run: ({ sum, n }) => ({ sum: sum + n }) })
  const isEven = Task.make("isEven", {
    input: { n: N },
    output: { even: Schema.Boolean },
    run: ({ n }) => ({ even: n % 2 === 0 })
  })
  const ruleOf = (rule: Step.ItemFailures): Pick<Expansion, "onFailure" | "tolerated"> => {
    const [step] = Pipeline.make("p", [Step.map(task, { over: { n: "ns" }, ...rule })]).plan.steps
    const { onFailure, tolerated } = step!.expands!
    return { ...(onFailure && { onFailure }), ...(tolerated && { tolerated }) }
  }

  it.each([
    [{}, {}],
    [{ onItemFailure: "fail" }, {}],
    [{ onItemFailure: "skip" }, { onFailure: "skip" }],
    [
      { onItemFailure: "skip", toleratedItemFailures: 0 },
      { onFailure: "skip", tolerated: { count: 0 } }
    ],
    [{ onItemFailure: "collect" }, { onFailure: "collect", tolerated: { count: 0 } }],
    [
      { onItemFailure: "collect", toleratedItemFailures: "7%" },
      { onFailure: "collect", tolerated: { share: 7 } }
    ]
  ] as const)("%j is %j in a plan", (rule, expected) => {
    expect(ruleOf(rule)).toEqual(expected)
  })

  it.each([
    [{ onItemFailure: "ignore" }, "onItemFailure"],
    [{ onItemFailure: null }, "onItemFailure"],
    [{ toleratedItemFailures: 1 }, "toleratedItemFailures"],
    [{ onItemFailure: "fail", toleratedItemFailures: 0 }, "toleratedItemFailures"],
    ...[-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null, "", "10", "101%", "-1%", "1.5%", " 5%", {}, ["5%"]].map(
      (toleratedItemFailures) => [{ onItemFailure: "skip", toleratedItemFailures }, "toleratedItemFailures"] as const
    )
  ] as const)("%j is refused by name", (rule, option) => {
    for (const make of [
      () => Step.map(task, { over: { n: "ns" }, ...(rule as {}) }),
      () => Step.filter(isEven, { over: { n: "ns" }, output: "kept", ...(rule as {}) })
    ]) {
      expect(make).toThrow(expect.objectContaining({ _tag: "InvalidOption", option: expect.stringContaining(option) }))
    }
  })

  it("is refused where there is nothing for it: in a reduce and in a step without items", () => {
    for (const rule of [{ onItemFailure: "skip" }, { toleratedItemFailures: 1 }] as const) {
      for (const make of [
        () => Step.make(task, rule as {}),
        () => Step.reduce(add, { over: { n: "ns" }, initial: { sum: 0 }, ...(rule as {}) })
      ]) {
        expect(make).toThrow(expect.objectContaining({ _tag: "InvalidOption" }))
      }
    }
  })

  it("is that of a chain's links too", async () => {
    const { task: work } = fragile([2])
    const chain = Pipeline.chain("c", Schema.Array(N))
      .map(work, {}, { onItemFailure: "skip", toleratedItemFailures: "40%" })
      .filter(isEven, {}, { onItemFailure: "collect", toleratedItemFailures: 1 })
    testing = await Testing.make({ pipelines: [chain] })
    expect((await testing.run(chain, { input: [1, 2, 3] })).result).toEqual([10, 30])
  })
})

describe("a list of results", () => {
  it("is measured in bytes of UTF-8", async () => {
    let texts: ReadonlyArray<string> = []
    const tell = Task.make("tell", { input: { n: N }, output: { text: S }, run: ({ n }) => ({ text: texts[n]! }) })
    const pipeline = Pipeline.make("p", [Step.map(tell, { over: { n: "ns" } })])
    const some = fc.array(fc.string({ unit: "grapheme", minLength: 4, maxLength: 12 }), { minLength: 2, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(some, async (given) => {
        texts = given
        const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(JSON.stringify(text)) + 1, 0)
        for (const [maxValueBytes, status] of [
          [bytes, "COMPLETED"],
          [bytes - 1, "FAILED"]
        ] as const) {
          testing = await Testing.make({ pipelines: [pipeline], store: { maxValueBytes } })
          expect((await testing.run(pipeline, { ns: [...texts.keys()] })).status).toBe(status)
          await testing.close()
        }
      }),
      { numRuns: cases(40) }
    )
  })
})
