/** What goes in and what comes out is checked against its schemas, and what does not fit is named. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Levada, Operations, Parameters, Pipeline, Principal, Task } from "../../../adapters/promise/index.ts"
import { within } from "../harness/Within.ts"

const N = Schema.Number
const S = Schema.String

describe("a run", () => {
  it.effect("refuses outputs that are not what was declared, naming them", () => {
    const returning = (id: string, returned: unknown) =>
      Pipeline.make(id, [
        Task.make("work", { output: { a: N, b: S }, run: () => returned as { a: number; b: string } })
      ])
    const cyclic: Record<string, unknown> = { a: 1 }
    cyclic["b"] = cyclic
    const cases: ReadonlyArray<readonly [Pipeline.Any, string, string]> = [
      [returning("missing", { a: 1 }), "InvalidOutput", "Task 'work' did not return its output 'b'"],
      [returning("wrong", { a: "x", b: "x" }), "InvalidOutput", "Task 'work' returned a wrong output 'a'"],
      [
        returning("none", undefined),
        "InvalidOutput",
        "Task 'work' has to return a record of 'a', 'b', but returned undefined"
      ],
      [returning("array", [1]), "InvalidOutput", "but returned an array"],
      [returning("cyclic", cyclic), "InvalidOutput", "Task 'work' returned a wrong output 'b'"],
      [returning("long", { a: 1, b: "x".repeat(1 << 20) }), "ValueTooLarge", "an output 'b' of 1048578 bytes"]
    ]
    return Effect.gen(function* () {
      for (const [pipeline, name, message] of cases) {
        const failure = yield* Effect.flip(Levada.execute(pipeline, {}))
        if (failure._tag !== "RunFailed") throw failure
        expect(failure.error).toMatchObject({ name, step: "work" })
        expect(failure.error.message).toContain(message)
      }
    }).pipe(within(cases.map(([pipeline]) => pipeline)))
  })

  it.effect("reports every problem with the parameters at once, and starts nothing", () => {
    let calls = 0
    const needy = Task.make("needy", {
      input: { text: S, count: Schema.Int, tags: Schema.Array(S) },
      output: { done: Schema.Boolean },
      run: () => {
        calls++
        return { done: true }
      }
    })
    const pipeline = Pipeline.make("needy", [needy])
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const given = Parameters.fromJson({ count: 1.5, tags: ["a", 2, 3], other: 1 })
      const failure = yield* Effect.flip(operations.start(Principal.host, "needy", given))
      if (failure._tag !== "ParametersInvalid") throw failure
      expect(failure.problems.map(({ path }) => path.join("."))).toEqual([
        "parameters.text",
        "parameters.count",
        "parameters.tags.1",
        "parameters.tags.2",
        "parameters.other"
      ])
      expect(failure.problems[0]!.message).toBe("Missing; needed by 'needy'")
      expect(failure.problems[4]!.message).toBe("Unknown; the pipeline's parameters are: 'text', 'count', 'tags'")
      for (const wrong of [null, 1, "x", []]) {
        expect(yield* Effect.flip(operations.start(Principal.host, "needy", Parameters.fromJson(wrong)))).toMatchObject(
          { _tag: "ParametersInvalid" }
        )
      }
      const long = { text: "x".repeat(1 << 20), count: 1, tags: [] }
      expect(yield* Effect.flip(Levada.execute(pipeline, long))).toMatchObject({ _tag: "ParametersInvalid" })
      expect((yield* operations.runs(Principal.host, { limit: 10 })).runs).toEqual([])
      expect(calls).toBe(0)
    }).pipe(within([pipeline]))
  })

  it.effect("fails by name when an output can't be written down, whatever its schema lets through", () => {
    class Own {
      readonly method = () => 1
    }
    const cases: ReadonlyArray<readonly [id: string, value: unknown]> = [
      ["function", () => 1],
      ["class", Own],
      ["symbol", Symbol("x")],
      ["bigint", 10n],
      ["within", { deep: [{ f: () => 1 }] }],
      ["undefined", undefined]
    ]
    const pipelines = cases.map(([id, value]) =>
      Pipeline.make(id, [Task.make("work", { output: { x: Schema.Unknown }, run: async () => ({ x: value }) })])
    )
    return Effect.gen(function* () {
      for (const pipeline of pipelines) {
        const failure = yield* Effect.flip(Levada.execute(pipeline, {}))
        if (failure._tag !== "RunFailed") throw failure
        expect(failure.error, pipeline.id).toMatchObject({ name: "InvalidOutput", step: "work" })
        expect(failure.message, pipeline.id).toContain("Task 'work' returned a wrong output 'x'")
      }
    }).pipe(within(pipelines))
  })
})
