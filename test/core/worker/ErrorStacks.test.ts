/** Which errors of a run have stacks: those that the code of a task raised, however it did. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

class Boom extends Data.TaggedError("Boom")<{ readonly size: number }> {}

const HERE = /^at .*ErrorStacks\.test\.ts:\d+:\d+/

const raise = (): never => {
  throw new RangeError("too large", { cause: new TypeError("no number") })
}

const ran = async (pipeline: Pipeline.Any): Promise<Testing.Ran> => {
  testing = await Testing.make({ pipelines: [pipeline] } as never)
  return testing.run(pipeline, {} as never)
}

const failureOf = async (options: Partial<Parameters<typeof Task.make>[1]>) => {
  const task = Task.make("work", { output: { x: N }, run: raise, ...options } as never)
  const { run } = await ran(Pipeline.make("p", [task as never]))
  expect(run.status).toBe("FAILED")
  return run.error!
}

const ways: Readonly<Record<string, () => unknown>> = {
  throws: raise,
  rejects: async () => raise(),
  "rejects later": async () => {
    await Promise.resolve()
    raise()
  },
  "fails with": () => Effect.fail(new RangeError("too large", { cause: new TypeError("no number") })),
  "dies of": () => Effect.sync(raise),
  "fails with a tagged": () =>
    Effect.gen(function* () {
      return yield* Object.assign(new Boom({ size: 1 }), { cause: new TypeError("no number") })
    })
}

describe.each(Object.keys(ways))("a task that %s an error", (way) => {
  it("is told with the error's stack and those of its causes; Levada's own part has none", async () => {
    const error = await failureOf({ run: ways[way] as never })
    expect(error).toMatchObject({ name: "TaskFailed", cause: { cause: { name: "TypeError", message: "no number" } } })
    expect(error).not.toHaveProperty("stack")
    expect(error.cause!.stack).toMatch(HERE)
    expect(error.cause!.cause!.stack).toMatch(HERE)
    for (const stack of [error.cause!.stack!, error.cause!.cause!.stack!]) {
      expect(stack).not.toMatch(/node_modules.effect|too large|no number/)
    }
  })
})

describe("stacks are kept", () => {
  it("of each attempt", async () => {
    const task = Task.make("work", { output: { x: N }, retry: { times: 2, delayMillis: 0 }, run: raise })
    const { events } = await ran(Pipeline.make("p", [task]))
    const errors = events.flatMap((event) => ("error" in event ? [event.error] : []))
    expect(errors).toHaveLength(4)
    for (const { cause } of errors) expect(cause!.stack).toMatch(HERE)
  })

  it("of items that failed", async () => {
    const list = Task.make("list", { output: { all: Schema.Array(N) }, run: () => ({ all: [1, 2, 3] }) })
    const work = Task.make("work", {
      input: { one: N },
      output: { x: N },
      run: ({ one }) => (one === 2 ? raise() : { x: one })
    })
    for (const chunk of [1, 2]) {
      const map = Step.map(work, { over: { one: "all" }, outputs: { x: "xs" }, onItemFailure: "skip", chunk })
      const { run, events } = await ran(Pipeline.make("p", [list, map]))
      expect(run.status).toBe("COMPLETED")
      const failed = events.find(({ type }) => type === "StepItemFailed")
      expect(failed).toMatchObject({ item: 1, error: { cause: { stack: expect.stringMatching(HERE) } } })
      await testing?.close()
    }
  })

  it("of a retry predicate and of a limit key that throw", async () => {
    const predicate = await failureOf({ retry: { times: 1, when: raise } as never })
    expect(predicate).toMatchObject({ name: "PredicateFailed", cause: { stack: expect.stringMatching(HERE) } })
    await testing?.close()
    const key = await failureOf({ limit: { key: raise, max: 1 } as never })
    expect(key).toMatchObject({ name: "LimitKeyFailed", cause: { stack: expect.stringMatching(HERE) } })
  })
})

describe("no stack is kept", () => {
  it.each([
    ["of a timeout", { timeoutMillis: 5, run: () => Effect.as(Effect.sleep(1_000), { x: 1 }) }],
    ["of outputs that do not fit", { run: () => ({ x: "text" }) }],
    ["of a text", { run: () => Effect.fail("a text") }],
    [
      "of an object that looks like an error",
      { run: () => Effect.fail({ message: "x", stack: "    at x (/x.ts:1:2)" }) }
    ]
  ])("%s", async (_, options) => {
    expect(JSON.stringify(await failureOf(options as never))).not.toContain('"stack"')
  })
})
