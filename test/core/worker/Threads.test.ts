/** Tasks that run in a thread, as core sees them: how they are declared, and that the program's threads are asked. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Access from "../../../core/access/Access.ts"
import * as Levada from "../../../core/Levada.ts"
import * as Pipeline from "../../../core/PipelineModule.ts"
import * as Store from "../../../core/StoreModule.ts"
import * as Task from "../../../core/task/Task.ts"
import { type ThreadCall, Threads } from "../../../core/task/Threads.ts"
import { InvalidOption } from "../../../core/values/Errors.ts"
import { cases } from "../../cases.ts"

const N = Schema.Number
const module = new URL("file:///tasks/double.ts")
const double = Task.make("double", { input: { n: N }, output: { m: N }, thread: module, timeoutMillis: 50 })
const pipeline = Pipeline.make("doubling", [double])

const mistakeOf = (make: () => unknown): unknown => {
  try {
    make()
  } catch (error) {
    return error
  }
  return undefined
}

const execute = (threads: Layer.Layer<never> = Layer.empty): Promise<unknown> =>
  Levada.execute(pipeline, { n: 2 }).pipe(
    Effect.provide(Levada.layer({ pipelines: [pipeline], access: Access.open })),
    Effect.provide([Store.layerMemory(), threads]),
    Effect.runPromise
  )

describe("a task with a thread", () => {
  it("takes a URL or its text", () => {
    expect(double.thread).toBe("file:///tasks/double.ts")
    expect(Task.make("t", { thread: module.href }).thread).toBe(module.href)
    expect(Task.make("t", { run: () => ({}) }).thread).toBeUndefined()
  })

  it("refuses everything that is no absolute URL", () => {
    const texts = fc.oneof(fc.webPath(), fc.stringMatching(/^[A-Z]:[\\/][a-z.]*$/), fc.constant("resize.ts"))
    const others = fc.anything().filter((value) => value !== undefined && typeof value !== "string")
    fc.assert(
      fc.property(fc.oneof(texts, others), (thread) => {
        const mistake = mistakeOf(() => Task.make("t", { thread: thread as string }))
        expect(mistake).toBeInstanceOf(InvalidOption)
        expect(mistake).toMatchObject({ option: "thread of task 't'" })
      }),
      { numRuns: cases(200) }
    )
  })

  it("has no `run` beside it, and one of the two", () => {
    // @ts-expect-error - one of the two
    expect(() => Task.make("t", { thread: module, run: () => ({}) })).toThrow(
      "Cannot use a value of type function as run"
    )
    // @ts-expect-error - one of the two
    expect(() => Task.make("t", {})).toThrow("Cannot use undefined as run of task 't'")
  })

  it("needs a version for its memo", () => {
    const memo = { ttlMillis: 0 }
    expect(() => Task.make("t", { thread: module, memo })).toThrow("Cannot use undefined as version of task 't'")
    expect(Task.make("t", { thread: module, memo, version: "1" }).memo).toEqual(memo)
  })

  it("calls the program's threads, and gives what these give", async () => {
    const calls: Array<ThreadCall> = []
    const threads = Layer.succeed(Threads, {
      call: (call) => {
        calls.push(call)
        return Effect.succeed({ m: 2 * (call.inputs["n"] as number) })
      }
    })
    expect(await execute(threads)).toBe(4)
    expect(calls).toMatchObject([
      {
        task: "double",
        module: module.href,
        inputs: { n: 2 },
        timeoutMillis: 50,
        context: { step: "double", attempt: 1 }
      }
    ])
  })

  it("does not time out while it waits for a thread", async () => {
    const anHour = Effect.andThen(Effect.yieldNow, TestClock.adjust("1 hour"))
    const threads = Layer.succeed(Threads, { call: () => Effect.as(anHour, { m: 1 }) })
    expect(await execute(Layer.merge(threads, TestClock.layer()) as Layer.Layer<never>)).toBe(1)
  })

  it("fails where there are no threads, and says how to get them", async () => {
    await expect(execute()).rejects.toThrow(
      /Task 'double' runs in a thread, but this program has no threads.*Levada\.make on Node, Bun or Deno, or provide Threads\.layer\(\)/
    )
  })
})
