/** Decodes bodies, queries and messages with the Schemas that describe them, and reports every problem at once. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import { type Problem, summary } from "../../../core/values/Failure.ts"
import { BadRequest } from "./Failures.ts"

/** The Schema of an object. The annotation `expected` of each key's Schema, which it must have, says in a message which values it accepts. */
export interface ObjectSchema<A> extends Schema.Codec<A> {
  readonly fields: { readonly [key: string]: Schema.Constraint }
}

/** The decoded value, or every problem with it. */
export type Decoded<A> = Result.Result<A, ReadonlyArray<Problem>>

/** Decodes parsed JSON. */
export type Decode<A> = (json: unknown) => Decoded<A>

/** An object of JSON values. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Makes a decoder of objects that refuses keys which the Schema does not have. `misplaced` gives the messages for keys that
 * belong to another kind of request.
 */
export const exact = <A>(schema: ObjectSchema<A>, misplaced: Readonly<Record<string, string>> = {}): Decode<A> => {
  const { fields } = schema
  const unknown = `Unknown; the body's keys are: ${Object.keys(fields).join(", ")}`
  return decoder(schema, true, (key) => (Object.hasOwn(misplaced, key) ? misplaced[key]! : unknown))
}

/** Makes a decoder of objects that ignores keys which the Schema does not have. */
export const open = <A>(schema: ObjectSchema<A>): Decode<A> => decoder(schema, false, () => "Unknown")

const decoder = <A>(schema: ObjectSchema<A>, isExact: boolean, unexpected: (key: string) => string): Decode<A> => {
  const { fields } = schema
  const expected = expectedOf(fields)
  // Collecting all errors takes three times as long, so it is done only for invalid requests.
  const decode = Schema.decodeUnknownResult(schema)
  const decodeAll = Schema.decodeUnknownResult(schema, {
    errors: "all",
    onExcessProperty: isExact ? "error" : "ignore"
  })
  return (json) => {
    const decoded = decode(json)
    if (Result.isSuccess(decoded) && (!isExact || hasOnly(json as JsonObject, fields))) {
      return Result.succeed(decoded.success)
    }
    return Result.mapError(decodeAll(json), ({ issue }) => problems(issue, expected, unexpected))
  }
}

const hasOnly = (json: JsonObject, fields: object): boolean => {
  for (const key of Object.keys(json)) if (!Object.hasOwn(fields, key)) return false
  return true
}

/** The values that each key accepts, in words. Throws for a Schema without them, so that no message leaves them out. */
const expectedOf = (fields: ObjectSchema<unknown>["fields"]): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(fields).map(([key, field]) => {
      const expected = Schema.resolveAnnotations(field)?.expected
      if (expected === undefined) throw new Error(`The Schema of '${key}' has no annotation 'expected'`)
      return [key, expected]
    })
  )

/** At most one problem per key: it names what the key's whole value should be. */
const problems = (
  issue: SchemaIssue.Issue,
  expected: ReadonlyMap<string, string>,
  unexpected: (key: string) => string
): ReadonlyArray<Problem> => {
  if (issue._tag !== "Composite") return [{ path: [], message: "Expected an object" }]
  return issue.issues.flatMap((at) => {
    if (at._tag !== "Pointer") return []
    const key = String(at.path[0])
    return [{ path: [key.slice(0, MAX_KEY)], message: messageOf(at.issue, key, expected, unexpected) }]
  })
}

/** The longest part of a key that a problem shows, in UTF-16 units. */
const MAX_KEY = 100

const messageOf = (
  issue: SchemaIssue.Issue,
  key: string,
  expected: ReadonlyMap<string, string>,
  unexpected: (key: string) => string
): string => {
  if (issue._tag === "UnexpectedKey") return unexpected(key)
  if (issue._tag !== "MissingKey") return `Expected ${expected.get(key)}`
  return issue.annotations?.messageMissingKey ?? `Missing; expected ${expected.get(key)}`
}

/** The first value of each key of a Schema in a query string, as number or boolean where the Schema has one, otherwise as text. */
export const fromQuery = ({ fields }: ObjectSchema<unknown>, query: string): JsonObject => {
  const values: Record<string, unknown> = {}
  if (query === "") return values
  const given = new URLSearchParams(query)
  for (const key of Object.keys(fields)) {
    const text = given.get(key)
    if (text !== null) values[key] = fromText(fields[key]!, text)
  }
  return values
}

/** Parses a text from a query or a header as number or boolean if the Schema is one. A text that does not parse is returned, and the Schema refuses it. */
export const fromText = ({ ast }: Schema.Constraint, text: string): unknown => {
  if (ast._tag === "Number") return text.trim() === "" ? text : Number(text)
  if (ast._tag === "Boolean") return /^(?:true|1)$/i.test(text) ? true : /^(?:false|0)$/i.test(text) ? false : text
  return text
}

/** Decodes `strong` merged over `weak`. A weak value that a strong one overrides must be valid too. */
export const decodeMerged = <A>(decode: Decode<A>, weak: JsonObject, strong: JsonObject): Decoded<A> => {
  const overridden = Object.keys(weak).filter((key) => Object.hasOwn(strong, key))
  const decoded = decode({ ...weak, ...strong })
  if (overridden.length === 0) return decoded
  return withProblems(problemsOf(decode(Object.fromEntries(overridden.map((key) => [key, weak[key]])))), decoded)
}

const problemsOf = (decoded: Decoded<unknown>): ReadonlyArray<Problem> =>
  Result.isSuccess(decoded) ? [] : decoded.failure

/** Adds problems found elsewhere to a decoded value, which then fails. */
export const withProblems = <A>(found: ReadonlyArray<Problem>, decoded: Decoded<A>): Decoded<A> =>
  found.length === 0 ? decoded : Result.fail([...found, ...problemsOf(decoded)])

/** The refusal of an invalid request. */
export const invalid = (what: "body" | "query", found: ReadonlyArray<Problem>): BadRequest =>
  new BadRequest(
    400,
    what === "body" ? "BodyInvalidError" : "QueryInvalidError",
    `The request is invalid: ${summary(found)}`,
    { problems: found }
  )

/** Decodes a body, or refuses the request. */
export const body =
  <A>(decode: Decode<A>): ((json: unknown) => Result.Result<A, BadRequest>) =>
  (json) =>
    Result.mapError(decode(json), (found) => invalid("body", found))

/** Makes a decoder of query strings. Keys that the Schema does not have are ignored. */
export const query = <A>(schema: ObjectSchema<A>): ((query: string) => Result.Result<A, BadRequest>) => {
  const decode = open(schema)
  return (query) => Result.mapError(decode(fromQuery(schema, query)), (found) => invalid("query", found))
}

/** A record without the keys whose values are undefined. */
export type Defined<A> = { readonly [K in keyof A]?: Exclude<A[K], undefined> }

/** Removes the keys whose values are undefined. */
export const withoutUndefined = <A extends object>(record: A): Defined<A> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<A>

/** Whether a value is an object and not an array. */
export const isObject = (value: unknown): value is JsonObject => Predicate.isObject(value)
