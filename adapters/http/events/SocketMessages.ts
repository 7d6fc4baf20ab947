/** What a client sends over a WebSocket: the types of its messages, and their Schemas. */
import * as Schema from "effect/Schema"
import * as Decoding from "../server/Decoding.ts"
import type { Optional } from "../server/SchemaParts.ts"
import { place, sequence } from "./EventRequests.ts"
import { EVENT_TYPES, type EventType } from "./EventWire.ts"

/** Shows credentials: `{"type":"auth",…}`. */
export interface AuthMessage {
  readonly api_key?: string
  readonly token?: string
}

/** Subscribes, or ends a subscription: `{"type":"subscribe",…}` and `{"type":"unsubscribe",…}`. */
export interface SubscriptionMessage {
  /** `*` for all pipelines. */
  readonly pipeline_id?: string
  readonly task_id?: string
  /** Default: all. */
  readonly types?: ReadonlyArray<EventType>
  /** Goes on behind this place: the `cursor` of an event of a feed, the `sequence` of an event of a run. */
  readonly after?: string | number
}

/** The longest id, in UTF-16 units. */
const MAX_ID = 500

const id = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(MAX_ID))

const secret = (expected: string): Optional<string> =>
  Schema.optionalKey(Schema.String.check(Schema.isMinLength(1, { expected })))

const subscription = {
  pipeline_id: Schema.optionalKey(id.annotate({ expected: 'the id of a pipeline, or "*" for all' })),
  task_id: Schema.optionalKey(id.annotate({ expected: "the id of a run" })),
  types: Schema.optionalKey(
    Schema.Array(Schema.Literals(EVENT_TYPES)).check(
      Schema.isMinLength(1, { expected: "a list of types of events, at least one" })
    )
  )
}

const decodeFeed: Decoding.Decode<SubscriptionMessage> = Decoding.open(
  Schema.Struct({
    ...subscription,
    after: Schema.optionalKey(place.annotate({ expected: 'the `cursor` of an event, or "0"' }))
  })
)

const decodeRun: Decoding.Decode<SubscriptionMessage> = Decoding.open(
  Schema.Struct({
    ...subscription,
    after: Schema.optionalKey(sequence.annotate({ expected: "the `sequence` of an event, or 0" }))
  })
)

/** Decodes what a subscription is about. A place is one of a run's events where a run is named. */
export const decodeSubscription: Decoding.Decode<SubscriptionMessage> = (json) =>
  (Object(json) as { readonly task_id?: unknown }).task_id === undefined ? decodeFeed(json) : decodeRun(json)

const isId = Schema.is(id)

/** The ids that a message names, for the guard, whatever else is wrong with the message. */
export const subjectOf = (
  message: Decoding.JsonObject
): { readonly pipelineId: string | undefined; readonly runId: string | undefined } => {
  const { pipeline_id: pipelineId, task_id: runId } = message
  return {
    pipelineId: isId(pipelineId) && pipelineId !== "*" ? pipelineId : undefined,
    runId: isId(runId) ? runId : undefined
  }
}

/** Decodes credentials. */
export const decodeAuth: Decoding.Decode<AuthMessage> = Decoding.open(
  Schema.Struct({ api_key: secret("an API key"), token: secret("a token") })
)
