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
