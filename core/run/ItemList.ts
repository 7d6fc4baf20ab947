/** The items of a step, as a Store lists them: one row for each unit of work. */

import type { Json } from "../json/Value.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import type { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"

/** The status of a unit. A unit that was running when its step ended is PENDING. */
export type ItemStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED"

/** Every status of a unit, in the order in which it can take them. */
export const ITEM_STATUSES: ReadonlyArray<ItemStatus> = ["PENDING", "RUNNING", "COMPLETED", "FAILED"]

/** How many units a Store examines for one answer, and how many it returns at most. */
export const MAX_LISTED = 500

/** How many errors of failed units a step keeps, and how many of its failed items have an event. */
export const MAX_ITEM_ERRORS = 1_000

/** How many errors of failed items one outcome carries. */
export const MAX_UNIT_ERRORS = 100

/** One unit of work of a step. */
export interface ItemState {
  /** Index among the units of the step, from 0. */
  readonly index: number
  /** How many items it has. */
  readonly size: number
  /** FAILED when at least one of its items failed. */
  readonly status: ItemStatus
  /** How many attempts have begun. */
  readonly attempts: number
  /** The error of its first failed item. Kept for the first 1,000 units that fail. */
  readonly error?: ErrorInfo
  /** Its item; a list of its items when units have several. `null` in a bare list. */
  readonly value: Json
  /**
   * Its outputs, under their names in the run; each is a list when units have several items. A FAILED unit has the
   * outputs of its other items. Empty in a bare list.
   */
  readonly outputs: Readonly<Record<string, Json>>
}

/** Which units to list. */
export interface ItemsRequest {
  readonly runId: string
  readonly step: string
  readonly status?: ItemStatus
  /** The longest answer: 1 to 500 units. */
  readonly limit: number
  /** The `nextCursor` of an earlier list. Default: the first unit. */
  readonly cursor?: string
  /** Whether the units come without items and outputs, so that the Store need not read these. Default: false. */
  readonly isBare?: boolean
}

/** A part of the list of units. */
export interface ItemList {
  readonly items: ReadonlyArray<ItemState>
  /** How many units the step has, and how many items each has (the last may have fewer); 0 when no items are kept. */
  readonly units: number
  readonly size: number
  /** Where the next part begins; undefined at the end. A part may be short or empty although more follow. */
  readonly nextCursor: string | undefined
}

/** The list of a step without items: it is no map or filter, or the Store has dropped its items. */
export const NO_ITEMS: ItemList = { items: [], units: 0, size: 0, nextCursor: undefined }

/** The first mistake in a request; undefined when it is valid. */
export const invalid = ({ limit, status, cursor }: ItemsRequest): InvalidOption | undefined =>
  OptionCheck.integer("limit", limit, 1, MAX_LISTED) ??
  OptionCheck.among("status", status, ITEM_STATUSES) ??
  OptionCheck.cursor("cursor", cursor)

type Outputs = Readonly<Record<string, Json>>

const each = (outputs: Outputs, change: (json: Json) => Json): Outputs =>
  Object.fromEntries(Object.entries(outputs).map(([name, json]) => [name, change(json)]))

/** The outputs of a row, from those that a worker settled: for units of several items, lists without brackets. */
export const toRow = (outputs: Outputs, size: number): Outputs =>
  size === 1 ? outputs : each(outputs, (json) => `[${json}]`)

/** The reverse of `toRow`. */
export const fromRow = (outputs: Outputs, size: number): Outputs =>
  size === 1 ? outputs : each(outputs, (json) => json.slice(1, -1))
