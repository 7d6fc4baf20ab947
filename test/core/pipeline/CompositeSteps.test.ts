/** Steps that hold others: branches and their arms, groups, pipelines within pipelines; and a task in several places. */
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Step, Task } from "../../../adapters/promise/index.ts"
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
const runWith = async <P extends Pipeline.Any>(
  pipeline: P,
  parameters: Pipeline.ParametersOf<P>,
  changes: Testing.Changes = {}
) => {
  testing = await Testing.make({ pipelines: [pipeline] as ReadonlyArray<Pipeline.Any>, ...changes } as never)
  return testing.run(pipeline as Pipeline.Any, parameters as object)
}

describe("branch", () => {
  const isLarge = Task.make("isLarge", {
    input: { n: N },
    output: { large: Schema.Boolean },
    run: ({ n }) => ({ large: n > 10 })
  })
  const shrink = Task.make("shrink", { input: { n: N }, output: { size: N }, run: ({ n }) => ({ size: n / 10 }) })
  const keep = Task.make("keep", { input: { n: N }, output: { size: N }, run: ({ n }) => ({ size: n }) })
  const warn = Task.make("warn", {
    input: { n: N },
    output: { warning: S },
    run: ({ n }) => ({ warning: `${n} is large` })
  })
  const report = Task.make("report", {
    input: { size: N, warning: Schema.optionalKey(S) },
    output: { report: S },
    run: ({ size, warning }) => ({ report: `${size}${warning === undefined ? "" : `: ${warning}`}` })
  })
  const pipeline = Pipeline.make("p", [report, Step.branch(isLarge, { yes: [shrink, warn], no: [keep] })])

  it("takes one arm, skips the other, and joins: what both give is there, what one gives is optional", async () => {
    const large = await runWith(pipeline, { n: 50 })
    expect(large.result).toBe("5: 50 is large")
    expect(large.report).toEqual({
      completed: ["report", "isLarge", "isLarge.yes.shrink", "isLarge.yes.warn"],
      failed: [],
      skipped: [{ step: "isLarge.no.keep", reason: "branch 'isLarge' took 'yes'" }],
      cancelled: []
    })
    const small = await runWith(pipeline, { n: 5 })
    expect([small.status, small.result]).toEqual(["COMPLETED", "5"])
    expect(small.report.skipped.map(({ step }) => step)).toEqual(["isLarge.yes.shrink", "isLarge.yes.warn"])
    expect(small.run.steps.find(({ name }) => name === "isLarge")!.arm).toBe("no")
  })

  it("a join does not wait for what the other arm waits for", async () => {
    const slow = Task.make("slow", { output: { late: N }, run: () => ({ late: 1 }) })
    const add3 = Task.make("add3", {
      input: { n: N, late: N },
      output: { size: N },
      run: ({ n, late }) => ({ size: n + late })
    })
    const joined = Pipeline.make("p", [
      slow,
      Step.branch(isLarge, { yes: [add3], no: [keep] }),
      Task.make("end", { input: { size: N }, output: { end: N }, run: ({ size }) => ({ end: size }) })
    ])
    const { story } = await runWith(joined, { n: 1 }, { delay: { slow: 1_000 } })
    expect(story).toContain("0 StepCompleted end")
  })

  it("in an arm, branches and lists go on", async () => {
    const isHuge = Task.make("isHuge", {
      input: { n: N },
      output: { huge: Schema.Boolean },
      run: ({ n }) => ({ huge: n > 100 })
    })
    const label = (name: string) =>
      Task.make(name, { input: { n: N }, output: { label: S }, run: ({ n }) => ({ label: `${name} ${n}` }) })
    const nested = Pipeline.make("p", [
      Step.branch(isLarge, {
        yes: [Step.branch(isHuge, { yes: [label("huge")], no: [label("large")] })],
        no: [label("small")]
      })
    ])
    expect((await runWith(nested, { n: 1 })).result).toBe("small 1")
    expect((await runWith(nested, { n: 50 })).result).toBe("large 50")
    const huge = await runWith(nested, { n: 500 })
    expect(huge.result).toBe("huge 500")
    expect(huge.run.steps.map(({ name }) => name)).toEqual([
      "isLarge",
      "isLarge.yes.isHuge",
      "isLarge.yes.isHuge.yes.huge",
      "isLarge.yes.isHuge.no.large",
      "isLarge.no.small"
    ])
  })

  it("a result that an arm may not give is undefined, and left out among several", async () => {
    const one = Pipeline.make("one", [Step.branch(isLarge, { yes: [warn] })])
    expect((await runWith(one, { n: 1 })).result).toBeUndefined()
    expect((await runWith(one, { n: 11 })).result).toBe("11 is large")
    const several = Pipeline.make("several", [Step.branch(isLarge, { yes: [warn] }), keep])
    expect((await runWith(several, { n: 1 })).result).toEqual({ size: 1 })
  })

  it("a predicate that throws fails the run and takes no arm", async () => {
    const { run, report } = await runWith(pipeline, { n: 1 }, { fail: { isLarge: 1 } })
    expect(run.error).toMatchObject({ name: "PredicateFailed", step: "isLarge" })
    expect(report.skipped.map(({ step }) => step)).toEqual([
      "report",
      "isLarge.yes.shrink",
      "isLarge.yes.warn",
      "isLarge.no.keep"
    ])
  })
})

describe("group", () => {
  it("calls tasks side by side and gives one list, in the order of the tasks", async () => {
    const square = Task.make("square", {
      input: { n: N },
      output: { squared: N },
      run: ({ n }) => ({ squared: n * n })
    })
    const say = Task.make("say", {
      input: { n: N, word: S },
      output: { said: S },
      run: async ({ n, word }) => ({ said: `${word} ${n}` })
    })
    const pipeline = Pipeline.make("p", [Step.group("both", [square, say])])
    const { result, story } = await runWith(
      pipeline,
      { n: 3, word: "hi" },
      { delay: { "both.0.square": 100, "both.1.say": 100 } }
    )
    expect(result).toEqual([9, "hi 3"])
    expect(story).toContain("100 RunCompleted")
  })
})

describe("a pipeline within a pipeline", () => {
  const inc = Task.make("inc", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: n + 1 }) })
  const twice = Task.make("twice", { input: { m: N }, output: { total: N }, run: ({ m }) => ({ total: m * 2 }) })
  const inner = Pipeline.make("inner", [inc, twice])

  it("is a part of the run around it, twice too, and what is inside stays inside", async () => {
    const diff = Task.make("diff", {
      input: { left: N, right: N },
      output: { diff: N },
      run: ({ left, right }) => ({ diff: left - right })
    })
    const outer = Pipeline.make("outer", [
      Step.nest(inner, { name: "l", inputs: { n: "a" }, outputs: { total: "left" } }),
      Step.nest(inner, { name: "r", inputs: { n: "b" }, outputs: { total: "right" } }),
      diff
    ])
    const { result, run } = await runWith(outer, { a: 10, b: 3 })
    expect(result).toBe(14)
    expect(run.steps.map(({ name }) => name)).toEqual(["l.inc", "l.twice", "r.inc", "r.twice", "diff"])
    expect(Object.keys(run.outputs).sort()).toEqual(["diff", "l.m", "left", "r.m", "right"])
  })

  it("may be an arm, and may have branches itself", async () => {
    const isPositive = Task.make("isPositive", {
      input: { n: N },
      output: { ok: Schema.Boolean },
      run: ({ n }) => ({ ok: n > 0 })
    })
    const minus = Task.make("minus", { input: { n: N }, output: { total: N }, run: ({ n }) => ({ total: -n }) })
    const choosing = Pipeline.make("choosing", [Step.branch(isPositive, { yes: [Step.nest(inner)], no: [minus] })])
    const outer = Pipeline.make("outer", [Step.nest(choosing)])
    expect((await runWith(outer, { n: 4 })).result).toBe(10)
    expect((await runWith(outer, { n: -4 })).result).toBe(4)
  })
})

describe("a task in several places", () => {
  it("has a name of its own in each, and other names for its values", async () => {
    const pipeline = Pipeline.make("p", [
      Step.make(double, { name: "first", outputs: { doubled: "two" } }),
      Step.make(double, { name: "second", inputs: { n: "two" }, outputs: { doubled: "four" } }),
      Step.make(times, { inputs: { n: "four" }, constants: { by: 100 } })
    ])
    expect((await runWith(pipeline, { n: 1 })).result).toBe(400)
  })
})
