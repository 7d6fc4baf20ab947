/** Compares what a task or a program gave with what its JSON is read back as. */
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

/** The first place where a value and what it is read back as differ. */
type Compare = (given: unknown, back: unknown, path: Path) => Problem | undefined

const compares = new WeakMap<SchemaAST.AST, Compare>()

/** The comparison for values of a schema: effect's equivalence, with the place of the difference. */
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
      return (given, back, path) => {
        inner ??= compareOf(ast.thunk())
        return inner(given, back, path)
      }
    }
    case "Declaration":
      return byEquivalence(ast)
    default:
      return primitive
  }
}

// -0 has no JSON of its own, and is the same number.
const primitive: Compare = (given, back, path) =>
  given === back || (Number.isNaN(given) && Number.isNaN(back)) ? undefined : lost(given, back, path)

// What is plain JSON comes back as it was, unless another member of a union has written it.
const plain: Compare = (given, back, path) => PlainJson.problem(given, path) ?? sameJson(given, back, path)

const sameJson: Compare = (given, back, path) => {
  if (!isObject(given) || !isObject(back)) return primitive(given, back, path)
  if (Array.isArray(given) !== Array.isArray(back)) return lost(given, back, path)
  for (const key of new Set([...Object.keys(given), ...Object.keys(back)])) {
    const problem = sameJson(given[key], back[key], [...path, Array.isArray(given) ? Number(key) : key])
    if (problem !== undefined) return problem
  }
  return undefined
}

const byEquivalence = (ast: SchemaAST.AST): Compare => {
  const isSame = Schema.toEquivalence(Schema.make<Schema.Schema<unknown>>(ast))
  return (given, back, path) => (isSame(given, back) ? undefined : lost(given, back, path))
}

/** The containers whose contents keep their order in JSON: what they contain is compared as it is elsewhere. */
const container = (ast: Declaration): Compare | undefined => {
  const parts = ast.typeParameters.map(compareOf)
  switch (idOf(ast)) {
    case "effect/schema/ReadonlyMap":
      return contents((entry, back, path) => {
        const [key, value] = entry as readonly [unknown, unknown]
        const [otherKey, other] = back as readonly [unknown, unknown]
        return parts[0]!(key, otherKey, path) ?? parts[1]!(value, other, path)
      })
    case "effect/schema/ReadonlySet":
    case "effect/schema/Chunk":
      return contents(parts[0]!)
    case "effect/schema/Option":
      return (given, back, path) => {
        if (!Option.isOption(given) || !Option.isOption(back) || given._tag !== back._tag)
          return lost(given, back, path)
        return given._tag === "Some" ? parts[0]!(given.value, (back as typeof given).value, path) : undefined
      }
    default:
      return undefined
  }
}

const contents =
  (compare: Compare): Compare =>
  (given, back, path) => {
    if (!Predicate.isIterable(given) || !Predicate.isIterable(back)) return lost(given, back, path)
    const [items, others] = [[...given], [...back]]
    if (items.length !== others.length) return lost(given, back, path)
    for (let at = 0; at < items.length; at++) {
      const problem = compare(items[at], others[at], [...path, at])
      if (problem !== undefined) return problem
    }
    return undefined
  }

const elements = ({ elements, rest }: Extract<SchemaAST.AST, { readonly _tag: "Arrays" }>): Compare => {
  const first = elements.map(compareOf)
  const [middle, ...last] = rest.map(compareOf)
  return (given, back, path) => {
    if (!Array.isArray(given) || !Array.isArray(back) || given.length !== back.length) return lost(given, back, path)
    const lastFrom = given.length - last.length
    for (let at = 0; at < given.length; at++) {
      const compare = at < first.length ? first[at]! : at < lastFrom ? middle! : last[at - lastFrom]!
      const problem = compare(given[at], back[at], [...path, at])
      if (problem !== undefined) return problem
    }
    return undefined
  }
}

const members = (ast: Extract<SchemaAST.AST, { readonly _tag: "Objects" }>): Compare => {
  const { propertySignatures, indexSignatures } = ast
  if (propertySignatures.length + indexSignatures.length === 0) return plain
  // Which of several a key belongs to is effect's to say.
  if (indexSignatures.length > 1) return byEquivalence(ast)
  const named = new Map(propertySignatures.map(({ name, type }) => [name, compareOf(type)]))
  const [index] = indexSignatures.map(({ type }) => compareOf(type))
  return (given, back, path) => {
    if (!isObject(given) || !isObject(back)) return lost(given, back, path)
    const keys = index === undefined ? named.keys() : new Set([...named.keys(), ...Object.keys(given)])
    for (const key of keys) {
      // One that is left out and one that is undefined are told apart only by who asks for that.
      if (given[key] === undefined && back[key] === undefined) continue
      const place = [...path, typeof key === "symbol" ? String(key) : key]
      if (!Object.hasOwn(back, key)) return lost(given[key], undefined, place)
      const problem = (named.get(key) ?? index!)(given[key], back[key], place)
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
  return (given, back, path) => {
    if (Equal.equals(given, back)) return undefined
    // Some members leave things out. It has to be the same for each member that takes it: any may be the one that is meant.
    for (const { is, compare } of able) {
      if (!is(given)) continue
      const problem = is(back) ? compare(given, back, path) : lost(given, back, path)
      if (problem !== undefined) return problem
    }
    return undefined
  }
}

const isObject = (value: unknown): value is Readonly<Record<PropertyKey, unknown>> =>
  typeof value === "object" && value !== null

const lost = (given: unknown, back: unknown, path: Path): Problem => {
  const [one, other] = [PlainJson.kindOf(given), PlainJson.kindOf(back)]
  const what = one === other ? "another one" : other
  return { path, message: `Expected a value that its JSON gives back: ${one} would become ${what}` }
}
