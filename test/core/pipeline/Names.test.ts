/** Names that every object has something under: for steps, inputs, outputs, parameters and items they are names like others. */
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Principal, Results, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"
import type { Fields } from "../../../core/json/Value.ts"

const S = Schema.String
const { host } = Principal
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

const INHERITED = ["constructor", "toString", "hasOwnProperty", "valueOf", "isPrototypeOf", "__defineGetter__"]

type Any = Task.Task<string, Fields, Fields, never, never>
type Values = Readonly<Record<string, unknown>>

const taskOf = (name: string, input: Fields, output: Fields, run: (inputs: Values) => Values): Any =>
  Task.make(name, { input, output, run: run as never }) as unknown as Any

/** What an object has under a name by itself. */
const own = (values: Values, name: string): unknown => (Object.hasOwn(values, name) ? values[name] : undefined)

const build = (...entries: ReadonlyArray<unknown>): Pipeline.Pipeline<string, Values, unknown, never, never> => {
  const built = Pipeline.fromTasks("p", "dataflow", entries as never)
  if (built._tag === "Failure") throw built.failure
  return built.success as never
}

describe.each(INHERITED)("the name %s", (name) => {
  const other = `${name}2`
  const give = taskOf(name, { [other]: S }, { [name]: S }, (inputs) => ({ [name]: `<${own(inputs, other)}>` }))
  const take = taskOf("take", { [name]: S }, { taken: S }, (inputs) => ({ taken: own(inputs, name) }))

  it("of a step, an input and an output", async () => {
    const pipeline = build(take, give)
    testing = await Testing.make({ pipelines: [pipeline], delay: { [name]: 10 } })
    const { result, run } = await testing.run(pipeline, { [other]: "x" })
    expect([result, own(run.outputs, name)]).toEqual(["<x>", '"<x>"'])
    expect(Results.toJson(run)).toBe('"<x>"')
    const again = await testing.finish(await testing.ask((operations) => operations.retry(host, run.id, [name])))
    expect(again.result).toBe("<x>")
  })

  it("of a parameter: missing it is told, and only what was given is there", async () => {
    const pipeline = build(take)
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, { [name]: "x" })).result).toBe("x")
    await expect(testing.start(pipeline, {})).rejects.toMatchObject({
      problems: [{ path: ["parameters", name], message: "Missing; needed by 'take'" }]
    })
    const optional = taskOf("optional", { [name]: Schema.optionalKey(S) }, { has: Schema.Boolean }, (inputs) => ({
      has: Object.hasOwn(inputs, name)
    }))
    const maybe = build(optional)
    await testing.close()
    testing = await Testing.make({ pipelines: [maybe] })
    expect((await testing.run(maybe, {})).result).toBe(false)
    expect((await testing.run(maybe, { [name]: "x" })).result).toBe(true)
  })

  it("of an output that a task leaves out, by itself or among others", async () => {
    const lazy = taskOf("lazy", {}, { [name]: S }, () => ({}))
    const pipeline = build(lazy)
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, {})).run.error).toMatchObject({
      name: "InvalidOutput",
      message: `Task 'lazy' did not return its output '${name}'`
    })
    await testing.close()
    const maybe = build(taskOf("maybe", {}, { [name]: Schema.optionalKey(S), sure: S }, () => ({ sure: "s" })))
    testing = await Testing.make({ pipelines: [maybe] })
    const { result, run } = await testing.run(maybe, {})
    expect(result).toEqual({ sure: "s" })
    expect(Object.keys(run.outputs)).toEqual(["sure"])
  })

  it("of a value that is given, and of a target", async () => {
    const pipeline = build(take, give)
    testing = await Testing.make({ pipelines: [pipeline] })
    expect((await testing.run(pipeline, {}, { given: { [name]: "g" } })).result).toBe("g")
    expect((await testing.run(pipeline, { [other]: "x" }, { targets: [name] })).result).toBe("<x>")
    // Of what was not given, nothing is inherited either.
    await expect(testing.start(pipeline, {}, { given: {} })).rejects.toMatchObject({ _tag: "ParametersInvalid" })
  })

  it("of lists, items, folds and arms", async () => {
    const each = taskOf("each", { [name]: S }, { [other]: S }, (inputs) => ({ [other]: `${own(inputs, name)}!` }))
    const fold = taskOf("fold", { item: S, [name]: S }, { [name]: S }, (inputs) => ({
      [name]: `${own(inputs, name)}${own(inputs, "item")}`
    }))
    const says = taskOf("says", {}, { yes: Schema.Boolean }, () => ({ yes: true }))
    const pipeline = build(
      Step.map(each, { over: { [name]: "list" } } as never),
      Step.reduce(fold as never, { over: { item: other }, initial: { [name]: "" } } as never),
      Step.branch(says as never, { yes: [taskOf(`${name}3`, {}, { end: S }, () => ({ end: "e" }))] as never })
    )
    testing = await Testing.make({ pipelines: [pipeline] })
    const { result } = await testing.run(pipeline, { list: ["a", "b"] })
    expect(result).toEqual({ [name]: "a!b!", end: "e" })
  })
})

describe("the name __proto__", () => {
  it("is refused wherever a name can be said", () => {
    const name = "__proto__"
    const field = JSON.parse('{ "__proto__": 1 }') as Values
    const fields = Object.defineProperty({}, name, { value: S, enumerable: true }) as Fields
    const task = taskOf("task", { x: S }, { y: S }, () => ({ y: "" }))
    expect(Object.keys(field)).toEqual([name])
    for (const make of [
      () => Task.make(name, { run: () => ({}) }),
      () => Task.make("t", { input: fields, run: () => ({}) as never }),
      () => Task.make("t", { output: fields, run: () => ({}) as never }),
      () => Step.make(task, { name }),
      () => Step.make(task, { inputs: { x: name } } as never),
      () => Step.make(task, { outputs: { y: name } } as never),
      () => Step.group("g", [task] as never, { output: name }),
      () => Pipeline.make(name, [task as never])
    ]) {
      expect(make).toThrow(/reserved/)
    }
  })

  it("as a parameter or a given value is unknown, and changes nothing", async () => {
    const task = taskOf("task", { x: S }, { y: S }, () => ({ y: "" }))
    const pipeline = build(task)
    testing = await Testing.make({ pipelines: [pipeline] })
    const hostile = JSON.parse('{ "x": "1", "__proto__": { "polluted": true } }') as Values
    await expect(testing.start(pipeline, hostile)).rejects.toMatchObject({
      problems: [{ path: ["parameters", "__proto__"] }]
    })
    await expect(
      testing.start(pipeline, { x: "1" }, { given: JSON.parse('{ "__proto__": 1 }') as Values })
    ).rejects.toMatchObject({ problems: [{ path: ["given", "__proto__"] }] })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
