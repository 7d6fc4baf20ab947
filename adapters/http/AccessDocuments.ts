/** Schemas of what the routes about access take and answer. */
import * as Schema from "effect/Schema"
import type * as AccessWire from "./AccessWire.ts"
import type { AuditQuery, TokenWishJson } from "./Exchanges.ts"

const text: Schema.Codec<string | null> = Schema.NullOr(Schema.String)
const names = Schema.optionalKey(
  Schema.Array(Schema.String).annotate({
    description: "Roles, and principals as `principal:<scheme>:<id>`."
  })
)

export const acl: Schema.Codec<AccessWire.AclJson> = Schema.Struct({ read: names, execute: names, admin: names })

export const pipelineAcl: Schema.Codec<AccessWire.PipelineAclJson> = Schema.Struct({
  pipeline_id: Schema.String,
  acl: Schema.NullOr(acl),
  source: Schema.Literals(["set", "configured", "none"])
})

export const tokenWish: Schema.Codec<TokenWishJson> = Schema.Struct({
  pipeline_id: Schema.optionalKey(Schema.String),
  task_id: Schema.optionalKey(Schema.String.annotate({ description: "Or else `pipeline_id`." })),
  expires_in: Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 3_600 })).annotate({
      description: "Seconds, 3,600 at most. Default: 300."
    })
  )
})

export const token: Schema.Codec<AccessWire.TokenJson> = Schema.Struct({
  token: Schema.String,
  expires_at: Schema.String,
  pipeline_id: Schema.String,
  task_id: text
})

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
})

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
    })
  )
})

export const auditQuery: Schema.Codec<AuditQuery> = Schema.Struct({
  principal: Schema.optionalKey(Schema.String),
  pipeline_id: Schema.optionalKey(Schema.String),
  outcome: Schema.optionalKey(Schema.Literals(["allowed", "denied"])),
  since: Schema.optionalKey(Schema.String.annotate({ description: "At this instant or later." })),
  until: Schema.optionalKey(Schema.String.annotate({ description: "Before this instant." })),
  limit: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })).annotate({
      description: "From 1 to 1,000. Default: 100."
    })
  ),
  cursor: Schema.optionalKey(Schema.String.annotate({ description: "The `next_cursor` of an earlier list." }))
})
