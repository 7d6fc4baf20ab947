/**
 * Codecs of the values of a run. Every Store keeps values as JSON text, so that runs behave the same in memory and on
 * Redis, and no task can change a value that another task reads.
 */
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Problem } from "../values/Errors.ts"
import * as PlainJson from "./PlainJson.ts"
import * as RoundTrip from "./RoundTrip.ts"

/**
 * All parameters of a run, all inputs of a step and all outputs of a step have together at most this many times the bytes
 * of one value.
 */
export const MAX_TOGETHER = 16

/** JSON text of one value. */
export type Json = string

/** A schema that needs no services. `optionalKey`, `optional` and decoding defaults make its key optional. */
export type Field = Schema.Constraint & {
  readonly DecodingServices: never
  readonly EncodingServices: never
}

/** Whether a value is a schema. */
export const isField = (value: unknown): value is Field => Schema.isSchema(value) && SchemaAST.isAST(value.ast)

/** Named schemas: the inputs or the outputs of a task. */
export interface Fields {
  readonly [key: PropertyKey]: Field
}

/** Encodes the value of one key as JSON text and decodes it; reports the problems of invalid values. */
export interface Codec {
  readonly encode: (value: unknown) => Result.Result<Json, ReadonlyArray<Problem>>
  readonly decode: (text: Json) => Result.Result<unknown, ReadonlyArray<Problem>>
  /** Decodes JSON that is already parsed. */
  readonly read: (json: unknown) => Result.Result<unknown, ReadonlyArray<Problem>>
  /** The value of an absent key: its decoding default, or none. */
  readonly absent: () => Option.Option<unknown>
}

const problemsOf = SchemaIssue.makeFormatterStandardSchemaV1()

const problems = (error: unknown): ReadonlyArray<Problem> => {
  if (!Schema.isSchemaError(error))
    return [{ path: [], message: error instanceof Error ? error.message : String(error) }]
  return problemsOf(error.issue).issues.map((issue) => ({
    path: (issue.path ?? []).map((key) =>
      typeof key === "object" ? String(key.key) : typeof key === "symbol" ? String(key) : key
    ),
    message: inPlainWords(issue.message)
  }))
}

// JSON has no Infinity, so the codec of a number accepts these strings too. A client's mistake is easier to see without them.
const inPlainWords = (message: string): string =>
  message.replace(/(?:number \| )?"Infinity" \| "-Infinity" \| "NaN"/g, "number")

const failureOf = (exit: Exit.Failure<unknown, unknown>): ReadonlyArray<Problem> => {
  const reason = exit.cause.reasons[0]
  return problems(reason?._tag === "Fail" ? reason.error : reason?._tag === "Die" ? reason.defect : exit.cause)
}

const everyProblem = { errors: "all" } as const

const schemaCodec = (field: Field): Codec => {
  const json = Schema.toCodecJson(field as Schema.Codec<unknown, unknown>)
  const encodeExit = Schema.encodeUnknownExit(json, everyProblem)
  const decodeExit = Schema.decodeUnknownExit(json, everyProblem)
  const decodeRecord = Schema.decodeUnknownExit(
    Schema.toCodecJson(Schema.Struct({ value: field })) as Schema.Codec<{ readonly value?: unknown }, unknown>
  )
  const read: Codec["read"] = (value) => {
    const exit = decodeExit(value)
    return Exit.isSuccess(exit) ? Result.succeed(exit.value) : Result.fail(failureOf(exit))
  }
  const write: Codec["encode"] = (value) => {
    const exit = encodeExit(value)
    if (Exit.isFailure(exit)) return Result.fail(located(failureOf(exit), value))
    return Result.mapError(stringify(exit.value), (found) => {
      const problem = PlainJson.problem(exit.value)
      return problem === undefined ? found : [problem]
    })
  }
  return {
    encode: RoundTrip.canLose(field.ast) ? verified(field, write, read) : write,
    decode: (text) => read(JSON.parse(text)),
    read,
    absent: () => {
      const exit = decodeRecord({})
      return Exit.isSuccess(exit) && Object.hasOwn(exit.value, "value") ? Option.some(exit.value.value) : Option.none()
    }
  }
}

/** An encoder that decodes its result, and refuses a value that comes out different. */
const verified = (field: Field, write: Codec["encode"], read: Codec["read"]): Codec["encode"] => {
  const compare = RoundTrip.compareOf(field.ast)
  return (value) =>
    Result.flatMap(write(value), (text) =>
      Result.flatMap(read(JSON.parse(text)), (decoded) => {
        const problem = compare(value, decoded, [])
        return problem === undefined ? Result.succeed(text) : Result.fail([problem])
      })
    )
}

/** Adds the exact path to problems with values that are no JSON: of a value of any type, effect names only the whole. */
const located = (found: ReadonlyArray<Problem>, value: unknown): ReadonlyArray<Problem> =>
  found.map((problem) => {
    if (problem.message !== "Expected JSON value") return problem
    const part = problem.path.reduce<unknown>(
      (whole, key) =>
        typeof whole === "object" && whole !== null ? (whole as Record<string, unknown>)[key] : undefined,
      value
    )
    const inner = PlainJson.problem(part)
    return inner === undefined ? problem : { ...inner, path: [...problem.path, ...inner.path] }
  })

/** A value as JSON text. Fails for a value that is no JSON or is nested too deeply. */
export const stringify = (value: unknown): Result.Result<Json, ReadonlyArray<Problem>> => {
  try {
    const text = JSON.stringify(value)
    return text === undefined
      ? Result.fail([{ path: [], message: "Expected a JSON value, received undefined" }])
      : Result.succeed(text)
  } catch (error) {
    return Result.fail(problems(error))
  }
}

/** JSON text with the keys of all objects sorted, so that equal values have equal texts. */
export const canonical = (text: Json): Json => (text.includes("{") ? JSON.stringify(JSON.parse(text), sorted) : text)

const sorted = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value

type Primitive = "string" | "number" | "boolean"

const isPrimitive = (value: unknown, type: Primitive): boolean =>
  typeof value === type && (type !== "number" || Number.isFinite(value))

/** A fast codec for strings, finite numbers and booleans, which most values are; `slow` handles all other values. */
const primitiveCodec = (type: Primitive, slow: Codec): Codec => ({
  ...slow,
  encode:
    type === "string"
      ? (value) => (isPrimitive(value, type) ? Result.succeed(JSON.stringify(value)) : slow.encode(value))
      : (value) => (isPrimitive(value, type) ? Result.succeed(String(value)) : slow.encode(value)),
  decode: (text) => {
    const value: unknown = JSON.parse(text)
    return isPrimitive(value, type) ? Result.succeed(value) : slow.read(value)
  },
  read: (value) => (isPrimitive(value, type) ? Result.succeed(value) : slow.read(value))
})

const PRIMITIVES: { readonly [tag: string]: Primitive } = { String: "string", Number: "number", Boolean: "boolean" }

const build = (field: Field): Codec => {
  const { _tag, checks, encoding } = field.ast
  const type = checks === undefined && encoding === undefined ? PRIMITIVES[_tag] : undefined
  return type === undefined ? schemaCodec(field) : primitiveCodec(type, schemaCodec(field))
}

/** The problems of parsed JSON for a field; an empty list when it is valid. */
export const check = (field: Field, json: unknown): ReadonlyArray<Problem> => {
  const read = codec(field).read(json)
  return Result.isSuccess(read) ? [] : read.failure
}

const codecs = new WeakMap<object, Codec>()

/** The codec of a field, built on first use and shared by every field of the same schema. */
export const codec = (field: Field): Codec => {
  let found = codecs.get(field.ast)
  if (found === undefined) {
    found = build(field)
    codecs.set(field.ast, found)
  }
  return found
}

const jsonSchemas = new WeakMap<object, JsonSchema | undefined>()

/** A JSON Schema, with the definitions that several of its parts share. */
export type JsonSchema = ReturnType<typeof Schema.toJsonSchemaDocument>

/** The JSON Schema of a field's values as Stores keep them, made on first use; undefined for a schema that has none. */
export const jsonSchema = (field: Field): JsonSchema | undefined => {
  if (!jsonSchemas.has(field.ast)) jsonSchemas.set(field.ast, toJsonSchema(field))
  return jsonSchemas.get(field.ast)
}

const toJsonSchema = (field: Field): JsonSchema | undefined => {
  try {
    return Schema.toJsonSchemaDocument(Schema.toCodecJson(field as Schema.Codec<unknown, unknown>))
  } catch {
    return undefined
  }
}

/** Whether the key of a field may be absent before decoding: the field is optional or has a default. */
export const isOptional = (field: Field): boolean => SchemaAST.isOptional(SchemaAST.toEncoded(field.ast))
