/** The JSON types of schedules, and their conversion from the core's values. */
import { type Schedule, upcoming } from "../../../core/run/Schedule.ts"
import { instant } from "../server/Instant.ts"

/** A schedule. Either `cron` and `time_zone` are set, or `every` (in seconds); the others are null. */
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
  /** The next tick; null while the schedule is paused. */
  readonly next_at: string | null
  readonly last_at: string | null
  readonly last_task_id: string | null
  /** How many runs the schedule has started. */
  readonly fired: number
  /** How many ticks were skipped. */
  readonly skipped: number
}

/** `GET /schedules/{schedule_id}`. */
export interface ScheduleDetail extends ScheduleJson {
  /** The next five ticks; none while the schedule is paused. */
  readonly next_ticks: ReadonlyArray<string>
}

/** `GET /schedules`. */
export interface Schedules {
  readonly schedules: ReadonlyArray<ScheduleJson>
  /** The `cursor` of the next page; null after the last. */
  readonly next_cursor: string | null
}

/** Converts a schedule. */
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

/** How many ticks a schedule's own answer has. Lists have only the next one, because cron expressions take time. */
const TICKS = 5

/** Converts a schedule, with its next ticks. */
export const scheduleDetail = (of: Schedule): ScheduleDetail => ({
  ...schedule(of),
  next_ticks: upcoming(of, TICKS).map(instant)
})
