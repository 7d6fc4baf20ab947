/** What the routes of live events take: its types, their Schemas, and the step to what Operations takes. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import type { HttpRequest } from "../server/Message.ts"
import { EVENT_TYPES, type EventType } from "./EventWire.ts"

/** The content type of live events. */
export const EVENT_STREAM = "text/event-stream"

/** What `GET /runs/{task_id}/events` takes. */
export interface EventsQuery {
  /** Goes on behind this sequence. Default: 0. */
  readonly after?: number
  /** Types of events, with commas between them. Default: all. */
  readonly types?: string
}

/** What `GET /events` and `GET /pipelines/{pipeline_id}/events` take. */
export interface FeedQuery {
  /** Goes on behind the event with this id; `0` begins with the oldest that is kept. Default: what happens from now on. */
  readonly after?: string
  /** Types of events, with commas between them. Default: all. */
  readonly types?: string
}

const one = `(?:${EVENT_TYPES.join("|")})`
const types = Schema.optionalKey(
  Schema.String.annotate({ description: `Some of ${EVENT_TYPES.join(", ")}, with commas.` }).check(
    Schema.isPattern(new RegExp(`^${one}(?:,${one})*$`, "u"), { expected: `some of ${EVENT_TYPES.join(",")}` })
  )
)

/** The highest sequence that is asked for. */
const MAX_SEQUENCE = 999_999_999_999_999

/** The Schema of a place in a run's events. */
export const sequence: Schema.Codec<number> = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: MAX_SEQUENCE })
).annotate({ description: "Goes on behind this sequence. Default: 0.", expected: "the sequence of an event, or 0" })

/** The Schema of a place in a feed; whether an event is there, the feed knows. */
export const place: Schema.Codec<string> = Schema.String.check(
  Schema.isMaxLength(100, { expected: 'the id of an event of this stream, or "0"' })
)

/** The Schema of an `EventsQuery`. */
export const eventsQuery: Decoding.ObjectSchema<EventsQuery> = Schema.Struct({
  after: Schema.optionalKey(sequence),
  types
})

/** The Schema of a `FeedQuery`. */
export const feedQuery: Decoding.ObjectSchema<FeedQuery> = Schema.Struct({
  after: Schema.optionalKey(
    place.annotate({
      description: "Goes on behind the event with this id; 0 begins with the oldest that is kept. Default: from now on."
    })
  ),
  types
})

/** The Schemas of the headers. */
export const eventsHeaders: Readonly<Record<"Last-Event-ID", Schema.Codec<string>>> = {
  "Last-Event-ID": Schema.String.annotate({
    description: "The sequence of the last event that was seen: goes on behind it."
  }).check(Schema.isPattern(/^[0-9]{1,15}$/u))
}

/** The Schemas of the headers. */
export const feedHeaders: Readonly<Record<"Last-Event-ID", Schema.Codec<string>>> = {
  "Last-Event-ID": place.annotate({ description: "The id of the last event that was seen: goes on behind it." })
}

/** The place behind which to begin, and the types of events to send; undefined for all. */
export interface Wanted<Place> {
  readonly after: Place | undefined
  readonly types: ReadonlySet<EventType> | undefined
}

/** The `Last-Event-ID` of a browser that reconnects overrides the query. Both have to be right. */
const wanted = <Place>(
  schema: Decoding.ObjectSchema<{ readonly after?: Place; readonly types?: string }>,
  header: Schema.Codec<string>
): ((request: Pick<HttpRequest, "query" | "header">) => Result.Result<Wanted<Place>, BadRequest>) => {
  const decode = Decoding.open(schema)
  const fits = Schema.is(header)
  return (request) => {
    const seen = request.header("last-event-id")
    // A header that does not fit its own Schema stays a text, which the Schema of the query refuses.
    const after = seen !== undefined && fits(seen) ? Decoding.fromText(schema.fields["after"]!, seen) : seen
    const strong = seen === undefined ? {} : { after }
    const decoded = Decoding.layered(decode, Decoding.fromQuery(schema, request.query), strong)
    if (Result.isFailure(decoded)) return Result.fail(Decoding.invalid("query", decoded.failure))
    const { types } = decoded.success
    return Result.succeed({
      after: decoded.success.after,
      types: types === undefined ? undefined : new Set(types.split(",") as ReadonlyArray<EventType>)
    })
  }
}

/** What is wanted of a run's events. */
export const toEventsWanted: ReturnType<typeof wanted<number>> = wanted(eventsQuery, eventsHeaders["Last-Event-ID"])

/** What is wanted of a feed. */
export const toFeedWanted: ReturnType<typeof wanted<string>> = wanted(feedQuery, feedHeaders["Last-Event-ID"])
