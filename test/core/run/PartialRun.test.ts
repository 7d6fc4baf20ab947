import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Principal, type Run, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const S = Schema.String
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

/** Spells out what it was given. */
const spell = <const Name extends string, const Needs extends ReadonlyArray<string>>(name: Name, ...needs: Needs) =>
  Task.make(name, {
    input: Object.fromEntries(needs.map((need) => [need, S])) as { readonly [K in Needs[number]]: typeof S },
    output: { [name]: S } as { readonly [K in Name]: typeof S },
    run: (inputs) => ({ [name]: `${name}(${Object.values(inputs).join(",")})` }) as never
  })

//   file ── load ── clean ── tag
//                     └───── embed ── store ── x
const pipeline = Pipeline.make("p", [
  spell("load", "file"),
  spell("clean", "load"),
  spell("tag", "clean", "lang"),
  spell("embed", "clean"),
  spell("store", "embed")
])
const all = { file: "f", lang: "l" }

const statuses = ({ steps }: Run.Run): Readonly<Record<string, string>> =>
  Object.fromEntries(
    steps.map(({ name, status, attempts }) => [name, attempts === 0 && status === "COMPLETED" ? "KEPT" : status])
  )

describe("targets", () => {
  it("run what they need and nothing else, and are the result", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run, result, report } = await testing.run(pipeline, { file: "f" }, { targets: ["embed"] })
    expect(statuses(run)).toEqual({
      load: "COMPLETED",
      clean: "COMPLETED",
      tag: "SKIPPED",
      embed: "COMPLETED",
      store: "SKIPPED"
    })
    expect(result).toBe("embed(clean(load(f)))")
    expect(report.skipped).toEqual(["tag", "store"].map((step) => ({ step, reason: "no step that runs needs it" })))
    expect(run).toMatchObject({ status: "COMPLETED", targets: ["embed"], stepsCompleted: 3 })
  })

  it("several give a record; a parameter that only others take may be missing, and is checked when given", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, { file: "f" }, { targets: ["clean", "load"] })).result).toEqual({
      load: "load(f)",
      clean: "clean(load(f))"
    })
    await expect(testing.start(pipeline, { lang: "l" }, { targets: ["clean"] })).rejects.toMatchObject({
      problems: [{ path: ["parameters", "file"], message: "Missing; needed by 'load'" }]
    })
    await expect(
      testing.start(pipeline, { file: "f", lang: 1 as never }, { targets: ["clean"] })
    ).rejects.toMatchObject({ problems: [{ path: ["parameters", "lang"] }] })
  })

  it("that do not exist are UnknownStep, with those that do, and nothing is started", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    await expect(testing.start(pipeline, all, { targets: ["tags"] })).rejects.toMatchObject({
      _tag: "UnknownStep",
      message: "Pipeline 'p' has no step 'tags'; its steps are: 'load', 'clean', 'tag', 'embed', 'store'"
    })
    expect((await testing.ask((operations) => operations.runs(host, { limit: 1 }))).runs).toEqual([])
  })
})

describe("given values", () => {
  it("take the place of their producers, and of what only these need", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run, result } = await testing.run(pipeline, { lang: "l" }, { given: { clean: "C" } })
    expect(statuses(run)).toEqual({
      load: "SKIPPED",
      clean: "SKIPPED",
      tag: "COMPLETED",
      embed: "COMPLETED",
      store: "COMPLETED"
    })
    expect(result).toEqual({ tag: "tag(C,l)", store: "store(embed(C))" })
    expect(run.steps.map(({ reason }) => reason)).toEqual([
      "no step that runs needs it",
      "all its outputs were given",
      undefined,
      undefined,
      undefined
    ])
  })

  it("may be a part of the result, or all of it: then nothing is left to run", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, all, { given: { tag: "T" } })).result).toEqual({
      tag: "T",
      store: "store(embed(clean(load(f))))"
    })
    const { status, result, story } = await testing.run(pipeline, {}, { given: { tag: "T", store: "S" } })
    expect([status, result]).toEqual(["COMPLETED", { tag: "T", store: "S" }])
    expect(story).toEqual(["0 RunStarted", "0 RunCompleted"])
  })

  it("and targets go together", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run, result } = await testing.run(pipeline, {}, { given: { clean: "C" }, targets: ["embed"] })
    expect(result).toBe("embed(C)")
    expect(statuses(run)).toEqual({
      load: "SKIPPED",
      clean: "SKIPPED",
      tag: "SKIPPED",
      embed: "COMPLETED",
      store: "SKIPPED"
    })
  })

  it("are checked like parameters", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    await expect(testing.start(pipeline, all, { given: { clean: 1, none: "x" } })).rejects.toMatchObject({
      _tag: "ParametersInvalid",
      problems: [
        { path: ["given", "clean"] },
        {
          path: ["given", "none"],
          message: "Unknown; the pipeline's outputs are: 'load', 'clean', 'tag', 'embed', 'store'"
        }
      ]
    })
  })
})

describe("retry", () => {
  it("keeps what succeeded and runs the rest, in a new run that says whose", async () => {
    testing = await Testing.make({ pipelines: [pipeline], fail: { embed: 1 } })
    const first = await testing.run(pipeline, all, { onFailure: "continue", priority: 3 })
    expect(statuses(first.run)).toEqual({
      load: "COMPLETED",
      clean: "COMPLETED",
      tag: "COMPLETED",
      embed: "FAILED",
      store: "SKIPPED"
    })
    await testing.close()

    testing = await Testing.make({ pipelines: [pipeline], fail: { embed: 1 } })
    const failed = await testing.run(pipeline, all, { onFailure: "continue", priority: 3 })
    // The same failure again: attempts are counted from 1 in every run.
    const second = await testing.finish(await testing.ask((operations) => operations.retry(host, failed.run.id)))
    expect(statuses(second.run)).toEqual({
      load: "KEPT",
      clean: "KEPT",
      tag: "KEPT",
      embed: "FAILED",
      store: "SKIPPED"
    })
    expect(second.run).toMatchObject({
      retryOf: failed.run.id,
      onFailure: "continue",
      priority: 3,
      parameters: failed.run.parameters
    })
    expect(second.run.steps[0]!.reason).toBe(`kept from run '${failed.run.id}'`)
    expect(await testing.look(failed.run.id)).toEqual(failed.run)
  })

  it("completes when the reason is gone; kept values are there, and count as completed", async () => {
    let broken = true
    const flaky = Task.make("flaky", {
      input: { clean: S },
      output: { flaky: S },
      run: ({ clean }) => {
        if (broken) throw new Error("no service")
        return { flaky: `flaky(${clean})` }
      }
    })
    const flakyPipeline = Pipeline.make("p", [spell("load", "file"), spell("clean", "load"), flaky])
    testing = await Testing.make({ pipelines: [flakyPipeline] })
    const failed = await testing.run(flakyPipeline, { file: "f" })
    broken = false
    const { run, result, story } = await testing.finish(
      await testing.ask((operations) => operations.retry(host, failed.run.id))
    )
    expect(result).toBe("flaky(clean(load(f)))")
    expect(run.stepsCompleted).toBe(3)
    expect(story).toEqual(["0 RunStarted", "0 StepStarted flaky #1", "0 StepCompleted flaky", "0 RunCompleted"])
    // A retry of a retry keeps what the first one kept.
    const again = await testing.finish(await testing.ask((operations) => operations.retry(host, run.id, ["clean"])))
    expect(statuses(again.run)).toEqual({ load: "KEPT", clean: "COMPLETED", flaky: "COMPLETED" })
  })

  it("from a step runs it and all that depends on it once more, whatever the run came to", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const first = await testing.run(pipeline, all)
    const { run, result } = await testing.finish(
      await testing.ask((operations) => operations.retry(host, first.run.id, ["embed"]))
    )
    expect(statuses(run)).toEqual({ load: "KEPT", clean: "KEPT", tag: "KEPT", embed: "COMPLETED", store: "COMPLETED" })
    expect(result).toEqual(first.result)
  })

  it("of a run with targets or given values stays within them", async () => {
    testing = await Testing.make({ pipelines: [pipeline], fail: { embed: 1 } })
    const first = await testing.run(pipeline, {}, { targets: ["embed"], given: { clean: "C" } })
    const { run } = await testing.finish(await testing.ask((operations) => operations.retry(host, first.run.id)))
    expect(statuses(run)).toEqual({
      load: "SKIPPED",
      clean: "SKIPPED",
      tag: "SKIPPED",
      embed: "FAILED",
      store: "SKIPPED"
    })
    expect(run).toMatchObject({ targets: ["embed"], given: { clean: '"C"' } })
  })

  it("of a run that took an arm keeps to it, until the branch itself is run again", async () => {
    let large = true
    let broken = true
    const isLarge = Task.make("isLarge", {
      input: { file: S },
      output: { large: Schema.Boolean },
      run: () => ({ large })
    })
    const yes = spell("yes", "file")
    const no = spell("no", "file")
    const end = Task.make("end", {
      input: { yes: Schema.optionalKey(S), no: Schema.optionalKey(S) },
      output: { end: S },
      run: ({ yes, no }) => {
        if (broken) throw new Error("not yet")
        return { end: `${yes ?? "-"} ${no ?? "-"}` }
      }
    })
    const branching = Pipeline.make("b", [Step.branch(isLarge, { yes: [yes], no: [no] }), end])
    testing = await Testing.make({ pipelines: [branching] })
    const first = await testing.run(branching, { file: "f" })
    expect(statuses(first.run)).toMatchObject({
      "isLarge.yes.yes": "COMPLETED",
      "isLarge.no.no": "SKIPPED",
      end: "FAILED"
    })
    large = false
    broken = false
    const second = await testing.finish(await testing.ask((operations) => operations.retry(host, first.run.id)))
    expect(second.result).toBe("yes(f) -")
    expect(statuses(second.run)).toMatchObject({
      isLarge: "KEPT",
      "isLarge.yes.yes": "KEPT",
      "isLarge.no.no": "SKIPPED"
    })
    const third = await testing.finish(
      await testing.ask((operations) => operations.retry(host, second.run.id, ["isLarge"]))
    )
    expect(third.result).toBe("- no(f)")
  })

  it("keeps the time that the run was given, its policy and its priority", async () => {
    const limited = Pipeline.make("limited", [spell("load", "file"), spell("clean", "load")], { timeoutMillis: 60_000 })
    testing = await Testing.make({ pipelines: [limited], delay: { clean: 5_000 } })
    for (const timeoutMillis of [4_000, 60_000]) {
      const options = { onFailure: "skip", priority: -7, ...(timeoutMillis === 4_000 && { timeoutMillis }) } as const
      const first = await testing.run(limited, { file: "f" }, options)
      expect(first.status).toBe(timeoutMillis === 4_000 ? "FAILED" : "COMPLETED")
      const { run } = await testing.finish(
        await testing.ask((operations) => operations.retry(host, first.run.id, ["clean"]))
      )
      expect(run).toMatchObject({ timeoutMillis, onFailure: "skip", priority: -7, status: first.status })
      if (timeoutMillis === 4_000) {
        expect(run.error!.name).toBe("RunTimedOut")
        expect(run.completedAtMillis! - run.startedAtMillis!).toBe(4_000)
      }
    }
  })

  it("from a step that gives nothing but what was given, or in an arm that was not taken, is refused", async () => {
    const isLarge = Task.make("isLarge", {
      input: { file: S },
      output: { large: Schema.Boolean },
      run: ({ file }) => ({ large: file === "large" })
    })
    const branching = Pipeline.make("b", [
      Step.branch(isLarge, { yes: [spell("yes", "file")], no: [spell("no", "file")] })
    ])
    testing = await Testing.make({ pipelines: [pipeline, branching] })
    const refused = async (runId: string, from: ReadonlyArray<string>) => {
      const before = (await testing!.ask((operations) => operations.runs(host, { limit: 100 }))).runs.length
      const failure = await testing!.ask((operations) => operations.retry(host, runId, from)).catch((error) => error)
      expect(failure).toMatchObject({ _tag: "RunNotRepeatable", runId })
      expect((await testing!.ask((operations) => operations.runs(host, { limit: 100 }))).runs).toHaveLength(before)
      return failure.message
    }
    const small = await testing.run(branching, { file: "small" })
    expect(await refused(small.run.id, ["isLarge.yes.yes"])).toContain(
      "step 'isLarge.yes.yes' is in an arm that branch 'isLarge' did not take; run again from 'isLarge'"
    )
    const again = await testing.finish(
      await testing.ask((operations) => operations.retry(host, small.run.id, ["isLarge.no.no"]))
    )
    expect(again.result).toEqual(small.result)
    const given = await testing.run(pipeline, { lang: "l" }, { given: { clean: "C" } })
    expect(await refused(given.run.id, ["clean"])).toContain(
      "all outputs of step 'clean' were given to the run, and stay"
    )
    // What its producer would need was never given to the run.
    expect(await refused(given.run.id, ["load"])).toContain("step 'load' needs 'file', which the run was not given")
  })

  it("of a run that is not over is RunUnfinished, and nothing is started", async () => {
    testing = await Testing.make({ pipelines: [pipeline], delay: { load: 1_000 } })
    const runId = await testing.start(pipeline, all)
    await expect(testing.ask((operations) => operations.retry(host, runId))).rejects.toMatchObject({
      _tag: "RunUnfinished",
      runId
    })
    expect((await testing.ask((operations) => operations.runs(host, { limit: 9 }))).runs).toHaveLength(1)
  })

  it("of a run with nothing left, or from a step that does not exist, is refused", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run } = await testing.run(pipeline, all)
    await expect(testing.ask((operations) => operations.retry(host, run.id))).rejects.toMatchObject({
      _tag: "RunNotRepeatable",
      runId: run.id
    })
    await expect(testing.ask((operations) => operations.retry(host, run.id, ["none"]))).rejects.toMatchObject({
      _tag: "UnknownStep"
    })
    await expect(testing.ask((operations) => operations.retry(host, "none"))).rejects.toMatchObject({
      _tag: "RunNotFound"
    })
  })
})

describe("a retry of a run of targets", () => {
  it("stays within them, whatever depends on what is named", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run } = await testing.run(pipeline, { file: "f" }, { targets: ["clean"] })
    const again = await testing.ask((operations) => operations.retry(host, run.id, ["load"]))
    expect(statuses((await testing.finish(again)).run)).toEqual({
      load: "COMPLETED",
      clean: "COMPLETED",
      tag: "SKIPPED",
      embed: "SKIPPED",
      store: "SKIPPED"
    })
  })
})

describe("idempotency keys", () => {
  it("name a run for 24 hours: the same again is the same run, anything else with it is refused", async () => {
    testing = await Testing.make({ pipelines: [pipeline], store: { historyMillis: 0 } })
    const first = await testing.start(pipeline, all, { idempotencyKey: "k" })
    expect(await testing.start(pipeline, all, { idempotencyKey: "k" })).toBe(first)
    expect(await testing.start(pipeline, all, { idempotencyKey: "other" })).not.toBe(first)
    for (const [parameters, options] of [
      [{ ...all, file: "g" }, {}],
      [all, { priority: 1 }],
      [all, { targets: ["clean"] }],
      [all, { given: { clean: "C" } }],
      [all, { onFailure: "continue" }]
    ] as const) {
      await expect(
        testing.start(pipeline, parameters, { ...options, idempotencyKey: "k" } as {})
      ).rejects.toMatchObject({ _tag: "IdempotencyConflict", runId: first })
    }
    await testing.advance(86_399_999)
    expect(await testing.start(pipeline, all, { idempotencyKey: "k" })).toBe(first)
    await testing.advance(1)
    expect(await testing.start(pipeline, all, { idempotencyKey: "k" })).not.toBe(first)
    expect((await testing.ask((operations) => operations.runs(host, { limit: 9 }))).runs).toHaveLength(3)
  })

  it("are one pipeline's own", async () => {
    const other = Pipeline.make("other", [spell("load", "file")])
    testing = await Testing.make({ pipelines: [pipeline, other] })
    const first = await testing.start(pipeline, all, { idempotencyKey: "k" })
    expect(await testing.start(other, { file: "f" }, { idempotencyKey: "k" })).not.toBe(first)
  })

  it("make one run of 100 starts at once", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const ids = await Promise.all(
      Array.from({ length: 100 }, () => testing!.start(pipeline, all, { idempotencyKey: "k" }))
    )
    expect(new Set(ids).size).toBe(1)
  })
})
