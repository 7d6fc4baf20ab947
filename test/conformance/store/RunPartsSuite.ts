/** Parts of runs: outlines, single values, attempts, and the values in events. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { Attempts } from "../../../core/run/Attempts.ts"
import * as Results from "../../../core/run/Results.ts"
import { Store } from "../../../core/store/Store.ts"
import * as Bytes from "../../../core/values/Bytes.ts"
import { isName } from "../../../core/values/Name.ts"
import { cases } from "../../cases.ts"
import { begin, claimUnits, errorAt, eventsOf, expanded, failed, given, listed, numbers } from "./harness/ItemDriver.ts"
import {
  broken,
  chain,
  claim,
  claimOne,
  type Declare,
  done,
  finish,
  newRun,
  planOf,
  SMALL,
  settle,
  single,
  stopped
} from "./harness/StoreDriver.ts"

/** The attempts of a step. */
const attemptsOf = (runId: string, step = "a") =>
  Effect.map(eventsOf(runId), (events) => {
    const attempts = new Attempts(step)
    for (const event of events) attempts.add(event)
    return attempts.all
  })

const text = (length: number): string => JSON.stringify("x".repeat(length))

export const runPartsSuite = (test: Declare, testLong: Declare, testSmall: Declare): void => {
  testLong(
    "an outline is the run without its values; it has their names, kinds, steps and sizes",
    Effect.gen(function* () {
      const { submit, get, outline, value, pipelineOf } = yield* Store
      const plan = planOf({ a: ["first", "second"], b: ["a"], c: ["b"] })
      const parameters = { first: '"é🎧"', second: "2" }
      const runId = yield* submit(newRun(plan, { parameters, kind: "dataflow", given: { extra: "[1]" } }))
      const fresh = yield* outline(runId)
      const atStart = [
        { name: "first", kind: "parameter", step: undefined, bytes: 8 },
        { name: "second", kind: "parameter", step: undefined, bytes: 1 },
        { name: "extra", kind: "given", step: undefined, bytes: 3 }
      ]
      expect(fresh.values).toEqual(atStart)
      yield* settle([yield* claimOne("a"), done({ a: text(100) })])
      const { parameters: _, given: _given, kept: _kept, outputs: _outputs, ...rest } = yield* get(runId)
      expect(yield* outline(runId)).toEqual({
        ...rest,
        values: [...atStart, { name: "a", kind: "output", step: "a", bytes: 102 }]
      })
      expect(rest.kind).toBe("dataflow")
      expect(yield* value(runId, "first")).toBe('"é🎧"')
      expect(yield* value(runId, "extra")).toBe("[1]")
      expect(yield* value(runId, "a")).toBe(text(100))
      expect(yield* value(runId, "b")).toBeUndefined()
      expect(yield* pipelineOf(runId)).toBe(rest.pipelineId)
      yield* finish(runId)
      expect((yield* outline(runId)).status).toBe("COMPLETED")
    })
  )

  testLong(
    "an outline of a run with kept values, and of one with many and long values",
    Effect.gen(function* () {
      const { submit, outline, value } = yield* Store
      const names = Array.from({ length: 600 }, (_, at) => `p${at}`)
      const parameters = Object.fromEntries(names.map((name) => [name, text(3_000)]))
      const plan = planOf({ a: names, b: ["a"] })
      const runId = yield* submit(newRun(plan, { parameters, kept: { old: "1", both: "2" }, given: { both: "33" } }))
      yield* settle([yield* claimOne("a"), done({ a: text(200_000) })])
      const { values } = yield* outline(runId)
      expect(values.slice(0, 600).map(({ name, bytes }) => [name, bytes])).toEqual(names.map((name) => [name, 3_002]))
      expect(values.slice(600)).toEqual([
        { name: "both", kind: "given", step: undefined, bytes: 2 },
        { name: "old", kind: "output", step: undefined, bytes: 1 },
        { name: "a", kind: "output", step: "a", bytes: 200_002 }
      ])
      expect(yield* value(runId, "p599")).toBe(text(3_000))
    })
  )

  testLong(
    "values with hostile names are read by name, and other names find nothing",
    Effect.gen(function* () {
      const { submit, outline, value } = yield* Store
      const name = fc.string({ minLength: 1, maxLength: 30, unit: "binary" }).filter(isName)
      const hostile = fc.oneof(
        name,
        fc.constantFrom("constructor", "toString", "a/b", "%2F", "v", "h", "1", "\\n", "@")
      )
      const values = fc.dictionary(hostile, fc.json({ maxDepth: 1 }), { minKeys: 1, maxKeys: 5 })
      const trials = fc.sample(fc.tuple(values, hostile), cases(20))
      for (const [parameters, other] of trials) {
        const runId = yield* submit(newRun(single, { parameters }))
        const found = yield* outline(runId)
        expect(Object.fromEntries(found.values.map(({ name, bytes }) => [name, bytes]))).toEqual(
          Object.fromEntries(Object.entries(parameters).map(([name, json]) => [name, Bytes.ofText(json)]))
        )
        for (const each of Object.keys(parameters)) expect(yield* value(runId, each)).toBe(parameters[each])
        if (!Object.hasOwn(parameters, other)) expect(yield* value(runId, other)).toBeUndefined()
      }
    })
  )

  testLong(
    "an unknown run has no outline, no value and no pipeline",
    Effect.gen(function* () {
      const { outline, value, pipelineOf, submit, remove } = yield* Store
      const gone = yield* submit(newRun(single))
      yield* finish(gone)
      yield* remove(gone)
      for (const runId of ["none", gone]) {
        for (const way of [outline(runId), value(runId, "a"), pipelineOf(runId)]) {
          expect(yield* Effect.flip(way as Effect.Effect<unknown, unknown>)).toMatchObject({
            _tag: "RunNotFound",
            runId
          })
        }
      }
    })
  )

  testLong(
    "the first event has the kind and the parameters, the last one the duration and the result",
    Effect.gen(function* () {
      const { submit, watch, feed } = yield* Store
      const items = yield* feed({ isEndless: false, after: "0" })
      const parameters = { first: '"x"' }
      const runId = yield* submit(newRun(planOf({ a: ["first"], b: [] }), { parameters, kind: "sequential" }))
      yield* settle(...(yield* claim()).map((claimed) => [claimed, done({ [claimed.step]: "7" })] as const))
      const events = yield* Stream.runCollect(watch(runId))
      expect(events[0]).toMatchObject({ type: "RunStarted", kind: "sequential", parameters })
      const last = events.at(-1)!
      if (last.type !== "RunCompleted") throw new Error(last.type)
      expect(last.durationMillis).toBe(last.atMillis - events[0]!.atMillis)
      expect(JSON.parse(Results.toJson(last.result!))).toEqual({ a: 7, b: 7 })
      const fed = yield* Stream.runCollect(items)
      expect(fed.map(({ event }) => event)).toEqual(events)
      const bare = yield* Stream.runCollect(watch(runId, 0, true))
      expect(bare.map(({ type, sequence, atMillis }) => [type, sequence, atMillis])).toEqual(
        events.map(({ type, sequence, atMillis }) => [type, sequence, atMillis])
      )
      expect(bare.at(-1)).toMatchObject({ durationMillis: last.durationMillis })
    })
  )

  testLong(
    "a result has only the values that exist, and its duration counts from the start even if a step was cancelled before",
    Effect.gen(function* () {
      const { submit, cancelStep, watch } = yield* Store
      const plan = planOf({ a: [], b: [] })
      const tolerant = { ...plan, steps: plan.steps.map((step) => ({ ...step, vital: false })) }
      const runId = yield* submit(newRun(tolerant, { onFailure: "skip", delayMillis: 30 }))
      yield* cancelStep(runId, "a", "not needed")
      yield* settle([yield* claimOne("b"), done({ b: "1" })])
      const events = yield* Stream.runCollect(watch(runId))
      expect(events[0]!.type).toBe("StepCancelled")
      const start = events.find(({ type }) => type === "RunStarted")!
      const last = events.at(-1)!
      if (last.type !== "RunCompleted") throw new Error(last.type)
      expect(last.durationMillis).toBe(last.atMillis - start.atMillis)
      expect(last.result).toEqual({ results: ["a", "b"], outputs: { b: "1" } })
    })
  )

  testSmall(
    "parameters and results that are too long together are missing in events, and stay in the run",
    Effect.gen(function* () {
      const { submit, watch, get } = yield* Store
      const half = text(SMALL / 2)
      const plan = planOf({ a: ["first", "second"], b: [] })
      const runId = yield* submit(newRun(plan, { parameters: { first: half, second: half } }))
      yield* settle(...(yield* claim()).map((claimed) => [claimed, done({ [claimed.step]: half })] as const))
      const events = yield* Stream.runCollect(watch(runId))
      expect(events[0]).not.toHaveProperty("parameters")
      expect(events.at(-1)).toMatchObject({ type: "RunCompleted" })
      expect(events.at(-1)).not.toHaveProperty("result")
      expect((yield* get(runId)).parameters).toEqual({ first: half, second: half })
      const fits = yield* submit(newRun(planOf({ a: ["first"] }), { parameters: { first: text(SMALL - 2) } }))
      yield* settle([yield* claimOne("a"), done({ a: text(SMALL - 2) })])
      const all = yield* Stream.runCollect(watch(fits))
      expect(all[0]).toMatchObject({ parameters: { first: text(SMALL - 2) } })
      expect(all.at(-1)).toMatchObject({ result: { outputs: { a: text(SMALL - 2) } } })
    })
  )

  testLong(
    "attempts have their workers, instants and errors, across retries and steps that are given back",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const runId = yield* submit(newRun(chain))
      const error = { name: "StepTimedOut", message: "it took longer than 5 ms", step: "a" }
      yield* settle([yield* claimOne("a", "w1"), { _tag: "Retried", error, waitMillis: 0 }])
      yield* settle([yield* claimOne("a", "w2"), stopped])
      const last = yield* claimOne("a", "w3")
      expect((yield* attemptsOf(runId)).at(-1)).toMatchObject({ attempt: 3, status: "RUNNING", worker: "w3" })
      yield* settle([last, done()])
      const attempts = yield* attemptsOf(runId)
      expect(attempts).toMatchObject([
        { attempt: 1, status: "FAILED", worker: "w1", error },
        { attempt: 2, status: "LOST", worker: "w2", error: { name: "StepReleased", message: "it has stopped" } },
        { attempt: 3, status: "COMPLETED", worker: "w3", error: undefined }
      ])
      for (const { item, startedAtMillis, completedAtMillis } of attempts) {
        expect(item).toBeUndefined()
        expect(completedAtMillis).toBeGreaterThanOrEqual(startedAtMillis!)
      }
      expect(yield* attemptsOf(runId, "b")).toEqual([])
    })
  )

  test(
    "the attempt of a lost worker is LOST, and names the worker",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const runId = yield* submit(newRun(single))
      yield* claimOne("a", "victim")
      const [second] = yield* claim(1, "w2")
      yield* settle([second!, broken])
      const attempts = yield* attemptsOf(runId)
      expect(attempts).toMatchObject([
        { attempt: 1, status: "LOST", worker: "victim", error: { name: "StepReleased" } },
        { attempt: 2, status: "FAILED", worker: "w2", error: { name: "TaskFailed" } }
      ])
      expect(attempts[0]!.error!.message).toContain("'victim'")
    })
  )

  testLong(
    "an attempt ends with its step or its run: cancelled, failed, or out of time",
    Effect.gen(function* () {
      const { submit, cancel, cancelStep, wait } = yield* Store
      const two = planOf({ a: [], b: [] })
      const begun = (more: Parameters<typeof newRun>[1] = {}) =>
        Effect.gen(function* () {
          const runId = yield* submit(newRun(two, more))
          return [runId, yield* claim()] as const
        })
      const [cancelled] = yield* begun()
      yield* cancel(cancelled, "enough")
      expect(yield* attemptsOf(cancelled)).toMatchObject([
        { status: "CANCELLED", error: { name: "RunCancelled", message: "the run was cancelled: enough" } }
      ])
      const [stepCancelled] = yield* begun({ onFailure: "continue" })
      yield* cancelStep(stepCancelled, "a", "enough")
      expect(yield* attemptsOf(stepCancelled)).toMatchObject([
        { status: "CANCELLED", error: { name: "StepCancelled" } }
      ])
      expect(yield* attemptsOf(stepCancelled, "b")).toMatchObject([{ status: "RUNNING" }])
      const [failing, claims] = yield* begun()
      yield* settle([claims.find(({ step }) => step === "a")!, broken])
      expect(yield* attemptsOf(failing)).toMatchObject([{ status: "FAILED", error: { message: "it broke" } }])
      expect(yield* attemptsOf(failing, "b")).toMatchObject([{ status: "CANCELLED", error: { name: "RunFailed" } }])
      const [late] = yield* begun({ timeoutMillis: 30 })
      yield* wait(late)
      expect(yield* attemptsOf(late)).toMatchObject([{ status: "CANCELLED", error: { name: "RunFailed" } }])
    })
  )

  testLong(
    "attempts of a map: the one that reads the list, and those of items that failed or were given back",
    Effect.gen(function* () {
      const runId = yield* begin({ onFailure: "skip" }, expanded(numbers(3)))
      const units = yield* claimUnits(3)
      yield* settle(
        [units[0]!, { _tag: "Retried", error: errorAt(0), waitMillis: 0 }],
        [units[1]!, failed(1)],
        [units[2]!, stopped]
      )
      for (let left = 2; left > 0; ) {
        const again = yield* claim()
        yield* settle(...again.map((unit) => [unit, unit.item === undefined ? done() : given(unit)] as const))
        left -= again.length
      }
      expect(yield* attemptsOf(runId)).toMatchObject([
        { attempt: 1, item: undefined, status: "COMPLETED", worker: "w1" },
        { attempt: 1, item: 0, status: "FAILED", startedAtMillis: undefined, worker: undefined, error: errorAt(0) },
        { attempt: 1, item: 1, status: "FAILED", error: errorAt(1) },
        { attempt: 1, item: 2, status: "LOST", error: { message: "it has stopped" } }
      ])
    })
  )

  testLong(
    "bare lists of items have no values",
    Effect.gen(function* () {
      const { items } = yield* Store
      const runId = yield* begin({ onFailure: "skip" }, expanded(numbers(3)))
      const units = yield* claimUnits(3)
      yield* settle([units[0]!, given(units[0]!)], [units[1]!, failed(1)])
      const all = yield* listed(runId)
      expect(all.map(({ value }) => value)).toEqual(numbers(3))
      const bare = yield* items({ runId, step: "a", limit: 500, isBare: true })
      expect(bare.items).toEqual(all.map((item) => ({ ...item, value: "null", outputs: {} })))
    })
  )
}
