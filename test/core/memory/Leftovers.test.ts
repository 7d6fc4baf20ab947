/** What is left of runs that are over: nothing that a runtime would have to keep. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { Levada, Operations, Pipeline, Principal, Task } from "../../../adapters/promise/index.ts"
import { within } from "../harness/Within.ts"

const N = Schema.Number
const { host } = Principal

interface Counts {
  readonly fibers: number
  readonly timers: number
  readonly listeners: number
}

/** Counts the timers that are set, the listeners of signals that may still fire, and the fibers that are alive. */
class Census {
  readonly #set = globalThis.setTimeout
  readonly #clear = globalThis.clearTimeout
  readonly #timers: Set<unknown> = new Set()
  fibers = 0
  listeners = 0
  /** The most of each that there were at once. */
  readonly most = { fibers: 0, timers: 0, listeners: 0 }
  readonly metrics: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      this.most.fibers = Math.max(this.most.fibers, ++this.fibers)
    },
    recordFiberEnd: () => void this.fibers--
  }

  get timers(): number {
    return this.#timers.size
  }

  begin(): void {
    const [set, clear, timers] = [this.#set, this.#clear, this.#timers]
    globalThis.setTimeout = ((ring: () => void, millis: number) => {
      const timer = set(() => {
        timers.delete(timer)
        ring()
      }, millis)
      timers.add(timer)
      this.most.timers = Math.max(this.most.timers, timers.size)
      return timer
    }) as typeof setTimeout
    globalThis.clearTimeout = ((timer: ReturnType<typeof setTimeout>) => {
      timers.delete(timer)
      clear(timer)
    }) as typeof clearTimeout

    const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype
    const listening = new WeakMap<AbortSignal, Set<unknown>>()
    const change = (by: number): void => {
      this.listeners += by
      this.most.listeners = Math.max(this.most.listeners, this.listeners)
    }
    AbortSignal.prototype.addEventListener = function (this: AbortSignal, ...all: Array<unknown>): void {
      add.apply(this, all as Parameters<typeof add>)
      if (this.aborted) return
      let own = listening.get(this)
      if (own === undefined) {
        const fresh = new Set<unknown>()
        own = fresh
        listening.set(this, fresh)
        // Once a signal has fired, it does not fire again, and its listeners are nobody's business.
        add.call(this, "abort", () => {
          change(-fresh.size)
          fresh.clear()
        })
      }
      if (!own.has(all[1])) change(1)
      own.add(all[1])
    }
    AbortSignal.prototype.removeEventListener = function (this: AbortSignal, ...all: Array<unknown>): void {
      remove.apply(this, all as Parameters<typeof remove>)
      if (listening.get(this)?.delete(all[1])) change(-1)
    }
  }

  end(): void {
    globalThis.setTimeout = this.#set
    globalThis.clearTimeout = this.#clear
    Reflect.deleteProperty(AbortSignal.prototype, "addEventListener")
    Reflect.deleteProperty(AbortSignal.prototype, "removeEventListener")
  }

  get now(): Counts {
    const { fibers, timers, listeners } = this
    return { fibers, timers, listeners }
  }

  /** What is there once all that is on its way has happened; what does not go away is waited for in vain. */
  async quiet(expected: Partial<Counts>): Promise<Counts> {
    const { fibers = Infinity, timers = Infinity, listeners = Infinity } = expected
    const isQuiet = () => this.fibers <= fibers && this.timers <= timers && this.listeners <= listeners
    for (let turns = 0; turns < 1_000 && !isQuiet(); turns++) await new Promise((resolve) => this.#set(resolve, 5))
    return this.now
  }
}

describe("1,000 runs cancelled at random instants", () => {
  it.live("leave no fiber, timer or listener behind", () => {
    const census = new Census()
    let running = 0
    let called = (): void => undefined
    const sleeps = Task.make("sleeps", {
      output: { a: N },
      timeoutMillis: 60_000,
      retry: { times: 3, delayMillis: 5, jitter: 1 },
      run: (_, { attempt }) =>
        Effect.acquireUseRelease(
          Effect.sync(() => void running++),
          () => Effect.andThen(Effect.sleep(7), attempt < 3 ? Effect.fail("again") : Effect.succeed({ a: 1 })),
          () => Effect.sync(() => void running--)
        )
    })
    const listens = Task.make("listens", {
      input: { a: N },
      output: { b: N },
      run: (_, { signal }) =>
        new Promise<{ b: number }>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason))
          called()
        })
    })
    const dozes = Task.make("dozes", { output: { c: N }, run: () => Effect.as(Effect.sleep("1 hour"), { c: 1 }) })
    const pipeline = Pipeline.make("p", [sleeps, listens, dozes], { timeoutMillis: 3_600_000, limit: { runs: 200 } })
    const playing = Effect.gen(function* () {
      const operations = yield* Operations.Operations
      // One run through everything first and last: what is there for the whole program is there then. Of timers, that is
      // one for the ends of leases and one for their renewal.
      const one = Effect.gen(function* () {
        const calling = new Promise<void>((resolve) => {
          called = resolve
        })
        const runId = yield* Levada.start(pipeline, {})
        yield* Effect.promise(() => calling)
        yield* operations.cancel(host, runId)
      })
      yield* one
      const before = yield* Effect.promise(() => census.quiet({ timers: 2 }))
      expect(before.timers).toBe(2)
      const runIds: Array<string> = []
      for (let at = 0; at < 1_000; at++) runIds.push(yield* Levada.start(pipeline, {}, { delayMillis: at % 20 }))
      for (let turn = 0; turn < 60; turn++) {
        for (const runId of runIds.splice(0)) {
          if ((yield* Random.nextIntBetween(0, 10)) === 0 || turn === 59) yield* operations.cancel(host, runId)
          else runIds.push(runId)
        }
        yield* Effect.sleep(3)
      }
      const { runs } = yield* operations.runs(host, { limit: 1_000 })
      expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(["CANCELLED"]))
      // Cancelled while it waited, ran and waited again, with all that is counted: otherwise this would show little.
      expect(new Set(runs.map(({ steps }) => steps[0]!.attempts)).size).toBeGreaterThan(2)
      expect(Math.min(...Object.values(census.most))).toBeGreaterThan(20)
      yield* one
      expect(yield* Effect.promise(() => census.quiet(before))).toEqual(before)
      expect(running).toBe(0)
    })
    return playing.pipe(
      within([pipeline], { store: { leaseMillis: 600_000 }, worker: { concurrency: 300 } }),
      Effect.provideService(Metric.FiberRuntimeMetrics, census.metrics),
      (effect) =>
        Effect.acquireUseRelease(
          Effect.sync(() => census.begin()),
          () => effect,
          () => Effect.sync(() => census.end())
        )
    )
  })
})
