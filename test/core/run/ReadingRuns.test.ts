/** What can be read of runs: also when their pipeline is another one by now, or gone. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { afterEach, describe, expect, it } from "vitest"
import { Errors, Parameters, Pipeline, Principal, Results, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

const inc = Task.make("inc", {
  input: { n: N },
  output: { m: N },
  run: ({ n }, { log }) => {
    log(`n is ${n}`)
    return { m: n + 1 }
  }
})
const twice = Task.make("twice", { input: { m: N }, output: { k: N, l: N }, run: ({ m }) => ({ k: m * 2, l: m * 3 }) })
const fails = Task.make("fails", { input: { m: N }, output: { k: N }, run: () => Effect.fail("never") })
const own = Pipeline.make("own", [inc])

describe("a run of a pipeline that was changed or deleted since", () => {
  const register = (tasks: ReadonlyArray<string>) =>
    testing!.ask((operations) => operations.register(host, { id: "p", kind: "dataflow", tasks }))
  const unregister = () => testing!.ask((operations) => operations.unregister(host, "p"))
  const runOnce = async () => {
    const runId = await testing!.ask((operations) => operations.start(host, "p", Parameters.fromJson({ n: 1 })))
    await testing!.settle()
    return runId
  }
  const read = async (runId: string) => {
    const run = await testing!.look(runId)
    return {
      run,
      result: Results.toJson(run),
      events: await testing!.events(runId),
      lines: await testing!.ask((operations) => operations.lines(host, runId)),
      listed: (await testing!.ask((operations) => operations.runs(host, { pipelineId: "p", limit: 10 }))).runs
    }
  }

  it.each([
    [["inc", "twice"], "COMPLETED", '{"k":4,"l":6}'],
    [["inc"], "COMPLETED", "2"],
    [["inc", "fails"], "FAILED", "null"]
  ] as const)("of %j reads as it did before: detail, result, events, lines, list", async (tasks, status, result) => {
    testing = await Testing.make({ pipelines: [], tasks: [inc, twice, fails] } as never)
    await register(tasks)
    const runId = await runOnce()
    const before = await read(runId)
    expect([before.run.status, before.result]).toEqual([status, result])
    expect(before.lines.lines.map(({ message }) => message)).toEqual(["n is 1"])
    await unregister()
    expect(await read(runId)).toEqual(before)
    await register(["twice"])
    expect(await read(runId)).toEqual(before)
    await expect(testing.ask((operations) => operations.retry(host, runId, ["inc"]))).rejects.toMatchObject({
      _tag: "RunNotRepeatable",
      runId
    })
    await unregister()
    await expect(testing.ask((operations) => operations.retry(host, runId, ["inc"]))).rejects.toMatchObject({
      _tag: "PipelineNotFound"
    })
    await testing.ask((operations) => operations.remove(host, runId))
    await expect(testing.look(runId)).rejects.toMatchObject({ _tag: "RunNotFound" })
  })

  it("gives its result with the types of its time, or says that they are others now", () => {
    const run = { id: "r", pipelineId: "own", version: "v", targets: undefined, results: ["m"], outputs: { m: "2" } }
    expect(Results.toValue(own, run as never)).toMatchObject({ success: 2 })
    const changed = Pipeline.make("own", [
      Task.make("inc", { output: { m: Schema.Date }, run: () => ({ m: new Date() }) })
    ])
    expect(Results.toValue(changed, run as never)).toMatchObject({
      failure: { _tag: "InvalidOption", option: "pipeline" }
    })
    const other = Pipeline.make("other", [inc])
    expect(Results.toValue(other, run as never)).toMatchObject({
      failure: { _tag: "InvalidOption", option: "pipeline" }
    })
  })
})

describe("events after a sequence that can't be", () => {
  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, "1", null])(
    "%s are refused by name",
    async (after) => {
      testing = await Testing.make({ pipelines: [own] })
      const { run } = await testing.run(own, { n: 1 })
      const watching = testing.ask((operations) => Stream.runCollect(operations.watch(host, run.id, after as never)))
      const failure = await watching.catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(Errors.InvalidOption)
      expect(failure).toMatchObject({ option: "after" })
    }
  )

  it("that is further than the run has come are none, and those after 0 are all", async () => {
    testing = await Testing.make({ pipelines: [own] })
    const { run, events } = await testing.run(own, { n: 1 })
    const eventsAfter = (sequence: number) =>
      testing!.ask((operations) => Stream.runCollect(operations.watch(host, run.id, sequence)))
    expect(await eventsAfter(0)).toEqual(events)
    expect(await eventsAfter(events.length)).toEqual([])
    expect(await eventsAfter(10_000)).toEqual([])
  })
})
