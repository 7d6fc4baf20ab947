/** Operations on schedules. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Guard, GuardError } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import type { RunInput } from "../pipeline/Parameters.ts"
import * as Parameters from "../pipeline/Parameters.ts"
import type { Registry } from "../registry/Registry.ts"
import * as Schedule from "../run/Schedule.ts"
import * as Start from "../run/Start.ts"
import type { Store } from "../store/Store.ts"
import {
  InvalidOption,
  type ParametersInvalid,
  type PipelineNotFound,
  type ScheduleError,
  type ScheduleExists,
  type ScheduleNotFound,
  type StoreUnavailable
} from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { Caller, Permission } from "../values/Principal.ts"

/** A schedule to create. */
export interface NewSchedule {
  /**
   * Default: a random id. Must begin with `<pipelineId>:`, unless the caller may administer all pipelines and no ACL hides one
   * from it.
   */
  readonly id?: string | undefined
  readonly pipelineId: string
  readonly timing: Schedule.Timing
  /** The parameters of its runs. */
  readonly given: RunInput
  /** Default: `skip`. `all` needs the overlap `queue` or `allow`. */
  readonly catchUp?: Schedule.CatchUp | undefined
  /** Default: `skip`. */
  readonly overlap?: Schedule.Overlap | undefined
  /** Default: 0. */
  readonly priority?: number | undefined
  /** How late a run may start and still count as on time, in milliseconds. Default: 60,000. */
  readonly graceMillis?: number | undefined
}

/** Operations on schedules. */
export interface ScheduleOperations {
  /** The schedules that the caller may read, by id. */
  readonly schedules: (caller: Caller) => Effect.Effect<ReadonlyArray<Schedule.Schedule>, GuardError>
  readonly schedule: (
    caller: Caller,
    scheduleId: string
  ) => Effect.Effect<Schedule.Schedule, ScheduleNotFound | GuardError>
  /**
   * Creates a schedule. An equal one with the same id stays as it is. A different one with the same id is replaced if `replace`
   * is true (default: false); otherwise `ScheduleExists`.
   */
  readonly addSchedule: (
    caller: Caller,
    schedule: NewSchedule,
    replace?: boolean
  ) => Effect.Effect<
    Schedule.Schedule,
    PipelineNotFound | ParametersInvalid | ScheduleError | ScheduleExists | GuardError
  >
  readonly removeSchedule: (caller: Caller, scheduleId: string) => Effect.Effect<void, ScheduleNotFound | GuardError>
  /** Drops the ticks of the schedule until it is resumed. */
  readonly pauseSchedule: (
    caller: Caller,
    scheduleId: string
  ) => Effect.Effect<Schedule.Schedule, ScheduleNotFound | GuardError>
  readonly resumeSchedule: (
    caller: Caller,
    scheduleId: string
  ) => Effect.Effect<Schedule.Schedule, ScheduleNotFound | GuardError>
}

/** Makes the operations on schedules. `shutdown` gives the failure of new schedules once the program shuts down. */
export const make = (
  store: Store,
  registry: Registry,
  guard: Guard,
  shutdown: () => StoreUnavailable | undefined
): ScheduleOperations => {
  const { schedules } = store

  /** The schedule, if the caller has the permission on its pipeline. */
  const permitted = (caller: Caller, permission: Permission, scheduleId: string) =>
    Permit.scheduleOf(store, guard, caller, permission, scheduleId)

  return {
    schedules: (caller) =>
      Effect.andThen(
        guard.check(caller, { permission: "read" }),
        Effect.map(schedules.list, (all) =>
          all.filter(({ pipelineId }) => guard.may(caller, { permission: "read", pipelineId }))
        )
      ),
    schedule: (caller, scheduleId) => permitted(caller, "read", scheduleId),
    addSchedule: (caller, wanted, replace = false) =>
      Effect.gen(function* () {
        const unreadable =
          OptionCheck.required(OptionCheck.record, "schedule", wanted) ??
          Parameters.invalid("schedule.given", wanted.given, GIVEN)
        if (unreadable !== undefined) return yield* unreadable
        const { pipelineId, timing } = wanted
        yield* guard.check(caller, { permission: "admin", pipelineId })
        const refused = shutdown()
        if (refused !== undefined) return yield* refused
        const { pipeline } = yield* registry.find(pipelineId)
        const prefix = `${pipelineId}:`
        // Otherwise a caller could test with an id whether a schedule of another pipeline exists.
        if (typeof wanted.id === "string" && !wanted.id.startsWith(prefix) && !guard.seesAll(caller)) {
          return yield* new InvalidOption(
            "id",
            wanted.id,
            `a string that begins with '${prefix}', or no id, for a random one`
          )
        }
        const parameters = yield* Effect.fromResult(wanted.given.parameters(pipeline))
        const long = Start.tooLong(pipeline, parameters, {}, store.maxValueBytes)
        if (long !== undefined) return yield* long
        const definition: Schedule.Definition = {
          id:
            wanted.id !== undefined
              ? wanted.id
              : yield* Effect.map(Random.nextIntBetween(0, 2 ** 48), (number) => number.toString(36)),
          pipelineId,
          timing,
          parameters,
          catchUp: withDefault(wanted.catchUp, "skip"),
          overlap: withDefault(wanted.overlap, "skip"),
          priority: withDefault(wanted.priority, 0),
          graceMillis: withDefault(wanted.graceMillis, Schedule.GRACE_MILLIS)
        }
        const mistake = Schedule.invalid(definition)
        if (mistake !== undefined) return yield* mistake
        const now = yield* store.now
        const nextAtMillis = yield* Effect.fromResult(Schedule.next(definition, now, now))
        const whole = { ...definition, graceMillis: OptionCheck.whole(definition.graceMillis) }
        return yield* schedules.put(Schedule.make(whole, now, nextAtMillis, pipeline.version), replace)
      }),
    removeSchedule: (caller, scheduleId) =>
      Effect.andThen(permitted(caller, "admin", scheduleId), schedules.remove(scheduleId)),
    pauseSchedule: (caller, scheduleId) =>
      Effect.andThen(permitted(caller, "admin", scheduleId), schedules.pause(scheduleId)),
    resumeSchedule: (caller, scheduleId) =>
      Effect.gen(function* () {
        const schedule = yield* permitted(caller, "admin", scheduleId)
        const now = yield* store.now
        // Its timing was valid when it was created.
        const nextAtMillis = yield* Effect.orDie(
          Effect.fromResult(Schedule.next(schedule, now, schedule.createdAtMillis))
        )
        return yield* schedules.resume(scheduleId, nextAtMillis)
      })
  }
}

const GIVEN = "a RunInput; make the schedule with Levada.schedule(pipeline, …)"

/** An option or its default. `null` is kept, so that the checks refuse it. */
const withDefault = <A>(option: A | undefined, standard: A): A => (option === undefined ? standard : option)
