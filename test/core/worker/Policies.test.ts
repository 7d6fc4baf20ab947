import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Errors, Levada, Pipeline, type Policy, Principal, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"
import type { Fields } from "../../../core/json/Value.ts"

const N = Schema.Number
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

type Plain = Task.Task<string, Fields, Fields, never, never>

const give = (name: string, ...needs: ReadonlyArray<string>) =>
  Task.make(name, {
    input: Object.fromEntries(
      needs.map((need) => [need.replace("?", ""), need.endsWith("?") ? Schema.optionalKey(N) : N])
    ),
    output: { [name]: N },
    run: (inputs) => ({ [name]: Object.values(inputs).reduce<number>((sum, value) => sum + (value as number), 1) })
  }) as unknown as Plain

//   a ── b ── c        a ┄? d          e ── f
const pipeline = Pipeline.make("p", [
  give("a"),
  give("b", "a"),
  give("c", "b"),
  give("d", "a?", "e"),
  give("e"),
  give("f", "e")
] as ReadonlyArray<Plain>)

const failing = async (steps: Readonly<Record<string, number>>, onFailure: Policy.Policy, of = pipeline) => {
  testing = await Testing.make({ pipelines: [of], fail: steps, delay: { e: 10 } })
  return testing.run(of, {}, { onFailure })
}

describe("fail-fast", () => {
  it("ends the run with the first failure: what runs is cancelled, what waits is skipped, and both say why", async () => {
    const { run, report } = await failing({ a: 1 }, "fail-fast")
    const message = "Task 'a' failed: injected failure of attempt 1"
    expect(run).toMatchObject({ status: "FAILED", error: { name: "TaskFailed", step: "a", message } })
    const reason = `the run failed: ${message}`
    expect(report).toEqual({
      completed: [],
      failed: [{ step: "a", error: run.error }],
      skipped: ["b", "c", "d", "f"].map((step) => ({ step, reason })),
      cancelled: [{ step: "e", reason }]
    })
  })

  it("is the default, and a pipeline or a run may say otherwise", async () => {
    expect((await failing({}, "fail-fast")).run.onFailure).toBe("fail-fast")
    const other = Pipeline.make("other", [give("a")] as ReadonlyArray<Plain>, { onFailure: "continue" })
    testing = await Testing.make({ pipelines: [other, pipeline] })
    expect((await testing.run(other, {})).run.onFailure).toBe("continue")
    expect((await testing.run(other, {}, { onFailure: "skip" })).run.onFailure).toBe("skip")
    expect((await testing.run(pipeline, {})).run.onFailure).toBe("fail-fast")
  })
})

describe("continue", () => {
  it("skips exactly the descendants of the failed step, and finishes all others", async () => {
    const { run, report, story } = await failing({ a: 1 }, "continue")
    expect(run).toMatchObject({ status: "FAILED", error: { step: "a" } })
    expect(report).toEqual({
      completed: ["e", "f"],
      failed: [{ step: "a", error: run.error }],
      skipped: ["b", "c", "d"].map((step) => ({ step, reason: "step 'a' failed" })),
      cancelled: []
    })
    // They are skipped at once, and the run fails when the last of the others is done.
    expect(
      story.filter((line) => /Skipped|Failed/.test(line)).map((line) => line.split(" ").slice(0, 3).join(" "))
    ).toEqual(["0 StepFailed a", "0 StepSkipped b", "0 StepSkipped d", "0 StepSkipped c", "10 RunFailed Task"])
  })

  it("keeps the first of several failures", async () => {
    const { run, report } = await failing({ a: 1, e: 1 }, "continue")
    expect(run.error!.step).toBe("a")
    expect(report.failed.map(({ step }) => step)).toEqual(["a", "e"])
    expect(report.completed).toEqual([])
  })
})

describe("skip", () => {
  it("goes on without what failed where that is optional, and skips who needs it", async () => {
    const { run, report } = await failing({ a: 1 }, "skip")
    expect(report.completed).toEqual(["d", "e", "f"])
    expect(report.skipped).toEqual(["b", "c"].map((step) => ({ step, reason: "step 'a' failed" })))
    expect(run.outputs).toEqual({ d: "2", e: "1", f: "2" })
    // `c` is a part of the result that has to be there.
    expect(run).toMatchObject({ status: "FAILED", error: { step: "a" } })
  })

  it("completes the run when the result has all that has to be there", async () => {
    const optional = Pipeline.make("optional", [give("a"), give("d", "a?")] as ReadonlyArray<Plain>)
    testing = await Testing.make({ pipelines: [optional], fail: { a: 1 } })
    const { run, result, report } = await testing.run(optional, {}, { onFailure: "skip" })
    expect(run).toMatchObject({ status: "COMPLETED", error: undefined, stepsCompleted: 1 })
    expect(result).toBe(1)
    expect(report.failed).toMatchObject([{ step: "a", error: { name: "TaskFailed" } }])
  })

  it("a step that only has an effect has to succeed", async () => {
    const notify = Task.make("notify", { input: { a: N }, run: () => ({}) })
    const effect = Pipeline.make("effect", [give("a"), notify] as ReadonlyArray<Plain>)
    testing = await Testing.make({ pipelines: [effect], fail: { notify: 1 } })
    expect((await testing.run(effect, {}, { onFailure: "skip" })).run).toMatchObject({
      status: "FAILED",
      error: { step: "notify" }
    })
  })
})

describe("a policy that does not exist", () => {
  it("is refused by name, in a pipeline and for a run", async () => {
    expect(() =>
      Pipeline.make("p", [give("a")] as ReadonlyArray<Plain>, { onFailure: "ignore" as Policy.Policy })
    ).toThrow(`Cannot use "ignore" as onFailure of pipeline 'p': expected one of 'fail-fast', 'continue', 'skip'`)
    testing = await Testing.make({ pipelines: [pipeline] })
    await expect(testing.run(pipeline, {}, { onFailure: "x" as Policy.Policy })).rejects.toBeInstanceOf(
      Errors.InvalidOption
    )
  })
})

describe("limits and times that can't be", () => {
  it.each([
    [{ timeoutMillis: 0 }, "timeoutMillis of pipeline 'p'"],
    [{ timeoutMillis: 1e300 }, "timeoutMillis of pipeline 'p'"],
    [{ limit: { runs: 0 } }, "limit.runs of pipeline 'p'"],
    [{ limit: { steps: -2 } }, "limit.steps of pipeline 'p'"],
    [{ limit: { steps: 1.5 } }, "limit.steps of pipeline 'p'"]
  ])("%o is refused by name", (options, option) => {
    expect(() => Pipeline.make("p", [give("a")] as ReadonlyArray<Plain>, options)).toThrow(option)
  })

  it.each([
    [{ priority: 101 }, "priority"],
    [{ priority: 0.5 }, "priority"],
    [{ delayMillis: -1 }, "delayMillis"],
    [{ delayMillis: 1e300 }, "delayMillis"],
    [{ delayMillis: 315_360_000_001 }, "delayMillis"],
    [{ delayMillis: Number.POSITIVE_INFINITY }, "delayMillis"],
    [{ timeoutMillis: 1e300 }, "timeoutMillis"],
    [{ timeoutMillis: Number.NaN }, "timeoutMillis"],
    [{ targets: [] }, "targets"],
    [{ idempotencyKey: "" }, "idempotencyKey"],
    [{ idempotencyKey: "x".repeat(256) }, "idempotencyKey"]
  ])("a run with %o is refused by name, and nothing is started", async (options, option) => {
    testing = await Testing.make({ pipelines: [pipeline] })
    await expect(testing.start(pipeline, {}, options as {})).rejects.toMatchObject({ _tag: "InvalidOption", option })
    expect((await testing.ask((operations) => operations.runs(Principal.host, { limit: 1 }))).runs).toEqual([])
  })

  it("no time of a task, a memo, a wait, a schedule, a worker or a Store is further off than ten years", async () => {
    const far = 315_360_000_001
    expect(() => Task.make("t", { timeoutMillis: far, run: () => ({}) })).toThrow("timeoutMillis of task 't'")
    expect(() => Task.make("t", { memo: { ttlMillis: far }, run: () => ({}) })).toThrow("memo.ttlMillis of task 't'")
    testing = await Testing.make({ pipelines: [pipeline] })
    const runId = await testing.start(pipeline, {}, { delayMillis: far - 1, timeoutMillis: far - 1 })
    expect(await testing.look(runId)).toMatchObject({ status: "PENDING", startAtMillis: far - 1 })
    await expect(testing.ask((operations) => operations.wait(Principal.host, runId, far))).rejects.toMatchObject({
      _tag: "InvalidOption",
      option: "waitMillis"
    })
    for (const [more, option] of [
      [{ timing: { everyMillis: far } }, "everyMillis of schedule 's'"],
      [{ timing: { everyMillis: 1_000 }, graceMillis: far }, "graceMillis of schedule 's'"]
    ] as const) {
      const schedule = Levada.schedule(pipeline, { id: "s", parameters: {}, ...more })
      await expect(testing.ask((operations) => operations.addSchedule(Principal.host, schedule))).rejects.toMatchObject(
        { _tag: "InvalidOption", option }
      )
    }
    for (const [options, option] of [
      [{ worker: { graceMillis: far } }, "worker.graceMillis"],
      [{ store: { leaseMillis: far } }, "store.leaseMillis"]
    ] as const) {
      const making = Testing.make({ pipelines: [pipeline], ...options })
      await expect(making).rejects.toMatchObject({ _tag: "InvalidOption", option })
    }
  })
})
