/** Checks that structured clone keeps inputs unchanged: an instance of a class would silently lose its methods. */
import { NotCopied } from "./Errors.ts"

/** The kinds of objects that structured clone copies faithfully, as `Object.prototype.toString` names them. */
const COPIED =
  /^\[object (?:Object|Array|Date|RegExp|Map|Set|Boolean|Number|String|(?:Shared)?ArrayBuffer|DataView|Blob|(?:Big)?(?:Uint|Int)(?:8|8Clamped|16|32|64)Array|Float(?:16|32|64)Array)\]$/

/** The failure for the first input that structured clone would change; undefined if all stay the same. */
export const uncopied = (inputs: Readonly<Record<string, unknown>>): NotCopied | undefined => {
  const seen = new Set<object>()
  // No recursion: a value may be nested deeply.
  const left: Array<{ readonly path: string; readonly value: object }> = []
  for (const key of Object.keys(inputs)) {
    for (let members: Members = [[key, inputs[key]]], path = ""; ; ) {
      for (const [at, value] of members) {
        if (typeof value === "function" || typeof value === "symbol") {
          return new NotCopied(`input '${key}'`, `${path}${at} is a ${typeof value}`)
        }
        if (typeof value !== "object" || value === null || seen.has(value)) continue
        seen.add(value)
        if (!isCopied(value)) return new NotCopied(`input '${key}'`, `${path}${at} is an instance of ${nameOf(value)}`)
        left.push({ path: `${path}${at}.`, value })
      }
      const next = left.pop()
      if (next === undefined) break
      path = next.path
      members = membersOf(next.value)
    }
  }
  return undefined
}

const isCopied = (value: object): boolean => {
  const kind = Object.prototype.toString.call(value)
  if (!COPIED.test(kind)) return false
  const parent = Object.getPrototypeOf(value) as object | null
  if (kind === "[object Object]") return parent === null || isTop(parent)
  // A built-in class, not a subclass of it. Typed arrays have one more class above them.
  return parent !== null && (ArrayBuffer.isView(value) || isTop(Object.getPrototypeOf(parent)))
}

/** Whether an object is `Object.prototype`, of this realm or another. */
const isTop = (prototype: object | null): boolean => prototype !== null && Object.hasOwn(prototype, "isPrototypeOf")

type Members = Iterable<readonly [at: string | number, member: unknown]>

const membersOf = (value: object): Members => {
  if (Array.isArray(value)) return value.entries()
  if (value instanceof Map) return [...value.keys(), ...value.values()].entries()
  if (value instanceof Set) return [...value].entries()
  return Object.prototype.toString.call(value) === "[object Object]" ? Object.entries(value) : []
}

const nameOf = (value: object): string => {
  const { constructor } = value as { readonly constructor?: unknown }
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "a class"
}
