/** Whether a value is JSON and nothing more, so that it comes back from its text as it was. */
import type { Problem } from "../values/Failure.ts"

type Path = ReadonlyArray<string | number>

/**
 * The first part of a value that is not plain JSON; nothing where all of it is. An `undefined` in an object counts as left
 * out. An instance of a class is taken for the object that it is when its class has no methods.
 */
export const problem = (value: unknown, path: Path = []): Problem | undefined => {
  try {
    return inspect(value, path, new Set(), new WeakSet())
  } catch (error) {
    const why = error instanceof RangeError ? "one that is nested too deeply" : "one that throws when it is looked at"
    return { path, message: `Expected plain JSON, received ${why}` }
  }
}

const inspect = (value: unknown, path: Path, around: Set<object>, fine: WeakSet<object>): Problem | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value))
    return undefined
  if (typeof value !== "object") return refused(path, kindOf(value))
  if (fine.has(value)) return undefined
  if (around.has(value)) return refused(path, "a value that contains itself")
  around.add(value)
  const wrong = Array.isArray(value)
    ? inspectArray(value, path, around, fine)
    : hasBehaviour(value)
      ? refused(path, kindOf(value))
      : inspectObject(value, path, around, fine)
  around.delete(value)
  fine.add(value)
  return wrong
}

const inspectArray = (
  items: ReadonlyArray<unknown>,
  path: Path,
  around: Set<object>,
  fine: WeakSet<object>
): Problem | undefined => {
  for (let at = 0; at < items.length; at++) {
    const wrong = inspect(items[at], [...path, at], around, fine)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const inspectObject = (value: object, path: Path, around: Set<object>, fine: WeakSet<object>): Problem | undefined => {
  const [symbol] = Object.getOwnPropertySymbols(value)
  if (symbol !== undefined) return refused(path, "an object with a symbol for a key")
  for (const key of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[key]
    const wrong = member === undefined ? undefined : inspect(member, [...path, key], around, fine)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const refused = (path: Path, what: string): Problem => ({ path, message: `Expected plain JSON, received ${what}` })

/** Whether something between an object and `Object.prototype`, of whatever realm, has more than a constructor. */
const hasBehaviour = (value: object): boolean => {
  let prototype: object | null = Object.getPrototypeOf(value)
  while (prototype !== null) {
    const above: object | null = Object.getPrototypeOf(prototype)
    if (above === null) return false
    if (Reflect.ownKeys(prototype).some((key) => key !== "constructor")) return true
    prototype = above
  }
  return false
}

/** What a value is, in words; never the value itself, which may be secret. */
export const kindOf = (value: unknown): string => {
  if (value === undefined || value === null) return String(value)
  if (typeof value === "number") return Number.isFinite(value) ? "a number" : String(value)
  if (typeof value === "string") return "a text"
  if (typeof value !== "object") return `a ${typeof value}`
  if (Array.isArray(value)) return "an array"
  const { constructor } = value as { readonly constructor?: unknown }
  return typeof constructor === "function" && constructor !== Object && constructor.name !== ""
    ? `an instance of ${constructor.name}`
    : "an object"
}
