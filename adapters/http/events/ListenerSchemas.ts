/** Schemas of the answer about open streams. */
import * as Schema from "effect/Schema"
import { text } from "../server/SchemaParts.ts"
import type * as ListenerWire from "./ListenerWire.ts"

const listener: Schema.Codec<ListenerWire.ListenerJson> = Schema.Struct({
  kind: Schema.Literals(["sse", "websocket"]),
  path: Schema.String,
  subscriptions: Schema.Array(
    Schema.Struct({ pipeline_id: Schema.String, task_id: text }).annotate({ identifier: "Subscription" })
  ),
  subscription_total: Schema.Int,
  principal: text,
  address: text,
  opened_at: Schema.String,
  buffered_bytes: Schema.Int
}).annotate({ identifier: "Listener" })

/** `GET /listeners`. */
export const listeners: Schema.Codec<ListenerWire.Listeners> = Schema.Struct({
  listeners: Schema.Array(listener),
  total: Schema.Int
}).annotate({ identifier: "Listeners" })
