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
import type { Recorder } from "./Recorder.ts"

/** A record, and its number. */
export interface KeptRecord {
  readonly number: number
  readonly record: NewRecord
  readonly atMillis: number
}

export class MemoryAuditLog implements AuditLog {
  readonly #now: () => number
  /** The record number `n` is at `n % MAX_RECORDS`. */
  readonly #records: Array<KeptRecord> = []
  #next = 0
  readonly #recorder: Recorder | undefined

  constructor(now: () => number, recorder?: Recorder) {
    this.#now = now
    this.#recorder = recorder
  }

  /** Continues with a record of an earlier Store. */
  restore(record: KeptRecord): void {
    this.#records[record.number % MAX_RECORDS] = record
    this.#next = Math.max(this.#next, record.number + 1)
  }

  append = (record: NewRecord): Effect.Effect<void> =>
    Effect.sync(() => {
      const number = this.#next++
      const kept: KeptRecord = { number, record, atMillis: this.#now() }
      this.#records[number % MAX_RECORDS] = kept
      // An allowed operation follows, whose answer waits for the same commit if it changes anything.
      if (record.outcome === "allowed") this.#recorder?.putLater("audit", String(number % MAX_RECORDS), kept)
      else this.#recorder?.put("audit", String(number % MAX_RECORDS), kept)
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
        const at = this.#records[number % MAX_RECORDS]
        // After a crash, the last records may be missing.
        if (at?.number !== number) continue
        const { record: kept, atMillis } = at
        const record = { ...kept, id: String(number), atMillis }
        if (isWanted(record, request)) records.push(record)
      }
      return Effect.succeed({ records, nextCursor: number < oldest ? undefined : String(number + 1) })
    })
}
