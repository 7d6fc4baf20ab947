import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { Levada, Operations, Pipeline, Principal, Task } from "../../../adapters/promise/index.ts"
import { within } from "../harness/Within.ts"

const N = Schema.Number
const { host } = Principal

describe("a step that is cancelled between its claim and its call", () => {
  it.effect("is not called, or is told to stop", () => {
    let aborted = 0
    let called = 0
    const listens = Task.make("listens", {
      output: { b: N },
      run: (_, { signal }) =>
        new Promise<{ b: number }>((_resolve, reject) => {
          called++
          signal.addEventListener("abort", () => {
            aborted++
            reject(signal.reason)
          })
        })
    })
    const pipeline = Pipeline.make("p", [listens])
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      // A worker that was idle lets everything else have its turn first.
      yield* TestClock.adjust("1 minute")
      const runId = yield* Levada.start(pipeline, {})
      yield* Stream.runDrain(Stream.takeUntil(operations.watch(host, runId), ({ type }) => type === "StepStarted"))
      yield* operations.cancel(host, runId)
      yield* TestClock.adjust(1_000)
      expect([called, aborted]).toEqual([called, called])
    }).pipe(within([pipeline]))
  })
})
