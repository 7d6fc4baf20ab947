/** The contract of a Store's schedules. Any server of the Store may fire a tick, and exactly one does. */
import type * as Effect from "effect/Effect"
import type { NewRun } from "../run/NewRun.ts"
import type { Schedule } from "../run/Schedule.ts"
import type { ScheduleExists, ScheduleNotFound, StoreUnavailable } from "../values/Errors.ts"

/** Due ticks of a schedule, to be fired by a server. */
export interface Firing {
  /** The schedule as the server read it. If another server has fired it since, nothing happens. */
  readonly schedule: Schedule
  /** The pipeline version that the server checked the parameters against. The schedule keeps it. */
  readonly version: string
  /** The runs of the ticks, oldest first: at most `MAX_FIRED`, and of about `MAX_FIRED_BYTES`. */
  readonly runs: ReadonlyArray<NewRun>
  /** How many ticks are dropped. */
  readonly dropped: number
  /** The next tick of the schedule. */
  readonly nextAtMillis: number
}

/** How many runs one firing starts at most, and how many bytes their parameters have together. One run always fits. */
export const MAX_FIRED = 100
export const MAX_FIRED_BYTES: number = 1 << 20

/** How many schedules `due` gives at most, and how many bytes their parameters have together. One schedule always fits. */
export const MAX_DUE = 100
export const MAX_DUE_BYTES: number = 1 << 20

/** The part of a schedule from which a server decides whether it fires the schedule. */
export type Head = Pick<Schedule, "id" | "pipelineId" | "version" | "createdAtMillis">

/** How long after its tick a server fires a schedule, in milliseconds; undefined to leave the schedule to other servers. */
export type TakesAfter = (schedule: Head) => number | undefined

/** How many runs of one schedule may be unfinished. Further ticks are dropped. */
export const MAX_UNFINISHED = 1_000

/** A due schedule, and the instant of that check by the Store's clock. The server's own clock is not used. */
export interface DueSchedule {
  readonly schedule: Schedule
  readonly nowMillis: number
}

/** The schedules of a Store. */
export interface ScheduleStore {
  /**
   * Adds a schedule. An existing one with the same id and the same definition stays; it only gets the new `version`. One
   * with another definition is replaced if `replace` is true; otherwise `ScheduleExists`.
   */
  readonly put: (schedule: Schedule, replace: boolean) => Effect.Effect<Schedule, ScheduleExists | StoreUnavailable>
  readonly get: (id: string) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  /** Ordered by id. */
  readonly list: Effect.Effect<ReadonlyArray<Schedule>, StoreUnavailable>
  readonly remove: (id: string) => Effect.Effect<void, ScheduleNotFound | StoreUnavailable>
  /** Ticks of a paused schedule pass without runs. `resume` continues with the tick at `nextAtMillis`. */
  readonly pause: (id: string) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  readonly resume: (id: string, nextAtMillis: number) => Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable>
  /**
   * Waits until schedules are due for this server, and gives them, the longest due first: at most `MAX_DUE`, of about
   * `MAX_DUE_BYTES`. Calls `takesAfter` at each check.
   */
  readonly due: (takesAfter: TakesAfter) => Effect.Effect<ReadonlyArray<DueSchedule>, StoreUnavailable>
  /**
   * In one atomic call: moves the schedule to its next tick, starts the runs, and drops the runs that its overlap policy
   * forbids or that exceed a bound. Gives false, and does nothing, when another server has fired the schedule, or it is
   * paused or deleted.
   */
  readonly fire: (firing: Firing) => Effect.Effect<boolean, StoreUnavailable>
}
