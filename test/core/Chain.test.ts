import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { Testing } from "../../adapters/testing/index.ts"

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
      "has to have one input that is not fixed; those left are 'n', 'times'"
    ],
    [
      () => Pipeline.chain("c", N).call(words as never),
      "step 'words' takes 'text' as string, but what comes before it is number"
    ],
    [() => Pipeline.chain("c", N).map(half as never), "takes 'n' as array, but what comes before it is number"],
    [
      () => Pipeline.chain("c", N).call(Task.make("none", { input: { n: N }, run: () => ({}) }) as never),
      "has to have exactly one output"
    ],
    [() => Pipeline.chain("c", N).call(times, { times: "x" as never }), "constants of step 'times': times"]
  ])("a link that does not fit is refused (%#)", (make, message) => {
    expect(make).toThrow(message)
  })
})
