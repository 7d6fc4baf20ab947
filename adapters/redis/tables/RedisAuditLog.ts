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
} from "../../../core/store/AuditLog.ts"
import { InvalidOption, type StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { MOST } from "../lua/LuaReading.ts"
import { ANSWER_BYTES } from "../runs/Fields.ts"

/** How many records one list looks at; then it ends with a cursor. */
const MAX_LOOKED = 5_000

type Answer = readonly [records: ReadonlyArray<readonly [id: string, text: string]>, isEnd: 0 | 1]

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
    return this.#scripts.ask(async () => {
      const records: Array<AuditRecord> = []
      const isFiltered = request.principal ?? request.pipelineId ?? request.outcome
      let from = newest
      for (let looked = 0; ; ) {
        // One more than is wanted says whether anything is left.
        const most = isFiltered === undefined ? Math.min(request.limit + 1 - records.length, MOST) : MOST
        const [chunk, isEnd] = (await this.#scripts.call("records", [from, oldest, most, ANSWER_BYTES])) as Answer
        for (const [at, [id, text]] of chunk.entries()) {
          const record = { ...(JSON.parse(text) as NewRecord), id, atMillis: Number(id.split("-")[0]) }
          if (!isWanted(record, request)) continue
          records.push(record)
          if (records.length < request.limit) continue
          const isLast = at === chunk.length - 1 && isEnd === 1
          return { records, nextCursor: isLast ? undefined : id }
        }
        if (isEnd === 1) return { records, nextCursor: undefined }
        const last = chunk.at(-1)![0]
        looked += chunk.length
        if (looked >= MAX_LOOKED) return { records, nextCursor: last }
        from = `(${last}`
      }
    })
  }
}
