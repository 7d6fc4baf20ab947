/** The JSON types of access, and their conversion from the core's values. */
import type { AuditAnswer, Issued, PipelineAcl } from "../../../core/operations/AccessOperations.ts"
import type { CallerAccess } from "../../../core/operations/CallerAccess.ts"
import type { AuditList, AuditRecord } from "../../../core/store/AuditLog.ts"
import type { Permission } from "../../../core/values/Principal.ts"
import { instant } from "../server/Instant.ts"

/** `GET /me`. */
export interface MeJson {
  /** Null with open access. */
  readonly principal: PrincipalJson | null
  /** Whether callers must authenticate. */
  readonly is_secured: boolean
  /** When the credentials expire; null if never. */
  readonly expires_at: string | null
  /** The permissions on all pipelines and the server itself. The ACL of a pipeline may allow less on that one. */
  readonly permissions: ReadonlyArray<Permission>
  /** The permissions on each pipeline that the caller may read, at most 1,000 pipelines. */
  readonly pipelines: Readonly<Record<string, ReadonlyArray<Permission>>>
  /** Whether the caller may read more pipelines than these. */
  readonly truncated: boolean
  /** The only pipeline or run that a narrowed token may read; null for other credentials. */
  readonly narrowed_to: { readonly pipeline_id: string; readonly task_id: string | null } | null
}

/** An authenticated caller. */
export interface PrincipalJson {
  /** As in ACLs and in the audit log: the scheme, a colon, and the name. */
  readonly id: string
  readonly scheme: string
  readonly roles: ReadonlyArray<string>
}

/** An ACL: roles, and principals as `principal:<scheme>:<id>`. */
export interface AclJson {
  readonly read?: ReadonlyArray<string> | undefined
  readonly execute?: ReadonlyArray<string> | undefined
  readonly admin?: ReadonlyArray<string> | undefined
}

/** The ACL that applies to a pipeline. */
export interface PipelineAclJson {
  readonly pipeline_id: string
  /** Null if the pipeline has none. */
  readonly acl: AclJson | null
  /** `set` at run time, `configured` by the program, or `none`. */
  readonly source: PipelineAcl["source"]
}

/** An issued token. */
export interface TokenJson {
  /** Send it as a bearer token. It is shown only once. */
  readonly token: string
  readonly expires_at: string
  readonly pipeline_id: string
  /** The run that the token can read; null if it can read the whole pipeline. */
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
  /** Callers without valid credentials that this server has denied, by address; empty unless the reader may administer all pipelines. */
  readonly strangers: ReadonlyArray<StrangerJson>
}

/** The denials of one address. */
export interface StrangerJson {
  readonly address: string
  readonly denied: number
  readonly first_at: string
  readonly last_at: string
  /** The route of the last denied request, and why it was denied. */
  readonly operation: string
  readonly reason: string
}

/** The latest instant that has a text, in milliseconds since 1970. Credentials that expire later never do. */
const LAST_MILLIS = 8_640_000_000_000_000

/** Converts what a caller may do. */
export const me = ({ principal, permissions, pipelines, isTruncated }: CallerAccess, isSecured: boolean): MeJson => {
  const { id = "", roles = [], narrowed, expiresAtMillis = Number.POSITIVE_INFINITY } = principal ?? {}
  return {
    principal: principal === undefined ? null : { id, scheme: id.slice(0, Math.max(id.indexOf(":"), 0)), roles },
    is_secured: isSecured,
    expires_at: expiresAtMillis > LAST_MILLIS ? null : instant(expiresAtMillis),
    permissions,
    pipelines: Object.fromEntries(pipelines),
    truncated: isTruncated,
    narrowed_to: narrowed === undefined ? null : { pipeline_id: narrowed.pipelineId, task_id: narrowed.runId ?? null }
  }
}

/** Converts the ACL of a pipeline. */
export const pipelineAcl = ({ pipelineId, acl, source }: PipelineAcl): PipelineAclJson => ({
  pipeline_id: pipelineId,
  acl: acl ?? null,
  source
})

/** Converts an issued token. */
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

/** Converts a page of the audit log. */
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

/** Converts a page of the audit log to JSON lines. */
export const auditLines = ({ records }: AuditList): string =>
  records.map((record) => `${JSON.stringify(auditRecord(record))}\n`).join("")
