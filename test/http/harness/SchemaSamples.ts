/** Values that a JSON Schema describes, at random: as much of it as the API's own document uses. */
import fc from "fast-check"
import type { Json } from "./Client.ts"

/** How deep values go that have no end by their schema. */
const MAX_DEPTH = 4

/** Any JSON, keys that mean something to JavaScript among it. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -1, 1e308, "", "__proto__", "\u0000"),
    fc.string({ maxLength: 8, unit: "grapheme" }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom("__proto__", "constructor", "parameters", "wait", "tasks", "read", "x"),
      tie("value"),
      { maxKeys: 3 }
    )
  )
})).value

/** Values that fit a schema. `resolve` gives what a `$ref` means. */
export const matching = (schema: Json, resolve: (schema: Json) => Json, depth = 0): fc.Arbitrary<unknown> => {
  const found = resolve(schema)
  const inner = (of: Json): fc.Arbitrary<unknown> => matching(of, resolve, depth + 1)
  if (found.const !== undefined) return fc.constant(found.const)
  if (found.enum !== undefined) return fc.constantFrom(...found.enum)
  const either = found.anyOf ?? found.oneOf
  if (either !== undefined) return fc.oneof(...either.map(inner))
  switch (found.type) {
    case "string":
      return fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom("my_pipeline", "process", "2026-01-01T00:00:00Z"))
    case "integer":
      return fc.integer({ min: -200, max: 2_000 })
    case "number":
      return fc.double({ min: -10, max: 4_000, noNaN: true })
    case "boolean":
      return fc.boolean()
    case "null":
      return fc.constant(null)
    case "array":
      return depth > MAX_DEPTH || found.items === undefined
        ? fc.constant([])
        : fc.array(inner(found.items), { maxLength: 3 })
    case "object": {
      const properties: ReadonlyArray<readonly [string, Json]> = Object.entries(found.properties ?? {})
      if (properties.length === 0) return fc.dictionary(fc.constantFrom("data", "a", "b"), anyJson, { maxKeys: 3 })
      const required: ReadonlyArray<string> = found.required ?? []
      return fc.record(Object.fromEntries(properties.map(([key, of]) => [key, inner(of)])), {
        requiredKeys: properties.map(([key]) => key).filter((key) => required.includes(key))
      })
    }
    default:
      return anyJson
  }
}
