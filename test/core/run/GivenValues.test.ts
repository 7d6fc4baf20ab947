/** Values that are given in place of what steps would give: they stay, whatever runs. */
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Principal, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
const S = Schema.String
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

describe("a given value of a step that runs for another one", () => {
  const split = Task.make("split", {
    input: { text: S },
    output: { head: S, rest: S },
    run: ({ text }) => ({ head: text.slice(0, 1), rest: text.slice(1) })
  })
  const show = Task.make("show", {
    input: { head: S, rest: S },
    output: { shown: S },
    run: async ({ head, rest }) => ({ shown: `${head}|${rest}` })
  })
  const pipeline = Pipeline.make("p", [split, show])

  it("stays: in what others take, in the result and in the events", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run, result, events } = await testing.run(pipeline, { text: "abc" }, { given: { head: "X" } })
    expect(result).toBe("X|bc")
    expect(run.outputs).toEqual({ head: '"X"', rest: '"bc"', shown: '"X|bc"' })
    expect(events.flatMap((event) => (event.type === "StepCompleted" ? [event.outputs] : []))).toEqual([
      { rest: '"bc"' },
      { shown: '"X|bc"' }
    ])
  })

  it("stays when the run is repeated, also from that step", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const done = await testing.run(pipeline, { text: "abc" }, { given: { head: "X" } })
    for (const from of [["show"], ["split"]]) {
      const again = await testing.finish(await testing.ask((operations) => operations.retry(host, done.run.id, from)))
      expect([again.status, again.result], `from ${from}`).toEqual(["COMPLETED", "X|bc"])
      expect(again.run.given).toEqual({ head: '"X"' })
    }
  })

  it("stays beside lists that are gone through", async () => {
    const halves = Task.make("halves", {
      input: { word: S },
      output: { left: S, right: S },
      run: ({ word }) => ({ left: word.slice(0, 1), right: word.slice(1) })
    })
    const mapped = Pipeline.make("mapped", [Step.map(halves, { over: { word: "words" } })])
    testing = await Testing.make({ pipelines: [mapped] })
    const { result } = await testing.run(mapped, { words: ["ab", "cd"] }, { given: { left: ["X"] } })
    expect(result).toEqual({ left: ["X"], right: ["b", "d"] })
  })
})

describe("a given value of a reduce", () => {
  const seen: Array<object> = []
  const tally = Task.make("tally", {
    input: { n: N, sum: N, count: N },
    output: { sum: N, count: N },
    run: (inputs) => {
      seen.push(inputs)
      return { sum: inputs.sum + inputs.n, count: inputs.count + 1 }
    }
  })
  it.each([undefined, 2])(
    "is no start: it goes from its initial value, in units of %s, and the value stays",
    async (chunk) => {
      const more = chunk === undefined ? {} : { chunk }
      const pipeline = Pipeline.make("p", [
        Step.reduce(tally, { over: { n: "ns" }, initial: { sum: 0, count: 0 }, ...more })
      ])
      testing = await Testing.make({ pipelines: [pipeline] })
      seen.length = 0
      const first = await testing.run(pipeline, { ns: [1, 2, 3] }, { given: { sum: 100 } })
      expect(first.result).toEqual({ sum: 100, count: 3 })
      const folded = [
        { n: 1, sum: 0, count: 0 },
        { n: 2, sum: 1, count: 1 },
        { n: 3, sum: 3, count: 2 }
      ]
      expect(seen).toEqual(folded)
      expect((await testing.run(pipeline, { ns: [] }, { given: { sum: 100 } })).result).toEqual({ sum: 100, count: 0 })
      seen.length = 0
      const retry = testing.ask((operations) => operations.retry(host, first.run.id, ["tally"]))
      expect((await testing.finish(await retry)).result).toEqual({ sum: 100, count: 3 })
      expect(seen).toEqual(folded)
    }
  )
})

describe("a given value that arms of a branch would give", () => {
  const isLarge = Task.make("isLarge", {
    input: { n: N },
    output: { large: Schema.Boolean },
    run: ({ n }) => ({ large: n > 10 })
  })
  const shrink = Task.make("shrink", { input: { n: N }, output: { size: N }, run: ({ n }) => ({ size: n / 10 }) })
  const keep = Task.make("keep", { input: { n: N }, output: { size: N }, run: ({ n }) => ({ size: n }) })
  const warn = Task.make("warn", { input: { n: N }, output: { warning: S }, run: ({ n }) => ({ warning: `${n}!` }) })
  const report = Task.make("report", {
    input: { size: N, warning: Schema.optionalKey(S) },
    output: { report: S },
    run: ({ size, warning }) => ({ report: `${size} ${warning ?? "-"}` })
  })
  const statuses = ({ run }: Testing.Ran) => Object.fromEntries(run.steps.map(({ name, status }) => [name, status]))

  it("takes the place of the whole branch when nothing else of it is needed", async () => {
    const end = Task.make("end", { input: { size: N }, output: { end: N }, run: ({ size }) => ({ end: size + 1 }) })
    const pipeline = Pipeline.make("p", [Step.branch(isLarge, { yes: [shrink], no: [keep] }), end])
    testing = await Testing.make({ pipelines: [pipeline] })
    const ran = await testing.run(pipeline, {}, { given: { size: 7 } })
    expect(ran.result).toBe(8)
    expect(statuses(ran)).toEqual({
      isLarge: "SKIPPED",
      "isLarge.yes.shrink": "SKIPPED",
      "isLarge.no.keep": "SKIPPED",
      end: "COMPLETED"
    })
  })

  it("leaves the branch to decide about the rest", async () => {
    const pipeline = Pipeline.make("p", [Step.branch(isLarge, { yes: [shrink, warn], no: [keep] }), report])
    testing = await Testing.make({ pipelines: [pipeline] })
    const large = await testing.run(pipeline, { n: 50 }, { given: { size: 7 } })
    expect(large.result).toBe("7 50!")
    expect(statuses(large)).toMatchObject({
      isLarge: "COMPLETED",
      "isLarge.yes.shrink": "SKIPPED",
      report: "COMPLETED"
    })
    const small = await testing.run(pipeline, { n: 5 }, { given: { size: 7 } })
    expect(small.result).toBe("7 -")
    expect(statuses(small)).toMatchObject({
      "isLarge.yes.warn": "SKIPPED",
      "isLarge.no.keep": "SKIPPED",
      report: "COMPLETED"
    })
  })

  it("is a value that only one arm would give: it is there, whichever arm is taken", async () => {
    const pipeline = Pipeline.make("p", [Step.branch(isLarge, { yes: [shrink, warn], no: [keep] }), report])
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, { n: 5 }, { given: { warning: "given" } })).result).toBe("5 given")
    expect((await testing.run(pipeline, { n: 50 }, { given: { warning: "given" } })).result).toBe("5 given")
  })
})
