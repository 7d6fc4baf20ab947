/** The JSON types of workers, and their conversion from the core's values. */
import type { VisibleWorker } from "../../../core/operations/WorkerOperations.ts"
import { instant } from "../server/Instant.ts"

/** A step or an item that a worker runs. */
export interface ClaimJson {
  readonly task_id: string
  readonly pipeline_id: string
  readonly step: string
  /** Index among the units of a step with items. */
  readonly item: number | null
  readonly attempt: number
  readonly claimed_at: string | null
}

/** A worker. */
export interface WorkerJson {
  readonly id: string
  /** When it last said that it is there; null for one that is gone and whose claims have not ended yet. */
  readonly seen_at: string | null
  /** How many steps and items it runs. */
  readonly running: number
  /** At most 50, the oldest first; only of pipelines that the caller may read. */
  readonly claims: ReadonlyArray<ClaimJson>
}

/** `GET /workers`. */
export interface Workers {
  readonly workers: ReadonlyArray<WorkerJson>
  readonly next_cursor: string | null
}

/** Converts a page of workers. */
export const workers = (items: ReadonlyArray<VisibleWorker>, nextCursor: string | null): Workers => ({
  workers: items.map(({ id, seenAtMillis, running, claims }) => ({
    id,
    seen_at: seenAtMillis === undefined ? null : instant(seenAtMillis),
    running,
    claims: claims.map(({ runId, pipelineId, step, item, attempt, claimedAtMillis }) => ({
      task_id: runId,
      pipeline_id: pipelineId,
      step,
      item: item ?? null,
      attempt,
      claimed_at: instant(claimedAtMillis)
    }))
  })),
  next_cursor: nextCursor
})
