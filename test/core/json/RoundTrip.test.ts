/** What a consumer reads is what the producer gave, or the step failed and said where; whatever the schema lets through. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { Access, Levada, Pipeline, Step, Task } from "../../../adapters/promise/index.ts"
import { canLose } from "../../../core/json/RoundTrip.ts"
import { codec, type Field } from "../../../core/json/Value.ts"
import { cases } from "../../cases.ts"

const S = Schema.String
const N = Schema.Number
const ISO = "2024-02-29T12:00:00.000Z"

let levada: Levada.Levada | undefined
afterEach(() => levada?.close())

/** Has one task give a value and another one take it. Gives what that one got, or what the first one failed with. */
const pass = async (
  schema: Field,
  value: unknown
): Promise<Result.Result<unknown, { name: string; message: string }>> => {
  const got: Array<unknown> = []
  const give = Task.make("give", { output: { value: schema }, run: () => ({ value }) as never })
  const take = Task.make("take", {
    input: { value: schema },
    run: (inputs) => {
      got.push((inputs as { readonly value: unknown }).value)
      return {}
    }
  })
  const pipeline = Pipeline.fromTasks("p", "dataflow", [give, take] as never)
  if (Result.isFailure(pipeline)) throw pipeline.failure
  levada = Levada.make({ pipelines: [pipeline.success] as never, access: Access.open })
  const failure = await levada.execute(pipeline.success, {}).then(
    () => undefined,
    (error) => error
  )
  await levada.close()
  return failure === undefined ? Result.succeed(got[0]) : Result.fail(failure.error)
}

class Behaving {
  readonly x = 1
  method(): number {
    return this.x
  }
}
class Shaped {
  readonly x = 1
}
class Point extends Schema.Class<Point>("Point")({ x: N, y: Schema.optionalKey(S) }) {}

const cyclic: { self?: unknown } = {}
cyclic.self = [cyclic]

describe("under Any and Unknown", () => {
  const refused: ReadonlyArray<readonly [value: unknown, path: string, what: string]> = [
    [new Set([1]), "", "an instance of Set"],
    [{ deep: [new Map()] }, "at deep.0: ", "an instance of Map"],
    [{ at: new Date(0) }, "at at: ", "an instance of Date"],
    [new Behaving(), "", "an instance of Behaving"],
    [{ f: () => 1 }, "at f: ", "a function"],
    [{ s: Symbol("s") }, "at s: ", "a symbol"],
    [{ [Symbol("key")]: 1, a: 1 }, "", "an object with a symbol for a key"],
    [[1, undefined], "at 1: ", "undefined"],
    [{ a: Number.NaN }, "at a: ", "NaN"],
    [[Number.POSITIVE_INFINITY], "at 0: ", "Infinity"],
    [{ big: 10n }, "at big: ", "a bigint"],
    [cyclic, "at self.0: ", "a value that contains itself"],
    [new Error("secret"), "", "an instance of Error"],
    [{ toJSON: () => 5 }, "at toJSON: ", "a function"],
    [new String("x"), "", "an instance of String"],
    [{ bytes: new Uint8Array(1) }, "at bytes: ", "an instance of Uint8Array"]
  ]
  for (const [name, schema] of [
    ["Any", Schema.Any],
    ["ObjectKeyword", Schema.ObjectKeyword],
    ["a struct of nothing", Schema.Struct({})]
  ] as const) {
    it.each(refused)(`${name} refuses $1$2, and says where`, async (value, path, what) => {
      const result = await pass(schema, value)
      if (Result.isSuccess(result)) throw new Error("It was taken")
      expect(result.failure).toMatchObject({ name: "InvalidOutput", step: "give" })
      if (name === "Any") {
        expect(result.failure.message).toBe(
          `Task 'give' returned a wrong output 'value': ${path}Expected plain JSON, received ${what}`
        )
      }
      expect(result.failure.message).not.toContain("secret")
    })
  }
  it.each(refused.filter(([, , what]) => !what.includes("symbol for a key")))(
    "Unknown refuses $1$2, and says where",
    async (value, path, what) => {
      const result = await pass(Schema.Struct({ in: Schema.Unknown }), { in: value })
      if (Result.isSuccess(result)) throw new Error("It was taken")
      const where = path === "" ? "at in: " : path.replace("at ", "at in.")
      expect(result.failure.message).toBe(
        `Task 'give' returned a wrong output 'value': ${where}Expected plain JSON, received ${what}`
      )
    }
  )

  it("plain JSON is taken, also without a prototype, shared, or shaped by a class without methods", async () => {
    const shared = { a: [1, "x", null, true] }
    const bare = Object.assign(Object.create(null), { b: 1 })
    const value = { one: shared, two: shared, bare, left: undefined, "": [[], {}] }
    const expected = { one: shared, two: shared, bare: { b: 1 }, "": [[], {}] }
    expect(await pass(Schema.Any, value)).toEqual(Result.succeed(expected))
    expect(await pass(Schema.Any, new Shaped())).toEqual(Result.succeed({ x: 1 }))
  })
})

describe("a union whose members look the same in JSON", () => {
  const trimmed = S.pipe(
    Schema.decodeTo(S, {
      decode: SchemaGetter.transform((text: string) => text.trim()),
      encode: SchemaGetter.passthrough()
    })
  )
  const refused: ReadonlyArray<readonly [title: string, schema: Field, value: unknown, message: string]> = [
    ["an ISO text", Schema.Union([Schema.Date, S]), ISO, "a string would become an instance of Date"],
    ["NaN", Schema.Union([S, N]), Number.NaN, "NaN would become a string"],
    ["undefined", Schema.Union([Schema.Null, Schema.Undefined]), undefined, "undefined would become null"],
    [
      "an object of the second member",
      Schema.Union([Schema.Struct({ a: N }), Schema.Struct({ a: N, b: N })]),
      { a: 1, b: 2 },
      "an object would become a different one"
    ],
    [
      "a Map that a struct takes",
      Schema.Union([Schema.Struct({ a: Schema.optionalKey(N) }), Schema.ReadonlyMap(S, N)]),
      new Map([["a", 1]]),
      "an instance of Map would become an object"
    ],
    ["what a transformation changes", trimmed, " x ", "a string would become a different one"]
  ]
  it.each(refused)("refuses %s", async (_, schema, value, message) => {
    const result = await pass(Schema.Struct({ in: Schema.Array(schema as Schema.Codec<unknown>) }), { in: [value] })
    if (Result.isSuccess(result)) throw new Error("It was taken")
    expect(result.failure.message).toBe(
      `Task 'give' returned a wrong output 'value': at in.0: Expected a value that JSON preserves: ${message}`
    )
  })

  it("takes what comes back as it was", async () => {
    expect(await pass(Schema.Union([Schema.Date, S]), "yesterday")).toEqual(Result.succeed("yesterday"))
    expect(await pass(Schema.Union([Schema.Date, S]), new Date(0))).toEqual(Result.succeed(new Date(0)))
    expect(await pass(Schema.Union([S, N]), 5)).toEqual(Result.succeed(5))
    expect(await pass(Schema.Union([Point, S]), new Point({ x: 1 }))).toEqual(Result.succeed(new Point({ x: 1 })))
  })
})

describe("what a program gives", () => {
  const schema = Schema.Union([Schema.Date, S])
  const echo = Task.make("echo", {
    input: { when: schema },
    output: { same: schema },
    run: ({ when }) => ({ same: when })
  })
  const pipeline = Pipeline.make("p", [echo])

  it("as a parameter or in the place of a step is refused with its path", async () => {
    levada = Levada.make({ pipelines: [pipeline], access: Access.open })
    expect(await levada.execute(pipeline, { when: "today" })).toBe("today")
    await expect(levada.execute(pipeline, { when: ISO })).rejects.toMatchObject({
      _tag: "ParametersInvalid",
      problems: [
        {
          path: ["parameters", "when"],
          message: "Expected a value that JSON preserves: a string would become an instance of Date"
        }
      ]
    })
    await expect(levada.start(pipeline, {}, { given: { same: ISO } })).rejects.toMatchObject({
      problems: [{ path: ["given", "same"] }]
    })
  })

  it("as a constant is refused by name", () => {
    expect(() => Step.make(echo, { constants: { when: ISO } })).toThrow("constants of step 'echo': when")
    expect(() => Step.make(echo, { constants: { when: "today" } })).not.toThrow()
  })
})

describe("schemas that can't lose anything", () => {
  it.each([
    ["text", S],
    ["number", N],
    ["struct", Schema.Struct({ a: S, b: Schema.optionalKey(N), c: Schema.NullOr(Schema.Boolean) })],
    ["list", Schema.Array(Schema.Struct({ at: Schema.Date }))],
    ["record", Schema.Record(S, Schema.Finite)],
    ["map", Schema.ReadonlyMap(S, Schema.Date)],
    [
      "tagged union",
      Schema.Union([Schema.Struct({ t: Schema.Literal("a"), x: S }), Schema.Struct({ t: Schema.Literal("b") })])
    ],
    ["optional", Schema.Struct({ a: Schema.optional(S) })],
    ["unknown, which effect checks", Schema.Unknown],
    ["union of kinds", Schema.Union([S, Schema.Finite, Schema.Boolean, Schema.Null, Schema.Array(N)])]
  ])("are not read back: %s", (_, schema) => {
    expect(canLose(schema.ast)).toBe(false)
  })
  it.each([
    ["any", Schema.Struct({ a: Schema.Any })],
    ["text or date", Schema.Array(Schema.Union([S, Schema.Date]))],
    ["text or number", Schema.Union([S, N])],
    ["structs without a tag", Schema.Union([Schema.Struct({ a: S }), Schema.Struct({ a: S, b: S })])],
    ["a transformation", Schema.NumberFromString],
    ["a map of any", Schema.ReadonlyMap(S, Schema.Any)]
  ])("others are: %s", (_, schema) => {
    expect(canLose(schema.ast)).toBe(true)
  })
})

// -- random schemas and values of theirs -----------------------------------------------------------------------------

interface Sample {
  readonly schema: Field
  readonly value: unknown
}

const odd = fc.constantFrom("NaN", "Infinity", ISO, "null", "a", "1", "true", "", "undefined", "AQI=", "10")
const text = fc.oneof(odd, fc.string({ maxLength: 5 }))
const someNumber = fc.oneof(
  fc.integer(),
  fc.double().map((value) => value + 0),
  fc.constantFrom(Number.NaN, 1e308)
)
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
  fc.constantFrom(new Set(), new Map(), new Date(0), () => 1, new Behaving(), cyclic, 1n, [undefined], {
    a: [Number.NaN]
  })
)

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  text.map((value) => ({ schema: S, value })),
  someNumber.map((value) => ({ schema: N, value })),
  fc.integer().map((value) => ({ schema: Schema.Int, value })),
  fc.boolean().map((value) => ({ schema: Schema.Boolean, value })),
  fc.constant({ schema: Schema.Null, value: null }),
  fc.constant({ schema: Schema.Undefined, value: undefined }),
  fc.date({ noInvalidDate: true }).map((value) => ({ schema: Schema.Date, value })),
  fc.bigInt().map((value) => ({ schema: Schema.BigInt, value })),
  fc.uint8Array({ maxLength: 3 }).map((value) => ({ schema: Schema.Uint8Array, value })),
  fc.constant({ schema: Schema.Literal("a"), value: "a" }),
  fc.constant({ schema: Schema.Literal(1), value: 1 }),
  fc.integer().map((value) => ({ schema: Schema.NumberFromString, value })),
  fc.tuple(someNumber, fc.option(text, { nil: undefined })).map(([x, y]) => ({
    schema: Point,
    value: new Point(y === undefined ? { x } : { x, y })
  })),
  anything.map((value) => ({ schema: Schema.Any, value })),
  anything.map((value) => ({ schema: Schema.Unknown, value }))
) as fc.Arbitrary<Sample>

type Any = Schema.Codec<unknown>

const { sample } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    // Of one member's value, all others only by their schema.
    fc.tuple(fc.array(tie("sample"), { minLength: 1, maxLength: 3 }), fc.nat()).map(([all, at]) => ({
      schema: Schema.Union(all.map(({ schema }) => schema as Any)),
      value: all[at % all.length]!.value
    })),
    fc.dictionary(fc.constantFrom("a", "b", "c"), tie("sample"), { maxKeys: 3 }).map((all) => ({
      schema: Schema.Struct(Object.fromEntries(Object.entries(all).map(([key, { schema }]) => [key, schema as Any]))),
      value: Object.fromEntries(Object.entries(all).map(([key, { value }]) => [key, value]))
    })),
    tie("sample").map(({ schema, value }) => ({ schema: Schema.Array(schema as Any), value: [value, value] })),
    fc.array(tie("sample"), { maxLength: 3 }).map((all) => ({
      schema: Schema.Tuple(all.map(({ schema }) => schema as Any)),
      value: all.map(({ value }) => value)
    })),
    fc.tuple(text, tie("sample")).map(([key, { schema, value }]) => ({
      schema: Schema.Record(S, schema as Any),
      value: key === "__proto__" ? {} : { [key]: value }
    })),
    fc.tuple(tie("sample"), fc.boolean()).map(([{ schema, value }, isThere]) => ({
      schema: Schema.Struct({ may: Schema.optionalKey(schema as Any) }),
      value: isThere ? { may: value } : {}
    })),
    fc.tuple(text, tie("sample")).map(([key, { schema, value }]) => ({
      schema: Schema.ReadonlyMap(S, schema as Any),
      value: new Map([[key, value]])
    })),
    tie("sample").map(({ schema, value }) => ({ schema: Schema.ReadonlySet(schema as Any), value: new Set([value]) })),
    fc.tuple(tie("sample"), fc.boolean()).map(([{ schema, value }, isThere]) => ({
      schema: Schema.Option(schema as Any),
      value: isThere ? Option.some(value) : Option.none()
    })),
    tie("sample").map(({ schema, value }) => ({ schema: Schema.suspend(() => schema as Any), value }))
  ) as fc.Arbitrary<Sample>
}))

/** What effect alone makes of a value. */
const unchecked = (schema: Field, value: unknown): Result.Result<unknown, unknown> =>
  Result.try(() => {
    const json = Schema.toCodecJson(schema as Any)
    return Schema.decodeUnknownSync(json)(JSON.parse(JSON.stringify(Schema.encodeUnknownSync(json)(value))))
  })

/** A value as it can be compared; without the members that are undefined unless they count. */
const bare = (value: unknown, isStrict = false): unknown => {
  const inner = (part: unknown): unknown => bare(part, isStrict)
  if (Array.isArray(value)) return value.map(inner)
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [inner(key), inner(each)]))
  if (value instanceof Set) return new Set([...value].map(inner))
  // By its own members, a None is an empty object.
  if (Option.isOption(value)) return [Option, ...Option.toArray(value).map(inner)]
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const members = Object.entries(value).filter(([, each]) => isStrict || each !== undefined)
  return Object.fromEntries(members.map(([key, each]) => [key, inner(each)]))
}

describe("random schemas and values of theirs", () => {
  it("are read back as they were written, or refused with a path", () => {
    let kept = 0
    let lost = 0
    fc.assert(
      fc.property(sample, ({ schema, value }) => {
        const own = codec(schema)
        const written = own.encode(value)
        if (Result.isFailure(written)) {
          lost++
          const back = unchecked(schema, value)
          if (Result.isSuccess(back))
            expect(() => expect(bare(back.success, true)).toStrictEqual(bare(value, true))).toThrow()
          for (const { message, path } of written.failure) {
            expect(message).not.toBe("")
            expect(path.every((key) => ["string", "number"].includes(typeof key))).toBe(true)
          }
          return
        }
        kept++
        const back = own.decode(written.success)
        if (Result.isFailure(back)) throw new Error(JSON.stringify(back.failure))
        expect(bare(back.success)).toStrictEqual(bare(value))
      }),
      { numRuns: cases(3_000) }
    )
    expect(Math.min(kept, lost)).toBeGreaterThan(0)
  })

  it("go through a run the same way", async () => {
    for (const { schema, value } of fc.sample(sample, cases(60))) {
      const result = await pass(schema, value)
      const written = codec(schema).encode(value)
      if (Result.isSuccess(written)) {
        if (Result.isFailure(result)) throw new Error(result.failure.message)
        expect(bare(result.success)).toStrictEqual(bare(value))
      } else {
        if (Result.isSuccess(result)) throw new Error("It was taken")
        expect(result.failure.name).toBe("InvalidOutput")
      }
    }
  })
})

it("a memoised task is told apart by what it gets", async () => {
  const task = Task.make("t", {
    input: { value: Schema.Any },
    output: { same: Schema.Any },
    memo: { ttlMillis: 0 },
    run: ({ value }) => Effect.succeed({ same: value })
  })
  const pipeline = Pipeline.make("p", [task])
  levada = Levada.make({ pipelines: [pipeline], access: Access.open })
  for (const value of [{ a: 1 }, { a: [1] }, { a: "1" }]) {
    expect(await levada.execute(pipeline, { value })).toEqual(value)
    expect(await levada.execute(pipeline, { value })).toEqual(value)
  }
})
