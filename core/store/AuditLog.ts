/** Who asked for which operation, and whether it was allowed: one record for each guarded operation. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { InvalidOption, StoreUnavailable } from "../values/Errors.ts"
import type { Permission } from "../values/Principal.ts"

/** A record to append. It contains no secrets. */
export interface NewRecord {
  /** The requested operation, in the words of the adapter, such as `GET /pipelines/{pipeline_id}`. */
  readonly operation: string
  readonly permission: Permission
  readonly outcome: "allowed" | "denied"
  /** The failure of a denied operation, such as `AccessDenied`. */
  readonly reason?: string | undefined
  /** The id of the principal; undefined when unknown. */
  readonly principal?: string | undefined
  readonly roles?: ReadonlyArray<string> | undefined
  readonly address?: string | undefined
  readonly requestId?: string | undefined
  readonly pipelineId?: string | undefined
  readonly runId?: string | undefined
}

/** A record that the log keeps. */
export interface AuditRecord extends NewRecord {
  /** The record's own id. Also a cursor. */
  readonly id: string
  /** By the Store's clock, in milliseconds since 1970. */
  readonly atMillis: number
}

/** Which records to list. Default: all. */
export interface AuditRequest {
  readonly principal?: string
  readonly pipelineId?: string
  readonly outcome?: "allowed" | "denied"
  /** Records from `sinceMillis` on, and before `untilMillis`, in milliseconds since 1970. */
  readonly sinceMillis?: number
  readonly untilMillis?: number
  /** How many records at most, newest first. */
  readonly limit: number
  /** The `nextCursor` of an earlier list, to continue behind it. */
  readonly cursor?: string
}

/** One page of records. */
export interface AuditList {
  /** May be fewer than `limit`, or none, and still have a cursor, when matching records are rare. */
  readonly records: ReadonlyArray<AuditRecord>
  /** The start of the next page; undefined after the last one. */
  readonly nextCursor: string | undefined
}

/** How many records a Store keeps. It drops the oldest first. */
export const MAX_RECORDS = 10_000

/** Keeps and lists audit records. */
export interface AuditLog {
  readonly append: (record: NewRecord) => Effect.Effect<void, StoreUnavailable>
  /** Fails with `InvalidOption` for a cursor that is not the `nextCursor` of a list. */
  readonly list: (request: AuditRequest) => Effect.Effect<AuditList, InvalidOption | StoreUnavailable>
}

/** The key of the AuditLog service. Default: the Store's. */
export const AuditLog: Context.Service<AuditLog, AuditLog> = Context.Service<AuditLog>("levada/AuditLog")

/** Whether a record matches a request. */
export const isWanted = (record: AuditRecord, request: AuditRequest): boolean =>
  (request.principal === undefined || record.principal === request.principal) &&
  (request.pipelineId === undefined || record.pipelineId === request.pipelineId) &&
  (request.outcome === undefined || record.outcome === request.outcome) &&
  (request.sinceMillis === undefined || record.atMillis >= request.sinceMillis) &&
  (request.untilMillis === undefined || record.atMillis < request.untilMillis)
