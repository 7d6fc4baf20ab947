/** What was asked for by whom, and whether they were let: one record for each guarded operation. */
import type * as Effect from "effect/Effect"
import type { InvalidOption, StoreUnavailable } from "../values/Errors.ts"
import type { Permission } from "../values/Principal.ts"

/** A record to be kept. Nothing in it is secret. */
export interface NewRecord {
  /** What was asked for, in the words of the door that the caller came to, such as a route. */
  readonly operation: string
  readonly permission: Permission
  readonly outcome: "allowed" | "denied"
  /** The failure that it was denied with, such as `AccessDenied`. */
  readonly reason?: string | undefined
  /** Where it is known. */
  readonly principal?: string | undefined
  readonly roles?: ReadonlyArray<string> | undefined
  readonly address?: string | undefined
  readonly requestId?: string | undefined
  readonly pipelineId?: string | undefined
  readonly runId?: string | undefined
}

/** A record as it is kept. */
export interface AuditRecord extends NewRecord {
  /** Names it; also where a list goes on. */
  readonly id: string
  /** By the Store's clock, in milliseconds since 1970. */
  readonly atMillis: number
}

/** Which records to list. */
export interface AuditRequest {
  readonly principal?: string
  readonly pipelineId?: string
  readonly outcome?: "allowed" | "denied"
  /** At this instant or later, and before that one, in milliseconds since 1970. */
  readonly sinceMillis?: number
  readonly untilMillis?: number
  /** At most so many, newest first. */
  readonly limit: number
  /** Goes on where an earlier list ended. */
  readonly cursor?: string
}

/** A part of the list of records. */
export interface AuditList {
  /** Where what is asked for is rare these may be fewer than `limit`, or none, with a cursor. */
  readonly records: ReadonlyArray<AuditRecord>
  /** Where the next part begins; undefined when nothing is left. */
  readonly nextCursor: string | undefined
}

/** How many records a Store keeps; the oldest leave first. */
export const MAX_RECORDS = 10_000

/** The audit log of a Store. */
export interface AuditLog {
  readonly append: (record: NewRecord) => Effect.Effect<void, StoreUnavailable>
  /** Fails with `InvalidOption` for a cursor that no list ended with. */
  readonly list: (request: AuditRequest) => Effect.Effect<AuditList, InvalidOption | StoreUnavailable>
}

/** Whether the record is among those that are asked for. */
export const isWanted = (record: AuditRecord, request: AuditRequest): boolean =>
  (request.principal === undefined || record.principal === request.principal) &&
  (request.pipelineId === undefined || record.pipelineId === request.pipelineId) &&
  (request.outcome === undefined || record.outcome === request.outcome) &&
  (request.sinceMillis === undefined || record.atMillis >= request.sinceMillis) &&
  (request.untilMillis === undefined || record.atMillis < request.untilMillis)
