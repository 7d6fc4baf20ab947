/** What happens to a run, or to a map or filter, after a failure for good. */

/**
 * What happens to a run when one of its steps fails for good, after its retries.
 *
 * - `fail-fast`: the run fails at once; running steps are interrupted and no step starts.
 * - `continue`: every step that depends on the failed one is skipped and all others finish; then the run fails.
 * - `skip`: the outputs of the failed step are absent. A step for which they are optional runs without them, a step that
 *   needs them is skipped. The run completes, unless a required part of its result is missing.
 */
export type Policy = "fail-fast" | "continue" | "skip"

/** Every policy of runs. */
export const POLICIES: ReadonlyArray<Policy> = ["fail-fast", "continue", "skip"]

/**
 * What happens to a map or filter when one of its items fails for good.
 *
 * - `fail`: the step fails with the item.
 * - `skip`: the results leave the item out. The step fails as soon as more items have failed than are tolerated.
 * - `collect`: every item runs. Then the step fails if more items failed than are tolerated; otherwise the results leave
 *   them out.
 */
export type ItemPolicy = "fail" | "skip" | "collect"

/** Every policy of items. */
export const ITEM_POLICIES: ReadonlyArray<ItemPolicy> = ["fail", "skip", "collect"]

/** How many failed items are tolerated: a whole number, or a share of all items in whole percent, such as `"10%"`. */
export type Tolerance = number | `${number}%`
