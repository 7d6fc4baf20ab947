/** Schemas of the answers of the routes about parts of a run. */
import * as Schema from "effect/Schema"
import { millis, record, strings, text } from "../server/SchemaParts.ts"
import { itemStatus } from "./RunPartRequests.ts"
import type * as RunPartWire from "./RunPartWire.ts"
import { errorDetail } from "./RunSchemas.ts"

export const items: Schema.Codec<RunPartWire.Items> = Schema.Struct({
  items: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      count: Schema.Int,
      status: itemStatus,
      attempts: Schema.Int,
      error: Schema.NullOr(errorDetail),
      value: Schema.optionalKey(Schema.Unknown),
      outputs: Schema.optionalKey(record)
    }).annotate({ identifier: "Item" })
  ),
  next_cursor: text
}).annotate({ identifier: "Items" })

export const attempts: Schema.Codec<RunPartWire.AttemptsJson> = Schema.Struct({
  attempts: Schema.Array(
    Schema.Struct({
      attempt: Schema.Int,
      item: Schema.NullOr(Schema.Int),
      status: Schema.Literals(["RUNNING", "COMPLETED", "FAILED", "CANCELLED", "LOST"]),
      started_at: text,
      completed_at: text,
      duration_ms: millis,
      error: Schema.NullOr(errorDetail),
      worker: text
    }).annotate({ identifier: "Attempt" })
  ),
  next_cursor: text
}).annotate({ identifier: "Attempts" })

export const retriedSteps: Schema.Codec<RunPartWire.RetriedSteps> = Schema.Struct({ steps: strings }).annotate({
  identifier: "RetriedSteps"
})
