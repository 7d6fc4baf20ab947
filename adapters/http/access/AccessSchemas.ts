/** Schemas of the answers of the routes about access. */
import * as Schema from "effect/Schema"
import { PERMISSIONS } from "../../../core/values/Principal.ts"
import { strings, text } from "../server/SchemaParts.ts"
import { acl } from "./AccessRequests.ts"
import type * as AccessWire from "./AccessWire.ts"

const permissions = Schema.Array(Schema.Literals(PERMISSIONS))

export const me: Schema.Codec<AccessWire.MeJson> = Schema.Struct({
  principal: Schema.NullOr(
    Schema.Struct({ id: Schema.String, scheme: Schema.String, roles: strings }).annotate({ identifier: "Principal" })
  ),
  is_secured: Schema.Boolean,
  expires_at: text,
  permissions,
  pipelines: Schema.Record(Schema.String, permissions),
  truncated: Schema.Boolean,
  narrowed_to: Schema.NullOr(
    Schema.Struct({ pipeline_id: Schema.String, task_id: text }).annotate({ identifier: "Narrowed" })
  )
}).annotate({ identifier: "Me" })

export const pipelineAcl: Schema.Codec<AccessWire.PipelineAclJson> = Schema.Struct({
  pipeline_id: Schema.String,
  acl: Schema.NullOr(acl),
  source: Schema.Literals(["set", "configured", "none"])
}).annotate({ identifier: "PipelineAcl" })

export const token: Schema.Codec<AccessWire.TokenJson> = Schema.Struct({
  token: Schema.String,
  expires_at: Schema.String,
  pipeline_id: Schema.String,
  task_id: text
}).annotate({ identifier: "Token" })

const auditRecord: Schema.Codec<AccessWire.AuditRecordJson> = Schema.Struct({
  id: Schema.String,
  timestamp: Schema.String,
  operation: Schema.String,
  permission: Schema.Literals(["read", "execute", "admin"]),
  outcome: Schema.Literals(["allowed", "denied"]),
  reason: text,
  principal: text,
  roles: Schema.Array(Schema.String),
  address: text,
  request_id: text,
  pipeline_id: text,
  task_id: text
}).annotate({ identifier: "AuditRecord" })

export const auditRecords: Schema.Codec<AccessWire.AuditRecords> = Schema.Struct({
  records: Schema.Array(auditRecord),
  next_cursor: text,
  strangers: Schema.Array(
    Schema.Struct({
      address: Schema.String,
      denied: Schema.Int,
      first_at: Schema.String,
      last_at: Schema.String,
      operation: Schema.String,
      reason: Schema.String
    }).annotate({ identifier: "Stranger" })
  )
}).annotate({ identifier: "AuditRecords" })
