/**
 * Shows the progress of a run in a terminal: a line for each step, a bar for maps, and a summary at the end.
 *
 * @example
 * ```ts
 * import { Progress } from "levada/progress"
 *
 * const runId = await levada.start(report, { url: "https://example.org" })
 * const run = await Progress.show(levada, runId)
 * ```
 * @module
 */
export * as Progress from "./Progress.ts"
