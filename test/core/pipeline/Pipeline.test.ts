import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Field, Fields } from "../../../core/json/Value.ts"
import * as Pipeline from "../../../core/PipelineModule.ts"
import * as Dag from "../../../core/pipeline/Dag.ts"
import * as Task from "../../../core/task/Task.ts"

const S = Schema.String
const N = Schema.Number

/** A task that is only there to be wired. */
const task = (name: string, input: Fields, output: Fields, version?: string): Task.Any =>
  Task.make(name, { input, output, run: () => ({}), ...(version !== undefined && { version }) }) as Task.Any

const refusal = (tasks: ReadonlyArray<Task.Any>, kind: Pipeline.Kind = "dataflow", id = "p") =>
  Result.getOrThrow(Result.flip(Pipeline.fromTasks(id, kind, tasks)))

const pipeline = (tasks: ReadonlyArray<Task.Any>, kind: Pipeline.Kind = "dataflow") =>
  Result.getOrThrow(Pipeline.fromTasks("p", kind, tasks))

describe("Pipeline", () => {
  const extract = task("extract", { path: S }, { features: Schema.Struct({ x: N }) })
  const tag = task("tag", { features: Schema.Struct({ x: N }) }, { tags: Schema.Array(S) })
  const embed = task("embed", { features: Schema.Struct({ x: N }), size: N }, { embedding: Schema.Array(N) })

  it("binds inputs to outputs by name, in any order of registration", () => {
    for (const tasks of [
      [extract, tag, embed],
      [embed, tag, extract],
      [tag, extract, embed]
    ]) {
      const built = pipeline(tasks)
      expect(Dag.levels(built.dag).map((level) => [...level].sort())).toEqual([["extract"], ["embed", "tag"]])
      expect(built.parameters.map(({ name }) => name).sort()).toEqual(["path", "size"])
      expect(built.results.map(({ value }) => value).sort()).toEqual(["embedding", "tags"])
    }
  })

  it("has one version in every order of registration, and another when anything that matters changes", () => {
    const { version } = pipeline([extract, tag, embed])
    expect(version).toMatch(/^[0-9a-f]{16}$/)
    expect(pipeline([embed, extract, tag]).version).toBe(version)
    const versions = [
      version,
      pipeline([extract, tag]).version,
      pipeline([
        extract,
        tag,
        task("embed", { features: Schema.Struct({ x: N }), size: S }, { embedding: Schema.Array(N) })
      ]).version,
      pipeline([
        extract,
        tag,
        task("embed", { features: Schema.Struct({ x: N }), length: N }, { embedding: Schema.Array(N) })
      ]).version,
      pipeline([
        extract,
        tag,
        task(
          "embed",
          { features: Schema.Struct({ x: N }), size: Schema.optionalKey(N) },
          { embedding: Schema.Array(N) }
        )
      ]).version,
      pipeline([task("extract", { path: S }, { features: Schema.Struct({ x: N }) }, "2"), tag, embed]).version,
      pipeline([task("other", { path: S }, { features: Schema.Struct({ x: N }) }), tag, embed]).version
    ]
    expect(new Set(versions).size).toBe(versions.length)
  })

  it("is computed for 100,000 tasks", () => {
    const size = 100_000
    const tasks = Array.from({ length: size }, (_, at) => task(`t${at}`, { [`v${at}`]: N }, { [`v${at + 1}`]: N }))
    const built = pipeline(tasks)
    expect(Dag.levels(built.dag)).toHaveLength(size)
    expect(built.plan.steps).toHaveLength(size)
    expect(built.version).toBe(pipeline([...tasks].reverse()).version)
  })

  it("takes tasks that have nothing to do with each other", () => {
    const built = pipeline([task("a", {}, { x: S }), task("b", {}, { y: S })])
    expect(Dag.levels(built.dag)).toEqual([["a", "b"]])
    expect(built.plan.steps.map(({ waits }) => waits)).toEqual([0, 0])
  })

  it("a parameter is optional when everyone who takes it can do without", () => {
    const optional = task("a", { x: Schema.optionalKey(N) }, { y: N })
    const withDefault = task("b", { x: N.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))) }, { z: N })
    expect(pipeline([optional]).parameters).toMatchObject([{ name: "x", optional: true }])
    expect(pipeline([optional, task("c", { x: N }, { w: N })]).parameters).toMatchObject([
      { name: "x", optional: false }
    ])
    expect(pipeline([optional, withDefault]).parameters).toMatchObject([{ name: "x", optional: true }])
  })

  it("says what is wrong with a graph, each mistake by a tag of its own", () => {
    expect(refusal([])).toMatchObject({ _tag: "EmptyPipeline", pipelineId: "p" })
    expect(refusal([tag, tag])).toMatchObject({ _tag: "DuplicateStep", step: "tag" })
    expect(refusal([tag, task("other", {}, { tags: S })])).toMatchObject({
      _tag: "DuplicateOutput",
      output: "tags",
      steps: ["tag", "other"]
    })
    expect(refusal([task("self", { x: S }, { x: S })])).toMatchObject({
      _tag: "SelfDependency",
      step: "self",
      key: "x"
    })
    const ring = [task("a", { z: S }, { x: S }), task("b", { x: S }, { y: S }), task("c", { y: S }, { z: S })]
    expect(refusal(ring)).toMatchObject({ _tag: "CycleDetected", path: ["a", "b", "c", "a"] })
    expect(refusal(ring).message).toContain("a -> b -> c -> a")
    expect(refusal([extract], "dataflow", "result")).toMatchObject({ _tag: "InvalidName" })
    expect(refusal([extract], "dataflow", "")).toMatchObject({ _tag: "InvalidName" })
    expect(refusal([extract], "dataflow", "..")).toMatchObject({ _tag: "InvalidName" })
    expect(refusal([extract], "dataflow", "a\nb")).toMatchObject({ _tag: "InvalidName" })
    expect(refusal([extract], "dataflow", "x".repeat(201))).toMatchObject({ _tag: "InvalidName" })
    expect(() => task("__proto__", {}, {})).toThrow("reserved")
    expect(() => task("a", { "": S }, {})).toThrow("empty")
  })

  it("refuses producers and consumers that can never agree, and says how they differ", () => {
    const into = (output: Field, input: Field) =>
      Pipeline.fromTasks("p", "dataflow", [task("from", {}, { x: output }), task("to", { x: input } as Fields, {})])
    const mismatches: ReadonlyArray<readonly [Field, Field, string]> = [
      [N, S, "takes 'x' as string, but step 'from' produces number"],
      [Schema.Array(S), S, "takes 'x' as string, but step 'from' produces array"],
      [Schema.Struct({ a: S }), Schema.Struct({ b: S }), "an object with 'b'"],
      [Schema.Struct({ a: S }), Schema.Struct({ a: N }), "an object whose 'a' is number"],
      [Schema.Literal("on"), Schema.Literal("off"), '"off"'],
      [Schema.Union([N, Schema.Boolean]), S, "produces boolean or number"],
      [Schema.optionalKey(S), S, "a required input"]
    ]
    for (const [output, input, words] of mismatches) {
      const built = into(output, input)
      expect(Result.isFailure(built), words).toBe(true)
      if (Result.isFailure(built)) {
        expect(built.failure).toMatchObject({ _tag: "TypeMismatch", step: "to", key: "x" })
        expect(built.failure.message).toContain(words)
      }
    }
    const fits: ReadonlyArray<readonly [Field, Field]> = [
      [N, N],
      [N, Schema.Finite],
      [S, Schema.NonEmptyString],
      [S, Schema.Union([S, N])],
      [Schema.Unknown, S],
      [Schema.Date, Schema.Date],
      [Schema.Struct({ a: S, b: N }), Schema.Struct({ a: S })],
      [Schema.Struct({ a: S }), Schema.Struct({ a: S, b: Schema.optionalKey(N) })],
      [Schema.Record(S, N), Schema.Struct({ a: N })],
      [Schema.optionalKey(S), Schema.optionalKey(S)]
    ]
    for (const [at, [output, input]] of fits.entries())
      expect(Result.isSuccess(into(output, input)), `${at}`).toBe(true)
  })

  it("refuses a parameter that two steps take as things with nothing in common", () => {
    expect(refusal([task("a", { x: S }, { y: S }), task("b", { x: Schema.Array(S) }, { z: S })])).toMatchObject({
      _tag: "TypeMismatch",
      step: "b",
      key: "x"
    })
  })

  it("a sequential pipeline hands each step's output to the next, whatever the names", () => {
    const trim = task("trim", { text: S }, { out: S })
    const count = task("count", { line: S }, { length: N })
    const built = pipeline([trim, trim, count], "sequential")
    expect(Dag.levels(built.dag)).toEqual([["trim"], ["trim#2"], ["count"]])
    expect(built.parameters.map(({ name }) => name)).toEqual(["text"])
    expect(built.results.map(({ value }) => value)).toEqual(["count.length"])
    const two = task("two", {}, { left: S, right: S })
    const both = task("both", { right: S, left: S, extra: N }, { all: S })
    expect(pipeline([two, both], "sequential").parameters.map(({ name }) => name)).toEqual(["extra"])
    expect(refusal([two, trim], "sequential")).toMatchObject({ _tag: "MissingProducer", step: "trim" })
    expect(refusal([count, trim], "sequential")).toMatchObject({ _tag: "TypeMismatch", step: "trim" })
  })
})
