/** The JSON of schedules: what the core's values are called on the wire. */
import type { Schedule } from "../../../core/run/Schedule.ts"
import { instant } from "../server/Instant.ts"

/** A schedule. Either `cron` and `time_zone` or `every`, in seconds, are not null. */
export interface ScheduleJson {
  readonly id: string
  readonly pipeline_id: string
  readonly cron: string | null
  readonly time_zone: string | null
  readonly every: number | null
  readonly parameters: Readonly<Record<string, unknown>>
  readonly catch_up: Schedule["catchUp"]
  readonly overlap: Schedule["overlap"]
  readonly priority: number
  /** How late a run may start and still count as on time, in seconds. */
  readonly grace: number
  readonly paused: boolean
  readonly created_at: string
  /** When it fires next; null while it is paused. */
  readonly next_at: string | null
  readonly last_at: string | null
  readonly last_task_id: string | null
  /** How many runs it has started, and how many of its instants were dropped. */
  readonly fired: number
  readonly skipped: number
}

/** `GET /schedules`. */
export interface Schedules {
  readonly schedules: ReadonlyArray<ScheduleJson>
  /** For `cursor`; null when nothing is left. */
  readonly next_cursor: string | null
}

/** One schedule. */
export const schedule = (of: Schedule): ScheduleJson => {
  const { timing } = of
  const isCron = timing.cron !== undefined
  return {
    id: of.id,
    pipeline_id: of.pipelineId,
    cron: isCron ? timing.cron : null,
    time_zone: isCron ? (timing.timeZone ?? "UTC") : null,
    every: isCron ? null : timing.everyMillis / 1_000,
    parameters: Object.fromEntries(Object.entries(of.parameters).map(([name, json]) => [name, JSON.parse(json)])),
    catch_up: of.catchUp,
    overlap: of.overlap,
    priority: of.priority,
    grace: of.graceMillis / 1_000,
    paused: of.paused,
    created_at: instant(of.createdAtMillis),
    next_at: of.paused ? null : instant(of.nextAtMillis),
    last_at: of.lastAtMillis === undefined ? null : instant(of.lastAtMillis),
    last_task_id: of.lastRunId ?? null,
    fired: of.fired,
    skipped: of.skipped
  }
}
