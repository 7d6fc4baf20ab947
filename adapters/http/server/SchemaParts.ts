/** Parts that the Schemas of several rooms have in common. `expected` is what a refusal says of a value that does not fit. */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { MAX_PRIORITY } from "../../../core/run/Schedule.ts"
import { MAX_MILLIS } from "../../../core/values/OptionCheck.ts"
import { isObject, type JsonObject } from "./Decoding.ts"

/** A key that may be left out. */
export type Optional<A> = Schema.optionalKey<Schema.Codec<A>>

export const text: Schema.Codec<string | null> = Schema.NullOr(Schema.String)
export const millis: Schema.Codec<number | null> = Schema.NullOr(Schema.Finite)
export const strings: Schema.Codec<ReadonlyArray<string>> = Schema.Array(Schema.String)

/** An object with any keys. A declaration, because `Schema.Record` decodes and copies every key. */
export const record: Schema.Codec<JsonObject> = Schema.declare(isObject, {
  expected: "an object",
  toCodecJson: () =>
    Schema.link<JsonObject>()(Schema.Record(Schema.String, Schema.Unknown), SchemaTransformation.passthrough())
})

/** What is expected where there are a few choices. */
export const oneOf = (choices: ReadonlyArray<string>): string =>
  `one of ${choices.map((choice) => `'${choice}'`).join(", ")}`

/** One of a few texts. */
export const choice = <const A extends string>(choices: ReadonlyArray<A>, description?: string): Schema.Codec<A> =>
  Schema.Literals(choices).annotate({
    expected: oneOf(choices),
    ...(description !== undefined && { description })
  })

/** One of the two kinds of pipelines. */
export const kind: Schema.Codec<"dataflow" | "sequential"> = choice(["dataflow", "sequential"])

/** A text. */
export const textOf = (expected: string, description?: string): Schema.Codec<string> =>
  Schema.String.annotate({ expected, ...(description !== undefined && { description }) })

/** A number within bounds. */
export const number = (what: string, minimum: number, maximum: number, description: string): Schema.Codec<number> =>
  Schema.Finite.check(Schema.isBetween({ minimum, maximum })).annotate({
    description,
    expected: `${what} from ${minimum} to ${maximum}`
  })

/** A whole number within bounds. */
export const integer = (minimum: number, maximum: number, description?: string): Schema.Codec<number> =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum })).annotate({
    ...(description !== undefined && { description }),
    expected: `a whole number from ${minimum} to ${maximum}`
  })

/** The longest time, in seconds: about ten years. */
export const MAX_SECONDS: number = MAX_MILLIS / 1_000

/** A time in seconds, which may be left out. */
export const seconds = (description: string, minimum = 0, maximum: number = MAX_SECONDS): Optional<number> =>
  Schema.optionalKey(number("seconds", minimum, maximum, description))

export const priority: Optional<number> = Schema.optionalKey(integer(-MAX_PRIORITY, MAX_PRIORITY))

/** How many rows a list has at most. */
export const limit = (maximum: number, description: string): Optional<number> =>
  Schema.optionalKey(integer(1, maximum, description))

// With a zone: without one, it would be the server's.
const isInstant = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))

/** An instant with its zone. */
export const instant = (description: string): Optional<string> =>
  Schema.optionalKey(
    Schema.String.annotate({ description, format: "date-time" }).check(
      Schema.makeFilter(isInstant, {
        expected: "an instant such as '2026-11-24T12:00:00Z'; a '+' in a query is written '%2B'"
      })
    )
  )

/** Where a list goes on. */
export const cursor = (pattern: RegExp, expected: string, description: string): Optional<string> =>
  Schema.optionalKey(Schema.String.annotate({ description }).check(Schema.isPattern(pattern, { expected })))

/** What `next_cursor` says. */
export const nextCursor: Optional<string> = cursor(
  /^[\w-]{1,200}$/u,
  "the `next_cursor` of an earlier list",
  "The `next_cursor` of an earlier list."
)
