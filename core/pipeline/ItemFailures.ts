/** The options of a map or filter for failed items, and their check. */

import { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Policy from "../values/Policy.ts"
import type { Kind } from "./Step.ts"

/** How a map or filter handles items that fail for good, after all their retries. */
export interface ItemFailures {
  /**
   * - `fail`: the first item that fails for good fails the step.
   * - `skip`: the results leave a failed item out, and the step goes on. It fails as soon as more items have failed than
   *   are tolerated.
   * - `collect`: every item runs. Then the step fails with `ItemsFailed` if more items failed than are tolerated;
   *   otherwise it completes without them.
   *
   * With `chunk`, the other items of a unit run although one fails; the items share the unit's retries. All items of a unit
   * count as failed when it ends before all have run: it timed out, its workers were lost, or its limit key or memo
   * key could not be computed. Default: `fail`.
   */
  readonly onItemFailure?: Policy.ItemPolicy
  /**
   * How many failed items `skip` or `collect` tolerates: a whole number, or a share of all items, rounded down, in whole
   * percent, such as `"10%"`. Default: any number with `skip`, 0 with `collect`.
   */
  readonly toleratedItemFailures?: Policy.Tolerance
}

/** The failure for options that are invalid for a step of this kind; undefined for valid ones. */
export const invalid = (
  where: string,
  kind: Kind,
  { onItemFailure, toleratedItemFailures: tolerated }: ItemFailures
): InvalidOption | undefined => {
  const [policy, tolerance] = [`onItemFailure of ${where}`, `toleratedItemFailures of ${where}`]
  const isFixed = kind !== "map" && kind !== "filter"
  if (isFixed && onItemFailure !== undefined) return new InvalidOption(policy, onItemFailure, `no value, for a ${kind}`)
  const mistake = OptionCheck.among(policy, onItemFailure, Policy.ITEM_POLICIES)
  if (mistake !== undefined || tolerated === undefined) return mistake
  if (isFixed) return new InvalidOption(tolerance, tolerated, `no value, for a ${kind}`)
  if ((onItemFailure ?? "fail") === "fail") {
    return new InvalidOption(tolerance, tolerated, "no value, because onItemFailure is 'fail'")
  }
  return isTolerance(tolerated)
    ? undefined
    : new InvalidOption(tolerance, tolerated, 'a whole number of at least 0, or a share from "0%" to "100%"')
}

const isTolerance = (tolerated: Policy.Tolerance): boolean =>
  typeof tolerated === "string"
    ? /^(?:\d{1,2}|100)%$/.test(tolerated)
    : Number.isSafeInteger(tolerated) && tolerated >= 0
