/** Reads bodies and queries, and says everything that is wrong with them at once. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { type Problem, summary } from "../../../core/values/Failure.ts"
import { BadRequest } from "./Failures.ts"

/** Finds what is wrong while it reads. */
export class Reader {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #what: "body" | "query"
  readonly problems: Array<Problem> = []

  constructor(values: Readonly<Record<string, unknown>>, what: "body" | "query") {
    this.#values = values
    this.#what = what
  }

  /** The value of a key when it is there and as expected. */
  take<A>(key: string, isExpected: (value: unknown) => value is A, expected: string): A | undefined {
    const value = this.#values[key]
    if (value === undefined) return undefined
    if (isExpected(value)) return value
    this.problems.push({ path: [key], message: `Expected ${expected}` })
    return undefined
  }

  number(key: string, least: number, most: number, what: string, isWhole = false): number | undefined {
    const fits = (value: unknown): value is number =>
      typeof value === "number" && value >= least && value <= most && (!isWhole || Number.isSafeInteger(value))
    return this.take(key, fits, `${what} from ${least} to ${most}`)
  }

  among<A extends string>(key: string, choices: ReadonlyArray<A>): A | undefined {
    const fits = (value: unknown): value is A => choices.includes(value as A)
    return this.take(key, fits, `one of ${choices.map((choice) => `'${choice}'`).join(", ")}`)
  }

  /** An instant, in milliseconds since 1970. */
  instant(key: string): number | undefined {
    const text = this.take(
      key,
      isInstant,
      "an instant such as '2026-11-24T12:00:00Z'; a '+' in a query is written '%2B'"
    )
    return text === undefined ? undefined : Date.parse(text)
  }

  cursor(): string | undefined {
    return this.take("cursor", isCursor, "the `next_cursor` of an earlier list")
  }

  missing(key: string, message: string): void {
    this.problems.push({ path: [key], message })
  }

  /** What was read, unless something is wrong with it. */
  result<A>(read: () => A): Result.Result<A, BadRequest> {
    return this.problems.length > 0 ? Result.fail(invalid(this.#what, this.problems)) : Result.succeed(read())
  }
}

/** A reader of a body that has these keys and no others. */
export const bodyReader = (body: unknown, keys: ReadonlyArray<string>): Result.Result<Reader, BadRequest> => {
  if (!Predicate.isObject(body)) {
    return Result.fail(invalid("body", [{ path: [], message: "Expected an object" }]))
  }
  const reader = new Reader(body, "body")
  for (const key of Object.keys(body)) {
    if (!keys.includes(key)) reader.missing(key.slice(0, 100), `Unknown; the body's keys are: ${keys.join(", ")}`)
  }
  return Result.succeed(reader)
}

export const isText = (value: unknown): value is string => typeof value === "string"
export const isFlag = (value: unknown): value is boolean => typeof value === "boolean"
export const isTexts = (value: unknown): value is ReadonlyArray<string> => Array.isArray(value) && value.every(isText)
export const isNames = (value: unknown): value is ReadonlyArray<string> => isTexts(value) && value.length > 0
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => Predicate.isObject(value)

/** What is a number in a query. */
const NUMBERS: ReadonlySet<string> = new Set(["limit", "window"])

/** A reader of a query. */
export const queryReader = (query: string): Reader =>
  new Reader(
    Object.fromEntries(
      Array.from(new URLSearchParams(query)).map(([key, value]) => [key, NUMBERS.has(key) ? number(value) : value])
    ),
    "query"
  )

// With a zone: without one, it would be the server's.
const isInstant = (value: unknown): value is string =>
  isText(value) && /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value))

const isCursor = (value: unknown): value is string => isText(value) && /^[\w-]{1,200}$/.test(value)

/** The refusal of what was sent. */
export const invalid = (what: "body" | "query", problems: ReadonlyArray<Problem>): BadRequest =>
  new BadRequest(
    400,
    what === "body" ? "BodyInvalidError" : "QueryInvalidError",
    `The request does not fit: ${summary(problems)}`,
    { problems }
  )

/** Without the keys that have no value. */
export type Defined<A> = { readonly [K in keyof A]?: Exclude<A[K], undefined> }

export const withoutUndefined = <A extends object>(record: A): Defined<A> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<A>

/** A query's yes or no; anything else is left to be refused. */
export const flag = (value: string | null): boolean | string | undefined =>
  value === null ? undefined : /^(?:true|1)$/i.test(value) ? true : /^(?:false|0)$/i.test(value) ? false : value

export const number = (value: string | null): number | undefined =>
  value === null ? undefined : value.trim() === "" ? Number.NaN : Number(value)
