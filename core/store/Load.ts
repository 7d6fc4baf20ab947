/** How busy a Store is. */

import * as Version from "../pipeline/Version.ts"
import type { Run } from "../run/Run.ts"

/** Ready steps of a version of a pipeline that no worker has, though workers are there. */
export interface Abandoned {
  readonly pipelineId: string
  readonly version: string
  readonly steps: number
}

/** A schedule that no server has fired for more than 60,000 ms after its tick. */
export interface Overdue {
  readonly id: string
  readonly pipelineId: string
}

/** How many versions and schedules a load names at most. */
export const MAX_NAMED = 100

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
  /** Ready steps that no worker can take, by pipeline and version: at most 100. None while no worker is there at all. */
  readonly abandoned: ReadonlyArray<Abandoned>
  /** Schedules that no server has fired for more than 60,000 ms after their tick: at most 100. */
  readonly overdue: ReadonlyArray<Overdue>
}

/** Counts abandoned steps by version. */
export class Tally {
  readonly #steps: Map<string, number> = new Map()

  /** So many steps of a version, which is a `Version.key`. */
  add(version: string, steps: number): void {
    const known = this.#steps.get(version)
    if (known !== undefined || this.#steps.size < MAX_NAMED) this.#steps.set(version, (known ?? 0) + steps)
  }

  get rows(): ReadonlyArray<Abandoned> {
    return Array.from(this.#steps, ([key, steps]) => ({ ...Version.parts(key), steps }))
  }
}

/** Since when at the latest what is ready of a run has been so: what makes a step ready is the end of another, or of a wait. */
export const readySince = (run: Run): number => {
  let since = run.startAtMillis
  for (const { completedAtMillis, retryAtMillis } of run.steps) {
    since = Math.max(since, completedAtMillis ?? 0, retryAtMillis ?? 0)
  }
  return since
}
