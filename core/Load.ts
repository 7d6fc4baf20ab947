/** How busy a Store is. */
import type { Run } from "./Run.ts"

/** What waits, and who is there to do it. */
export interface Load {
  /** How many steps are ready and nobody has them, by pipeline; a step that goes through items counts once. */
  readonly waiting: ReadonlyMap<string, number>
  /** For how long at least the first of those that wait has been ready, in milliseconds; 0 when none waits. */
  readonly oldestWaitingMillis: number
  /** How many steps and items workers have. */
  readonly running: number
  /** How many runs are not over. */
  readonly unfinished: number
  /** How many workers are there. */
  readonly workers: number
}

/** Since when at the latest what is ready of a run has been so: what makes a step ready is the end of another, or of a wait. */
export const readySince = (run: Run): number => {
  let since = run.startAtMillis
  for (const { completedAtMillis, retryAtMillis } of run.steps) {
    since = Math.max(since, completedAtMillis ?? 0, retryAtMillis ?? 0)
  }
  return since
}
