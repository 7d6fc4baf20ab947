/** The test kit, as those use it who test their pipelines with it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { Testing } from "../../adapters/testing/index.ts"
import { host } from "../../core/values/Principal.ts"

const HOUR = 3_600_000

const fetchPage = Task.make("fetch", {
  input: { url: Schema.String },
  output: { page: Schema.String },
  retry: { times: 3, delayMillis: 1_000, jitter: 0 },
  run: () => Promise.reject(new Error("the world outside"))
})
const count = Task.make("count", {
  input: { page: Schema.String },
  output: { words: Schema.Number },
  run: ({ page }) => ({ words: page.split(" ").length })
})
const report = Pipeline.make("report", [fetchPage, count])
const served = Testing.replace(fetchPage, ({ url }) => ({ page: `the page of ${url}` }))

let open: Testing.Testing | undefined
afterEach(async () => {
  await open?.close()
  open = undefined
})

describe("a task with other code", () => {
  it("is run in place of the task's own", async () => {
    open = await Testing.make({ pipelines: [report], replace: [served] })
    const { status, result, story } = await open.run(report, { url: "x" })
    expect([status, result]).toEqual(["COMPLETED", 4])
    expect(story).toEqual([
      "0 RunStarted",
      "0 StepStarted fetch #1",
      "0 StepCompleted fetch",
      "0 StepStarted count #1",
      "0 StepCompleted count",
      "0 RunCompleted"
    ])
  })

  it("keeps the task's schema: a wrong shape is refused as the task's own would be", async () => {
    const wrong = Testing.replace(fetchPage, (() => ({ page: 1 })) as never)
    open = await Testing.make({ pipelines: [report], replace: [wrong] })
    expect((await open.run(report, { url: "x" })).run.error?.message).toContain("page")
  })

  it("is replaced in every step that it is in", async () => {
    const parts = Pipeline.make("parts", [
      Step.nest(report, { name: "left", inputs: { url: "a" }, outputs: { words: "x" } }),
      Step.nest(report, { name: "right", inputs: { url: "b" }, outputs: { words: "y" } })
    ])
    open = await Testing.make({ pipelines: [parts], replace: [served] })
    expect((await open.run(parts, { a: "1", b: "1 2" })).result).toEqual({ x: 4, y: 5 })
  })

  it("must be a task of the pipelines", async () => {
    const other = Task.make("other", { input: {}, output: {}, run: () => ({}) })
    const making = Testing.make({ pipelines: [report], replace: [Testing.replace(other, () => ({}))], fail: { x: 1 } })
    await expect(making).rejects.toThrow("There is no step 'x' and no task 'other' in the pipelines under test")
  })
})

describe("failures", () => {
  it("are injected into so many attempts, and are retried as any other", async () => {
    open = await Testing.make({ pipelines: [report], replace: [served], fail: { fetch: 2 } })
    const { status, story } = await open.run(report, { url: "x" })
    expect(status).toBe("COMPLETED")
    expect(story.filter((line) => line.includes("fetch"))).toEqual([
      "0 StepStarted fetch #1",
      "0 StepRetried fetch #1 after 1000 ms",
      "1000 StepStarted fetch #2",
      "1000 StepRetried fetch #2 after 2000 ms",
      "3000 StepStarted fetch #3",
      "3000 StepCompleted fetch"
    ])
  })

  it("are what the test says, by attempt and item", async () => {
    const pages = Pipeline.make("pages", [Step.map(count, { name: "counts", over: { page: "pages" } })])
    open = await Testing.make({
      pipelines: [pages],
      fail: { counts: ({ item }) => (item === 1 ? new Error("item 1 is bad") : undefined) }
    })
    const { status, run, report: told } = await open.run(pages, { pages: ["a", "b", "c"] })
    expect(status).toBe("FAILED")
    expect(run.error).toMatchObject({
      step: "counts",
      item: 1,
      message: "Task 'count' failed at item 1: item 1 is bad"
    })
    expect(told.failed.map(({ step }) => step)).toEqual(["counts"])
  })

  it("name a step that the pipelines have", async () => {
    await expect(Testing.make({ pipelines: [report], delay: { fetsch: 1 } })).rejects.toThrow("no step 'fetsch'")
  })

  it("of the pipelines themselves reject, as they do when they are served", async () => {
    await expect(Testing.make({ pipelines: [report, report] })).rejects.toMatchObject({ _tag: "PipelineExists" })
  })
})

describe("time", () => {
  it("passes at once: for delays, sleeps and timeouts of any length", async () => {
    const rest = Task.make("rest", {
      input: {},
      output: { done: Schema.Boolean },
      timeoutMillis: 48 * HOUR,
      run: () => Effect.as(Effect.sleep("1 day"), { done: true })
    })
    const resting = Pipeline.make("resting", [rest])
    open = await Testing.make({ pipelines: [resting], delay: { rest: ({ attempt }) => attempt * HOUR } })
    const before = performance.now()
    const { status, story } = await open.run(resting, {})
    expect(performance.now() - before).toBeLessThan(2_000)
    expect([status, story.at(-1)]).toEqual(["COMPLETED", `${25 * HOUR} RunCompleted`])
    expect(open.now()).toBe(25 * HOUR)
  })

  it("stands still until the test moves it", async () => {
    open = await Testing.make({ pipelines: [report], replace: [served], delay: { fetch: 1_000 } })
    const runId = await open.start(report, { url: "x" })
    await open.advance(999)
    expect((await open.look(runId)).status).toBe("RUNNING")
    expect(await open.events(runId)).toHaveLength(2)
    await open.advance(1)
    expect((await open.look(runId)).status).toBe("COMPLETED")
    expect((await open.finish(runId)).result).toBe(4)
  })

  it("lets schedules come round", async () => {
    open = await Testing.make({
      pipelines: [report],
      replace: [served],
      schedules: [Levada.schedule(report, { id: "daily", timing: { cron: "0 6 * * *" }, parameters: { url: "x" } })]
    })
    await open.advance(3 * 24 * HOUR)
    const { runs } = await open.ask((operations) => operations.runs(host, { limit: 10 }))
    expect(runs.map(({ submittedAtMillis }) => submittedAtMillis / HOUR)).toEqual([54, 30, 6])
    expect(runs.every(({ status }) => status === "COMPLETED")).toBe(true)
  })

  it("waits for tasks that wait for the world outside", async () => {
    const real = Testing.replace(fetchPage, async ({ url }) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return { page: url }
    })
    open = await Testing.make({ pipelines: [report], replace: [real] })
    const { story } = await open.run(report, { url: "x" })
    expect(story.at(-1)).toBe("0 RunCompleted")
  })

  it("is not waited for in vain: who hangs is named", async () => {
    const hanging = Testing.replace(fetchPage, () => new Promise<never>(() => undefined))
    open = await Testing.make({ pipelines: [report], replace: [hanging] })
    await expect(open.run(report, { url: "x" })).rejects.toThrow(
      "Waited 5000 ms of real time for step 'fetch': replace what needs the world outside"
    )
  }, 30_000)

  it("does not bring a run to its end that waits for somebody", async () => {
    open = await Testing.make({ pipelines: [report], replace: [served] })
    await open.ask((operations) => operations.pause(host, report.id))
    await expect(open.run(report, { url: "x" })).rejects.toThrow(
      /Run '\w+' of pipeline 'report' is PENDING, and no time will end it: is the pipeline paused/
    )
  })
})

class Greeter extends Context.Service<Greeter, { readonly greet: (name: string) => string }>()("test/Greeter") {}

describe("everything around", () => {
  it("services are given to the tasks", async () => {
    const greet = Task.make("greet", {
      input: { name: Schema.String },
      output: { greeting: Schema.String },
      run: ({ name }) => Effect.map(Greeter, ({ greet }) => ({ greeting: greet(name) }))
    })
    const greeting = Pipeline.make("greeting", [greet])
    const services = Layer.succeed(Greeter, { greet: (name) => `hello ${name}` })
    open = await Testing.make({ pipelines: [greeting], services })
    expect((await open.run(greeting, { name: "you" })).result).toBe("hello you")
  })

  it("lines and progress are there to be looked at", async () => {
    const talking = Testing.replace(fetchPage, async ({ url }, { log, progress }) => {
      log("fetching", { url })
      progress(1, 2)
      return { page: url }
    })
    open = await Testing.make({ pipelines: [report], replace: [talking] })
    const { lines, story } = await open.run(report, { url: "x" })
    expect(lines).toMatchObject([{ level: "info", step: "fetch", message: "fetching", atMillis: 0 }])
    expect(story).toContain("0 StepProgressed fetch 1/2")
  })

  it("parts of a pipeline are run as they are anywhere", async () => {
    open = await Testing.make({ pipelines: [report] })
    const { result, report: told } = await open.run(report, {}, { given: { page: "a b" } })
    expect(result).toBe(2)
    expect(told.completed).toEqual(["count"])
  })

  it("closes whatever goes on, and nothing is left of it", async () => {
    const ended: Array<string> = []
    const endless = Testing.replace(fetchPage, (_, { signal }) =>
      Effect.sleep("300 days").pipe(
        Effect.as({ page: "" }),
        Effect.onInterrupt(() => Effect.sync(() => ended.push(`interrupted, ${signal.aborted}`)))
      )
    )
    const testing = await Testing.make({ pipelines: [report], replace: [endless], delay: { fetch: 10 } })
    const runId = await testing.start(report, { url: "x" })
    await testing.advance(10)
    expect((await testing.look(runId)).status).toBe("RUNNING")
    await testing.close()
    expect(ended).toEqual(["interrupted, true"])
  })
})
