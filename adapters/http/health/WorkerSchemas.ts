/** Schemas of the answer of `GET /workers`. */
import * as Schema from "effect/Schema"
import { text } from "../server/SchemaParts.ts"
import type * as WorkerWire from "./WorkerWire.ts"

export const workers: Schema.Codec<WorkerWire.Workers> = Schema.Struct({
  workers: Schema.Array(
    Schema.Struct({
      id: Schema.String,
      seen_at: text,
      running: Schema.Int,
      claims: Schema.Array(
        Schema.Struct({
          task_id: Schema.String,
          pipeline_id: Schema.String,
          step: Schema.String,
          item: Schema.NullOr(Schema.Int),
          attempt: Schema.Int,
          claimed_at: text
        }).annotate({ identifier: "Claim" })
      )
    }).annotate({ identifier: "Worker" })
  ),
  next_cursor: text
}).annotate({ identifier: "Workers" })
