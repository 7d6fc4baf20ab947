/** Requests to the routes of live events: their types, Schemas and decoding. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import type { HttpRequest } from "../server/Message.ts"
import type { Optional } from "../server/SchemaParts.ts"
import { EVENT_TYPES, type EventType } from "./EventWire.ts"

/** The content type of live events. */
export const EVENT_STREAM = "text/event-stream"

/** The query of `GET /runs/{task_id}/events`. */
export interface EventsQuery {
  /** Only events after this sequence. Default: 0. */
  readonly after?: number
  /** Event types, separated by commas. Default: all. */
  readonly types?: string
  /** Whether events have `input` and `result`. Default: true. */
  readonly values?: boolean
}

/** The query of `GET /events` and `GET /pipelines/{pipeline_id}/events`. */
export interface FeedQuery {
  /** Only events after the one with this id; `0` begins with the oldest event that is kept. Default: only new events. */
  readonly after?: string
  /** Event types, separated by commas. Default: all. */
  readonly types?: string
  /** Whether events have `input` and `result`. Default: true. */
  readonly values?: boolean
}

const one = `(?:${EVENT_TYPES.join("|")})`
const types = Schema.optionalKey(
  Schema.String.annotate({
    description: `Event types, separated by commas: ${EVENT_TYPES.join(", ")}. Default: all.`
  }).check(
    Schema.isPattern(new RegExp(`^${one}(?:,${one})*$`, "u"), {
      expected: `event types, separated by commas: ${EVENT_TYPES.join(",")}`
    })
  )
)

/** The Schema of `values`, over streams and sockets. */
export const eventValues: Optional<boolean> = Schema.optionalKey(
  Schema.Boolean.annotate({
    description: "Whether events have `input` and `result`. Default: true.",
    expected: "true or false"
  })
)

/** The highest sequence that a request may name. */
const MAX_SEQUENCE = 999_999_999_999_999

/** The Schema of the sequence of a run's event. */
export const sequence: Schema.Codec<number> = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: MAX_SEQUENCE })
).annotate({ description: "Only events after this sequence. Default: 0.", expected: "the sequence of an event, or 0" })

/** The Schema of a cursor of a feed. The feed checks whether the cursor exists. */
export const feedCursor: Schema.Codec<string> = Schema.String.check(
  Schema.isMaxLength(100, { expected: 'the id of an event of this stream, or "0"' })
)

/** The Schema of an `EventsQuery`. */
export const eventsQuery: Decoding.ObjectSchema<EventsQuery> = Schema.Struct({
  after: Schema.optionalKey(sequence),
  types,
  values: eventValues
})

/** The Schema of a `FeedQuery`. */
export const feedQuery: Decoding.ObjectSchema<FeedQuery> = Schema.Struct({
  after: Schema.optionalKey(
    feedCursor.annotate({
      description:
        "Only events after the one with this id; 0 begins with the oldest event that is kept. Default: only new events."
    })
  ),
  types,
  values: eventValues
})

/** The Schemas of the headers for a run's events. */
export const eventsHeaders: Readonly<Record<"Last-Event-ID", Schema.Codec<string>>> = {
  "Last-Event-ID": Schema.String.annotate({
    description: "The sequence of the last event that was received; the stream continues after it."
  }).check(Schema.isPattern(/^[0-9]{1,15}$/u))
}

/** The Schemas of the headers for a feed. */
export const feedHeaders: Readonly<Record<"Last-Event-ID", Schema.Codec<string>>> = {
  "Last-Event-ID": feedCursor.annotate({
    description: "The id of the last event that was received; the stream continues after it."
  })
}

/** Which events to send: those after `after`, of these types; undefined for all. */
export interface EventSelection<Cursor> {
  readonly after: Cursor | undefined
  readonly types: ReadonlySet<EventType> | undefined
  /** Whether the events go without values. */
  readonly isBare: boolean
}

/** Makes a decoder of selections. The `Last-Event-ID` of a browser that reconnects overrides the query. Both must be valid. */
const selector = <Cursor>(
  schema: Decoding.ObjectSchema<{ readonly after?: Cursor; readonly types?: string; readonly values?: boolean }>,
  header: Schema.Codec<string>
): ((request: Pick<HttpRequest, "query" | "header">) => Result.Result<EventSelection<Cursor>, BadRequest>) => {
  const decode = Decoding.open(schema)
  const fits = Schema.is(header)
  return (request) => {
    const seen = request.header("last-event-id")
    // An invalid header stays a text, which the Schema of the query then refuses.
    const after = seen !== undefined && fits(seen) ? Decoding.fromText(schema.fields["after"]!, seen) : seen
    const strong = seen === undefined ? {} : { after }
    const decoded = Decoding.decodeMerged(decode, Decoding.fromQuery(schema, request.query), strong)
    if (Result.isFailure(decoded)) return Result.fail(Decoding.invalid("query", decoded.failure))
    const { after: cursor, types, values = true } = decoded.success
    return Result.succeed({
      after: cursor,
      isBare: !values,
      types: types === undefined ? undefined : new Set(types.split(",") as ReadonlyArray<EventType>)
    })
  }
}

/** Decodes a request for a run's events. */
export const toRunSelection: ReturnType<typeof selector<number>> = selector(eventsQuery, eventsHeaders["Last-Event-ID"])

/** Decodes a request for a feed. */
export const toFeedSelection: ReturnType<typeof selector<string>> = selector(feedQuery, feedHeaders["Last-Event-ID"])
