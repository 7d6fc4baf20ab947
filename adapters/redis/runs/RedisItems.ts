/** The units of a step that goes through items, as they are kept: listed one by one. */

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
import { digestOf, isOver } from "./RunReader.ts"

/** How many units' values are read in one call. */
const FEW = 20

/** How a step goes through its items, as its plan is written: its outputs, and whether in order. */
interface ExpansionCode {
  readonly u: ReadonlyArray<string>
  readonly o?: true
}

/** What the plan of a run says of a step that goes through items; nothing for another step, or when the run is not there. */
export const expansionOf = async (
  { client, prefix }: Scripts,
  runId: string,
  index: number
): Promise<ExpansionCode | undefined> => {
  const header = await client.hget(`${prefix}r:${runId}`, "h")
  const code = header === null ? null : await client.hget(`${prefix}p:${digestOf(header)}`, String(index))
  return code === null ? undefined : (JSON.parse(code) as { readonly x?: ExpansionCode }).x
}

/** A part of the list of a step's units. It ends where it has more bytes than a value may have. */
export const list = async (
  scripts: Scripts,
  index: number,
  { runId, status, limit, cursor = "0" }: ItemsRequest,
  maxBytes: number
): Promise<ItemList> => {
  const { client, prefix } = scripts
  const expansion = await expansionOf(scripts, runId, index)
  if (expansion === undefined || expansion.o === true) return NO_ITEMS
  const items = `${prefix}x:${runId}:${index}`
  const [counts, run] = await Promise.all([
    client.hmget(items, "N", "z", "n"),
    client.hmget(`${prefix}r:${runId}`, "h", `o${index}`, `l${index}`)
  ])
  const [units, size, count] = counts.map(Number) as [number, number, number]
  if (counts[0] == null) return NO_ITEMS
  const hasEnded = isOver(run[0]!) || run[1] != null || run[2] === "+"
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
    const fields = wanted.flatMap((unit) => [
      `v${unit}`,
      `e${unit}`,
      ...expansion.u.map((_, place) => `r${place + 1}:${unit}`)
    ])
    const found = await client.hmget(items, ...fields)
    const width = 2 + expansion.u.length
    for (const [place, unit] of wanted.entries()) {
      const [value, error, ...results] = found.slice(place * width, (place + 1) * width)
      const outputs: Record<string, Json> = {}
      for (const [output, name] of expansion.u.entries()) {
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

/** Where units are, by their leases and by what is known of those that wait. */
const statesOf = async (
  { client, prefix }: Scripts,
  runId: string,
  index: number,
  from: number,
  until: number
): Promise<ReadonlyArray<State>> => {
  if (until <= from) return []
  const fields = Array.from({ length: until - from }, (_, at) => [`l${from + at}`, `u${from + at}`]).flat()
  const found = await client.hmget(`${prefix}z:${runId}:${index}`, ...fields)
  return Array.from({ length: until - from }, (_, at): State => {
    const lease = found[2 * at] ?? ""
    if (lease.startsWith("+")) return { status: "COMPLETED", attempts: Number(lease.slice(1)) }
    if (lease.startsWith("-")) return { status: "FAILED", attempts: Number(lease.slice(1)) }
    if (lease !== "") return { status: "RUNNING", attempts: Number(lease.split("|")[1]) }
    const unit = found[2 * at + 1]
    return { status: "PENDING", attempts: unit == null ? 0 : (JSON.parse(unit) as { readonly a: number }).a }
  })
}
