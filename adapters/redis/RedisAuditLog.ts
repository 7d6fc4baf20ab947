/** The audit log of a Store on Redis: a stream, cut to its newest records. */
import * as Effect from "effect/Effect"
import {
  type AuditList,
  type AuditLog,
  type AuditRecord,
  type AuditRequest,
  isWanted,
  MAX_RECORDS,
  type NewRecord
} from "../../core/AuditLog.ts"
import { InvalidOption, type StoreUnavailable } from "../../core/Errors.ts"
import type { Scripts } from "./Scripts.ts"

/** How many records are read at once when most of them may not be wanted. */
const CHUNK = 500

export class RedisAuditLog implements AuditLog {
  readonly #scripts: Scripts

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  append = (record: NewRecord): Effect.Effect<void, StoreUnavailable> =>
    Effect.asVoid(
      this.#scripts.ask((client, prefix) =>
        client.xadd(`${prefix}audit`, "MAXLEN", "~", MAX_RECORDS, "*", "r", JSON.stringify(record))
      )
    )

  list = (request: AuditRequest): Effect.Effect<AuditList, InvalidOption | StoreUnavailable> => {
    const { cursor, untilMillis, sinceMillis } = request
    if (cursor !== undefined && !/^\d{1,15}-\d{1,15}$/.test(cursor)) {
      return Effect.fail(new InvalidOption("cursor", cursor, "the cursor of an earlier list"))
    }
    const newest =
      cursor !== undefined ? `(${cursor}` : untilMillis === undefined ? "+" : `(${Math.max(0, untilMillis)}-0`
    const oldest = sinceMillis === undefined ? "-" : String(Math.max(0, Math.floor(sinceMillis)))
    return this.#scripts.ask(async (client, prefix) => {
      const records: Array<AuditRecord> = []
      for (let from = newest; ; ) {
        const chunk = await client.xrevrange(`${prefix}audit`, from, oldest, "COUNT", CHUNK)
        for (const [at, [id, fields]] of chunk.entries()) {
          const record = { ...(JSON.parse(fields[1]!) as NewRecord), id, atMillis: Number(id.split("-")[0]) }
          if (!isWanted(record, request)) continue
          records.push(record)
          if (records.length < request.limit) continue
          const isLast = at === chunk.length - 1 && chunk.length < CHUNK
          return { records, nextCursor: isLast ? undefined : id }
        }
        if (chunk.length < CHUNK) return { records, nextCursor: undefined }
        from = `(${chunk.at(-1)![0]}`
      }
    })
  }
}
