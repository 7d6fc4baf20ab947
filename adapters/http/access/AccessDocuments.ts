/** Schemas of what the routes about access take and answer. */
import * as Schema from "effect/Schema"
import { MAX_NAME_OF_PRINCIPAL, MAX_NAMES } from "../../../core/values/Acl.ts"
import { MAX_PRINCIPAL_NAME } from "../../../core/values/Principal.ts"
import type { AuditQuery, TokenWishJson } from "../docs/Contract.ts"
import { instant, limit, nextCursor, text } from "../server/SchemaParts.ts"
import type * as AccessWire from "./AccessWire.ts"

const role = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(MAX_PRINCIPAL_NAME))
const principal = Schema.String.check(
  Schema.isPattern(/^principal:[^:]+:[\s\S]+$/u),
  Schema.isMaxLength(MAX_NAME_OF_PRINCIPAL)
)
const names = Schema.optionalKey(
  Schema.Array(Schema.Union([role, principal]))
    .check(Schema.isMaxLength(MAX_NAMES))
    .annotate({ description: "Roles, and principals as `principal:<scheme>:<id>`." })
)

const permissions = Schema.Struct({ read: names, execute: names, admin: names })
const acl: Schema.Codec<AccessWire.AclJson> = permissions.annotate({ identifier: "Acl" })

export const newAcl: Schema.Codec<AccessWire.AclJson> = permissions.annotate({ identifier: "NewAcl" })

export const pipelineAcl: Schema.Codec<AccessWire.PipelineAclJson> = Schema.Struct({
  pipeline_id: Schema.String,
  acl: Schema.NullOr(acl),
  source: Schema.Literals(["set", "configured", "none"])
}).annotate({ identifier: "PipelineAcl" })

const ttl = {
  expires_in: Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 3_600 })).annotate({
      description: "Seconds, 3,600 at most. Default: 300."
    })
  )
}

/** For one pipeline, or else for one run. */
export const tokenWish: Schema.Codec<TokenWishJson> = Schema.Union([
  Schema.Struct({ pipeline_id: Schema.String, ...ttl }).annotate({ identifier: "PipelineTokenWish" }),
  Schema.Struct({ task_id: Schema.String, ...ttl }).annotate({ identifier: "RunTokenWish" })
]).annotate({ identifier: "TokenWish" })

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

export const auditQuery: Schema.Codec<AuditQuery> = Schema.Struct({
  principal: Schema.optionalKey(Schema.String),
  pipeline_id: Schema.optionalKey(Schema.String),
  outcome: Schema.optionalKey(Schema.Literals(["allowed", "denied"])),
  since: instant("At this instant or later."),
  until: instant("Before this instant."),
  limit: limit(1_000, "From 1 to 1,000. Default: 100."),
  cursor: nextCursor
})
