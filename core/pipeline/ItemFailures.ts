/** What a map or filter does about items that fail: the options for it, and what is wrong with them. */

import { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Policy from "../values/Policy.ts"
import type { Kind } from "./Step.ts"

/** What a map or filter does about items that fail for good, after all their retries. */
export interface ItemFailures {
  /**
   * - `fail`: the first item that fails for good fails the step.
   * - `skip`: a failed item is left out of the results, and the step goes on. It fails as soon as more items have failed
   *   than are tolerated.
   * - `collect`: every item is run. Then the step fails with `ItemsFailed` if more items failed than are tolerated, or
   *   else completes without them.
   *
   * With `chunk`, a failed item costs itself alone, and the others of its unit are run; they share the unit's retries. A
   * unit that ends before all its items were run counts all of them as failed: it timed out, lost its workers, or its limit
   * or memo key could not be worked out. Default: `fail`.
   */
  readonly onItemFailure?: Policy.ItemPolicy
  /**
   * How many failed items `skip` or `collect` tolerates: a whole number, or a share of all items, rounded down, in whole
   * percent, such as `"10%"`. Default: any number with `skip`, 0 with `collect`.
   */
  readonly toleratedItemFailures?: Policy.Tolerance
}

/** What is wrong with the options of a step of that kind; nothing when they can be used. */
export const invalid = (
  where: string,
  kind: Kind,
  { onItemFailure, toleratedItemFailures: tolerated }: ItemFailures
): InvalidOption | undefined => {
  const [policy, tolerance] = [`onItemFailure of ${where}`, `toleratedItemFailures of ${where}`]
  const isFixed = kind !== "map" && kind !== "filter"
  if (isFixed && onItemFailure !== undefined) return new InvalidOption(policy, onItemFailure, `nothing, for a ${kind}`)
  const mistake = OptionCheck.among(policy, onItemFailure, Policy.ITEM_POLICIES)
  if (mistake !== undefined || tolerated === undefined) return mistake
  if (isFixed) return new InvalidOption(tolerance, tolerated, `nothing, for a ${kind}`)
  if ((onItemFailure ?? "fail") === "fail") {
    return new InvalidOption(tolerance, tolerated, "nothing, as onItemFailure is 'fail'")
  }
  return isTolerance(tolerated)
    ? undefined
    : new InvalidOption(tolerance, tolerated, 'a whole number of at least 0, or a share from "0%" to "100%"')
}

const isTolerance = (tolerated: Policy.Tolerance): boolean =>
  typeof tolerated === "string"
    ? /^(?:\d{1,2}|100)%$/.test(tolerated)
    : Number.isSafeInteger(tolerated) && tolerated >= 0
