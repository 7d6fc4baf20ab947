/** Lists the units of a step with items. */

import type { Json } from "../../../core/json/Value.ts"
import {
  type ItemList,
  type ItemState,
  type ItemStatus,
  type ItemsRequest,
  MAX_LISTED,
  NO_ITEMS,
  toRow
} from "../../../core/run/ItemList.ts"
import type { ErrorInfo } from "../../../core/values/ErrorInfo.ts"
import { bytesOfText } from "../connection/CallSize.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { END, EXPANDS, ITEMS, KEY, OF_STEP, RECORD, RUN, STEP, WORK } from "../lua/Codes.ts"
import { digestOf, isOver } from "./RunReader.ts"

/** For how many units one call reads the values. */
const FEW = 20

/** The fields of `STEP.expands` that this module needs. */
interface ExpansionCode {
  readonly [EXPANDS.outputs]: ReadonlyArray<string>
  readonly [EXPANDS.inOrder]?: true
}

/** The `STEP.expands` of a step; undefined for a step without items, or when the run does not exist. */
export const expansionOf = async (
  { client, prefix }: Scripts,
  runId: string,
  index: number
): Promise<ExpansionCode | undefined> => {
  const header = await client.hget(`${prefix}${KEY.run}${runId}`, RUN.header)
  const code = header === null ? null : await client.hget(`${prefix}${KEY.plan}${digestOf(header)}`, String(index))
  return code === null ? undefined : (JSON.parse(code) as { readonly [STEP.expands]?: ExpansionCode })[STEP.expands]
}

/** A page of the list of a step's units. It ends early once it has more than `maxBytes`. */
export const list = async (
  scripts: Scripts,
  index: number,
  { runId, status, limit, cursor = "0", isBare = false }: ItemsRequest,
  maxBytes: number
): Promise<ItemList> => {
  const { client, prefix } = scripts
  const expansion = await expansionOf(scripts, runId, index)
  if (expansion === undefined || expansion[EXPANDS.inOrder] === true) return NO_ITEMS
  const items = `${prefix}${KEY.items}${runId}:${index}`
  const [counts, run] = await Promise.all([
    client.hmget(items, ITEMS.units, ITEMS.unitSize, ITEMS.items),
    client.hmget(`${prefix}${KEY.run}${runId}`, RUN.header, `${OF_STEP.over}${index}`, `${WORK.lease}${index}`)
  ])
  const [units, size, count] = counts.map(Number) as [number, number, number]
  if (counts[0] == null) return NO_ITEMS
  const hasEnded = isOver(run[0]!) || run[1] != null || run[2] === END.completed
  const from = Number(cursor)
  const until = Math.min(from + MAX_LISTED, units)
  const states = await statesOf(scripts, runId, index, from, until)
  const rows: Array<ItemState> = []
  let bytes = 0
  let at = from
  while (at < until && rows.length < limit && bytes <= maxBytes) {
    const wanted: Array<number> = []
    for (; at < until && wanted.length < Math.min(FEW, limit - rows.length); at++) {
      const state = states[at - from]!
      if (hasEnded && state.status === "RUNNING") state.status = "PENDING"
      if (status === undefined || state.status === status) wanted.push(at)
    }
    if (wanted.length === 0) continue
    const names = isBare ? [] : expansion[EXPANDS.outputs]
    const fields = wanted.flatMap((unit) => [
      `${ITEMS.error}${unit}`,
      ...(isBare ? [] : [`${ITEMS.unit}${unit}`]),
      ...names.map((_, place) => `${ITEMS.result}${place + 1}:${unit}`)
    ])
    const found = await client.hmget(items, ...fields)
    const width = fields.length / wanted.length
    for (const [place, unit] of wanted.entries()) {
      const [error, value, ...results] = found.slice(place * width, (place + 1) * width)
      const outputs: Record<string, Json> = {}
      for (const [output, name] of names.entries()) {
        const json = results[output]
        if (json != null) outputs[name] = json
      }
      const { status: known, attempts } = states[unit - from]!
      rows.push({
        index: unit,
        size: unit === units - 1 ? count - unit * size : size,
        status: known,
        attempts,
        ...(error != null && known === "FAILED" && { error: JSON.parse(error) as ErrorInfo }),
        value: value ?? "null",
        outputs: toRow(outputs, size)
      })
      bytes += bytesOfText(value ?? "")
      for (const json of results) bytes += bytesOfText(json ?? "")
      if (bytes > maxBytes) {
        at = unit + 1
        break
      }
    }
  }
  return { items: rows, units, size, nextCursor: at < units ? String(at) : undefined }
}

interface State {
  status: ItemStatus
  readonly attempts: number
}

/** The status and attempts of units, from their leases and records. */
const statesOf = async (
  { client, prefix }: Scripts,
  runId: string,
  index: number,
  from: number,
  until: number
): Promise<ReadonlyArray<State>> => {
  if (until <= from) return []
  const fields = Array.from({ length: until - from }, (_, at) => [
    `${WORK.lease}${from + at}`,
    `${WORK.record}${from + at}`
  ]).flat()
  const found = await client.hmget(`${prefix}${KEY.itemWork}${runId}:${index}`, ...fields)
  return Array.from({ length: until - from }, (_, at): State => {
    const lease = found[2 * at] ?? ""
    if (lease.startsWith(END.completed)) return { status: "COMPLETED", attempts: Number(lease.slice(1)) }
    if (lease.startsWith(END.failed)) return { status: "FAILED", attempts: Number(lease.slice(1)) }
    if (lease !== "") return { status: "RUNNING", attempts: Number(lease.split("|")[1]) }
    const unit = found[2 * at + 1]
    return {
      status: "PENDING",
      attempts: unit == null ? 0 : (JSON.parse(unit) as { readonly [RECORD.attempts]: number })[RECORD.attempts]
    }
  })
}
