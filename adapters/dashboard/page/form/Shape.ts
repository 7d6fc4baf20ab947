/** What a form shows for a JSON Schema (draft 2020-12). A schema that it has no fields for is edited as JSON. */

export interface Schema {
  readonly [key: string]: unknown
}

/** The kind of control for a schema's values. */
export type Shape =
  | { readonly kind: "text" | "number" | "whole number" | "JSON" }
  | { readonly kind: "choice"; readonly values: ReadonlyArray<unknown> }
  | { readonly kind: "list"; readonly item: unknown }
  | { readonly kind: "object"; readonly fields: ReadonlyArray<Property> }
  | { readonly kind: "either"; readonly options: ReadonlyArray<Schema> }

/** One key of an object. */
export interface Property {
  readonly name: string
  readonly schema: unknown
  readonly isRequired: boolean
}

/** A text in a field for JSON that is not JSON yet. It is kept, so that nothing typed is lost, but can't be sent. */
export class Broken {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toJSON(): string {
    return this.text
  }
}

export const JSON_SHAPE: Shape = { kind: "JSON" }

export const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Broken)

/** The value of an own key. */
export const own = (value: unknown, key: string): unknown =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** How many references and `allOf` are followed from one schema: a schema may refer to itself. */
const MAX_HOPS = 20

/** The schema with what it refers to by `$ref` and `allOf`. */
export const resolve = (schema: unknown, root: Schema, hops: number = MAX_HOPS): Schema => {
  if (!isObject(schema) || hops === 0) return {}
  const { $ref, allOf, ...rest } = schema
  const parts = typeof $ref === "string" ? [target($ref, root), ...listOf(allOf)] : listOf(allOf)
  return parts.reduce<Schema>((all, part) => merge(all, resolve(part, root, hops - 1)), rest)
}

/** Follows `#/$defs/Name`. */
const target = (ref: string, root: Schema): unknown =>
  ref
    .split("/")
    .slice(1)
    .reduce<unknown>((at, key) => own(at, decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~")), root)

/** The schema of values that both accept, as far as a form can tell; the server checks them anyway. */
const merge = (one: Schema, other: Schema): Schema => ({
  ...other,
  ...one,
  type: other["type"] === "integer" ? "integer" : (one["type"] ?? other["type"]),
  required: [...listOf(one["required"]), ...listOf(other["required"])],
  properties:
    one["properties"] || other["properties"]
      ? { ...(other["properties"] as Schema), ...(one["properties"] as Schema) }
      : undefined
})

/** Numbers that JSON has no signs for. */
const NOT_FINITE: ReadonlyArray<unknown> = ["NaN", "Infinity", "-Infinity"]

const isNotFinite = (shape: Shape): boolean =>
  shape.kind === "choice" && shape.values.every((value) => NOT_FINITE.includes(value))

/** How deep alternatives may stand in alternatives: a schema may be an alternative of itself. */
const MAX_ALTERNATIVES = 5

/** The shape of a resolved schema. */
export const shapeOf = (schema: Schema, root: Schema, hops: number = MAX_ALTERNATIVES): Shape => {
  if (hops === 0) return JSON_SHAPE
  const { type, items, properties, anyOf, oneOf, ...rest } = schema
  if (Array.isArray(rest["enum"])) return { kind: "choice", values: rest["enum"] }
  if (Object.hasOwn(rest, "const")) return { kind: "choice", values: [rest["const"]] }
  if (Array.isArray(type)) {
    return eitherOf(
      type.map((one) => ({ ...schema, type: one })),
      root,
      hops
    )
  }
  const alternatives = anyOf ?? oneOf
  if (Array.isArray(alternatives)) {
    return eitherOf(
      alternatives.map((one) => resolve(one, root)),
      root,
      hops
    )
  }
  switch (type) {
    case "string":
      return { kind: "text" }
    case "number":
      return { kind: "number" }
    case "integer":
      return { kind: "whole number" }
    case "boolean":
      return { kind: "choice", values: [true, false] }
    case "null":
      return { kind: "choice", values: [null] }
    case "array":
      return isObject(items) && rest["prefixItems"] === undefined ? { kind: "list", item: items } : JSON_SHAPE
    case "object":
      return isObject(properties) && rest["patternProperties"] === undefined && !isObject(rest["additionalProperties"])
        ? {
            kind: "object",
            fields: Object.entries(properties).map(([name, property]) => ({
              name,
              schema: property,
              isRequired: listOf(rest["required"]).includes(name)
            }))
          }
        : JSON_SHAPE
    default:
      return JSON_SHAPE
  }
}

const eitherOf = (all: ReadonlyArray<Schema>, root: Schema, hops: number): Shape => {
  const isNumber = all.some(({ type }) => type === "number")
  const options = all
    .map((option) => [option, shapeOf(option, root, hops - 1)] as const)
    .filter(([, shape]) => !(isNumber && isNotFinite(shape)))
  const shapes = options.map(([, shape]) => shape)
  if (shapes.length === 1) return shapes[0]!
  return shapes.every(({ kind }) => kind === "choice")
    ? { kind: "choice", values: shapes.flatMap((shape) => (shape.kind === "choice" ? shape.values : [])) }
    : { kind: "either", options: options.map(([option]) => option) }
}

/** Whether a value is of a shape, as far as the choice between alternatives needs it. */
export const fits = (shape: Shape, value: unknown): boolean => {
  switch (shape.kind) {
    case "text":
      return typeof value === "string"
    case "number":
    case "whole number":
      return typeof value === "number"
    case "choice":
      return shape.values.includes(value)
    case "list":
      return Array.isArray(value)
    case "object":
      return (
        isObject(value) &&
        shape.fields.every(({ name, schema, isRequired }) => {
          const part = own(value, name)
          if (part === undefined) return !isRequired
          // A constant tells the alternatives of a union apart.
          const constants = own(schema, "enum") ?? [own(schema, "const") ?? part]
          return listOf(constants).includes(part)
        })
      )
    default:
      return true
  }
}

/** How deep the objects are that a new value begins with. */
const MAX_DEPTH = 6

/** What a required value begins with: objects with their own required values, empty lists, the only choice. */
export const initial = (schema: unknown, root: Schema, depth: number = MAX_DEPTH): unknown => {
  const shape = shapeOf(resolve(schema, root), root)
  if (shape.kind === "list") return []
  if (shape.kind === "choice" && shape.values.length === 1) return shape.values[0]
  if (shape.kind !== "object") return undefined
  const entries = shape.fields
    .filter(({ isRequired }) => isRequired && depth > 0)
    .map(({ name, schema: of }) => [name, initial(of, root, depth - 1)])
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

/** Whether a text that is not JSON is anywhere in the value. */
export const isBroken = (value: unknown): boolean =>
  value instanceof Broken || (typeof value === "object" && value !== null && Object.values(value).some(isBroken))

/** What a schema says of its values beside their type. */
const BOUNDS = /^(?:(?:exclusive)?m(?:in|ax)|multipleOf|format|pattern|default)/i

/** What to type: the kind of value, its bounds, and its default. */
export const hintsOf = (schema: Schema, shape: Shape): ReadonlyArray<string> => [
  ...(shape.kind === "choice" ? [] : [shape.kind]),
  ...Object.entries(schema)
    // The largest whole number that JavaScript counts exactly is no bound worth reading.
    .filter(([key, bound]) => BOUNDS.test(key) && Math.abs(bound as number) !== Number.MAX_SAFE_INTEGER)
    .map(([key, bound]) => `${key.replace(/[A-Z]/g, (sign) => ` ${sign.toLowerCase()}`)} ${textOf(bound)}`)
]

/** A value as a text: a text as it is, everything else as JSON. */
export const textOf = (value: unknown): string =>
  value === undefined
    ? ""
    : value instanceof Broken
      ? value.text
      : typeof value === "string"
        ? value
        : JSON.stringify(value, undefined, 2)
