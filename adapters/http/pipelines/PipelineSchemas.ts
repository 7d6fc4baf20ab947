/** Schemas of what the routes about pipelines answer. */
import * as Schema from "effect/Schema"
import { kind, record, strings } from "../server/SchemaParts.ts"
import type * as PipelineWire from "./PipelineWire.ts"

export const pipelineRow: Schema.Codec<PipelineWire.PipelineRow> = Schema.Struct({
  pipeline_id: Schema.String,
  pipeline_type: kind,
  tasks: strings,
  created_at: Schema.String
}).annotate({ identifier: "PipelineRow" })

export const pipelineDetail: Schema.Codec<PipelineWire.PipelineDetail> = Schema.Struct({
  pipeline_id: Schema.String,
  pipeline_type: kind,
  tasks: strings,
  created_at: Schema.String,
  version: Schema.String,
  paused: Schema.Boolean,
  parameters: record,
  result: record
}).annotate({ identifier: "PipelineDetail" })

export const pipelineStatus: Schema.Codec<PipelineWire.PipelineStatus> = Schema.Struct({
  pipeline_id: Schema.String,
  status: Schema.Literals(["IDLE", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]),
  steps_completed: Schema.Int,
  total_steps: Schema.Int,
  started_at: Schema.NullOr(Schema.String),
  task_id: Schema.NullOr(Schema.String)
}).annotate({ identifier: "PipelineStatus" })

export const paused: Schema.Codec<PipelineWire.Paused> = Schema.Struct({
  pipeline_id: Schema.String,
  paused: Schema.Boolean
}).annotate({ identifier: "Paused" })

export const dag: Schema.Codec<PipelineWire.DagJson> = Schema.Struct({
  nodes: Schema.Array(Schema.Struct({ id: Schema.String, inputs: Schema.optionalKey(strings), outputs: strings })),
  edges: Schema.Array(Schema.Struct({ from: Schema.String, to: Schema.String }))
}).annotate({ identifier: "Dag" })

export const visualization: Schema.Codec<PipelineWire.Visualization> = Schema.Struct({
  pipeline_id: Schema.String,
  type: kind,
  tasks: Schema.Array(
    Schema.Struct({ name: Schema.String, outputs: strings, inputs: strings, description: Schema.String })
  ),
  execution_levels: Schema.Array(strings)
}).annotate({ identifier: "Visualization" })
