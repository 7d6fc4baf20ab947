/** What becomes of a run when one of its steps has failed for good. */
/**
 * - `fail-fast`: the run is over; running steps are interrupted, nothing new starts.
 * - `continue`: every step that depends on the failed one is skipped, all others finish; then the run has failed.
 * - `skip`: what the failed step would have given counts as absent: who takes it optionally goes on without it, who
 *   needs it is skipped. The run completes, unless that leaves a required part of its result out.
 */
export type Policy = "fail-fast" | "continue" | "skip"

/** All of them. */
export const POLICIES: ReadonlyArray<Policy> = ["fail-fast", "continue", "skip"]

/**
 * What becomes of a map or filter when one of its items has failed for good.
 *
 * - `fail`: the step fails with it.
 * - `skip`: the item is left out of the results. The step fails as soon as more items have failed than are tolerated.
 * - `collect`: every item is run. Then the step fails if more items failed than are tolerated; or else these are left out.
 */
export type ItemPolicy = "fail" | "skip" | "collect"

/** Every policy of items. */
export const ITEM_POLICIES: ReadonlyArray<ItemPolicy> = ["fail", "skip", "collect"]

/** How many failed items are tolerated: a whole number, or a share of all items in whole percent, such as `"10%"`. */
export type Tolerance = number | `${number}%`
