/**
 * The engine compared with the reference interpreter: random pipelines, policies, failures, retries, cancels and
 * retries of runs.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  Access,
  Levada,
  Operations,
  Parameters,
  type Pipeline,
  Principal,
  Run,
  Store
} from "../../adapters/promise/index.ts"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import type { Event } from "../../core/run/Event.ts"
import { cases } from "../cases.ts"
import { type Expected, type Fate, interpret } from "./Interpreter.ts"
import { buildPipeline, Calls, givenOf, secondOutput } from "./ModelPipelines.ts"
import { type Completed, expectedRetry } from "./RetryModel.ts"
import { orderOf, type Script, script } from "./Script.ts"

const { host } = Principal

/** How many scripts are tried. */
const CASES = cases(Number(process.env["CASES"] ?? 5_000))

/** Runs `body` in a program that has the pipeline, and ends the program: the next one finds the same Store. */
const serving = <A>(
  pipeline: Pipeline.Any,
  concurrency: number,
  body: Effect.Effect<A, unknown, Operations.Operations>
) =>
  Effect.scoped(
    Effect.provide(body, Levada.layer({ pipelines: [pipeline], access: Access.open, worker: { concurrency } }))
  ) as Effect.Effect<A, unknown, Store.Store>

type AnyStore = Layer.Layer<Store.Store, unknown>

const within = <A>(store: AnyStore, body: Effect.Effect<A, unknown, Store.Store>) =>
  Effect.runPromise(Effect.provide(body, store.pipe(Layer.provideMerge(TestClock.layer()))) as Effect.Effect<A>)

/** The run once it is over, with all of its events. */
const finished = (runId: string) =>
  Effect.gen(function* () {
    const operations = yield* Operations.Operations
    const waiting = yield* Effect.forkChild(Stream.runCollect(operations.watch(host, runId)), {
      startImmediately: true
    })
    for (let turns = 0; waiting.pollUnsafe() === undefined; turns++) {
      if (turns > 1_000) throw new Error("The run does not end")
      yield* TestClock.adjust(10)
    }
    const events = yield* Fiber.join(waiting)
    const run = yield* operations.run(host, runId)
    return { run, events }
  })

/** The laws that every log obeys. */
const expectLawful = (run: Run.Run, events: ReadonlyArray<Event>): void => {
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1))
  expect(Run.isTerminal(run.status)).toBe(true)
  const begun = new Set<string>()
  const over = new Set<string>()
  for (const [at, event] of events.entries()) {
    if (at > 0) expect(event.atMillis).toBeGreaterThanOrEqual(events[at - 1]!.atMillis)
    if (!("step" in event)) continue
    expect(over.has(event.step), `${event.step} is over, then ${event.type}`).toBe(false)
    if (event.type === "StepStarted") begun.add(event.step)
    else if (event.type !== "StepSkipped") expect(begun.has(event.step), `${event.type} before its start`).toBe(true)
    if (["StepCompleted", "StepFailed", "StepSkipped", "StepCancelled"].includes(event.type)) over.add(event.step)
  }
  for (const step of run.steps) expect(["PENDING", "RUNNING"], step.name).not.toContain(step.status)
}

const parsed = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json))

/** Under `continue` and `skip`, the result does not depend on the order of events. */
const expectExact = (pipeline: Pipeline.Any, run: Run.Run, expected: Expected, given: ReadonlyArray<string>): void => {
  const seen = run.steps.map(({ name, status, attempts, itemsFailed }) => {
    return { name, status, attempts, ...(status === "COMPLETED" && { itemsFailed }) }
  })
  const wanted = run.steps.map(({ name }) => {
    const { status, attempts, itemsFailed = 0 } = expected.steps.get(name)!
    return { name, status, attempts, ...(status === "COMPLETED" && { itemsFailed }) }
  })
  expect(seen).toEqual(wanted)
  expect(run.status).toBe(expected.status)
  for (const step of pipeline.steps) {
    const { value, status } = expected.steps.get(step.name)!
    if (status !== "COMPLETED") continue
    for (const [at, output] of step.outputs.entries()) {
      if (given.includes(output.value)) continue
      const gives = at === 0 || value === undefined ? value : secondOutput(value as string)
      expect(parsed(run.outputs[output.value]), step.name).toEqual(gives)
    }
  }
}

/** Given values stay unchanged. */
const expectGiven = (run: Run.Run, values: Readonly<Record<string, string>>): void => {
  for (const name of Object.keys(values)) expect(parsed(run.outputs[name]), name).toBe(values[name])
}

/** Under `fail-fast`, the first failure ends the run, and which one is first depends on the order of events. */
const expectConsistent = (run: Run.Run, expected: Expected): void => {
  const anyFails = [...expected.steps.values()].some(({ status }) => status === "FAILED")
  expect(run.status).toBe(anyFails ? "FAILED" : "COMPLETED")
  for (const { name, status, attempts } of run.steps) {
    const fate = expected.steps.get(name)!
    if (status === "COMPLETED") expect(fate, name).toMatchObject({ status, attempts })
    if (status === "FAILED") {
      expect(fate, name).toMatchObject({ status, attempts })
      expect(run.error!.step).toBe(name)
    }
    if (status === "CANCELLED" || status === "SKIPPED") expect(anyFails || fate.status === "SKIPPED", name).toBe(true)
  }
}

const spelt = (called: ReadonlyMap<string, ReadonlySet<number | undefined>>) =>
  Object.fromEntries(Array.from(called, ([step, items]) => [step, [...items].sort()]))

/** The completed items of a run, by step, as its Store lists them. */
const completedItems = (run: Run.Run) =>
  Effect.gen(function* () {
    const store = yield* Store.Store
    const completed = new Map<string, Set<number>>()
    for (const { name: step } of run.steps) {
      const { items, size } = yield* store.items({ runId: run.id, step, status: "COMPLETED", limit: 500 })
      completed.set(
        step,
        new Set(items.flatMap((unit) => Array.from({ length: unit.size }, (_, at) => unit.index * size + at)))
      )
    }
    return completed as Completed
  })

/**
 * A retry, after a restart that lists the tasks in another order, gives the same result as a fresh run, and calls again
 * only failed steps and their dependents.
 */
const expectRepeated = (
  given: Script,
  pipeline: Pipeline.Any,
  first: Run.Run,
  second: Run.Run,
  called: ReadonlyMap<string, ReadonlySet<number | undefined>>,
  completed: Completed,
  from?: string
): void => {
  expect(second.retryOf).toBe(first.id)
  const fresh = interpret(given, true)
  const { again, called: expected } = expectedRetry(given, first, completed, fresh, from)
  const steps = [...fresh.steps].map(([name, fate]): [string, Fate] => [
    name,
    fate.status === "COMPLETED" && !again.has(name) ? { ...fate, attempts: 0 } : fate
  ])
  expectExact(pipeline, second, { ...fresh, steps: new Map(steps) }, given.given)
  expect(spelt(called)).toEqual(spelt(expected))
}

/** A step that a retry may begin from: it completed, and not all of its outputs were given. */
const nameable = (pipeline: Pipeline.Any, run: Run.Run, pick: number): string | undefined => {
  const able = pipeline.steps.filter(({ name, outputs }) => {
    const isGiven = outputs.length > 0 && outputs.every(({ value }) => Object.hasOwn(run.given, value))
    return !isGiven && run.steps.find((step) => step.name === name)!.status === "COMPLETED"
  })
  return able[pick % able.length]?.name
}

const play = (
  store: AnyStore,
  given: Script,
  retried: Script,
  concurrency: number,
  cancelAfter: number | undefined,
  pick: number
) => {
  const calls = new Calls()
  const pipeline = buildPipeline("p", given, calls)
  const permuted = buildPipeline("p", retried, calls)
  expect(permuted.version).toBe(pipeline.version)
  const expected = interpret(given, false)
  const values = Object.fromEntries(given.given.map((name) => [name, givenOf(name)]))
  const running = Effect.gen(function* () {
    const operations = yield* Operations.Operations
    const { targets } = given
    const options = targets === undefined ? {} : { targets }
    const runId = yield* operations.start(host, "p", Parameters.fromValues({}, values), options)
    if (cancelAfter !== undefined) {
      yield* Effect.forkChild(
        Effect.andThen(
          Stream.runDrain(Stream.take(operations.watch(host, runId), cancelAfter)),
          operations.cancel(host, runId, "the test said so")
        )
      )
    }
    const { run, events } = yield* finished(runId)
    expectLawful(run, events)
    expectGiven(run, values)
    expect(calls.exceeded, "a limit was exceeded").toBe(false)
    if (run.status === "CANCELLED") {
      expect(run.reason).toBe("the test said so")
      expect(events.at(-1)!.type).toBe("RunCancelled")
    } else if (given.policy === "fail-fast") expectConsistent(run, expected)
    else expectExact(pipeline, run, expected, given.given)
    return run
  })
  const retrying = (run: Run.Run, completed: Completed) =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      calls.heal()
      const again = yield* finished(yield* operations.retry(host, run.id))
      expectLawful(again.run, again.events)
      expectGiven(again.run, values)
      expectRepeated(given, permuted, run, again.run, calls.called, completed)
      const from = nameable(permuted, again.run, pick)
      if (from === undefined) return
      calls.heal()
      const third = yield* finished(yield* operations.retry(host, again.run.id, [from]))
      expectLawful(third.run, third.events)
      expectRepeated(given, permuted, again.run, third.run, calls.called, new Map(), from)
    })
  return within(
    store,
    Effect.flatMap(serving(pipeline, concurrency, running), (run) => {
      const isWhole =
        run.status === "COMPLETED" &&
        run.steps.every(({ status, itemsFailed }) => status !== "FAILED" && itemsFailed === 0)
      return isWhole
        ? Effect.void
        : Effect.flatMap(completedItems(run), (completed) => serving(permuted, concurrency, retrying(run, completed)))
    })
  )
}

describe("the engine and the reference interpreter", () => {
  it.each([
    ["in memory", CASES, Store.layerMemory()],
    ["in SQLite", Math.ceil(CASES / 10), SqliteStore.layer({ file: ":memory:" })]
  ])(
    "agree in random pipelines, %s (%i of them)",
    async (_, numRuns, store) => {
      await fc.assert(
        fc.asyncProperty(
          script.chain((given) => fc.tuple(fc.constant(given), orderOf(given))),
          fc.integer({ min: 1, max: 8 }),
          fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined, freq: 4 }),
          fc.nat(),
          ([given, order], concurrency, cancelAfter, pick) =>
            play(store, given, { ...given, order }, concurrency, cancelAfter, pick)
        ),
        { numRuns }
      )
    },
    600_000
  )
})
