/** Limits while tasks are being stopped: what was told to stop is at work until it has done so. */
import { it as effectIt } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { Levada, Operations, Pipeline, Principal, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"
import { within } from "../harness/Within.ts"

const N = Schema.Number
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

/** Counts who is at work, from the call to the end of the last finalizer. */
class Gauge {
  now = 0
  most = 0

  /** Works for a while, and takes `stopMillis` to stop when it is told to. */
  work<A>(millis: number, stopMillis: number, value: A): Effect.Effect<A> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        this.most = Math.max(this.most, ++this.now)
      }),
      () => Effect.as(Effect.sleep(millis), value).pipe(Effect.onInterrupt(() => Effect.sleep(stopMillis))),
      () => Effect.sync(() => void this.now--)
    )
  }
}

const slowToStop = (gauge: Gauge, options: Partial<Task.Options<{}, {}, never>> = {}) =>
  Task.make("work", {
    input: { n: N, millis: N, stopMillis: N },
    output: { m: N },
    limit: { key: "k", max: 1 },
    ...(options as {}),
    run: ({ n, millis, stopMillis }) => gauge.work(millis, stopMillis, { m: n })
  })

describe("a limit of 1, when who holds it is told to stop", () => {
  const gaugeOf = async (
    pipeline: Pipeline.Any,
    act: (runId: string) => Promise<unknown>,
    gauge: Gauge,
    options: { readonly timeoutMillis?: number } = {}
  ): Promise<void> => {
    testing = await Testing.make({ pipelines: [pipeline] } as never)
    const start = (parameters: object, more: object = {}) =>
      testing!.start(pipeline as never, parameters as never, more as never)
    const first = await start({ n: 1, millis: 10_000, stopMillis: 600 }, options)
    const second = await start({ n: 2, millis: 10, stopMillis: 0 })
    await act(first)
    expect((await testing.look(second)).steps[0]!.status).toBe("PENDING")
    await testing.advance(599)
    expect([(await testing.look(second)).steps[0]!.status, gauge.now]).toEqual(["PENDING", 1])
    await testing.advance(1)
    expect((await testing.look(second)).steps[0]!.status).toBe("RUNNING")
    expect((await testing.finish(second)).status).toBe("COMPLETED")
    expect(gauge.most).toBe(1)
  }

  it("because its run is cancelled: the next one waits until it has stopped", async () => {
    const gauge = new Gauge()
    await gaugeOf(
      Pipeline.make("p", [slowToStop(gauge)]),
      (runId) => testing!.ask((operations) => operations.cancel(host, runId)),
      gauge
    )
  })

  it("because its step is cancelled", async () => {
    const gauge = new Gauge()
    await gaugeOf(
      Pipeline.make("p", [slowToStop(gauge)], { onFailure: "continue" }),
      (runId) => testing!.ask((operations) => operations.cancelStep(host, runId, "work")),
      gauge
    )
  })

  it("because its run has no time left", async () => {
    const gauge = new Gauge()
    const inTime = () => testing!.advance(2_000)
    await gaugeOf(Pipeline.make("p", [slowToStop(gauge)]), inTime, gauge, { timeoutMillis: 2_000 })
  })

  it("because its attempt takes too long, and is made again itself after that", async () => {
    const gauge = new Gauge()
    const options = { timeoutMillis: 2_000, retry: { times: 1, delayMillis: 0 } }
    await gaugeOf(
      Pipeline.make("p", [slowToStop(gauge, options)], { onFailure: "continue" }),
      () => testing!.advance(2_000),
      gauge
    )
  })

  it("because another step of its run fails", async () => {
    const gauge = new Gauge()
    const fails = Task.make("fails", { output: { x: N }, run: () => Effect.fail("no") })
    const pipeline = Pipeline.make("p", [slowToStop(gauge), fails])
    testing = await Testing.make({ pipelines: [pipeline], delay: { fails: 100 } })
    const first = await testing.start(pipeline, { n: 1, millis: 10_000, stopMillis: 600 })
    await testing.advance(100)
    expect((await testing.look(first)).status).toBe("FAILED")
    const second = await testing.start(pipeline, { n: 2, millis: 10, stopMillis: 0 }, { targets: ["work"] })
    await testing.advance(599)
    expect((await testing.look(second)).status).toBe("PENDING")
    await testing.advance(1)
    expect((await testing.finish(second)).status).toBe("COMPLETED")
    expect(gauge.most).toBe(1)
  })

  effectIt.effect("and does not: after exactly one second the next one has its turn", () => {
    let hangs = true
    const work = Task.make("work", {
      input: { n: N },
      output: { m: N },
      limit: { max: 1 },
      run: ({ n }) => (hangs ? new Promise<{ m: number }>(() => undefined) : { m: n })
    })
    const pipeline = Pipeline.make("p", [work])
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const first = yield* Levada.start(pipeline, { n: 1 })
      yield* TestClock.adjust(0)
      yield* operations.cancel(host, first)
      hangs = false
      const second = yield* Levada.start(pipeline, { n: 2 })
      yield* TestClock.adjust(999)
      expect((yield* operations.run(host, second)).status).toBe("PENDING")
      yield* TestClock.adjust(1)
      expect((yield* operations.wait(host, second)).status).toBe("COMPLETED")
    }).pipe(within([pipeline]))
  })
})

describe("a task that took too long and rejects when nobody listens any more", () => {
  effectIt.effect.each([
    ["while it is waited for to stop", 500],
    ["after it was given up", 5_000]
  ] as const)("harms nothing, %s", ([, lateMillis]) => {
    const unhandled: Array<unknown> = []
    const listen = (error: unknown): void => void unhandled.push(error)
    const rejects: Array<(error: Error) => void> = []
    const work = Task.make("work", {
      output: { m: N },
      timeoutMillis: 1_000,
      retry: { times: 1, delayMillis: 0 },
      run: (_, { attempt }) =>
        attempt === 1 ? new Promise<{ m: number }>((_resolve, reject) => rejects.push(reject)) : { m: attempt }
    })
    const pipeline = Pipeline.make("p", [work])
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      process.on("unhandledRejection", listen)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("unhandledRejection", listen)))
      const runId = yield* Levada.start(pipeline, {})
      yield* TestClock.adjust(1_000)
      expect((yield* operations.run(host, runId)).steps[0]!.status).toBe("RUNNING")
      yield* TestClock.adjust(lateMillis)
      rejects[0]!(new Error("too late"))
      const run = yield* operations.wait(host, runId)
      expect(run).toMatchObject({ outputs: { m: "2" }, steps: [{ status: "COMPLETED", attempts: 2 }] })
      // What nobody handles is told of after the turn in which it was rejected.
      for (let turn = 0; turn < 5; turn++) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      expect(unhandled).toEqual([])
    }).pipe(Effect.scoped, within([pipeline]))
  })
})

describe("limits under cancels, timeouts and retries", () => {
  const play = (
    all: ReadonlyArray<{ readonly millis: number; readonly stopMillis: number; readonly cancelAt: number }>,
    max: number
  ) => {
    const gauge = new Gauge()
    const options = { timeoutMillis: 1_500, retry: { times: 2, delayMillis: 10 }, limit: { key: "k", max } }
    const pipeline = Pipeline.make("p", [slowToStop(gauge, options as {})])
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runs: Array<{ readonly id: string; readonly cancelAt: number }> = []
      for (const [n, { millis, stopMillis, cancelAt }] of all.entries()) {
        runs.push({ id: yield* Levada.start(pipeline, { n, millis, stopMillis }), cancelAt })
      }
      let now = 0
      for (const { id, cancelAt } of runs.sort((left, right) => left.cancelAt - right.cancelAt)) {
        yield* TestClock.adjust(cancelAt - now)
        now = cancelAt
        yield* operations.cancel(host, id)
      }
      yield* TestClock.adjust("1 minute")
      expect([gauge.most, gauge.now]).toEqual([Math.min(max, all.length), 0])
    }).pipe(within([pipeline]), Effect.provide(TestClock.layer()), Effect.scoped)
  }

  it("are reached and never exceeded, whoever stops when", async () => {
    const run = fc.record({
      millis: fc.integer({ min: 1, max: 2_500 }),
      stopMillis: fc.nat(999),
      cancelAt: fc.integer({ min: 1, max: 6_000 })
    })
    await fc.assert(
      fc.asyncProperty(fc.array(run, { minLength: 4, maxLength: 25 }), fc.integer({ min: 1, max: 4 }), (all, max) =>
        Effect.runPromise(play(all, max) as Effect.Effect<void>)
      ),
      { numRuns: 100 }
    )
  })
})
