/** Schemas of the answers about many runs. */
import * as Schema from "effect/Schema"
import { text } from "../server/SchemaParts.ts"
import type * as BulkWire from "./BulkWire.ts"
import { cancelling } from "./RunSchemas.ts"

const unchanged: Schema.Codec<BulkWire.Unchanged> = Schema.Struct({
  task_id: Schema.String,
  error: Schema.String,
  message: Schema.String
}).annotate({ identifier: "Unchanged" })

const retried: Schema.Codec<BulkWire.Retried> = Schema.Struct({
  task_id: Schema.String,
  status: Schema.Literal("STARTED"),
  new_task_id: Schema.String
}).annotate({ identifier: "Retried" })

export const manyRetried: Schema.Codec<BulkWire.ManyRetried> = Schema.Struct({
  results: Schema.Array(Schema.Union([retried, unchanged])),
  next_cursor: text
}).annotate({ identifier: "ManyRetried" })

export const manyCancelled: Schema.Codec<BulkWire.ManyCancelled> = Schema.Struct({
  results: Schema.Array(Schema.Union([cancelling, unchanged])),
  next_cursor: text
}).annotate({ identifier: "ManyCancelled" })
