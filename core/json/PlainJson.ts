/** Checks that a value is plain JSON, so that `JSON.parse` gives back an equal value. */
import type { Problem } from "../values/Failure.ts"

type Path = ReadonlyArray<string | number>

/**
 * The first part of a value that is not plain JSON; undefined when all of it is. A member that is `undefined` counts as
 * absent. An instance of a class without methods counts as a plain object.
 */
export const problem = (value: unknown, path: Path = []): Problem | undefined => {
  try {
    return inspect(value, path, new Set(), new WeakSet())
  } catch (error) {
    return refused(
      path,
      error instanceof RangeError ? "a value that is nested too deeply" : "an object that throws when it is read"
    )
  }
}

/** `ancestors` are the objects around the value, `checked` those that are checked already. */
const inspect = (value: unknown, path: Path, ancestors: Set<object>, checked: WeakSet<object>): Problem | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value))
    return undefined
  if (typeof value !== "object") return refused(path, kindOf(value))
  if (checked.has(value)) return undefined
  if (ancestors.has(value)) return refused(path, "a value that contains itself")
  ancestors.add(value)
  const wrong = Array.isArray(value)
    ? inspectArray(value, path, ancestors, checked)
    : hasMethods(value)
      ? refused(path, kindOf(value))
      : inspectObject(value, path, ancestors, checked)
  ancestors.delete(value)
  checked.add(value)
  return wrong
}

const inspectArray = (
  items: ReadonlyArray<unknown>,
  path: Path,
  ancestors: Set<object>,
  checked: WeakSet<object>
): Problem | undefined => {
  for (let at = 0; at < items.length; at++) {
    const wrong = inspect(items[at], [...path, at], ancestors, checked)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const inspectObject = (
  value: object,
  path: Path,
  ancestors: Set<object>,
  checked: WeakSet<object>
): Problem | undefined => {
  const [symbol] = Object.getOwnPropertySymbols(value)
  if (symbol !== undefined) return refused(path, "an object with a symbol for a key")
  for (const key of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[key]
    const wrong = member === undefined ? undefined : inspect(member, [...path, key], ancestors, checked)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const refused = (path: Path, received: string): Problem => ({
  path,
  message: `Expected plain JSON, received ${received}`
})

/**
 * Whether a prototype of the object has members besides its constructor. The last prototype of the chain does not count:
 * it is `Object.prototype`, possibly that of another realm.
 */
const hasMethods = (value: object): boolean => {
  let prototype: object | null = Object.getPrototypeOf(value)
  while (prototype !== null) {
    const above: object | null = Object.getPrototypeOf(prototype)
    if (above === null) return false
    if (Reflect.ownKeys(prototype).some((key) => key !== "constructor")) return true
    prototype = above
  }
  return false
}

/** The kind of a value, in words; never the value itself, which may be secret. */
export const kindOf = (value: unknown): string => {
  if (value === undefined || value === null) return String(value)
  if (typeof value === "number") return Number.isFinite(value) ? "a number" : String(value)
  if (typeof value === "string") return "a string"
  if (typeof value !== "object") return `a ${typeof value}`
  if (Array.isArray(value)) return "an array"
  const { constructor } = value as { readonly constructor?: unknown }
  return typeof constructor === "function" && constructor !== Object && constructor.name !== ""
    ? `an instance of ${constructor.name}`
    : "an object"
}
