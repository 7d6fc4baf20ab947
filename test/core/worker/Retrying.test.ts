import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { Errors, Pipeline, Retry, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

const work = (options: Partial<Task.Options<{}, { x: typeof N }, { x: number }>>) =>
  Task.make("work", { output: { x: N }, run: () => ({ x: 1 }), ...options })

const pipelineOf = (options: Parameters<typeof work>[0]) => Pipeline.make("p", [work(options)])

/** Every wait that a run has told, and how long it really was. */
const waitsOf = ({ events }: Testing.Ran) =>
  events.flatMap((event, at) => {
    if (event.type !== "StepRetried") return []
    const next = events.slice(at).find(({ type }) => type === "StepStarted")!
    return [{ told: event.waitMillis, waited: next.atMillis - event.atMillis, attempt: event.attempt }]
  })

describe("waits", () => {
  it("are delay · factor^k, capped, within jitter, and never past the total", () => {
    const policy = fc.record({
      times: fc.nat(8),
      delayMillis: fc.nat(10_000),
      factor: fc.double({ min: 1, max: 4, noNaN: true }),
      maxDelayMillis: fc.nat(60_000),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      totalMillis: fc.nat(200_000)
    })
    fc.assert(
      fc.property(
        policy,
        fc.integer({ min: 1, max: 10 }),
        fc.nat(200_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (retry, failures, elapsed, random) => {
          const planned = Math.min(retry.delayMillis * retry.factor ** (failures - 1), retry.maxDelayMillis)
          const wait = Retry.waitMillis(retry, failures, elapsed, random)
          if (failures > retry.times) {
            expect(wait).toBeUndefined()
            return
          }
          const least = Math.round(planned * (1 - retry.jitter))
          if (wait === undefined) {
            expect(elapsed + Math.round(planned * (1 + retry.jitter))).toBeGreaterThan(retry.totalMillis)
            return
          }
          expect(wait).toBeGreaterThanOrEqual(least)
          expect(wait).toBeLessThanOrEqual(Math.round(planned * (1 + retry.jitter)))
          expect(elapsed + wait).toBeLessThanOrEqual(retry.totalMillis)
        }
      )
    )
  })

  it("are none where the delay is none, however often and by whatever factor", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 1, max: 1e308, noNaN: true }),
        (failures, factor) => {
          expect(Retry.waitMillis({ times: 10_000, delayMillis: 0, factor }, failures, 0, 0.7)).toBe(0)
          const capped = { times: 10_000, delayMillis: 1, factor, maxDelayMillis: 500, jitter: 0 }
          expect(Retry.waitMillis(capped, failures, 0, 0.7)).toBeLessThanOrEqual(500)
        }
      )
    )
  })

  it("reach both ends of the jitter", () => {
    const retry = { times: 1, delayMillis: 1_000, jitter: 0.2 }
    expect([0, 0.5, 1].map((random) => Retry.waitMillis(retry, 1, 0, random))).toEqual([800, 1_000, 1_200])
  })

  it("are what a run really waits", async () => {
    const retry = { times: 5, delayMillis: 100, factor: 3, maxDelayMillis: 2_000, jitter: 0 }
    const pipeline = pipelineOf({ retry })
    testing = await Testing.make({ pipelines: [pipeline], fail: { work: 5 } })
    const ran = await testing.run(pipeline, {})
    expect(ran.status).toBe("COMPLETED")
    expect(waitsOf(ran)).toEqual(
      [100, 300, 900, 2_000, 2_000].map((millis, at) => ({ told: millis, waited: millis, attempt: at + 1 }))
    )
    expect(ran.run.steps[0]).toMatchObject({ status: "COMPLETED", attempts: 6, error: undefined })
  })

  it("differ between runs when there is jitter, and stay within it", async () => {
    const pipeline = pipelineOf({ retry: { times: 4, delayMillis: 1_000, factor: 1, jitter: 0.3 } })
    testing = await Testing.make({ pipelines: [pipeline], fail: { work: 4 } })
    const waits: Array<number> = []
    for (let run = 0; run < 10; run++) {
      for (const { told, waited } of waitsOf(await testing.run(pipeline, {}))) {
        expect(waited).toBe(told)
        waits.push(told)
      }
    }
    expect(waits).toHaveLength(40)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(700)
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_300)
    expect(new Set(waits).size).toBeGreaterThan(10)
  })
})

describe("retries", () => {
  it("n retries are n + 1 attempts; then the run fails and says how often", async () => {
    for (const times of [0, 1, 3]) {
      const pipeline = pipelineOf({ retry: { times, jitter: 0 } })
      testing = await Testing.make({ pipelines: [pipeline], fail: { work: 100 } })
      const { run, story } = await testing.run(pipeline, {})
      expect(run).toMatchObject({ status: "FAILED", error: { name: "TaskFailed", step: "work" } })
      expect(run.steps[0]!.attempts).toBe(times + 1)
      expect(story.filter((line) => line.includes("StepStarted"))).toHaveLength(times + 1)
      const after = times === 0 ? "" : ` after ${times} ${times === 1 ? "retry" : "retries"}`
      expect(run.error!.message).toBe(`Task 'work' failed${after}: injected failure of attempt ${times + 1}`)
      await testing.close()
    }
  })

  it("may be very many without a delay, and the run says what they came to", async () => {
    const pipeline = pipelineOf({ retry: { times: 1_200, delayMillis: 0 } })
    const run = () => {
      throw new Error("never")
    }
    testing = await Testing.make({ pipelines: [pipeline], replace: [Testing.replace(pipeline.steps[0]!.task, run)] })
    const { run: failed, events } = await testing.run(pipeline, {})
    expect(failed).toMatchObject({ status: "FAILED", sequence: 2 * 1_201 + 2, steps: [{ attempts: 1_201 }] })
    expect(failed.error!.message).toBe("Task 'work' failed after 1200 retries: never")
    expect(events.flatMap((event) => (event.type === "StepRetried" ? [event.waitMillis] : []))).toEqual(
      new Array(1_200).fill(0)
    )
    expect(testing.now()).toBe(0)
  })

  it("a number is short for how many; nothing is none", async () => {
    expect(work({ retry: 2 }).retry).toEqual({ times: 2 })
    expect(work({}).retry).toBeUndefined()
  })

  it("no attempt begins after the total time", async () => {
    const pipeline = pipelineOf({ retry: { times: 100, delayMillis: 1_000, factor: 1, jitter: 0, totalMillis: 5_500 } })
    testing = await Testing.make({ pipelines: [pipeline], fail: { work: 100 }, delay: { work: 200 } })
    const { events, status } = await testing.run(pipeline, {})
    expect(status).toBe("FAILED")
    const starts = events.filter(({ type }) => type === "StepStarted").map(({ atMillis }) => atMillis)
    expect(starts).toEqual([0, 1_200, 2_400, 3_600, 4_800])
  })

  it("a fatal failure is not retried, thrown, rejected or failed with", async () => {
    const fatal = () => new Task.Fatal("beyond hope", { cause: new TypeError("why") })
    const ways = {
      thrown: () => {
        throw fatal()
      },
      rejected: () => Promise.reject(fatal()),
      failed: () => Effect.fail(fatal())
    }
    for (const [way, run] of Object.entries(ways)) {
      const pipeline = pipelineOf({ retry: 5, run: run as () => { x: number } })
      testing = await Testing.make({ pipelines: [pipeline] })
      const ran = await testing.run(pipeline, {})
      expect(ran.run.steps[0]!.attempts, way).toBe(1)
      expect(ran.run.error, way).toMatchObject({
        message: "Task 'work' failed: beyond hope",
        cause: { name: "Fatal", message: "beyond hope", cause: { name: "TypeError", message: "why" } }
      })
      await testing.close()
    }
  })

  it("a predicate says which failures are worth another attempt", async () => {
    const seen: Array<unknown> = []
    const when = (error: unknown) => {
      seen.push(error)
      return error instanceof RangeError
    }
    const pipeline = pipelineOf({ retry: { times: 5, jitter: 0, when } })
    const errors = [new RangeError("again"), new RangeError("again"), new TypeError("enough")]
    testing = await Testing.make({ pipelines: [pipeline], fail: { work: ({ attempt }) => errors[attempt - 1] } })
    const { run } = await testing.run(pipeline, {})
    expect(run.steps[0]!.attempts).toBe(3)
    expect(run.error!.message).toBe("Task 'work' failed after 2 retries: enough")
    expect(seen).toEqual(errors)
  })

  it("a predicate that throws fails the step and says so", async () => {
    const when = () => {
      throw new Error("I am broken")
    }
    const pipeline = pipelineOf({ retry: { times: 5, when } })
    testing = await Testing.make({ pipelines: [pipeline], fail: { work: 1 } })
    const { run } = await testing.run(pipeline, {})
    expect(run.error).toMatchObject({ name: "PredicateFailed", step: "work" })
    expect(run.error!.message).toBe(
      "The retry predicate of task 'work' failed: I am broken; called with: injected failure of attempt 1"
    )
  })

  it("an output of the wrong shape and an input that can't be read are not retried: it would be the same again", async () => {
    let calls = 0
    const wrong = () => {
      calls++
      return { x: "text" } as unknown as { x: number }
    }
    const pipeline = pipelineOf({ retry: 5, run: wrong })
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, {})).run.error).toMatchObject({ name: "InvalidOutput", step: "work" })
    expect(calls).toBe(1)
  })

  it("while it waits, the step says since when, why and until when", async () => {
    const pipeline = pipelineOf({ retry: { times: 1, delayMillis: 60_000, jitter: 0 } })
    testing = await Testing.make({ pipelines: [pipeline], fail: { work: 1 } })
    const runId = await testing.start(pipeline, {})
    expect((await testing.look(runId)).steps[0]).toMatchObject({
      status: "PENDING",
      attempts: 1,
      retryAtMillis: 60_000,
      error: { message: "Task 'work' failed: injected failure of attempt 1" }
    })
    await testing.advance(59_999)
    expect((await testing.look(runId)).steps[0]!.status).toBe("PENDING")
    await testing.advance(1)
    expect(await testing.look(runId)).toMatchObject({
      status: "COMPLETED",
      steps: [{ attempts: 2, retryAtMillis: undefined }]
    })
  })

  it.each([
    [{ times: -1 }, "times of retry of task 'work'", "a whole number from 0 to 10000"],
    [{ times: 1.5 }, "times of retry of task 'work'", "a whole number from 0 to 10000"],
    [{ times: Number.POSITIVE_INFINITY }, "times of retry of task 'work'", "a whole number from 0 to 10000"],
    [{ times: 1, delayMillis: -1 }, "delayMillis of retry of task 'work'", "a number of at least 0"],
    [{ times: 1, delayMillis: Number.NaN }, "delayMillis of retry of task 'work'", "a number of at least 0"],
    [{ times: 1, factor: 0.5 }, "factor of retry of task 'work'", "a number of at least 1"],
    [{ times: 1, jitter: 1.1 }, "jitter of retry of task 'work'", "a number from 0 to 1"],
    [{ times: 1, totalMillis: -5 }, "totalMillis of retry of task 'work'", "a number of at least 0"],
    [{ times: 10_001 }, "times of retry of task 'work'", "a whole number from 0 to 10000"],
    [{ times: 1, delayMillis: 1e300 }, "delayMillis of retry of task 'work'", "a number of at least 0"],
    [{ times: 1, maxDelayMillis: 315_360_000_001 }, "maxDelayMillis of retry of task 'work'", "a number of at least 0"],
    [
      { times: 1, totalMillis: Number.POSITIVE_INFINITY },
      "totalMillis of retry of task 'work'",
      "a number of at least 0"
    ]
  ])("%o is refused by name", (retry, option, expected) => {
    const failure = (() => {
      try {
        return work({ retry })
      } catch (error) {
        return error
      }
    })()
    expect(failure).toBeInstanceOf(Errors.InvalidOption)
    expect(failure).toMatchObject({ option, message: expect.stringContaining(`expected ${expected}`) })
  })
})

describe("timeouts", () => {
  it("end an attempt after exactly so long; it can be retried", async () => {
    const pipeline = pipelineOf({ timeoutMillis: 5_000, retry: { times: 1, delayMillis: 100, jitter: 0 } })
    testing = await Testing.make({ pipelines: [pipeline], delay: { work: 5_001 } })
    const { run, story } = await testing.run(pipeline, {})
    expect(story).toEqual([
      "0 RunStarted",
      "0 StepStarted work #1",
      "5000 StepRetried work #1 after 100 ms",
      "5100 StepStarted work #2",
      "10100 StepFailed work Task 'work' failed after 1 retry: it took longer than 5000 ms",
      "10100 RunFailed Task 'work' failed after 1 retry: it took longer than 5000 ms"
    ])
    expect(run.error!.cause).toEqual({ name: "StepTimedOut", message: "it took longer than 5000 ms" })
  })

  it("do not touch what is faster", async () => {
    const pipeline = pipelineOf({ timeoutMillis: 5_000 })
    testing = await Testing.make({ pipelines: [pipeline], delay: { work: 4_999 } })
    expect((await testing.run(pipeline, {})).status).toBe("COMPLETED")
  })
})
