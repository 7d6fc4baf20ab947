/** Compares a value of a task or a program with the value that is decoded from its JSON. */
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Problem } from "../values/Failure.ts"
import { idOf } from "./JsonShape.ts"
import * as PlainJson from "./PlainJson.ts"

export { canLose } from "./JsonShape.ts"

type Declaration = Extract<SchemaAST.AST, { readonly _tag: "Declaration" }>

type Path = ReadonlyArray<string | number>

/** Finds the first difference between an original value and the decoded one. */
type Compare = (original: unknown, decoded: unknown, path: Path) => Problem | undefined

const compares = new WeakMap<SchemaAST.AST, Compare>()

/** The comparison for values of a schema: as effect's equivalence, but it says where the difference is. */
export const compareOf = (ast: SchemaAST.AST): Compare => {
  let found = compares.get(ast)
  if (found === undefined) {
    found = make(SchemaAST.toType(ast))
    compares.set(ast, found)
  }
  return found
}

const make = (ast: SchemaAST.AST): Compare => {
  const inside = ast._tag === "Declaration" ? container(ast) : undefined
  if (inside !== undefined) return inside
  if (ast.annotations?.["toEquivalence"] !== undefined) return byEquivalence(ast)
  switch (ast._tag) {
    case "Any":
    case "Unknown":
    case "ObjectKeyword":
      return plain
    case "Arrays":
      return elements(ast)
    case "Objects":
      return members(ast)
    case "Union":
      return anyOf(ast)
    case "Suspend": {
      let inner: Compare | undefined
      return (original, decoded, path) => {
        inner ??= compareOf(ast.thunk())
        return inner(original, decoded, path)
      }
    }
    case "Declaration":
      return byEquivalence(ast)
    default:
      return primitive
  }
}

// JSON has no -0; -0 and 0 count as equal.
const primitive: Compare = (original, decoded, path) =>
  original === decoded || (Number.isNaN(original) && Number.isNaN(decoded)) ? undefined : lost(original, decoded, path)

// Plain JSON survives encoding, unless another member of a union has encoded the value.
const plain: Compare = (original, decoded, path) =>
  PlainJson.problem(original, path) ?? sameJson(original, decoded, path)

const sameJson: Compare = (original, decoded, path) => {
  if (!isObject(original) || !isObject(decoded)) return primitive(original, decoded, path)
  if (Array.isArray(original) !== Array.isArray(decoded)) return lost(original, decoded, path)
  for (const key of new Set([...Object.keys(original), ...Object.keys(decoded)])) {
    const problem = sameJson(original[key], decoded[key], [...path, Array.isArray(original) ? Number(key) : key])
    if (problem !== undefined) return problem
  }
  return undefined
}

const byEquivalence = (ast: SchemaAST.AST): Compare => {
  const isSame = Schema.toEquivalence(Schema.make<Schema.Schema<unknown>>(ast))
  return (original, decoded, path) => (isSame(original, decoded) ? undefined : lost(original, decoded, path))
}

/** The comparison for a container whose contents keep their order in JSON; undefined for other declarations. */
const container = (ast: Declaration): Compare | undefined => {
  const parts = ast.typeParameters.map(compareOf)
  switch (idOf(ast)) {
    case "effect/schema/ReadonlyMap":
      return contents((entry, decoded, path) => {
        const [key, value] = entry as readonly [unknown, unknown]
        const [otherKey, other] = decoded as readonly [unknown, unknown]
        return parts[0]!(key, otherKey, path) ?? parts[1]!(value, other, path)
      })
    case "effect/schema/ReadonlySet":
    case "effect/schema/Chunk":
      return contents(parts[0]!)
    case "effect/schema/Option":
      return (original, decoded, path) => {
        if (!Option.isOption(original) || !Option.isOption(decoded) || original._tag !== decoded._tag)
          return lost(original, decoded, path)
        return original._tag === "Some"
          ? parts[0]!(original.value, (decoded as typeof original).value, path)
          : undefined
      }
    default:
      return undefined
  }
}

const contents =
  (compare: Compare): Compare =>
  (original, decoded, path) => {
    if (!Predicate.isIterable(original) || !Predicate.isIterable(decoded)) return lost(original, decoded, path)
    const [items, others] = [[...original], [...decoded]]
    if (items.length !== others.length) return lost(original, decoded, path)
    for (let at = 0; at < items.length; at++) {
      const problem = compare(items[at], others[at], [...path, at])
      if (problem !== undefined) return problem
    }
    return undefined
  }

const elements = ({ elements, rest }: Extract<SchemaAST.AST, { readonly _tag: "Arrays" }>): Compare => {
  const first = elements.map(compareOf)
  const [middle, ...last] = rest.map(compareOf)
  return (original, decoded, path) => {
    if (!Array.isArray(original) || !Array.isArray(decoded) || original.length !== decoded.length)
      return lost(original, decoded, path)
    const lastFrom = original.length - last.length
    for (let at = 0; at < original.length; at++) {
      const compare = at < first.length ? first[at]! : at < lastFrom ? middle! : last[at - lastFrom]!
      const problem = compare(original[at], decoded[at], [...path, at])
      if (problem !== undefined) return problem
    }
    return undefined
  }
}

const members = (ast: Extract<SchemaAST.AST, { readonly _tag: "Objects" }>): Compare => {
  const { propertySignatures, indexSignatures } = ast
  if (propertySignatures.length + indexSignatures.length === 0) return plain
  // With several index signatures, effect decides which one a key belongs to.
  if (indexSignatures.length > 1) return byEquivalence(ast)
  const named = new Map(propertySignatures.map(({ name, type }) => [name, compareOf(type)]))
  const [index] = indexSignatures.map(({ type }) => compareOf(type))
  return (original, decoded, path) => {
    if (!isObject(original) || !isObject(decoded)) return lost(original, decoded, path)
    const keys = index === undefined ? named.keys() : new Set([...named.keys(), ...Object.keys(original)])
    for (const key of keys) {
      // An absent key and an undefined value count as equal.
      if (original[key] === undefined && decoded[key] === undefined) continue
      const place = [...path, typeof key === "symbol" ? String(key) : key]
      if (!Object.hasOwn(decoded, key)) return lost(original[key], undefined, place)
      const problem = (named.get(key) ?? index!)(original[key], decoded[key], place)
      if (problem !== undefined) return problem
    }
    return undefined
  }
}

const anyOf = ({ types }: Extract<SchemaAST.AST, { readonly _tag: "Union" }>): Compare => {
  const able = types.map((type) => ({
    is: Schema.is(Schema.make<Schema.Schema<unknown>>(type)),
    compare: compareOf(type)
  }))
  return (original, decoded, path) => {
    if (Equal.equals(original, decoded)) return undefined
    // Any member that accepts the original may be the intended one, and some ignore keys: so all of them must find no difference.
    for (const { is, compare } of able) {
      if (!is(original)) continue
      const problem = is(decoded) ? compare(original, decoded, path) : lost(original, decoded, path)
      if (problem !== undefined) return problem
    }
    return undefined
  }
}

const isObject = (value: unknown): value is Readonly<Record<PropertyKey, unknown>> =>
  typeof value === "object" && value !== null

const lost = (original: unknown, decoded: unknown, path: Path): Problem => {
  const [one, other] = [PlainJson.kindOf(original), PlainJson.kindOf(decoded)]
  const what = one === other ? "a different one" : other
  return { path, message: `Expected a value that JSON preserves: ${one} would become ${what}` }
}
