import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
const S = Schema.String
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

const words = Task.make("words", {
  input: { text: S },
  output: { words: Schema.Array(S) },
  run: ({ text }) => ({ words: text.split(" ") })
})
const length = Task.make("length", {
  input: { word: S },
  output: { length: N },
  run: async ({ word }) => ({ length: word.length })
})
const atLeast = Task.make("atLeast", {
  input: { n: N, least: N },
  output: { ok: Schema.Boolean },
  run: ({ n, least }) => ({ ok: n >= least })
})
const add = Task.make("add", { input: { sum: N, n: N }, output: { sum: N }, run: ({ sum, n }) => ({ sum: sum + n }) })
const times = Task.make("times", {
  input: { n: N, times: N },
  output: { product: N },
  run: ({ n, times }) => ({ product: n * times })
})
const half = Task.make("half", { input: { n: N }, output: { half: N }, run: ({ n }) => ({ half: n / 2 }) })
const say = Task.make("say", {
  input: { value: N },
  output: { said: S },
  run: ({ value }) => ({ said: `it is ${value}` })
})
const show = Task.make("show", {
  input: { pair: Schema.Tuple([N, S]) },
  output: { shown: S },
  run: ({ pair }) => ({ shown: `${pair[0]}/${pair[1]}` })
})

type Runnable = Pipeline.Pipeline<string, { readonly input: unknown }, unknown, never, never>

const run = async (pipeline: Pipeline.Any, input: unknown) => {
  testing = await Testing.make({ pipelines: [pipeline as Runnable] })
  return testing.run(pipeline as Runnable, { input })
}

describe("a chain", () => {
  const chain = Pipeline.chain("chain", S)
    .call(words)
    .map(length)
    .filter(atLeast, { least: 3 })
    .reduce(add, 0)
    .call(times, { times: 4 })
    .group([half, say])
    .call(show)

  it("hands each link's output to the next", async () => {
    expect((await run(chain, "a chain of words")).result).toBe("20/it is 40")
  })

  it("is a pipeline like any other: steps, Dag, plan, version", () => {
    expect(chain.kind).toBe("sequential")
    expect(chain.steps.map(({ name, kind }) => [name, kind])).toEqual([
      ["words", "task"],
      ["length", "map"],
      ["atLeast", "filter"],
      ["add", "reduce"],
      ["times", "task"],
      ["group.0.half", "task"],
      ["group.1.say", "task"],
      ["group", "task"],
      ["show", "task"]
    ])
    expect(chain.parameters.map(({ name }) => name)).toEqual(["input"])
    expect(chain.results.map(({ value }) => value)).toEqual(["result"])
    expect(chain.dag.depths).toEqual([0, 1, 2, 3, 4, 5, 5, 6, 7])
    expect(chain.version).toMatch(/^[0-9a-f]{16}$/)
  })

  it("may have a task several times, and stop anywhere", async () => {
    const start = Pipeline.chain("halves", N)
    const once = start.call(half)
    const thrice = once.call(half).call(half)
    expect(thrice.steps.map(({ name }) => name)).toEqual(["half", "half#2", "half#3"])
    expect((await run(thrice, 8)).result).toBe(1)
    expect((await run(once, 8)).result).toBe(4)
  })

  it("of 10,000 links is built in linear time and without recursion", () => {
    let long = Pipeline.chain("long", N).call(half)
    for (let at = 1; at < 10_000; at++) long = long.call(half) as typeof long
    expect(long.steps).toHaveLength(10_000)
    expect(long.dag.depths.at(-1)).toBe(9_999)
  })

  it("takes the pipeline's options", () => {
    const limited = Pipeline.chain("limited", N, { timeoutMillis: 5, onFailure: "skip" }).call(half)
    expect(limited.options).toEqual({ timeoutMillis: 5, onFailure: "skip" })
  })

  it("changes its version when a constant changes", () => {
    const of = (times4: number) => Pipeline.chain("c", N).call(times, { times: times4 }).version
    expect(of(4)).toBe(of(4))
    expect(of(4)).not.toBe(of(5))
  })

  it.each([
    [
      () => Pipeline.chain("c", N).call(times as never),
      "needs exactly one input that is not fixed; not fixed: 'n', 'times'"
    ],
    [
      () => Pipeline.chain("c", N).call(words as never),
      "step 'words' takes 'text' as string, but the value before it is number"
    ],
    [() => Pipeline.chain("c", N).map(half as never), "takes 'n' as array, but the value before it is number"],
    [
      () => Pipeline.chain("c", N).call(Task.make("none", { input: { n: N }, run: () => ({}) }) as never),
      "needs exactly one output"
    ],
    [() => Pipeline.chain("c", N).call(times, { times: "x" as never }), "constants of step 'times': times"]
  ])("a link that does not fit is refused (%#)", (make, message) => {
    expect(make).toThrow(message)
  })

  it("is a part of a pipeline or of another chain's pipeline, several times too, and keeps its names to itself", async () => {
    const halves = Pipeline.chain("halves", N).call(half).call(half)
    const counted = Pipeline.chain("counted", S).call(words).map(length).reduce(add, 0)
    const sum = Task.make("sum", {
      input: { a: N, b: N, c: N },
      output: { sum: N },
      run: ({ a, b, c }) => ({ sum: a + b + c })
    })
    const inner = Pipeline.make("inner", [
      Step.nest(counted, { inputs: { input: "text" }, outputs: { result: "letters" } }),
      Step.nest(halves, { name: "first", inputs: { input: "letters" }, outputs: { result: "quarter" } })
    ])
    const outer = Pipeline.make("outer", [
      Step.nest(inner, { name: "one", outputs: { quarter: "a" } }),
      Step.nest(inner, { name: "two", inputs: { text: "other" }, outputs: { quarter: "b" } }),
      Step.nest(halves, { inputs: { input: "n" }, outputs: { result: "c" } }),
      sum
    ])
    testing = await Testing.make({ pipelines: [outer] })
    const { result, run } = await testing.run(outer, { text: "four four", other: "sixteen letters.", n: 100 })
    expect(result).toBe(8 / 4 + 15 / 4 + 25)
    expect(run.steps.map(({ name }) => name)).toEqual([
      ...["one", "two"].flatMap((name) => [
        `${name}.counted.words`,
        `${name}.counted.length`,
        `${name}.counted.add`,
        `${name}.first.half`,
        `${name}.first.half#2`
      ]),
      "halves.half",
      "halves.half#2",
      "sum"
    ])
    expect(new Set(Object.keys(run.outputs)).size).toBe(run.steps.length)
  })

  it("may be in an arm of a branch", async () => {
    const isLong = Task.make("isLong", {
      input: { text: S },
      output: { long: Schema.Boolean },
      run: ({ text }) => ({ long: text.length > 5 })
    })
    const counted = Pipeline.chain("counted", S).call(words).map(length).reduce(add, 0)
    const none = Task.make("none", { output: { size: N }, run: () => ({ size: -1 }) })
    const pipeline = Pipeline.make("p", [
      Step.branch(isLong, {
        yes: [Step.nest(counted, { inputs: { input: "text" }, outputs: { result: "size" } })],
        no: [none]
      })
    ])
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, { text: "a longer text" })).result).toBe(11)
    expect((await testing.run(pipeline, { text: "short" })).result).toBe(-1)
  })
})

describe("a group that can't be", () => {
  const lazy = Task.make("lazy", { input: { n: N }, output: { m: Schema.optionalKey(N) }, run: () => ({}) })
  const two = Task.make("two", { input: { n: N }, output: { a: N, b: N }, run: () => ({ a: 1, b: 2 }) })

  it.each([
    ["of no task", () => Step.group("g", []), "tasks of group 'g'"],
    ["of no task in a chain", () => Pipeline.chain("c", N).group([]), "tasks of group 'group'"],
    ["of a task whose output is optional", () => Step.group("g", [half, lazy] as never), "task of group 'g'"],
    ["of such a task in a chain", () => Pipeline.chain("c", N).group([half, lazy] as never), "task of group 'group'"],
    ["of a task with two outputs", () => Step.group("g", [two] as never), "task of group 'g'"],
    [
      "of a task with two outputs in a chain",
      () => Pipeline.chain("c", N).group([two] as never),
      "task of group 'group'"
    ]
  ])("%s is refused by name", (_, make, option) => {
    expect(make).toThrow(expect.objectContaining({ _tag: "InvalidOption", option }))
  })
})
