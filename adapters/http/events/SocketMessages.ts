/** The messages that a client sends over a WebSocket: their types, Schemas and decoding. */
import * as Schema from "effect/Schema"
import * as Decoding from "../server/Decoding.ts"
import type { Optional } from "../server/SchemaParts.ts"
import { eventValues, feedCursor, sequence } from "./EventRequests.ts"
import { EVENT_TYPES, type EventType } from "./EventWire.ts"

/** Authenticates: `{"type":"auth",…}`. */
export interface AuthMessage {
  readonly api_key?: string
  readonly token?: string
}

/** Subscribes or unsubscribes: `{"type":"subscribe",…}` and `{"type":"unsubscribe",…}`. */
export interface SubscriptionMessage {
  /** `*` for all pipelines. */
  readonly pipeline_id?: string
  readonly task_id?: string
  /** Default: all. */
  readonly types?: ReadonlyArray<EventType>
  /** Only events after this one: for a pipeline the `cursor` of an event, for a run its `sequence`. */
  readonly after?: string | number
  /** Whether events have `input` and `result`. Default: true. */
  readonly values?: boolean
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
      Schema.isMinLength(1, { expected: "an array of event types, at least one" })
    )
  ),
  values: eventValues
}

const decodeFeed: Decoding.Decode<SubscriptionMessage> = Decoding.open(
  Schema.Struct({
    ...subscription,
    after: Schema.optionalKey(feedCursor.annotate({ expected: 'the `cursor` of an event, or "0"' }))
  })
)

const decodeRun: Decoding.Decode<SubscriptionMessage> = Decoding.open(
  Schema.Struct({
    ...subscription,
    after: Schema.optionalKey(sequence.annotate({ expected: "the `sequence` of an event, or 0" }))
  })
)

/** Decodes a subscription. If it names a run, `after` is a sequence, otherwise a cursor. */
export const decodeSubscription: Decoding.Decode<SubscriptionMessage> = (json) =>
  (Object(json) as { readonly task_id?: unknown }).task_id === undefined ? decodeFeed(json) : decodeRun(json)

const isId = Schema.is(id)

/** The ids in a message, for the guard, even if the rest of the message is invalid. */
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
