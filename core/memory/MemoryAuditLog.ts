/** An audit log in memory: the newest records, in a ring. */
import * as Effect from "effect/Effect"
import {
  type AuditList,
  type AuditLog,
  type AuditRecord,
  type AuditRequest,
  isWanted,
  MAX_RECORDS,
  type NewRecord
} from "../store/AuditLog.ts"
import { InvalidOption } from "../values/Errors.ts"

export class MemoryAuditLog implements AuditLog {
  readonly #now: () => number
  /** The record number `n` is at `n % MAX_RECORDS`. */
  readonly #records: Array<{ readonly record: NewRecord; readonly atMillis: number }> = []
  #next = 0

  constructor(now: () => number) {
    this.#now = now
  }

  append = (record: NewRecord): Effect.Effect<void> =>
    Effect.sync(() => {
      const number = this.#next++
      this.#records[number % MAX_RECORDS] = { record, atMillis: this.#now() }
    })

  list = (request: AuditRequest): Effect.Effect<AuditList, InvalidOption> =>
    Effect.suspend(() => {
      const { cursor, limit } = request
      if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
        return Effect.fail(new InvalidOption("cursor", cursor, "the cursor of an earlier list"))
      }
      const records: Array<AuditRecord> = []
      const oldest = Math.max(0, this.#next - MAX_RECORDS)
      let number = Math.min(this.#next, cursor === undefined ? this.#next : Number(cursor)) - 1
      for (; number >= oldest && records.length < limit; number--) {
        const { record: kept, atMillis } = this.#records[number % MAX_RECORDS]!
        const record = { ...kept, id: String(number), atMillis }
        if (isWanted(record, request)) records.push(record)
      }
      return Effect.succeed({ records, nextCursor: number < oldest ? undefined : String(number + 1) })
    })
}
