/** The JSON of health: how a server and its Store are. */
import type { Load } from "../../../core/store/Load.ts"

/** `GET /health`. */
export interface Health {
  readonly status: "healthy" | "unhealthy"
  readonly timestamp: string
  readonly broker_connected: boolean
  /** Resident memory of the process, where the runtime tells. */
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
  /** Unready when the store does not answer, or the server is shutting down; then there is nothing about work. */
  readonly status: "ready" | "unready"
  readonly timestamp: string
  readonly memory_mb?: number
}

/** How busy it is. */
export interface LoadJson {
  readonly workers: number
  /** Steps that are ready and nobody has, and steps and items that workers have. */
  readonly steps_waiting: number
  readonly steps_running: number
  readonly runs_unfinished: number
  /** Since when at least the first of those that wait has been ready. */
  readonly oldest_waiting_ms: number
  /** Steps that are ready and that no worker can take, because none has their version; what the caller may not read is `other`. */
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

/** How busy it is. */
export const loadJson = (load: Load): LoadJson => ({
  workers: load.workers,
  steps_waiting: [...load.waiting.values()].reduce((sum, steps) => sum + steps, 0),
  steps_running: load.running,
  runs_unfinished: load.unfinished,
  oldest_waiting_ms: load.oldestWaitingMillis,
  abandoned: load.abandoned.map(({ pipelineId, version, steps }) => ({ pipeline_id: pipelineId, version, steps })),
  overdue_schedules: load.overdue.map(({ id }) => id)
})
