/** Where schedules live: in the Store, so that whichever server is there starts their runs, and only one does. */
import type * as Effect from "effect/Effect"
import type { ScheduleExists, ScheduleNotFound, StoreUnavailable } from "./Errors.ts"
import type { NewRun } from "./NewRun.ts"
import type { Schedule } from "./Schedule.ts"

/** What a server that saw a schedule due has made of it. */
export interface Firing {
  /** The schedule as it was seen. If it has moved on since, nothing happens. */
  readonly schedule: Schedule
  /** The runs of its instants, oldest first. */
  readonly runs: ReadonlyArray<NewRun>
  /** How many instants were dropped. */
  readonly dropped: number
  readonly nextAtMillis: number
}

/** How many runs of one schedule may be unfinished; instants beyond that are dropped. */
export const MAX_UNFINISHED = 1_000

/** The schedules of a Store. */
export interface Schedules {
  /**
   * Keeps a new schedule. One of the same id and definition stays as it is; `replace` says that another one gives way to
   * it, or else it fails.
   */
  readonly put: (schedule: Schedule, replace: boolean) => Effect.Effect<Schedule, ScheduleExists | StoreUnavailable>
  readonly get: (id: string) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  /** By id. */
  readonly list: Effect.Effect<ReadonlyArray<Schedule>, StoreUnavailable>
  readonly remove: (id: string) => Effect.Effect<void, ScheduleNotFound | StoreUnavailable>
  /** A paused schedule lets its instants pass; resumed, it goes on at `nextAtMillis`. */
  readonly pause: (id: string) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  readonly resume: (id: string, nextAtMillis: number) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  /** Waits until schedules of these pipelines are due, and gives them. Read anew whenever one may be. */
  readonly due: (pipelineIds: ReadonlySet<string>) => Effect.Effect<ReadonlyArray<Schedule>, StoreUnavailable>
  /**
   * In one act: moves the schedule on, starts its runs, and drops those that its overlap policy forbids or there is no
   * room for. Gives whether that happened; it does not when the schedule has moved on, is paused or is gone.
   */
  readonly fire: (firing: Firing) => Effect.Effect<boolean, StoreUnavailable>
}
