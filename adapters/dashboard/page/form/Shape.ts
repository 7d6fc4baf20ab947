/** What a form shows for a JSON Schema (draft 2020-12). A schema that it has no fields for is edited as JSON. */

export interface Schema {
  readonly [key: string]: unknown
}

/** The kind of control for a schema's values. */
export type Shape =
  | { readonly kind: "text" }
  | { readonly kind: "number"; readonly isWhole: boolean }
  | { readonly kind: "choice"; readonly values: ReadonlyArray<unknown> }
  | { readonly kind: "list"; readonly item: unknown }
  | { readonly kind: "group"; readonly fields: ReadonlyArray<Property> }
  | { readonly kind: "either"; readonly options: ReadonlyArray<Schema> }
  | { readonly kind: "json" }

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

export const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Broken)

/** The value of an own key. */
export const own = (value: unknown, key: string): unknown =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined

/** How many references and `allOf` are followed from one schema: a schema may refer to itself. */
const MAX_HOPS = 20

/** The schema with what it refers to by `$ref` and `allOf`. */
export const resolve = (schema: unknown, root: Schema, hops: number = MAX_HOPS): Schema => {
  if (!isObject(schema) || hops === 0) return {}
  const { $ref, allOf, ...rest } = schema
  const parts = [...(typeof $ref === "string" ? [target($ref, root)] : []), ...(Array.isArray(allOf) ? allOf : [])]
  return parts.reduce<Schema>((all, part) => merge(all, resolve(part, root, hops - 1)), rest)
}

/** Follows `#/$defs/Name`. */
const target = (ref: string, root: Schema): unknown =>
  ref
    .split("/")
    .slice(1)
    .reduce<unknown>((at, key) => own(at, unescaped(key)), root)

const unescaped = (key: string): string => {
  try {
    return decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~")
  } catch {
    return key
  }
}

const merge = (one: Schema, other: Schema): Schema => {
  const [type, otherType] = [one["type"], other["type"]]
  const types = [type, otherType]
  // An integer is a number; other types have no value in common.
  const isWhole = types.includes("integer") && types.includes("number")
  const isConflict = type !== undefined && otherType !== undefined && type !== otherType && !isWhole
  const required = [one["required"], other["required"]].flatMap((names) => (Array.isArray(names) ? names : []))
  const [properties, others] = [one["properties"], other["properties"]]
  return {
    ...other,
    ...one,
    type: isConflict ? undefined : isWhole ? "integer" : (type ?? otherType),
    ...(required.length > 0 && { required }),
    ...(isObject(properties) && isObject(others) && { properties: mergeProperties(properties, others) })
  }
}

const mergeProperties = (one: Schema, other: Schema): Schema => {
  const all = { ...one }
  for (const [name, schema] of Object.entries(other)) {
    all[name] = Object.hasOwn(one, name) ? { allOf: [one[name], schema] } : schema
  }
  return all
}

/** Numbers that JSON has no signs for. */
const NOT_FINITE: ReadonlyArray<unknown> = ["NaN", "Infinity", "-Infinity"]

const alternativesOf = (schema: Schema, root: Schema): ReadonlyArray<Schema> | undefined => {
  if (Array.isArray(schema["type"])) return schema["type"].map((type) => ({ ...schema, type }))
  const listed = schema["anyOf"] ?? schema["oneOf"]
  if (!Array.isArray(listed)) return undefined
  const { anyOf: _, oneOf: __, ...rest } = schema
  const all = listed.map((one) => merge(resolve(one, root), { type: rest["type"] }))
  if (!all.some(({ type }) => type === "number" || type === "integer")) return all
  return all.filter((one) => {
    const shape = shapeOf(one, root)
    return shape.kind !== "choice" || !shape.values.every((value) => NOT_FINITE.includes(value))
  })
}

/** The shape of a resolved schema. */
export const shapeOf = (schema: Schema, root: Schema): Shape => {
  if (Array.isArray(schema["enum"])) return { kind: "choice", values: schema["enum"] }
  if (Object.hasOwn(schema, "const")) return { kind: "choice", values: [schema["const"]] }
  const options = alternativesOf(schema, root)
  if (options !== undefined) return eitherOf(options, root)
  const { type, properties, items } = schema
  switch (type) {
    case "string":
      return { kind: "text" }
    case "number":
    case "integer":
      return { kind: "number", isWhole: type === "integer" }
    case "boolean":
      return { kind: "choice", values: [true, false] }
    case "null":
      return { kind: "choice", values: [null] }
    case "array":
      return isObject(items) && schema["prefixItems"] === undefined ? { kind: "list", item: items } : { kind: "json" }
    case "object": {
      if (!isObject(properties) || schema["patternProperties"] !== undefined) return { kind: "json" }
      const required = Array.isArray(schema["required"]) ? schema["required"] : []
      const fields = Object.entries(properties).map(([name, property]) => ({
        name,
        schema: property,
        isRequired: required.includes(name)
      }))
      return fields.length === 0 && isObject(schema["additionalProperties"])
        ? { kind: "json" }
        : { kind: "group", fields }
    }
    default:
      return { kind: "json" }
  }
}

const eitherOf = (options: ReadonlyArray<Schema>, root: Schema): Shape => {
  if (options.length === 1) return shapeOf(options[0]!, root)
  const shapes = options.map((option) => shapeOf(option, root))
  const values = shapes.flatMap((shape) => (shape.kind === "choice" ? shape.values : []))
  return shapes.every(({ kind }) => kind === "choice") ? { kind: "choice", values } : { kind: "either", options }
}

/** Whether a value is of a shape, as far as the choice between alternatives needs it. */
export const fits = (shape: Shape, value: unknown, root: Schema): boolean => {
  switch (shape.kind) {
    case "text":
      return typeof value === "string"
    case "number":
      return typeof value === "number"
    case "choice":
      return shape.values.includes(value)
    case "list":
      return Array.isArray(value)
    case "group":
      return (
        isObject(value) && shape.fields.every(({ name, isRequired }) => !isRequired || own(value, name) !== undefined)
      )
    case "either":
      return shape.options.some((option) => fits(shapeOf(option, root), value, root))
    case "json":
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
  if (shape.kind !== "group") return undefined
  const entries = depth === 0 ? [] : shape.fields.filter(({ isRequired }) => isRequired)
  return Object.fromEntries(
    entries.flatMap(({ name, schema: of }) => {
      const value = initial(of, root, depth - 1)
      return value === undefined ? [] : [[name, value] as const]
    })
  )
}

/** Whether a text that is not JSON is anywhere in the value. */
export const isBroken = (value: unknown): boolean =>
  value instanceof Broken ||
  (Array.isArray(value) && value.some(isBroken)) ||
  (isObject(value) && Object.values(value).some(isBroken))

/** What to type: the kind of value, its bounds, and its default. */
export const hintsOf = (schema: Schema, shape: Shape): ReadonlyArray<string> => {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern, format } = schema
  const isNumber = shape.kind === "number"
  const least = isNumber ? (minimum ?? schema["exclusiveMinimum"]) : shape.kind === "list" ? minItems : minLength
  const most = isNumber ? (maximum ?? schema["exclusiveMaximum"]) : shape.kind === "list" ? maxItems : maxLength
  // Every whole number that JavaScript counts exactly is no bound worth reading.
  const isBound = (bound: unknown): boolean => typeof bound === "number" && Math.abs(bound) < Number.MAX_SAFE_INTEGER
  const unit = isNumber ? "" : shape.kind === "list" ? " items" : " signs"
  return [
    nameOf(schema, shape),
    isBound(least) && `${isNumber && minimum === undefined ? "more than" : "at least"} ${least}${unit}`,
    isBound(most) && `${isNumber && maximum === undefined ? "less than" : "at most"} ${most}${unit}`,
    schema["multipleOf"] !== undefined && `a multiple of ${schema["multipleOf"]}`,
    typeof format === "string" && `format ${format}`,
    typeof pattern === "string" && `pattern ${pattern}`,
    schema["default"] !== undefined && `default ${JSON.stringify(schema["default"])}`
  ].filter((hint): hint is string => typeof hint === "string" && hint !== "")
}

/** A shape in words. */
export const nameOf = ({ title }: Schema, shape: Shape): string => {
  switch (shape.kind) {
    case "text":
      return "text"
    case "number":
      return shape.isWhole ? "whole number" : "number"
    case "choice":
      return shape.values.length === 1 ? JSON.stringify(shape.values[0]) : ""
    case "list":
      return "list"
    case "group":
      return typeof title === "string" ? title : "object"
    case "either":
      return ""
    case "json":
      return "JSON"
  }
}
