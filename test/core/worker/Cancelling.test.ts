import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { Levada, Operations, Pipeline, Principal, Run, Task } from "../../../adapters/promise/index.ts"
import { within } from "../harness/Within.ts"

const N = Schema.Number
const { host } = Principal

/** A task that runs until it is told to stop, and notes how it was told. */
const endless = (name: string, how: "fiber" | "promise", heard: Array<string>, started?: Deferred.Deferred<void>) =>
  Task.make(name, {
    output: { [name]: N },
    run: (_, { signal }) => {
      if (started !== undefined) Deferred.doneUnsafe(started, Effect.void)
      return how === "fiber"
        ? Effect.as(Effect.never, { [name]: 1 }).pipe(
            Effect.onInterrupt(() => Effect.sync(() => void heard.push(`${name} interrupted`)))
          )
        : new Promise<{ [x: string]: number }>((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              heard.push(`${name} aborted`)
              reject(signal.reason)
            })
          })
    }
  })

/** What a run is once it is over. */
const over = (runId: string) =>
  Operations.Operations.use((operations) =>
    Effect.andThen(Stream.runDrain(operations.watch(host, runId)), operations.run(host, runId))
  )

describe("cancelling a run", () => {
  it.effect("interrupts fibers, runs finalizers, fires signals, and ends it as CANCELLED, once", () => {
    const heard: Array<string> = []
    const pipeline = Pipeline.make("p", [
      endless("fiber", "fiber", heard),
      endless("promise", "promise", heard),
      Task.make("after", { input: { fiber: N }, output: { z: N }, run: () => ({ z: 1 }) })
    ] as never)
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(pipeline, {} as never)
      yield* Effect.yieldNow
      yield* operations.cancel(host, runId, "enough")
      const run = yield* over(runId)
      yield* TestClock.adjust(0)
      expect(heard.sort()).toEqual(["fiber interrupted", "promise aborted"])
      expect(run).toMatchObject({ status: "CANCELLED", reason: "enough" })
      expect(Run.report(run)).toEqual({
        completed: [],
        failed: [],
        skipped: [],
        cancelled: ["fiber", "promise", "after"].map((step) => ({ step, reason: "enough" }))
      })
      yield* operations.cancel(host, runId, "once more")
      expect(yield* over(runId)).toEqual(run)
    }).pipe(within([pipeline]))
  })

  it.effect("works while it waits: for its delay, for a retry, for a limit", () => {
    const fails = Task.make("fails", {
      output: { x: N },
      retry: { times: 5, delayMillis: 60_000 },
      run: (): { x: number } => {
        throw new Error("not yet")
      }
    })
    const retrying = Pipeline.make("retrying", [fails])
    const limited = Pipeline.make("limited", [endless("work", "fiber", [])] as never, { limit: { runs: 1 } })
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const delayed = yield* Levada.start(retrying, {}, { delayMillis: 1_000 })
      const waiting = yield* Levada.start(retrying, {})
      const first = yield* Levada.start(limited, {} as never)
      const second = yield* Levada.start(limited, {} as never)
      const third = yield* Levada.start(limited, {} as never)
      yield* Effect.yieldNow
      for (const runId of [delayed, waiting, second]) yield* operations.cancel(host, runId)
      for (const runId of [delayed, waiting, second]) expect((yield* over(runId)).status).toBe("CANCELLED")
      yield* TestClock.adjust("1 hour")
      // Nothing of them comes back, and who waited behind them is not forgotten.
      expect((yield* operations.run(host, delayed)).steps[0]!.attempts).toBe(0)
      expect((yield* operations.run(host, waiting)).steps[0]!.attempts).toBe(1)
      yield* operations.cancel(host, first)
      yield* Effect.yieldNow
      expect((yield* operations.run(host, third)).status).toBe("RUNNING")
    }).pipe(within([retrying, limited]))
  })

  it.effect("an unknown run is RunNotFound", () =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      expect(yield* Effect.flip(operations.cancel(host, "none"))).toMatchObject({ _tag: "RunNotFound" })
    }).pipe(within([]))
  )
})

describe("cancelling a step", () => {
  const heard: Array<string> = []
  const needs = Task.make("needs", { input: { work: N }, output: { needed: N }, run: ({ work }) => ({ needed: work }) })
  const wants = Task.make("wants", {
    input: { work: Schema.optionalKey(N) },
    output: { wanted: N },
    run: ({ work }) => ({ wanted: work ?? 7 })
  })
  const other = Task.make("other", { output: { other: N }, run: () => ({ other: 1 }) })
  const pipeline = Pipeline.make("p", [endless("work", "fiber", heard), needs, wants, other] as never)

  it.effect.each([
    ["fail-fast", "FAILED", ["CANCELLED", "SKIPPED", "SKIPPED", "COMPLETED"]],
    ["continue", "FAILED", ["CANCELLED", "SKIPPED", "SKIPPED", "COMPLETED"]],
    // What only some need is left out; `needs` gives a part of the result that has to be there.
    ["skip", "FAILED", ["CANCELLED", "SKIPPED", "COMPLETED", "COMPLETED"]]
  ] as const)("under %s, the run goes on as after a failure", ([onFailure, status, steps]) =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(pipeline, {} as never, { onFailure })
      yield* Effect.yieldNow
      yield* operations.cancelStep(host, runId, "work", "it hangs")
      const run = yield* over(runId)
      yield* TestClock.adjust(0)
      expect(heard.splice(0)).toEqual(["work interrupted"])
      expect([run.status, run.steps.map((step) => step.status)]).toEqual([status, steps])
      expect(run.steps[0]!.reason).toBe("it hangs")
      expect(run.error).toEqual({ name: "StepCancelled", message: "Step 'work' was cancelled: it hangs", step: "work" })
      expect(run.steps[1]!.reason).toContain(onFailure === "fail-fast" ? "the run failed" : "step 'work' was cancelled")
      yield* operations.cancelStep(host, runId, "other", "too late")
      expect(yield* operations.run(host, runId)).toEqual(run)
    }).pipe(within([pipeline]))
  )

  it.effect("that does not exist is UnknownStep, and nothing happens", () =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(pipeline, {} as never)
      yield* Effect.yieldNow
      expect(yield* Effect.flip(operations.cancelStep(host, runId, "none"))).toMatchObject({
        _tag: "UnknownStep",
        message: "Pipeline 'p' has no step 'none'; its steps are: 'work', 'needs', 'wants', 'other'"
      })
      expect((yield* operations.run(host, runId)).status).toBe("RUNNING")
    }).pipe(within([pipeline]))
  )
})

describe("an attempt that takes too long", () => {
  it.effect("is interrupted with its finalizers, and its signal fires", () => {
    const heard: Array<string> = []
    const fiber = { ...endless("fiber", "fiber", heard), timeoutMillis: 1_000 }
    const promise = { ...endless("promise", "promise", heard), timeoutMillis: 2_000 }
    const pipeline = Pipeline.make("p", [fiber, promise] as never, { onFailure: "continue" })
    return Effect.gen(function* () {
      const runId = yield* Levada.start(pipeline, {} as never)
      yield* TestClock.adjust(999)
      expect(heard).toEqual([])
      yield* TestClock.adjust(1)
      expect(heard).toEqual(["fiber interrupted"])
      yield* TestClock.adjust(1_000)
      const run = yield* over(runId)
      expect(heard).toEqual(["fiber interrupted", "promise aborted"])
      expect(run.steps.map(({ error }) => error!.cause!.name)).toEqual(["StepTimedOut", "StepTimedOut"])
      expect(run.steps.map((step) => step.completedAtMillis! - step.startedAtMillis!)).toEqual([1_000, 2_000])
    }).pipe(within([pipeline]))
  })
})

describe("a task that ignores its signal", () => {
  const stubborn = (release: Promise<void>, timeoutMillis?: number) =>
    Task.make("stubborn", {
      output: { x: N },
      ...(timeoutMillis !== undefined && { timeoutMillis }),
      run: async () => {
        await release
        return { x: 1 }
      }
    })

  it.effect("is reported, its late result is dropped, and its place is free for others", () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const pipeline = Pipeline.make("p", [stubborn(promise)])
    const next = Pipeline.make("next", [Task.make("next", { output: { y: N }, run: () => ({ y: 2 }) })])
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(pipeline, {})
      yield* Effect.yieldNow
      yield* operations.cancel(host, runId, "enough")
      const behind = yield* Effect.forkChild(Levada.execute(next, {}), { startImmediately: true })
      yield* TestClock.adjust(999)
      expect(behind.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(behind)).toBe(2)
      const { lines } = yield* operations.lines(host, runId)
      expect(lines).toMatchObject([{ level: "warn", step: "stubborn", attempt: 1 }])
      expect(lines[0]!.message).toContain("Task 'stubborn' ignores its signal")
      const before = yield* over(runId)
      resolve()
      yield* Effect.promise(() => promise)
      yield* TestClock.adjust(1_000)
      expect(yield* over(runId)).toEqual(before)
      expect(before).toMatchObject({ status: "CANCELLED", outputs: {} })
    }).pipe(within([pipeline, next], { worker: { concurrency: 1 } }))
  })

  it.effect("is reported after a timeout too, and the retry's result counts", () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let calls = 0
    const second = Task.make("second", {
      output: { x: N },
      timeoutMillis: 1_000,
      retry: { times: 1, delayMillis: 0 },
      run: async () => {
        const call = ++calls
        if (call === 1) await promise
        return { x: call }
      }
    })
    const pipeline = Pipeline.make("p", [second])
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(pipeline, {})
      // Two attempts of one step are not made at once: the second waits until the first is given up.
      yield* TestClock.adjust(1_999)
      expect(calls).toBe(1)
      yield* TestClock.adjust(1)
      const run = yield* over(runId)
      expect(run).toMatchObject({ status: "COMPLETED", outputs: { x: "2" } })
      yield* TestClock.adjust(1_000)
      expect((yield* operations.lines(host, runId)).lines).toMatchObject([{ level: "warn", attempt: 1 }])
      resolve()
      yield* TestClock.adjust(1_000)
      expect(yield* over(runId)).toEqual(run)
    }).pipe(within([pipeline]))
  })
})
