/**
 * Checks at run time that one schema can decode the values that another encodes. Refuses a pair only when no value at all
 * fits both, so it never refuses a wiring that the compiler accepts.
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Field } from "../json/Value.ts"

/** Two types without a common value, in words. */
export interface Misfit {
  readonly expected: string
  readonly received: string
}

type JsonKind = "string" | "number" | "boolean" | "null" | "array" | "object"

const MAX_DEPTH = 8

const jsonSides = new WeakMap<SchemaAST.AST, SchemaAST.AST>()

/** The schema of a field's JSON. */
const jsonSide = (field: Field): SchemaAST.AST => {
  let found = jsonSides.get(field.ast)
  if (found === undefined) {
    found = SchemaAST.toEncoded(Schema.toCodecJson(field as Schema.Codec<unknown, unknown>).ast)
    jsonSides.set(field.ast, found)
  }
  return found
}

/** Why `consumer` can decode no value that `producer` encodes; undefined when it can decode some. */
export const into = (producer: Field, consumer: Field): Misfit | undefined =>
  producer.ast === consumer.ast ? undefined : compareSides(disjoint, producer, consumer)

/** Why no value can be decoded by both consumers; undefined when some can. */
export const both = (first: Field, second: Field): Misfit | undefined =>
  first.ast === second.ast ? undefined : compareSides(disjointKinds, second, first)

type Compare = (producer: SchemaAST.AST, consumer: SchemaAST.AST, depth: number) => Misfit | undefined

/** Compares the decoded types, then the JSON types. */
const compareSides = (compare: Compare, producer: Field, consumer: Field): Misfit | undefined =>
  compare(SchemaAST.toType(producer.ast), SchemaAST.toType(consumer.ast), MAX_DEPTH) ??
  compare(jsonSide(producer), jsonSide(consumer), MAX_DEPTH)

/** The kinds of JSON that a schema accepts; undefined when they are unknown. */
const kindsOf = (ast: SchemaAST.AST, depth: number): ReadonlySet<JsonKind> | undefined => {
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
      return new Set(["string"])
    case "Number":
      return new Set(["number"])
    case "Boolean":
      return new Set(["boolean"])
    case "Null":
      return new Set(["null"])
    case "Arrays":
      return new Set(["array"])
    case "Objects":
      // `{}` accepts every value except null and undefined.
      return ast.propertySignatures.length + ast.indexSignatures.length === 0 ? undefined : new Set(["object"])
    case "Literal":
      return typeof ast.literal === "bigint" ? undefined : new Set([typeof ast.literal as JsonKind])
    case "Enum":
      return new Set(ast.enums.map(([, value]) => typeof value as JsonKind))
    case "Union": {
      const kinds = new Set<JsonKind>()
      for (const member of ast.types) {
        const some = depth > 0 ? kindsOf(member, depth - 1) : undefined
        if (some === undefined) return undefined
        for (const kind of some) kinds.add(kind)
      }
      return kinds
    }
    default:
      return undefined
  }
}

const words = (kinds: ReadonlySet<JsonKind>): string => [...kinds].sort().join(" or ")

/** The misfit of two schemas without a common kind of JSON. */
const disjointKinds = (producer: SchemaAST.AST, consumer: SchemaAST.AST, depth: number): Misfit | undefined => {
  const written = kindsOf(producer, depth)
  const read = kindsOf(consumer, depth)
  if (written === undefined || read === undefined || [...written].some((kind) => read.has(kind))) return undefined
  return { expected: words(read), received: words(written) }
}

const disjoint = (producer: SchemaAST.AST, consumer: SchemaAST.AST, depth: number): Misfit | undefined => {
  if (depth === 0 || producer === consumer) return undefined
  const misfit = disjointKinds(producer, consumer, depth)
  if (misfit !== undefined) return misfit
  if (producer._tag === "Objects" && consumer._tag === "Objects") return objects(producer, consumer, depth)
  if (producer._tag === "Literal" && consumer._tag === "Literal" && producer.literal !== consumer.literal) {
    return { expected: JSON.stringify(consumer.literal), received: JSON.stringify(producer.literal) }
  }
  return undefined
}

const objects = (producer: SchemaAST.Objects, consumer: SchemaAST.Objects, depth: number): Misfit | undefined => {
  const written = new Map(producer.propertySignatures.map((property) => [property.name, property.type]))
  for (const { name, type } of consumer.propertySignatures) {
    if (SchemaAST.isOptional(type)) continue
    const given = written.get(name)
    if (given === undefined) {
      if (producer.indexSignatures.length > 0) continue
      return { expected: `an object with '${String(name)}'`, received: "an object without it" }
    }
    const misfit = disjoint(given, type, depth - 1)
    if (misfit !== undefined) {
      return {
        expected: `an object whose '${String(name)}' is ${misfit.expected}`,
        received: `one whose '${String(name)}' is ${misfit.received}`
      }
    }
  }
  return undefined
}
