/** Schemas of what the routes of live events take and answer. */
import * as Schema from "effect/Schema"
import type { EventsQuery, FeedQuery } from "../docs/Contract.ts"
import { EVENT_TYPES } from "./EventWire.ts"

/** The content type of live events. */
export const EVENT_STREAM = "text/event-stream"

interface Document<Query, Answers> {
  readonly query: Schema.Codec<Query>
  readonly headers: Readonly<Record<string, Schema.Constraint>>
  readonly answers: Answers
  readonly contentType: string
}

const one = `(?:${EVENT_TYPES.join("|")})`
const types = Schema.optionalKey(
  Schema.String.annotate({ description: `Some of ${EVENT_TYPES.join(", ")}, with commas.` }).check(
    Schema.isPattern(new RegExp(`^${one}(?:,${one})*$`, "u"))
  )
)

const eventsQuery: Schema.Codec<EventsQuery> = Schema.Struct({
  after: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999_999_999_999 })).annotate({
      description: "Goes on behind this sequence. Default: 0."
    })
  ),
  types
})

const place = (description: string) => Schema.String.annotate({ description }).check(Schema.isMaxLength(100))

const feedQuery: Schema.Codec<FeedQuery> = Schema.Struct({
  after: Schema.optionalKey(
    place("Goes on behind the event with this id; 0 begins with the oldest that is kept. Default: from now on.")
  ),
  types
})

/** Of the feeds. */
export const feed: Document<FeedQuery, { readonly 200: typeof Schema.String }> = {
  query: feedQuery,
  headers: { "Last-Event-ID": place("The id of the last event that was seen: goes on behind it.") },
  answers: { 200: Schema.String },
  contentType: EVENT_STREAM
}

/** Of one run's events. */
export const run: Document<EventsQuery, { readonly 200: typeof Schema.String; readonly 204: typeof Schema.Undefined }> =
  {
    query: eventsQuery,
    headers: {
      "Last-Event-ID": Schema.String.annotate({
        description: "The sequence of the last event that was seen: goes on behind it."
      }).check(Schema.isPattern(/^[0-9]{1,15}$/u))
    },
    answers: { 200: Schema.String, 204: Schema.Undefined },
    contentType: EVENT_STREAM
  }
