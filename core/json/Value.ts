/**
 * Values on their way through a run. A Store keeps a value as JSON text, so that a run in memory and a run on Redis
 * hold the same thing and no task can change what another one reads.
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

/** How many times the longest value may be kept together: all parameters of a run, all inputs and all outputs of a step. */
export const MAX_TOGETHER = 16

/** JSON text of one value. */
export type Json = string

/** Any schema that needs no services; `optionalKey`, `optional` and decoding defaults make a key optional. */
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

/** Turns one key's value into JSON text and back, and says what is wrong with it. */
export interface Codec {
  readonly encode: (value: unknown) => Result.Result<Json, ReadonlyArray<Problem>>
  readonly decode: (text: Json) => Result.Result<unknown, ReadonlyArray<Problem>>
  /** The same for JSON that is parsed already. */
  readonly read: (json: unknown) => Result.Result<unknown, ReadonlyArray<Problem>>
  /** What decoding makes of an absent key: its default, or none. */
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

// JSON has no Infinity, so the codec of a number takes these texts too; whoever sent another text meant a number.
const inPlainWords = (message: string): string =>
  message.replace(/(?:number \| )?"Infinity" \| "-Infinity" \| "NaN"/g, "number")

const failureOf = (exit: Exit.Failure<unknown, unknown>): ReadonlyArray<Problem> => {
  const reason = exit.cause.reasons[0]
  return problems(reason?._tag === "Fail" ? reason.error : reason?._tag === "Die" ? reason.defect : exit.cause)
}

const everyProblem = { errors: "all" } as const

const general = (field: Field): Codec => {
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
    encode: RoundTrip.canLose(field.ast) ? proven(field, write, read) : write,
    decode: (text) => read(JSON.parse(text)),
    read,
    absent: () => {
      const exit = decodeRecord({})
      return Exit.isSuccess(exit) && Object.hasOwn(exit.value, "value") ? Option.some(exit.value.value) : Option.none()
    }
  }
}

/** Writes a value only if it is read back as it was. */
const proven = (field: Field, write: Codec["encode"], read: Codec["read"]): Codec["encode"] => {
  const compare = RoundTrip.compareOf(field.ast)
  return (value) =>
    Result.flatMap(write(value), (text) =>
      Result.flatMap(read(JSON.parse(text)), (back) => {
        const problem = compare(value, back, [])
        return problem === undefined ? Result.succeed(text) : Result.fail([problem])
      })
    )
}

/** Problems with where in a value it is that is no JSON: of all that is let through as it is, effect names only the whole. */
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

/** A value as JSON text; what is no JSON, or is nested too deeply, is a problem. */
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

/** The same text for the same value, in whatever order the keys of its objects came. */
export const canonical = (text: Json): Json => (text.includes("{") ? JSON.stringify(JSON.parse(text), sorted) : text)

const sorted = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value

type Plain = "string" | "number" | "boolean"

const isPlain = (value: unknown, type: Plain): boolean =>
  typeof value === type && (type !== "number" || Number.isFinite(value))

/** Strings, finite numbers and booleans are most of what flows and are their own JSON: no schema machinery for them. */
const plain = (type: Plain, slow: Codec): Codec => ({
  ...slow,
  encode:
    type === "string"
      ? (value) => (isPlain(value, type) ? Result.succeed(JSON.stringify(value)) : slow.encode(value))
      : (value) => (isPlain(value, type) ? Result.succeed(String(value)) : slow.encode(value)),
  decode: (text) => {
    const value: unknown = JSON.parse(text)
    return isPlain(value, type) ? Result.succeed(value) : slow.read(value)
  },
  read: (value) => (isPlain(value, type) ? Result.succeed(value) : slow.read(value))
})

const PLAIN: { readonly [tag: string]: Plain } = { String: "string", Number: "number", Boolean: "boolean" }

const build = (field: Field): Codec => {
  const { _tag, checks, encoding } = field.ast
  const type = checks === undefined && encoding === undefined ? PLAIN[_tag] : undefined
  return type === undefined ? general(field) : plain(type, general(field))
}

/** What is wrong with parsed JSON; nothing when it can be read. */
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

/** A schema and those that several of its places share. */
export type JsonSchema = ReturnType<typeof Schema.toJsonSchemaDocument>

/** What is kept of a field's values as JSON Schema, made on first use; undefined for a schema that has none. */
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

/** Whether a field may be left out of what is decoded: it is optional, or has a default. */
export const isOptional = (field: Field): boolean => SchemaAST.isOptional(SchemaAST.toEncoded(field.ast))
