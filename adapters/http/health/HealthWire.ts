/** The JSON types of the health checks. */
import type { Load } from "../../../core/store/Load.ts"

/** `GET /health`. */
export interface Health {
  readonly status: "healthy" | "unhealthy"
  readonly timestamp: string
  readonly broker_connected: boolean
  /** Resident memory of the process, if the runtime reports it. */
  readonly memory_mb?: number
}

/** `GET /health/live`. */
export interface Liveness {
  readonly status: "alive"
  readonly timestamp: string
  readonly memory_mb?: number
}

/** `GET /health/ready`. */
export interface Readiness extends Partial<LoadJson> {
  /** `unready` if the store does not answer or the server is shutting down; the keys of `LoadJson` are then missing. */
  readonly status: "ready" | "unready"
  readonly timestamp: string
  readonly memory_mb?: number
}

/** How busy the workers are. */
export interface LoadJson {
  readonly workers: number
  /** Ready steps that no worker has claimed. */
  readonly steps_waiting: number
  /** Steps and items that workers have claimed. */
  readonly steps_running: number
  readonly runs_unfinished: number
  /** How long the oldest ready step has waited at least. */
  readonly oldest_waiting_ms: number
  /** Ready steps that no worker can claim, because none has their version; pipelines that the caller may not read are `other`. */
  readonly abandoned: ReadonlyArray<AbandonedJson>
  /** Schedules that no server has fired for more than a minute after their tick. */
  readonly overdue_schedules: ReadonlyArray<string>
}

/** Ready steps of a version that no worker has. */
export interface AbandonedJson {
  readonly pipeline_id: string
  readonly version: string
  readonly steps: number
}

/** Converts a load. */
export const loadJson = (load: Load): LoadJson => ({
  workers: load.workers,
  steps_waiting: [...load.waiting.values()].reduce((sum, steps) => sum + steps, 0),
  steps_running: load.running,
  runs_unfinished: load.unfinished,
  oldest_waiting_ms: load.oldestWaitingMillis,
  abandoned: load.abandoned.map(({ pipelineId, version, steps }) => ({ pipeline_id: pipelineId, version, steps })),
  overdue_schedules: load.overdue.map(({ id }) => id)
})
