/** Schemas of what the routes of live events take and answer. */
import * as Schema from "effect/Schema"
import { EVENT_TYPES } from "./EventWire.ts"
import type { EventsQuery, FeedQuery } from "./Exchanges.ts"

interface Document<Query, Answers> {
  readonly query: Schema.Codec<Query>
  readonly headers: Readonly<Record<string, string>>
  readonly answers: Answers
  readonly contentType: string
}

const eventsQuery: Schema.Codec<EventsQuery> = Schema.Struct({
  after: Schema.optionalKey(Schema.Int.annotate({ description: "Goes on behind this sequence. Default: 0." })),
  types: Schema.optionalKey(Schema.String.annotate({ description: `Some of ${EVENT_TYPES.join(", ")}, with commas.` }))
})

const feedQuery: Schema.Codec<FeedQuery> = Schema.Struct({
  after: Schema.optionalKey(
    Schema.String.annotate({
      description: "Goes on behind the event with this id; 0 begins with the oldest that is kept. Default: from now on."
    })
  ),
  types: Schema.optionalKey(Schema.String.annotate({ description: `Some of ${EVENT_TYPES.join(", ")}, with commas.` }))
})

/** Of the feeds. */
export const feed: Document<FeedQuery, { readonly 200: typeof Schema.String }> = {
  query: feedQuery,
  headers: { "Last-Event-ID": "The id of the last event that was seen: goes on behind it." },
  answers: { 200: Schema.String },
  contentType: "text/event-stream"
}

/** Of one run's events. */
export const run: Document<EventsQuery, { readonly 200: typeof Schema.String; readonly 204: typeof Schema.Undefined }> =
  {
    query: eventsQuery,
    headers: { "Last-Event-ID": "The sequence of the last event that was seen: goes on behind it." },
    answers: { 200: Schema.String, 204: Schema.Undefined },
    contentType: "text/event-stream"
  }
