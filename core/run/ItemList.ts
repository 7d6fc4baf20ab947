/** The items of a step that goes through lists, as a Store lists them: one row for each unit of work. */

import type { Json } from "../json/Value.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"

/** Where a unit is. One that was under way when its step ended is PENDING. */
export type ItemStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED"

/** Every status of a unit, in the order in which it can take them. */
export const ITEM_STATUSES: ReadonlyArray<ItemStatus> = ["PENDING", "RUNNING", "COMPLETED", "FAILED"]

/** How many units a Store looks at for one answer, and the longest answer. */
export const MAX_LISTED = 500

/** How many errors are kept of one step's failed units, and how many failed items of one step have an event. */
export const MAX_ITEM_ERRORS = 1_000

/** How many errors one outcome tells of the items of its unit. */
export const MAX_UNIT_ERRORS = 100

/** One unit of work of a step. */
export interface ItemState {
  /** Its place among the units, from 0. */
  readonly index: number
  /** How many items it has. */
  readonly size: number
  /** FAILED when one of its items failed, or more. */
  readonly status: ItemStatus
  /** How many attempts began. */
  readonly attempts: number
  /** Why it failed: the error of its first failed item. Kept of the first 1,000 units that failed. */
  readonly error?: ErrorInfo
  /** Its item, or the list of its items where units may have several. */
  readonly value: Json
  /**
   * What came of it, by the names of the run's values: of one item its outputs; where units may have several, a list of
   * each output. Of a FAILED unit what its other items gave.
   */
  readonly outputs: Readonly<Record<string, Json>>
}

/** Which units to list. */
export interface ItemsRequest {
  readonly runId: string
  readonly step: string
  readonly status?: ItemStatus
  /** At most so many, in order: 1 to 500. */
  readonly limit: number
  /** Goes on where an earlier list ended. */
  readonly cursor?: string
}

/** A part of the list of units. */
export interface ItemList {
  readonly items: ReadonlyArray<ItemState>
  /** How many units the step has, and how many items each but the last; both 0 when the Store has none of it. */
  readonly units: number
  readonly size: number
  /** Where the next part begins; undefined when nothing is left. A part may be short, or empty, and others follow. */
  readonly nextCursor: string | undefined
}

/** The list of a step without single items: it goes through none, or the Store has let go of them. */
export const NO_ITEMS: ItemList = { items: [], units: 0, size: 0, nextCursor: undefined }

/** What is wrong with a request; nothing when it can be answered. */
export const invalid = ({ limit, status, cursor }: ItemsRequest): InvalidOption | undefined =>
  OptionCheck.integer("limit", limit, 1, MAX_LISTED) ??
  OptionCheck.among("status", status, ITEM_STATUSES) ??
  (cursor === undefined || /^\d{1,7}$/.test(cursor)
    ? undefined
    : new InvalidOption("cursor", cursor, "the `nextCursor` of an earlier list"))

type Outputs = Readonly<Record<string, Json>>

const each = (outputs: Outputs, change: (json: Json) => Json): Outputs =>
  Object.fromEntries(Object.entries(outputs).map(([name, json]) => [name, change(json)]))

/** What a unit was settled with, as a row shows it: a unit of several items gives parts of lists, with commas between. */
export const toRow = (outputs: Outputs, size: number): Outputs =>
  size === 1 ? outputs : each(outputs, (json) => `[${json}]`)

/** The same back. */
export const fromRow = (outputs: Outputs, size: number): Outputs =>
  size === 1 ? outputs : each(outputs, (json) => json.slice(1, -1))
