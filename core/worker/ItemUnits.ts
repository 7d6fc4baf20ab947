/** Divides lists into units of work, and encodes the items of a unit for its claim. */

import type { Json } from "../json/Value.ts"
import { KEPT_ITEMS, readMatching } from "../run/KeptItems.ts"
import type { Outcome } from "../store/Work.ts"
import * as Bytes from "../values/Bytes.ts"
import { type StepCodec, stepError, type Values } from "./StepCodec.ts"

/** How many items a step may have. */
export const MAX_ITEMS = 1_000_000

/** The items of a unit. Each item is one parsed value of each list. */
export type Items = ReadonlyArray<ReadonlyArray<unknown>>

/**
 * The outcome of an expand claim: the units of the step's lists. Of several lists, every combination is an item; the
 * last list changes fastest. All units together may have `maxBytes` bytes of JSON. Units that the claim keeps from an
 * earlier run are done.
 */
export const expand = (stepCodec: StepCodec, values: Values, maxBytes: number): Outcome => {
  const { step, over } = stepCodec
  const lists: Array<ReadonlyArray<unknown>> = []
  for (const { value } of over) {
    const list: unknown = JSON.parse(values.get(value) ?? "null")
    if (!Array.isArray(list)) {
      const message = `Step '${step.name}' goes through '${value}', which has to be a list, but is ${list === null ? "null" : `of type ${typeof list}`}`
      return { _tag: "Failed", error: stepError(step, "NotAList", message) }
    }
    lists.push(list)
  }
  const count = lists.reduce((product, { length }) => product * length, 1)
  if (count > MAX_ITEMS) return tooMany(stepCodec, `${count} items, ${MAX_ITEMS} at most`)
  if (count === 0) return emptyResult(stepCodec)
  const size = step.chunk ?? 1
  const units: Array<Json> = []
  let bytes = 0
  for (let from = 0; from < count; from += size) {
    const to = Math.min(from + size, count)
    const items: Array<ReadonlyArray<unknown>> = []
    for (let at = from; at < to; at++) items.push(combination(lists, at))
    const unit = toJson(stepCodec, items)
    bytes += Bytes.ofText(unit)
    if (bytes > maxBytes) return tooMany(stepCodec, `more than ${maxBytes} bytes of JSON`)
    units.push(unit)
  }
  const done = readMatching(values.get(KEPT_ITEMS), units.length, size)
  return { _tag: "Expanded", units, count, size, ...(done !== undefined && { done }) }
}

const combination = (lists: ReadonlyArray<ReadonlyArray<unknown>>, at: number): ReadonlyArray<unknown> => {
  if (lists.length === 1) return [lists[0]![at]]
  const item = new Array<unknown>(lists.length)
  let rest = at
  for (let list = lists.length - 1; list >= 0; list--) {
    const { length } = lists[list]!
    item[list] = lists[list]![rest % length]
    rest = Math.floor(rest / length)
  }
  return item
}

// A single item, or the value of a single list, has no array around it.
const toJson = ({ step, over }: StepCodec, items: Items): Json => {
  const shown = over.length === 1 ? items.map(([value]) => value) : items
  return JSON.stringify(step.chunk === undefined ? shown[0] : shown)
}

/** The items of an encoded unit. */
export const fromJson = ({ step, over }: StepCodec, unit: Json): Items => {
  const parsed: unknown = JSON.parse(unit)
  const items = step.chunk === undefined ? [parsed] : (parsed as ReadonlyArray<unknown>)
  return over.length === 1 ? items.map((value) => [value]) : (items as Items)
}

const tooMany = ({ step }: StepCodec, what: string): Outcome => ({
  _tag: "Failed",
  error: stepError(step, "TooManyItems", `Step '${step.name}' has too many items: ${what}`)
})

/** The outcome for an empty list. */
const emptyResult = ({ step, accumulators }: StepCodec): Outcome => ({
  _tag: "Completed",
  outputs: Object.fromEntries(
    step.kind === "reduce"
      ? accumulators.map(({ value, initial }) => [value, initial])
      : step.outputs.map(({ value }) => [value, "[]"])
  )
})
