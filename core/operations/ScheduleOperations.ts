/** What a caller may ask for about schedules. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Guard, GuardError } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import type { RunInput } from "../pipeline/Parameters.ts"
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

/** A schedule to be made. */
export interface NewSchedule {
  /** Default: one that nothing has. Begins with `<pipelineId>:` unless the caller may administer all pipelines. */
  readonly id?: string | undefined
  readonly pipelineId: string
  readonly timing: Schedule.Timing
  /** What its runs are started with. */
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
  /** Makes a schedule. The same once more is the one that is there; another one of its id fails, or replaces it. */
  readonly addSchedule: (
    caller: Caller,
    schedule: NewSchedule,
    replace?: boolean
  ) => Effect.Effect<
    Schedule.Schedule,
    PipelineNotFound | ParametersInvalid | ScheduleError | ScheduleExists | GuardError
  >
  readonly removeSchedule: (caller: Caller, scheduleId: string) => Effect.Effect<void, ScheduleNotFound | GuardError>
  /** Lets its instants pass until it is resumed. */
  readonly pauseSchedule: (
    caller: Caller,
    scheduleId: string
  ) => Effect.Effect<Schedule.Schedule, ScheduleNotFound | GuardError>
  readonly resumeSchedule: (
    caller: Caller,
    scheduleId: string
  ) => Effect.Effect<Schedule.Schedule, ScheduleNotFound | GuardError>
}

/** The operations over a Store, a Registry and a Guard. No schedule is made once `closed` says why not. */
export const make = (
  store: Store,
  registry: Registry,
  guard: Guard,
  closed: () => StoreUnavailable | undefined
): ScheduleOperations => {
  const { schedules } = store

  /** The schedule, provided that the caller may do that with its pipeline. */
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
          OptionCheck.required(OptionCheck.record, "given of a schedule", wanted.given, PARAMETERS) ??
          (typeof wanted.given.parameters === "function"
            ? undefined
            : new InvalidOption("given of a schedule", wanted.given, PARAMETERS))
        if (unreadable !== undefined) return yield* unreadable
        const { pipelineId, timing } = wanted
        yield* guard.check(caller, { permission: "admin", pipelineId })
        const refused = closed()
        if (refused !== undefined) return yield* refused
        const { pipeline } = yield* registry.find(pipelineId)
        const prefix = `${pipelineId}:`
        // Else whoever chooses an id would learn of every other schedule whether it is there.
        if (typeof wanted.id === "string" && !wanted.id.startsWith(prefix) && !guard.seesAll(caller)) {
          return yield* new InvalidOption("id", wanted.id, `a text that begins with '${prefix}', or none`)
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
          catchUp: orElse(wanted.catchUp, "skip"),
          overlap: orElse(wanted.overlap, "skip"),
          priority: orElse(wanted.priority, 0),
          graceMillis: orElse(wanted.graceMillis, Schedule.GRACE_MILLIS)
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
        // It was made once, so it can be read again.
        const nextAtMillis = yield* Effect.orDie(
          Effect.fromResult(Schedule.next(schedule, now, schedule.createdAtMillis))
        )
        return yield* schedules.resume(scheduleId, nextAtMillis)
      })
  }
}

const PARAMETERS = "what Levada.schedule makes of parameters"

/** An option, or what stands for it where it is left out; null is no option, and is refused with the others. */
const orElse = <A>(option: A | undefined, otherwise: A): A => (option === undefined ? otherwise : option)
