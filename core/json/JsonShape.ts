/** Finds schemas whose values may change when they are encoded to JSON and decoded. Computed once per schema. */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** A set of values, described roughly: one kind, narrowed by known literals or tags. */
interface Shape {
  readonly kind: "null" | "boolean" | "number" | "string" | "array" | "object" | "undefined" | "bigint" | "symbol"
  /** The only possible values, where they are known. */
  readonly literals?: ReadonlySet<unknown>
  /** Required keys of an object, with their only possible values. */
  readonly tags?: ReadonlyMap<PropertyKey, ReadonlySet<unknown>>
}

const KINDS = ["null", "boolean", "number", "string", "array", "object", "undefined", "bigint", "symbol"] as const
const EVERYTHING: ReadonlyArray<Shape> = KINDS.map((kind) => ({ kind }))

const cache = new WeakMap<SchemaAST.AST, boolean>()

/**
 * Whether a value of this schema may differ after encoding to JSON and decoding. That is possible with a schema that
 * accepts any value, with a union of which two members look the same in JSON, and with a transformation.
 */
export const canLose = (ast: SchemaAST.AST): boolean => {
  let found = cache.get(ast)
  if (found === undefined) {
    found = inspect(ast, new Set())
    cache.set(ast, found)
  }
  return found
}

const inspect = (ast: SchemaAST.AST, visited: Set<SchemaAST.AST>): boolean => {
  if (ast.encoding !== undefined) return true
  // A recursive schema: its first visit decides.
  if (visited.has(ast)) return false
  visited.add(ast)
  const inner = (part: SchemaAST.AST): boolean => inspect(part, visited)
  switch (ast._tag) {
    case "Any":
    case "ObjectKeyword":
      return true
    case "Declaration":
      return isBuiltIn(ast) ? ast.typeParameters.some(inner) : hasCodec(ast)
    case "Arrays":
      return ast.elements.some(inner) || ast.rest.some(inner)
    case "Objects":
      return (
        ast.propertySignatures.length + ast.indexSignatures.length === 0 ||
        ast.propertySignatures.some(({ type }) => inner(type)) ||
        ast.indexSignatures.some(({ parameter, type }) => inner(parameter) || inner(type))
      )
    case "Union":
      return ast.types.some(inner) || areAmbiguous(ast.types)
    case "Suspend":
      return inner(ast.thunk())
    default:
      // Includes `Unknown`, whose JSON codec accepts only plain JSON.
      return false
  }
}

type Declaration = Extract<SchemaAST.AST, { readonly _tag: "Declaration" }>

/** The id of a schema that effect declares, such as `effect/schema/Date`; undefined for others. */
export const idOf = ({ annotations }: Declaration): string | undefined => {
  const { id } = (annotations?.["representation"] ?? {}) as { readonly id?: unknown }
  return typeof id === "string" ? id : undefined
}

/** Whether effect declares the schema, such as Date, Map or Option. */
const isBuiltIn = (ast: Declaration): boolean => idOf(ast)?.startsWith("effect/") === true

/** Whether the schema is effect's schema of all JSON. */
const isJson = (ast: Declaration): boolean => /\/(?:Mutable)?Json$/.test(idOf(ast) ?? "")

const hasCodec = ({ annotations }: Declaration): boolean =>
  annotations?.["toCodecJson"] !== undefined || annotations?.["toCodec"] !== undefined

/** Whether two members of a union may accept the same value or the same JSON, so that the wrong one encodes or decodes it. */
const areAmbiguous = (members: ReadonlyArray<SchemaAST.AST>): boolean =>
  anyOverlap(members.map((member) => shapesOf(SchemaAST.toType(member)))) ||
  anyOverlap(members.map((member) => shapesOf(encodedOf(member))))

const anyOverlap = (all: ReadonlyArray<ReadonlyArray<Shape>>): boolean =>
  all.some((one, at) => all.slice(at + 1).some((other) => one.some((mine) => other.some((its) => overlap(mine, its)))))

const encodedOf = (ast: SchemaAST.AST): SchemaAST.AST | undefined => {
  try {
    return SchemaAST.toEncoded(Schema.toCodecJson(Schema.make<Schema.Codec<unknown>>(ast)).ast)
  } catch {
    // The schema has no JSON codec, so encoding a value fails.
    return undefined
  }
}

const shapesOf = (ast: SchemaAST.AST | undefined): ReadonlyArray<Shape> => {
  switch (ast?._tag) {
    case "Null":
      return [{ kind: "null" }]
    case "Boolean":
      return [{ kind: "boolean" }]
    case "Number":
      return [{ kind: "number" }]
    case "String":
    case "TemplateLiteral":
      return [{ kind: "string" }]
    case "Undefined":
    case "Void":
      return [{ kind: "undefined" }]
    case "BigInt":
      return [{ kind: "bigint" }]
    case "Symbol":
    case "UniqueSymbol":
      return [{ kind: "symbol" }]
    case "Declaration":
      // A declared class counts as an object, because a struct accepts its instances too.
      return isJson(ast) ? EVERYTHING : [{ kind: "object" }]
    case "Literal":
      return [literalShape(ast.literal)]
    case "Enum":
      return ast.enums.map(([, value]) => literalShape(value))
    case "Arrays":
      return [{ kind: "array" }]
    case "Objects":
      return [{ kind: "object", tags: tagsOf(ast) }]
    case "Union":
      return ast.types.flatMap(shapesOf)
    case "Never":
      return []
    default:
      return EVERYTHING
  }
}

const literalShape = (literal: unknown): Shape => ({
  kind: typeof literal as Shape["kind"],
  literals: new Set([literal])
})

const tagsOf = (ast: Extract<SchemaAST.AST, { readonly _tag: "Objects" }>): NonNullable<Shape["tags"]> => {
  const tags = new Map<PropertyKey, ReadonlySet<unknown>>()
  for (const { name, type } of ast.propertySignatures) {
    if (SchemaAST.isOptional(type) || type._tag === "Suspend") continue
    const shapes = shapesOf(type)
    if (shapes.every(({ literals }) => literals !== undefined)) {
      tags.set(name, new Set(shapes.flatMap(({ literals }) => [...literals!])))
    }
  }
  return tags
}

const overlap = (one: Shape, other: Shape): boolean => {
  if (one.kind !== other.kind) return false
  if (one.literals !== undefined && other.literals !== undefined && areDisjoint(one.literals, other.literals))
    return false
  for (const [key, values] of one.tags ?? []) {
    const others = other.tags?.get(key)
    if (others !== undefined && areDisjoint(values, others)) return false
  }
  return true
}

const areDisjoint = (one: ReadonlySet<unknown>, other: ReadonlySet<unknown>): boolean => {
  for (const value of one) if (other.has(value)) return false
  return true
}
