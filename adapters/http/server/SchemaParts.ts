/** What the schemas of several routes have in common. */
import * as Schema from "effect/Schema"
import { MAX_PRIORITY } from "../../../core/run/Schedule.ts"
import { MAX_NAME_LENGTH } from "../../../core/values/Name.ts"
import { MAX_MILLIS } from "../../../core/values/OptionCheck.ts"

/** What may be left out. */
type Optional<A> = Schema.optionalKey<Schema.Codec<A>>

export const text: Schema.Codec<string | null> = Schema.NullOr(Schema.String)
export const millis: Schema.Codec<number | null> = Schema.NullOr(Schema.Finite)
export const strings: Schema.Codec<ReadonlyArray<string>> = Schema.Array(Schema.String)
export const record: Schema.Codec<Readonly<Record<string, unknown>>> = Schema.Record(Schema.String, Schema.Unknown)

/** One of the two kinds of pipelines. */
export const kind: Schema.Codec<"dataflow" | "sequential"> = Schema.Literals(["dataflow", "sequential"])

/** The longest time, in seconds. */
export const MAX_SECONDS: number = MAX_MILLIS / 1_000

/** A time in seconds, which may be left out. */
export const seconds = (description: string, minimum = 0): Optional<number> =>
  Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum, maximum: MAX_SECONDS })).annotate({ description }))

export const priority: Optional<number> = Schema.optionalKey(
  Schema.Int.check(Schema.isBetween({ minimum: -MAX_PRIORITY, maximum: MAX_PRIORITY }))
)

/** How many rows a list has at most. */
export const limit = (maximum: number, description: string): Optional<number> =>
  Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum })).annotate({ description }))

/** An instant with its zone. */
export const instant = (description: string): Optional<string> =>
  Schema.optionalKey(Schema.String.annotate({ description, format: "date-time" }))

/** Where a list goes on. */
export const cursor = (pattern: RegExp, description: string): Optional<string> =>
  Schema.optionalKey(Schema.String.annotate({ description }).check(Schema.isPattern(pattern)))

/** What `next_cursor` says. */
export const nextCursor: Optional<string> = cursor(/^[\w-]{1,200}$/u, "The `next_cursor` of an earlier list.")

/** A name: of a schedule, a step or a pipeline. */
export const name = (description: string): Optional<string> =>
  Schema.optionalKey(
    Schema.String.annotate({ description }).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(MAX_NAME_LENGTH),
      // biome-ignore lint/suspicious/noControlCharactersInRegex: names have none
      Schema.isPattern(/^[^\u0000-\u001f\u007f]*$/u)
    )
  )
