import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { Access, Levada, Pipeline, Principal, Step, Store, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
const S = Schema.String
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

const double = Task.make("double", { input: { n: N }, output: { doubled: N }, run: ({ n }) => ({ doubled: n * 2 }) })
const times = Task.make("times", {
  input: { n: N, by: N },
  output: { product: N },
  run: async ({ n, by }) => ({ product: n * by })
})
const isEven = Task.make("isEven", {
  input: { n: N },
  output: { even: Schema.Boolean },
  run: ({ n }) => Effect.succeed({ even: n % 2 === 0 })
})
const add = Task.make("add", { input: { sum: N, n: N }, output: { sum: N }, run: ({ sum, n }) => ({ sum: sum + n }) })

const runWith = async <P extends Pipeline.Any>(
  pipeline: P,
  parameters: Pipeline.ParametersOf<P>,
  changes: Testing.Changes = {}
) => {
  testing = await Testing.make({ pipelines: [pipeline] as ReadonlyArray<Pipeline.Any>, ...changes } as never)
  return testing.run(pipeline as Pipeline.Any, parameters as object)
}

describe("map", () => {
  const doubling = Pipeline.make("doubling", [Step.map(double, { over: { n: "ns" }, outputs: { doubled: "all" } })])

  it("keeps the order of its items, whatever order they are done in", async () => {
    const slowFirst = { delay: { double: ({ item }: { readonly item: number | undefined }) => 100 - 10 * item! } }
    const { result, events } = await runWith(doubling, { ns: [1, 2, 3, 4, 5] }, slowFirst)
    expect(result).toEqual([2, 4, 6, 8, 10])
    expect(
      events
        .filter(({ type }) => type === "StepProgressed")
        .map((event) => "done" in event && [event.done, event.total])
    ).toEqual([0, 1, 2, 3, 4, 5].map((done) => [done, 5]))
  })

  it("of nothing is nothing", async () => {
    const { result, status, story } = await runWith(doubling, { ns: [] })
    expect([status, result]).toEqual(["COMPLETED", []])
    expect(story).toEqual(["0 RunStarted", "0 StepStarted double #1", "0 StepCompleted double", "0 RunCompleted"])
  })

  it("gives shared inputs and constants to every item", async () => {
    const shared = Pipeline.make("shared", [Step.map(times, { over: { n: "ns" }, inputs: { by: "factor" } })])
    expect((await runWith(shared, { ns: [1, 2], factor: 10 })).result).toEqual([10, 20])
    const fixed = Pipeline.make("fixed", [Step.map(times, { over: { n: "ns" }, constants: { by: 7 } })])
    expect((await runWith(fixed, { ns: [1, 2] })).result).toEqual([7, 14])
  })

  it("of several lists is every combination: a sweep is as large as the product", async () => {
    const sweep = Pipeline.make("sweep", [Step.map(times, { over: { n: "ns", by: "factors" } })])
    const { result, run } = await runWith(sweep, { ns: [1, 2, 3], factors: [10, 100] })
    expect(result).toEqual([10, 100, 20, 200, 30, 300])
    expect(run.steps[0]!.progress).toEqual({ done: 6, total: 6 })
    expect((await runWith(sweep, { ns: [1, 2, 3], factors: [] })).result).toEqual([])
  })

  it("in chunks gives what it gives without, and counts items", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer(), { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), async (ns, chunk) => {
        const chunked = Pipeline.make("chunked", [
          Step.map(double, { over: { n: "ns" }, outputs: { doubled: "all" }, chunk }),
          Step.filter(isEven, { over: { n: "ns" }, output: "evens", chunk }),
          Step.reduce(add, { over: { n: "ns" }, initial: { sum: 0 }, chunk })
        ])
        const { result, run } = await runWith(chunked, { ns })
        expect(result).toEqual({
          all: ns.map((n) => n * 2),
          evens: ns.filter((n) => n % 2 === 0),
          sum: ns.reduce((sum, n) => sum + n, 0)
        })
        if (ns.length > 0)
          for (const step of run.steps) expect(step.progress).toEqual({ done: ns.length, total: ns.length })
        await testing!.close()
      }),
      { numRuns: 25 }
    )
  })

  it("a failure names its item, in a chunk too, and ends the step", async () => {
    for (const chunk of [undefined, 2]) {
      const failing = Task.make("failing", {
        input: { n: N },
        output: { m: N },
        run: ({ n }) => {
          if (n === 3) throw new Error("three")
          return { m: n }
        }
      })
      const pipeline = Pipeline.make("p", [
        Step.map(failing, { over: { n: "ns" }, ...(chunk !== undefined && { chunk }) })
      ])
      const { run } = await runWith(pipeline, { ns: [0, 1, 2, 3, 4, 5] })
      expect(run).toMatchObject({ status: "FAILED", error: { name: "TaskFailed", step: "failing", item: 3 } })
      expect(run.error!.message).toBe("Task 'failing' failed at item 3: three")
      await testing!.close()
    }
  })

  it("retries an item by itself, and tells", async () => {
    const retrying = Pipeline.make("p", [
      Step.map({ ...double, retry: { times: 2, delayMillis: 50, jitter: 0 } }, { over: { n: "ns" } })
    ])
    const { result, story, run } = await runWith(
      retrying,
      { ns: [1, 2, 3] },
      { fail: { double: ({ item, attempt }) => (item === 1 && attempt < 3 ? new Error("again") : undefined) } }
    )
    expect(result).toEqual([2, 4, 6])
    expect(story.filter((line) => line.includes("Retried"))).toEqual([
      "0 StepRetried double[1] #1 after 50 ms",
      "50 StepRetried double[1] #2 after 100 ms"
    ])
    expect(run.steps[0]).toMatchObject({ status: "COMPLETED", attempts: 1 })
  })

  it("never works on more items at once than it may, and on that many", async () => {
    let [running, most] = [0, 0]
    const counted = Task.make("counted", {
      input: { n: N },
      output: { m: N },
      run: ({ n }) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            most = Math.max(most, ++running)
          }),
          () => Effect.as(Effect.sleep(10), { m: n }),
          () => Effect.sync(() => void running--)
        )
    })
    const limited = Pipeline.make("p", [Step.map(counted, { over: { n: "ns" }, concurrency: 3 })])
    const ns = Array.from({ length: 20 }, (_, n) => n)
    const { result, run } = await runWith(limited, { ns })
    expect([result, most]).toEqual([ns, 3])
    expect(run.completedAtMillis! - run.startedAtMillis!).toBe(70)
  })

  it("a short run of the same pipeline does not wait for a long list", async () => {
    testing = await Testing.make({ pipelines: [doubling], delay: { double: 10 }, worker: { concurrency: 2 } })
    const long = await testing.start(doubling, { ns: Array.from({ length: 100 }, (_, n) => n) })
    const short = await testing.start(doubling, { ns: [1] })
    await testing.finish(short)
    const progress = (await testing.look(long)).steps[0]!.progress!
    expect(progress.done).toBeLessThan(10)
    await testing.finish(long)
  })

  it("that failed keeps the items that completed when its run is repeated", async () => {
    let broken = true
    const calls: Array<number> = []
    const before = Task.make("before", { output: { ns: Schema.Array(N) }, run: () => ({ ns: [0, 1, 2, 3] }) })
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      run: async ({ n }) => {
        calls.push(n)
        if (broken && n === 3) throw new Error("broken")
        return { m: n * 10 }
      }
    })
    const pipeline = Pipeline.make("p", [before, Step.map(work, { over: { n: "ns" }, concurrency: 1 })])
    const first = await runWith(pipeline, {})
    expect([first.status, calls.splice(0)]).toEqual(["FAILED", [0, 1, 2, 3]])
    broken = false
    const retry = testing!.ask((operations) => operations.retry(Principal.host, first.run.id))
    const { result, run } = await testing!.finish(await retry)
    expect([result, calls]).toEqual([[0, 10, 20, 30], [3]])
    expect(run.steps.map(({ attempts }) => attempts)).toEqual([0, 1])
  })

  it("the list of results may be as long as a value, and no longer", async () => {
    const long = Task.make("long", { input: { n: N }, output: { text: S }, run: ({ n }) => ({ text: "x".repeat(n) }) })
    const pipeline = Pipeline.make("p", [Step.map(long, { over: { n: "ns" } })])
    testing = await Testing.make({ pipelines: [pipeline], store: { maxValueBytes: 100 } })
    // Six items of 14 characters, with quotes and commas, make 103.
    expect((await testing.run(pipeline, { ns: [14, 14, 14, 14, 14] })).status).toBe("COMPLETED")
    const { run } = await testing.run(pipeline, { ns: [14, 14, 14, 14, 14, 14] })
    expect(run).toMatchObject({ status: "FAILED", error: { name: "ValueTooLarge", step: "long" } })
    expect(run.error!.message).toContain("more than 100 bytes of JSON")
  })

  it("what is no list fails the step, or is refused before anything starts", async () => {
    const anything = Task.make("anything", { output: { ns: Schema.Unknown }, run: () => ({ ns: { not: "a list" } }) })
    const pipeline = Pipeline.fromTasks("p", "dataflow", [anything, Step.map(double, { over: { n: "ns" } })])
    if (pipeline._tag === "Failure") throw pipeline.failure
    const { run } = await runWith(pipeline.success, {})
    expect(run).toMatchObject({ status: "FAILED", error: { name: "NotAList", step: "double" } })
    expect(run.error!.message).toBe("Step 'double' goes through 'ns', which has to be a list, but is of type object")
    await testing!.close()
    testing = await Testing.make({ pipelines: [doubling] })
    await expect(testing.run(doubling, { ns: "text" as unknown as Array<number> })).rejects.toMatchObject({
      _tag: "ParametersInvalid"
    })
  })

  it("items that can't be read fail with their index", async () => {
    const anything = Task.make("anything", {
      output: { ns: Schema.Array(Schema.Unknown) },
      run: () => ({ ns: [1, "two", 3] })
    })
    const pipeline = Pipeline.fromTasks("p", "dataflow", [anything, Step.map(double, { over: { n: "ns" } })])
    if (pipeline._tag === "Failure") throw pipeline.failure
    const { run } = await runWith(pipeline.success, {})
    expect(run.error).toMatchObject({ name: "InvalidInput", step: "double", item: 1 })
  })

  it("more combinations than anybody can mean are refused", async () => {
    const sweep = Pipeline.make("sweep", [Step.map(times, { over: { n: "ns", by: "factors" } })])
    const many = Array.from({ length: 1_001 }, (_, n) => n)
    const { run } = await runWith(sweep, { ns: many, factors: many })
    expect(run.error).toMatchObject({ name: "TooManyItems", step: "times" })
    expect(run.error!.message).toContain("1002001 items, 1000000 at most")
  })

  it("of 100,000 items keeps order and bounds, with events that are few", async () => {
    const levada = Levada.make({
      pipelines: [doubling],
      access: Access.open,
      store: Store.layerMemory({ maxValueBytes: 1 << 21 })
    })
    const ns = Array.from({ length: 100_000 }, (_, n) => n)
    const runId = await levada.start(doubling, { ns })
    expect(await levada.result(doubling, runId)).toEqual(ns.map((n) => n * 2))
    expect((await levada.run(runId)).sequence).toBeLessThan(110)
    await levada.close()
  })
})

describe("filter", () => {
  it("keeps what its task says true for, in order", async () => {
    const pipeline = Pipeline.make("p", [Step.filter(isEven, { over: { n: "ns" }, output: "evens" })])
    const late = { delay: { isEven: ({ item }: { readonly item: number | undefined }) => 50 - 10 * item! } }
    expect((await runWith(pipeline, { ns: [4, 1, 2, 3, 0] }, late)).result).toEqual([4, 2, 0])
    expect((await runWith(pipeline, { ns: [] })).result).toEqual([])
    expect((await runWith(pipeline, { ns: [1, 3] })).result).toEqual([])
  })

  it("a predicate that throws, or says neither, fails the step", async () => {
    const broken = (run: () => { ok: boolean }) =>
      Pipeline.make("p", [
        Step.filter(Task.make("ask", { input: { n: N }, output: { ok: Schema.Boolean }, run }), {
          over: { n: "ns" },
          output: "kept"
        })
      ])
    const thrown = await runWith(
      broken(() => {
        throw new Error("no idea")
      }),
      { ns: [1] }
    )
    expect(thrown.run.error).toMatchObject({
      name: "PredicateFailed",
      step: "ask",
      item: 0,
      message: "Predicate 'ask' failed at item 0: no idea"
    })
    await testing!.close()
    const neither = await runWith(
      broken(() => ({ ok: "yes" as unknown as boolean })),
      { ns: [1] }
    )
    expect(neither.run.error).toMatchObject({ name: "InvalidOutput", step: "ask", item: 0 })
  })
})

describe("reduce", () => {
  const concat = Task.make("concat", {
    input: { text: S, part: S, glue: S },
    output: { text: S },
    run: async ({ text, part, glue }) => ({ text: text + glue + part })
  })
  const joining = Pipeline.make("joining", [
    Step.reduce(concat, { over: { part: "parts" }, initial: { text: ">" }, constants: { glue: "-" } })
  ])

  it("goes from item to item in order, from its initial value", async () => {
    const late = { delay: { concat: ({ item }: { readonly item: number | undefined }) => 30 - 10 * item! } }
    expect((await runWith(joining, { parts: ["a", "b", "c"] }, late)).result).toBe(">-a-b-c")
    expect((await runWith(joining, { parts: [] })).result).toBe(">")
  })

  it("retries an item without losing what came before", async () => {
    const retrying = Pipeline.make("p", [
      Step.reduce(
        { ...concat, retry: { times: 1, delayMillis: 5, jitter: 0 } },
        { over: { part: "parts" }, initial: { text: "" }, constants: { glue: "" } }
      )
    ])
    const { result } = await runWith(
      retrying,
      { parts: ["a", "b", "c"] },
      { fail: { concat: ({ item, attempt }) => (item === 1 && attempt === 1 ? new Error("once") : undefined) } }
    )
    expect(result).toBe("abc")
  })

  it("may fold several values at once, under other names", async () => {
    const stats = Task.make("stats", {
      input: { n: N, low: N, high: N },
      output: { low: N, high: N },
      run: ({ n, low, high }) => ({ low: Math.min(n, low), high: Math.max(n, high) })
    })
    const pipeline = Pipeline.make("p", [
      Step.reduce(stats, { over: { n: "ns" }, outputs: { low: "min", high: "max" }, initial: { low: 1e9, high: -1e9 } })
    ])
    expect((await runWith(pipeline, { ns: [3, -2, 8] })).result).toEqual({ min: -2, max: 8 })
  })
})

describe("steps that can't be", () => {
  it.each([
    [
      () => Step.map(double, { over: { m: "ns" } as never }),
      "Cannot use \"m\" as over of step 'double': expected one of 'n'"
    ],
    [() => Step.map(double, { over: {} as never }), "over of step 'double'"],
    [() => Step.map(double, { over: { n: "ns" }, concurrency: 0 }), "concurrency of step 'double'"],
    [() => Step.map(double, { over: { n: "ns" }, chunk: -1 }), "chunk of step 'double'"],
    [() => Step.map(double, { over: { n: "" } }), "a value's name in step 'double'"],
    [() => Step.filter(double as never, { over: { n: "ns" }, output: "" } as never), "the output of step 'double'"],
    [
      () => Step.reduce(double as never, { over: { n: "ns" }, initial: { doubled: 1 } } as never),
      "whose every output is one of its inputs too"
    ],
    [() => Step.reduce(add, { over: { n: "ns" }, initial: {} as never }), "initial of step 'add'"],
    [() => Step.make(times, { constants: { by: "x" as never } }), "constants of step 'times': by"],
    [() => Step.make(times, { outputs: { none: "x" } as never }), "outputs of step 'times'"],
    [() => Step.group("g", [add, Task.make("none", { run: () => ({}) })] as never), "task of group 'g'"],
    [() => Step.make(double, { name: "" }), "a step's name"]
  ])("%# are refused by name", (make, message) => {
    expect(make).toThrow(message)
  })

  it("wiring that does not hold at run time is refused too: an arm's value that is needed outside", () => {
    const isLarge = Task.make("isLarge", {
      input: { n: N },
      output: { large: Schema.Boolean },
      run: ({ n }) => ({ large: n > 10 })
    })
    const needs = Task.make("needs", {
      input: { doubled: N },
      output: { x: N },
      run: ({ doubled }) => ({ x: doubled })
    })
    const built = Pipeline.fromTasks("p", "dataflow", [Step.branch(isLarge, { yes: [double] }) as Step.Any, needs])
    expect(built).toMatchObject({ _tag: "Failure", failure: { _tag: "TypeMismatch", step: "needs", key: "doubled" } })
    const twice = Pipeline.fromTasks("p", "dataflow", [Step.branch(isLarge, { yes: [double] }) as Step.Any, double])
    expect(twice).toMatchObject({ _tag: "Failure", failure: { _tag: "DuplicateOutput" } })
  })
})
