/** Schemas of the answers of the routes of pictures. */
import * as Schema from "effect/Schema"
import type { Elements } from "../../../core/render/Cytoscape.ts"
import { millis, text } from "../server/SchemaParts.ts"
import type * as PictureWire from "./PictureWire.ts"

const rectangle = { x: Schema.Finite, y: Schema.Finite, width: Schema.Finite, height: Schema.Finite }

const status: Schema.Codec<PictureWire.NodeState["status"]> = Schema.Literals([
  "PENDING",
  "RUNNING",
  "COMPLETED",
  "FAILED",
  "SKIPPED",
  "CANCELLED"
])

const state: Schema.Codec<PictureWire.NodeState> = Schema.Struct({
  status,
  attempts: Schema.Int,
  items_failed: Schema.Int,
  progress: Schema.NullOr(Schema.Struct({ done: Schema.Finite, total: Schema.Finite })),
  duration_ms: millis
}).annotate({ identifier: "NodeState" })

export const layout: Schema.Codec<PictureWire.LayoutJson> = Schema.Struct({
  engine: Schema.String,
  version: Schema.String,
  width: Schema.Finite,
  height: Schema.Finite,
  collapsed: Schema.Boolean,
  nodes: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      label: Schema.String,
      kind: Schema.Literals(["task", "map", "filter", "reduce", "branch", "pipeline", "group"]),
      steps: Schema.Int,
      ...rectangle,
      state: Schema.optionalKey(state)
    })
  ),
  edges: Schema.Array(
    Schema.Struct({
      from: Schema.Int,
      to: Schema.Int,
      arm: Schema.optionalKey(Schema.Literals(["yes", "no"])),
      points: Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite]))
    })
  ),
  boxes: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      label: Schema.String,
      kind: Schema.Literals(["pipeline", "group"]),
      ...rectangle
    })
  )
}).annotate({ identifier: "Layout" })

export const criticalPath: Schema.Codec<PictureWire.CriticalPathJson> = Schema.Struct({
  pipeline_id: Schema.String,
  critical_path: Schema.Array(Schema.String),
  length: Schema.Finite,
  task_id: text,
  durations_ms: Schema.NullOr(Schema.Array(millis))
}).annotate({ identifier: "CriticalPath" })

const position = Schema.Struct({ x: Schema.Finite, y: Schema.Finite })

export const cytoscape: Schema.Codec<Elements> = Schema.Struct({
  elements: Schema.Struct({
    nodes: Schema.Array(
      Schema.Struct({
        data: Schema.Struct({
          id: Schema.String,
          name: Schema.String,
          label: Schema.String,
          kind: Schema.String,
          steps: Schema.Int,
          parent: Schema.optionalKey(Schema.String),
          status: Schema.optionalKey(status)
        }),
        position: Schema.optionalKey(position)
      })
    ),
    edges: Schema.Array(
      Schema.Struct({
        data: Schema.Struct({
          id: Schema.String,
          source: Schema.String,
          target: Schema.String,
          arm: Schema.optionalKey(Schema.String)
        })
      })
    )
  })
}).annotate({ identifier: "Cytoscape" })
