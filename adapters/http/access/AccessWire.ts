/** The JSON of access: what the core's values are called on the wire. */
import type { AuditAnswer, Issued, PipelineAcl } from "../../../core/operations/AccessOperations.ts"
import type { AuditList, AuditRecord } from "../../../core/store/AuditLog.ts"
import { instant } from "../server/Instant.ts"

/** An ACL: roles, and principals as `principal:<scheme>:<id>`. */
export interface AclJson {
  readonly read?: ReadonlyArray<string> | undefined
  readonly execute?: ReadonlyArray<string> | undefined
  readonly admin?: ReadonlyArray<string> | undefined
}

/** The ACL that holds for a pipeline. */
export interface PipelineAclJson {
  readonly pipeline_id: string
  /** Null where there is none. */
  readonly acl: AclJson | null
  /** `set` at run time, `configured` by the program, or `none`. */
  readonly source: PipelineAcl["source"]
}

/** A token that was given out. */
export interface TokenJson {
  /** To be sent as a bearer token. It is not shown again. */
  readonly token: string
  readonly expires_at: string
  readonly pipeline_id: string
  /** The one run that it is for, when it is not for the pipeline. */
  readonly task_id: string | null
}

/** A record of the audit log. */
export interface AuditRecordJson {
  readonly id: string
  readonly timestamp: string
  /** The route, such as `POST /pipelines/{pipeline_id}/execute`. */
  readonly operation: string
  readonly permission: AuditRecord["permission"]
  readonly outcome: AuditRecord["outcome"]
  /** Why it was denied. */
  readonly reason: string | null
  readonly principal: string | null
  readonly roles: ReadonlyArray<string>
  readonly address: string | null
  readonly request_id: string | null
  readonly pipeline_id: string | null
  readonly task_id: string | null
}

/** `GET /audit`. */
export interface AuditRecords {
  readonly records: ReadonlyArray<AuditRecordJson>
  readonly next_cursor: string | null
  /** Callers without valid credentials that this server has denied, by address; only for callers who may administer all. */
  readonly strangers: ReadonlyArray<StrangerJson>
}

/** The denials of one address. */
export interface StrangerJson {
  readonly address: string
  readonly denied: number
  readonly first_at: string
  readonly last_at: string
  /** The route that was asked for last, and why it was denied. */
  readonly operation: string
  readonly reason: string
}

/** The ACL of a pipeline. */
export const pipelineAcl = ({ pipelineId, acl, source }: PipelineAcl): PipelineAclJson => ({
  pipeline_id: pipelineId,
  acl: acl ?? null,
  source
})

/** A token. */
export const token = ({ token, expiresAtMillis, narrowed }: Issued): TokenJson => ({
  token,
  expires_at: instant(expiresAtMillis),
  pipeline_id: narrowed.pipelineId,
  task_id: narrowed.runId ?? null
})

const auditRecord = (record: AuditRecord): AuditRecordJson => ({
  id: record.id,
  timestamp: instant(record.atMillis),
  operation: record.operation,
  permission: record.permission,
  outcome: record.outcome,
  reason: record.reason ?? null,
  principal: record.principal ?? null,
  roles: record.roles ?? [],
  address: record.address ?? null,
  request_id: record.requestId ?? null,
  pipeline_id: record.pipelineId ?? null,
  task_id: record.runId ?? null
})

/** A part of the audit log. */
export const auditRecords = ({ records, nextCursor, strangers }: AuditAnswer): AuditRecords => ({
  records: records.map(auditRecord),
  next_cursor: nextCursor ?? null,
  strangers: strangers.map((of) => ({
    address: of.address,
    denied: of.denied,
    first_at: instant(of.firstAtMillis),
    last_at: instant(of.lastAtMillis),
    operation: of.operation,
    reason: of.reason
  }))
})

/** The same as one JSON text in each line. */
export const auditLines = ({ records }: AuditList): string =>
  records.map((record) => `${JSON.stringify(auditRecord(record))}\n`).join("")
