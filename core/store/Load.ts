/** The load of a Store: waiting work, running work and workers. */

import * as Version from "../pipeline/Version.ts"
import type { Run } from "../run/Run.ts"

/** Ready steps of a pipeline version that none of the connected workers has. */
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

/** How many versions, and how many schedules, a load names at most. */
export const MAX_NAMED = 100

/** Waiting work, running work and workers. */
export interface Load {
  /** How many ready steps wait for a worker, by pipeline. A step with items counts once. */
  readonly waiting: ReadonlyMap<string, number>
  /** For how long at least the oldest of them has been ready, in milliseconds; 0 when none waits. */
  readonly oldestWaitingMillis: number
  /** How many steps and items are leased to workers. */
  readonly running: number
  /** How many runs are unfinished. */
  readonly unfinished: number
  /** How many workers are connected. */
  readonly workers: number
  /** Ready steps that no worker can run, by pipeline and version: at most 100 rows. Empty while no worker is connected. */
  readonly abandoned: ReadonlyArray<Abandoned>
  /** Schedules that no server has fired for more than 60,000 ms after their tick: at most 100. */
  readonly overdue: ReadonlyArray<Overdue>
}

/** Counts abandoned steps by version. */
export class Tally {
  readonly #steps: Map<string, number> = new Map()

  /** Adds steps of a version, a `Version.key`. */
  add(version: string, steps: number): void {
    const known = this.#steps.get(version)
    if (known !== undefined || this.#steps.size < MAX_NAMED) this.#steps.set(version, (known ?? 0) + steps)
  }

  get rows(): ReadonlyArray<Abandoned> {
    return Array.from(this.#steps, ([key, steps]) => ({ ...Version.parts(key), steps }))
  }
}

/**
 * The latest instant at which a ready step of the run can have become ready, in milliseconds since 1970. A step becomes
 * ready when the run begins, another step completes or a wait ends.
 */
export const readySince = (run: Run): number => {
  let since = run.startAtMillis
  for (const { completedAtMillis, retryAtMillis } of run.steps) {
    since = Math.max(since, completedAtMillis ?? 0, retryAtMillis ?? 0)
  }
  return since
}
