/** What the scripts and TypeScript both know: bounds that both sides keep to. */
import { MAX_TOGETHER } from "../../../core/json/Value.ts"
import { MAX_ITEM_ERRORS, MAX_UNIT_ERRORS } from "../../../core/run/ItemList.ts"
import { KEPT_CHANGES } from "../../../core/store/Feed.ts"

/** After how long without a word a worker counts as gone, in milliseconds. */
export const ABSENT_MILLIS = 15_000

/** How many scores a millisecond has. */
export const PER_MILLI = 1_000

/** The constants of the scripts, by name. */
export const CONSTANTS: Readonly<Record<string, number>> = {
  KEPT_CHANGES,
  ABSENT_MILLIS,
  PER_MILLI,
  /** How many times the longest value all inputs of a step may have together. */
  MAX_INPUTS: MAX_TOGETHER,
  MAX_ITEM_ERRORS,
  MAX_UNIT_ERRORS,
  /** How many runs one act forgets. */
  MAX_FORGOTTEN: 200
}
