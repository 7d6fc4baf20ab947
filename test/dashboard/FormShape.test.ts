/** What the dashboard's forms make of JSON Schemas: those of this library, and any others. */
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Broken, fits, hintsOf, initial, isBroken, resolve, shapeOf } from "../../adapters/dashboard/page/form/Shape.ts"

/** The JSON Schema of values of a Schema, as the server documents it. */
const documentOf = (schema: Schema.Codec<unknown, unknown>) => {
  const { schema: top, definitions } = Schema.toJsonSchemaDocument(Schema.toCodecJson(schema))
  return { ...top, $defs: definitions }
}

const shapeFor = (schema: Schema.Codec<unknown, unknown>) => {
  const root = documentOf(schema)
  return shapeOf(resolve(root, root), root)
}

interface Tree {
  readonly children: ReadonlyArray<Tree>
}

const Tree: Schema.Codec<Tree> = Schema.Struct({
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
}).annotate({ identifier: "a/b~%" })

describe("the shape of a schema", () => {
  test("is a field for each plain type", () => {
    expect(shapeFor(Schema.String)).toEqual({ kind: "text" })
    expect(shapeFor(Schema.Int)).toEqual({ kind: "whole number" })
    expect(shapeFor(Schema.Boolean)).toEqual({ kind: "choice", values: [true, false] })
    expect(shapeFor(Schema.Literals(["a", "b"]))).toEqual({ kind: "choice", values: ["a", "b"] })
  })

  test("is a number where the schema also allows NaN and Infinity as texts", () => {
    expect(shapeFor(Schema.Number)).toEqual({ kind: "number" })
  })

  test("is a choice of alternatives where a value may be null", () => {
    const shape = shapeFor(Schema.NullOr(Schema.String))
    expect(shape.kind).toBe("either")
    expect(shape.kind === "either" && shape.options.map(({ type }) => type)).toEqual(["string", "null"])
    expect(shapeOf({ type: ["string", "null"] }, {})).toMatchObject({ kind: "either" })
  })

  test("follows references to names with the signs of JSON pointers and of URLs", () => {
    expect(shapeFor(Tree)).toMatchObject({ kind: "object", fields: [{ name: "children", isRequired: true }] })
  })

  test("joins what allOf says", () => {
    const root = {
      allOf: [
        { type: "object", properties: { one: { type: "string" } }, required: ["one"] },
        { type: "object", properties: { other: { type: "integer" } } }
      ]
    }
    const shape = shapeOf(resolve(root, root), root)
    expect(shape.kind === "object" && shape.fields.map(({ name, isRequired }) => [name, isRequired])).toEqual(
      expect.arrayContaining([
        ["one", true],
        ["other", false]
      ])
    )
    expect(resolve({ allOf: [{ type: "number" }, { type: "integer", minimum: 3 }] }, {})).toMatchObject({
      type: "integer",
      minimum: 3
    })
  })

  test("is JSON for what has no fields: records, tuples, anything, and references that lead nowhere or in a circle", () => {
    const circle = { $defs: { A: { $ref: "#/$defs/A" } }, $ref: "#/$defs/A" }
    expect(shapeFor(Schema.Record(Schema.String, Schema.Number)).kind).toBe("JSON")
    expect(shapeFor(Schema.Tuple([Schema.Int, Schema.String])).kind).toBe("JSON")
    expect(shapeFor(Schema.Unknown).kind).toBe("JSON")
    expect(shapeOf(resolve({ $ref: "#/$defs/none" }, {}), {}).kind).toBe("JSON")
    expect(shapeOf(resolve(circle, circle), circle).kind).toBe("JSON")
  })

  test("tells alternatives apart by their constants", () => {
    const shape = shapeFor(
      Schema.Union([
        Schema.Struct({ type: Schema.Literal("card"), value: Schema.String }),
        Schema.Struct({ type: Schema.Literal("cash"), value: Schema.String })
      ])
    )
    const options = shape.kind === "either" ? shape.options.map((option) => shapeOf(option, {})) : []
    expect(options.map((option) => fits(option, { type: "cash", value: "1" }))).toEqual([false, true])
  })
})

test("a new value has what is required, and only choices that are none", () => {
  const root = documentOf(
    Schema.Struct({
      kind: Schema.Literal("fixed"),
      list: Schema.Array(Schema.String),
      inner: Schema.Struct({ on: Schema.Boolean, at: Schema.optionalKey(Schema.Struct({})) }),
      tree: Tree
    })
  )
  expect(initial(root, root)).toEqual({ kind: "fixed", list: [], inner: {}, tree: { children: [] } })
})

test("a schema that is an alternative of itself ends", () => {
  const root = { anyOf: [{ $ref: "#" }, { $ref: "#" }, { type: "string" }] }
  expect(shapeOf(resolve(root, root), root).kind).toBe("either")
  expect(shapeOf({ anyOf: [{ $ref: "#" }] }, { anyOf: [{ $ref: "#" }] }).kind).toBe("JSON")
})

test("a schema that requires itself ends", () => {
  const root = { type: "object", properties: { self: { $ref: "#" } }, required: ["self"] }
  expect(JSON.stringify(initial(root, root)).length).toBeLessThan(100)
})

test("hints name the bounds, but not those that every whole number has", () => {
  const schema = { type: "string", minLength: 2, maxLength: 20, pattern: "^a", default: "ab" }
  expect(hintsOf(schema, shapeOf(schema, {}))).toEqual([
    "text",
    "min length 2",
    "max length 20",
    "pattern ^a",
    "default ab"
  ])
  expect(hintsOf(documentOf(Schema.Int), { kind: "whole number" })).toEqual(["whole number"])
})

test("a text that is not JSON is kept, found anywhere, and is a text in JSON", () => {
  const value = { deep: [{ at: new Broken("{ a") }] }
  expect(isBroken(value)).toBe(true)
  expect(isBroken({ deep: [{ at: "{ a" }], nothing: null })).toBe(false)
  expect(JSON.stringify(value)).toBe('{"deep":[{"at":"{ a"}]}')
})

test("every JSON has a shape, a first value and hints", () => {
  const keys = fc.constantFrom("type", "anyOf", "allOf", "$ref", "properties", "items", "enum", "required", "__proto__")
  const schemas = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("object", "array", "string", "number", "#", "#/$defs/x", null, 1, true),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(keys, tie("value"), { maxKeys: 4 })
    )
  }))
  fc.assert(
    fc.property(fc.dictionary(keys, schemas.value, { maxKeys: 4 }), (root) => {
      const schema = resolve(root, root)
      const shape = shapeOf(schema, root)
      fits(shape, initial(root, root))
      hintsOf(schema, shape)
    })
  )
})
