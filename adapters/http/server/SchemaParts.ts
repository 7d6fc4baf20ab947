/** Parts of Schemas that several rooms use. The annotation `expected` becomes the error message for an invalid value. */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { MAX_PRIORITY } from "../../../core/run/Schedule.ts"
import { MAX_MILLIS } from "../../../core/values/OptionCheck.ts"
import { isObject, type JsonObject } from "./Decoding.ts"

/** An optional key. */
export type Optional<A> = Schema.optionalKey<Schema.Codec<A>>

export const text: Schema.Codec<string | null> = Schema.NullOr(Schema.String)
export const millis: Schema.Codec<number | null> = Schema.NullOr(Schema.Finite)
export const strings: Schema.Codec<ReadonlyArray<string>> = Schema.Array(Schema.String)

/** An object with any keys. It is declared, because `Schema.Record` would decode and copy every key. */
export const record: Schema.Codec<JsonObject> = Schema.declare(isObject, {
  expected: "an object",
  toCodecJson: () =>
    Schema.link<JsonObject>()(Schema.Record(Schema.String, Schema.Unknown), SchemaTransformation.passthrough())
})

/** The `expected` text for a few choices. */
export const oneOf = (choices: ReadonlyArray<string>): string =>
  `one of ${choices.map((choice) => `'${choice}'`).join(", ")}`

/** A Schema of a few texts. */
export const choice = <const A extends string>(choices: ReadonlyArray<A>, description?: string): Schema.Codec<A> =>
  Schema.Literals(choices).annotate({
    expected: oneOf(choices),
    ...(description !== undefined && { description })
  })

/** The kind of a pipeline. */
export const kind: Schema.Codec<"dataflow" | "sequential"> = choice(["dataflow", "sequential"])

/** A Schema of any text. */
export const textOf = (expected: string, description?: string): Schema.Codec<string> =>
  Schema.String.annotate({ expected, ...(description !== undefined && { description }) })

/** A Schema of numbers within bounds, both inclusive. */
export const number = (what: string, minimum: number, maximum: number, description: string): Schema.Codec<number> =>
  Schema.Finite.check(Schema.isBetween({ minimum, maximum })).annotate({
    description,
    expected: `${what} from ${minimum} to ${maximum}`
  })

/** A Schema of whole numbers within bounds, both inclusive. */
export const integer = (minimum: number, maximum: number, description?: string): Schema.Codec<number> =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum })).annotate({
    ...(description !== undefined && { description }),
    expected: `a whole number from ${minimum} to ${maximum}`
  })

/** The longest time, in seconds: about ten years. */
export const MAX_SECONDS: number = MAX_MILLIS / 1_000

/** An optional number of seconds. */
export const seconds = (description: string, minimum = 0, maximum: number = MAX_SECONDS): Optional<number> =>
  Schema.optionalKey(number("a number of seconds", minimum, maximum, description))

export const priority: Optional<number> = Schema.optionalKey(integer(-MAX_PRIORITY, MAX_PRIORITY))

/** An optional limit on the number of rows. */
export const limit = (maximum: number, description: string): Optional<number> =>
  Schema.optionalKey(integer(1, maximum, description))

// The zone is required: without one, the server's own zone would apply.
const isInstant = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))

/** An optional instant with a time zone. */
export const instant = (description: string): Optional<string> =>
  Schema.optionalKey(
    Schema.String.annotate({ description, format: "date-time" }).check(
      Schema.makeFilter(isInstant, {
        expected: "an instant such as '2026-11-24T12:00:00Z'; write '+' in a query as '%2B'"
      })
    )
  )

/** An optional cursor, at which a list continues. */
export const cursor = (pattern: RegExp, expected: string, description: string): Optional<string> =>
  Schema.optionalKey(Schema.String.annotate({ description }).check(Schema.isPattern(pattern, { expected })))

/** Whether the answer has values. */
export const values: Optional<boolean> = Schema.optionalKey(
  Schema.Boolean.annotate({
    description: "If false, the answer has no values: no parameters, items, outputs and results. Default: true.",
    expected: "true or false"
  })
)

/** An optional cursor: the `next_cursor` of an earlier list. */
export const nextCursor: Optional<string> = cursor(
  /^[\w-]{1,200}$/u,
  "the `next_cursor` of an earlier list",
  "The `next_cursor` of an earlier list."
)
