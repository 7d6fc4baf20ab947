/** Decodes bodies, queries and messages by the Schemas that describe them, and reports every problem at once. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import { type Problem, summary } from "../../../core/values/Failure.ts"
import { BadRequest } from "./Failures.ts"

/** The Schema of an object. The annotation `expected` of each key's Schema says in words which values it takes. */
export interface ObjectSchema<A> extends Schema.Codec<A> {
  readonly fields: { readonly [key: string]: Schema.Constraint }
}

/** What was decoded, or everything that is wrong with it. */
export type Decoded<A> = Result.Result<A, ReadonlyArray<Problem>>

/** Decodes parsed JSON. */
export type Decode<A> = (json: unknown) => Decoded<A>

/** An object of JSON values. */
export type JsonObject = Readonly<Record<string, unknown>>

/** A decoder of objects that have the Schema's keys and no others. `misplaced` says of a key of another kind of request why it is refused. */
export const exact = <A>(schema: ObjectSchema<A>, misplaced: Readonly<Record<string, string>> = {}): Decode<A> => {
  const { fields } = schema
  const unknown = `Unknown; the body's keys are: ${Object.keys(fields).join(", ")}`
  return decoder(schema, true, (key) => (Object.hasOwn(misplaced, key) ? misplaced[key]! : unknown))
}

/** A decoder of objects that may have more keys than the Schema. */
export const open = <A>(schema: ObjectSchema<A>): Decode<A> => decoder(schema, false, () => "Unknown")

const decoder = <A>(schema: ObjectSchema<A>, isExact: boolean, unexpected: (key: string) => string): Decode<A> => {
  const { fields } = schema
  // With options, effect takes three times as long: they are for requests that do not fit.
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
    return Result.mapError(decodeAll(json), ({ issue }) => problems(issue, fields, unexpected))
  }
}

const hasOnly = (json: JsonObject, fields: object): boolean => {
  for (const key of Object.keys(json)) if (!Object.hasOwn(fields, key)) return false
  return true
}

/** One problem for each key: what is expected of a value is said of the whole value. */
const problems = (
  issue: SchemaIssue.Issue,
  fields: ObjectSchema<unknown>["fields"],
  unexpected: (key: string) => string
): ReadonlyArray<Problem> => {
  if (issue._tag !== "Composite") return [{ path: [], message: "Expected an object" }]
  return issue.issues.flatMap((at) => {
    if (at._tag !== "Pointer") return []
    const key = String(at.path[0])
    return [{ path: [key.slice(0, MAX_KEY)], message: messageOf(at.issue, key, fields, unexpected) }]
  })
}

/** How much of a key is told, in UTF-16 units. */
const MAX_KEY = 100

const messageOf = (
  issue: SchemaIssue.Issue,
  key: string,
  fields: ObjectSchema<unknown>["fields"],
  unexpected: (key: string) => string
): string => {
  if (issue._tag === "UnexpectedKey") return unexpected(key)
  const expected = Schema.resolveAnnotations(fields[key]!)?.expected ?? "another value"
  if (issue._tag !== "MissingKey") return `Expected ${expected}`
  return issue.annotations?.messageMissingKey ?? `Missing; expected ${expected}`
}

/** The values of a query by the keys of a Schema, of each key the first: numbers and booleans where the Schema has them, texts elsewhere. */
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

/** The JSON value that a text in a query or a header stands for. A text that does not fit stays a text, and is refused as one. */
export const fromText = ({ ast }: Schema.Constraint, text: string): unknown => {
  if (ast._tag === "Number") return text.trim() === "" ? text : Number(text)
  if (ast._tag === "Boolean") return /^(?:true|1)$/i.test(text) ? true : /^(?:false|0)$/i.test(text) ? false : text
  return text
}

/** Decodes `strong` over `weak`: of a key that both have, the strong value counts, and the weak one has to be right too. */
export const layered = <A>(decode: Decode<A>, weak: JsonObject, strong: JsonObject): Decoded<A> => {
  const overridden = Object.keys(weak).filter((key) => Object.hasOwn(strong, key))
  const decoded = decode({ ...weak, ...strong })
  if (overridden.length === 0) return decoded
  return also(problemsOf(decode(Object.fromEntries(overridden.map((key) => [key, weak[key]])))), decoded)
}

const problemsOf = (decoded: Decoded<unknown>): ReadonlyArray<Problem> =>
  Result.isSuccess(decoded) ? [] : decoded.failure

/** What was decoded, unless something else is wrong. */
export const also = <A>(found: ReadonlyArray<Problem>, decoded: Decoded<A>): Decoded<A> =>
  found.length === 0 ? decoded : Result.fail([...found, ...problemsOf(decoded)])

/** The refusal of a request that does not fit. */
export const invalid = (what: "body" | "query", found: ReadonlyArray<Problem>): BadRequest =>
  new BadRequest(
    400,
    what === "body" ? "BodyInvalidError" : "QueryInvalidError",
    `The request does not fit: ${summary(found)}`,
    { problems: found }
  )

/** Decodes a body, or refuses the request. */
export const body =
  <A>(decode: Decode<A>): ((json: unknown) => Result.Result<A, BadRequest>) =>
  (json) =>
    Result.mapError(decode(json), (found) => invalid("body", found))

/** A decoder of queries. Keys that the Schema does not have are passed over. */
export const query = <A>(schema: ObjectSchema<A>): ((query: string) => Result.Result<A, BadRequest>) => {
  const decode = open(schema)
  return (query) => Result.mapError(decode(fromQuery(schema, query)), (found) => invalid("query", found))
}

/** A record without the keys that have no value. */
export type Defined<A> = { readonly [K in keyof A]?: Exclude<A[K], undefined> }

/** Leaves out the keys that have no value. */
export const withoutUndefined = <A extends object>(record: A): Defined<A> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<A>

/** Whether a value is an object, and no array. */
export const isObject = (value: unknown): value is JsonObject => Predicate.isObject(value)
