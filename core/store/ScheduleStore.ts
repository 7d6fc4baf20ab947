/** Where schedules live: in the Store, so that any server starts their runs, and only one does. */
import type * as Effect from "effect/Effect"
import type { NewRun } from "../run/NewRun.ts"
import type { Schedule } from "../run/Schedule.ts"
import type { ScheduleExists, ScheduleNotFound, StoreUnavailable } from "../values/Errors.ts"

/** Some ticks of a schedule, fired by a server that saw them due. */
export interface Firing {
  /** The schedule as the server saw it. If it has moved on since, nothing happens. */
  readonly schedule: Schedule
  /** The version of the pipeline that the server has checked its parameters against: the schedule keeps it. */
  readonly version: string
  /** The runs of the ticks, oldest first: at most `MAX_FIRED`, and of about `MAX_FIRED_BYTES`. */
  readonly runs: ReadonlyArray<NewRun>
  /** How many ticks were dropped. */
  readonly dropped: number
  /** The first tick that is not fired yet. */
  readonly nextAtMillis: number
}

/** How many runs one call starts at most, and how many bytes of parameters they have together; one run at least. */
export const MAX_FIRED = 100
export const MAX_FIRED_BYTES: number = 1 << 20

/** How many due schedules a server gets at once, and how many bytes of parameters they have together; one at least. */
export const MAX_DUE = 100
export const MAX_DUE_BYTES: number = 1 << 20

/** What a server needs to know of a schedule to say whether it takes it. */
export type Head = Pick<Schedule, "id" | "pipelineId" | "version" | "createdAtMillis">

/** How long after its tick a server takes a schedule, in milliseconds; undefined when it leaves the schedule to others. */
export type TakesAfter = (schedule: Head) => number | undefined

/** How many runs of one schedule may be unfinished; instants beyond that are dropped. */
export const MAX_UNFINISHED = 1_000

/** A schedule that is due, and the instant by the Store's clock at which it was found to be: the server's own decides nothing. */
export interface DueSchedule {
  readonly schedule: Schedule
  readonly nowMillis: number
}

/** The schedules of a Store. */
export interface ScheduleStore {
  /**
   * Keeps a new schedule. One of the same id and definition stays as it is, but for the version that it was checked against;
   * `replace` says that another one gives way to it, or else it fails.
   */
  readonly put: (schedule: Schedule, replace: boolean) => Effect.Effect<Schedule, ScheduleExists | StoreUnavailable>
  readonly get: (id: string) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  /** By id. */
  readonly list: Effect.Effect<ReadonlyArray<Schedule>, StoreUnavailable>
  readonly remove: (id: string) => Effect.Effect<void, ScheduleNotFound | StoreUnavailable>
  /** A paused schedule lets its instants pass; resumed, it goes on at `nextAtMillis`. */
  readonly pause: (id: string) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  readonly resume: (id: string, nextAtMillis: number) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  /**
   * Waits until schedules are due for a server, and gives them, the longest due first: at most `MAX_DUE`, and of about
   * `MAX_DUE_BYTES`. Asks `takesAfter` anew whenever it looks.
   */
  readonly due: (takesAfter: TakesAfter) => Effect.Effect<ReadonlyArray<DueSchedule>, StoreUnavailable>
  /**
   * In one act: moves the schedule on, starts its runs, and drops those that its overlap policy forbids or there is no
   * room for. Gives whether that happened; it does not when the schedule has moved on, is paused or is gone.
   */
  readonly fire: (firing: Firing) => Effect.Effect<boolean, StoreUnavailable>
}
