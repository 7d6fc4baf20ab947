/** The engine against the reference interpreter: random pipelines, policies, failures, retries, cancels and repeats. */
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
import type { Event } from "../../core/Event.ts"
import { cases } from "../cases.ts"
import { type Expected, interpret } from "./Interpreter.ts"
import { another, Calls, givenOf, make } from "./Making.ts"
import { type Script, script } from "./Script.ts"

const { host } = Principal

/** How many scripts are tried. */
const CASES = cases(Number(process.env["CASES"] ?? 5_000))

const within = <A>(
  pipeline: Pipeline.Any,
  concurrency: number,
  body: Effect.Effect<A, unknown, Operations.Operations>
) =>
  Effect.runPromise(
    body.pipe(
      Effect.provide(
        Levada.layer({ pipelines: [pipeline], access: Access.open, worker: { concurrency } }).pipe(
          Layer.provide(Store.layerMemory()),
          Layer.provideMerge(TestClock.layer())
        ) as Layer.Layer<Operations.Operations>
      ),
      Effect.scoped
    ) as Effect.Effect<A>
  )

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

/** Under `continue` and `skip`, everything is the same whatever happens first. */
const expectExact = (pipeline: Pipeline.Any, run: Run.Run, expected: Expected, given: ReadonlyArray<string>): void => {
  const seen = run.steps.map(({ name, status, attempts }) => ({ name, status, attempts }))
  const wanted = run.steps.map(({ name }) => {
    const { status, attempts } = expected.steps.get(name)!
    return { name, status, attempts }
  })
  expect(seen).toEqual(wanted)
  expect(run.status).toBe(expected.status)
  for (const step of pipeline.steps) {
    const { value, status } = expected.steps.get(step.name)!
    if (status !== "COMPLETED") continue
    for (const [at, output] of step.outputs.entries()) {
      if (given.includes(output.value)) continue
      const gives = at === 0 || value === undefined ? value : another(value as string)
      expect(parsed(run.outputs[output.value]), step.name).toEqual(gives)
    }
  }
}

/** What was given stays as it was given. */
const expectGiven = (run: Run.Run, values: Readonly<Record<string, string>>): void => {
  for (const name of Object.keys(values)) expect(parsed(run.outputs[name]), name).toBe(values[name])
}

/** Under `fail-fast`, the first failure ends the run, and which that is depends on what happens first. */
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

/** A second run keeps what the first one has completed and, now that nothing fails, completes. */
const expectRepeated = (pipeline: Pipeline.Any, first: Run.Run, second: Run.Run, clean: Expected): void => {
  expect(second.status).toBe("COMPLETED")
  expect(second.retryOf).toBe(first.id)
  for (const [at, step] of second.steps.entries()) {
    const before = first.steps[at]!
    if (before.status === "COMPLETED") {
      expect(step, step.name).toMatchObject({ status: "COMPLETED", attempts: 0 })
      const value = pipeline.steps[at]!.outputs[0]?.value
      if (value !== undefined) expect(second.outputs[value]).toBe(first.outputs[value])
    } else if (first.onFailure !== "skip") expect(step.status, step.name).toBe(clean.steps.get(step.name)!.status)
  }
}

const play = (given: Script, concurrency: number, cancelAfter: number | undefined) => {
  const calls = new Calls()
  const pipeline = make("p", given, calls)
  const expected = interpret(given, false)
  return within(
    pipeline,
    concurrency,
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const values = Object.fromEntries(given.given.map((name) => [name, givenOf(name)]))
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
      if (run.status === "COMPLETED") return
      calls.healed = true
      const again = yield* finished(yield* operations.retry(host, runId))
      expectLawful(again.run, again.events)
      expectGiven(again.run, values)
      expectRepeated(pipeline, run, again.run, interpret(given, true))
    })
  )
}

describe("the engine against the reference interpreter", () => {
  it(`in ${CASES} random pipelines`, async () => {
    await fc.assert(
      fc.asyncProperty(
        script,
        fc.integer({ min: 1, max: 8 }),
        fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined, freq: 4 }),
        play
      ),
      { numRuns: CASES }
    )
  }, 600_000)
})
