/** Which schemas can lose something on their way through JSON. Looked up once for each schema, not for each value. */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** A part of what values look like, as they are or in JSON. */
interface Shape {
  readonly kind: "null" | "boolean" | "number" | "string" | "array" | "object" | "undefined" | "bigint" | "symbol"
  /** The only values of that kind, where they are known. */
  readonly literals?: ReadonlySet<unknown>
  /** Keys of an object that are always there and have only these values. */
  readonly tags?: ReadonlyMap<PropertyKey, ReadonlySet<unknown>>
}

const KINDS = ["null", "boolean", "number", "string", "array", "object", "undefined", "bigint", "symbol"] as const
const EVERYTHING: ReadonlyArray<Shape> = KINDS.map((kind) => ({ kind }))

const known = new WeakMap<SchemaAST.AST, boolean>()

/**
 * Whether a value of this schema may be read back from its JSON as another one: where anything is let through, where two
 * members of a union look the same in JSON, and where a transformation does as it likes.
 */
export const canLose = (ast: SchemaAST.AST): boolean => {
  let found = known.get(ast)
  if (found === undefined) {
    found = loses(ast, new Set())
    known.set(ast, found)
  }
  return found
}

const loses = (ast: SchemaAST.AST, around: Set<SchemaAST.AST>): boolean => {
  if (ast.encoding !== undefined) return true
  // A schema that contains itself loses nothing by that.
  if (around.has(ast)) return false
  around.add(ast)
  const inner = (part: SchemaAST.AST): boolean => loses(part, around)
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
      return ast.types.some(inner) || overlap(ast.types)
    case "Suspend":
      return inner(ast.thunk())
    default:
      // `Unknown` is among these: only plain JSON gets through it.
      return false
  }
}

type Declaration = Extract<SchemaAST.AST, { readonly _tag: "Declaration" }>

/** What effect calls a schema that it declares, such as `effect/schema/Date`. */
export const idOf = ({ annotations }: Declaration): string | undefined => {
  const { id } = (annotations?.["representation"] ?? {}) as { readonly id?: unknown }
  return typeof id === "string" ? id : undefined
}

/** Whether effect declares it: a Date, a Map, an Option. */
const isBuiltIn = (ast: Declaration): boolean => idOf(ast)?.startsWith("effect/") === true

/** Whether it is effect's schema of all JSON. */
const isJson = (ast: Declaration): boolean => /\/(?:Mutable)?Json$/.test(idOf(ast) ?? "")

const hasCodec = ({ annotations }: Declaration): boolean =>
  annotations?.["toCodecJson"] !== undefined || annotations?.["toCodec"] !== undefined

/** Whether two members of a union may take one value, so that one writes what is another's; or one JSON. */
const overlap = (members: ReadonlyArray<SchemaAST.AST>): boolean =>
  anyMeet(members.map((member) => shapesOf(SchemaAST.toType(member)))) ||
  anyMeet(members.map((member) => shapesOf(encodedOf(member))))

const anyMeet = (all: ReadonlyArray<ReadonlyArray<Shape>>): boolean =>
  all.some((one, at) => all.slice(at + 1).some((other) => one.some((mine) => other.some((its) => meet(mine, its)))))

const encodedOf = (ast: SchemaAST.AST): SchemaAST.AST | undefined => {
  try {
    return SchemaAST.toEncoded(Schema.toCodecJson(Schema.make<Schema.Codec<unknown>>(ast)).ast)
  } catch {
    // It has no JSON; writing a value of it fails.
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
      // A struct takes instances of classes as well.
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

const meet = (one: Shape, other: Shape): boolean => {
  if (one.kind !== other.kind) return false
  if (one.literals !== undefined && other.literals !== undefined && areApart(one.literals, other.literals)) return false
  for (const [key, values] of one.tags ?? []) {
    const others = other.tags?.get(key)
    if (others !== undefined && areApart(values, others)) return false
  }
  return true
}

const areApart = (one: ReadonlySet<unknown>, other: ReadonlySet<unknown>): boolean => {
  for (const value of one) if (other.has(value)) return false
  return true
}
