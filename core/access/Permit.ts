/** Asks the guard about something that a request names, where nothing else is done with it. */
import * as Effect from "effect/Effect"
import type { Registry } from "../registry/Registry.ts"
import type { Run } from "../run/Run.ts"
import type { Schedule } from "../run/Schedule.ts"
import { found, type Store } from "../store/Store.ts"
import { AccessDenied } from "../values/AccessErrors.ts"
import { type PipelineNotFound, RunNotFound, ScheduleNotFound } from "../values/Errors.ts"
import * as Name from "../values/Name.ts"
import type { Caller, Permission } from "../values/Principal.ts"
import { type Guard, type GuardError, sought } from "./Guard.ts"

/** What a caller wants to do, and to which object. */
export interface Request {
  readonly permission: Permission
  readonly pipelineId?: string | undefined
  readonly runId?: string | undefined
  readonly scheduleId?: string | undefined
  /** A pipeline that is not there yet, a list of which the pipeline is only a filter, or the server as a whole. Default: an object that is there. */
  readonly about?: "new" | "list" | "all" | undefined
}

/** Fails as the operation fails whose caller may not do it, or whose object is not there. */
export type Permit = (
  caller: Caller,
  request: Request
) => Effect.Effect<void, GuardError | PipelineNotFound | RunNotFound | ScheduleNotFound>

/** Permits over a Store, a Registry and a Guard. */
export const make =
  (store: Store, registry: Registry, guard: Guard): Permit =>
  (caller, { permission, pipelineId, runId, scheduleId, about }) => {
    if (runId !== undefined) return Effect.asVoid(runOf(store, guard, caller, permission, runId))
    if (scheduleId !== undefined) return Effect.asVoid(scheduleOf(store, guard, caller, permission, scheduleId))
    const checked = guard.check(caller, { permission, pipelineId, isOfAll: about === "all" })
    if (pipelineId === undefined) return checked
    if (about === undefined) return Effect.andThen(checked, Effect.asVoid(registry.find(pipelineId)))
    return about === "new"
      ? ofNew(guard, caller, permission, pipelineId)
      : Effect.catchTag(checked, "PipelineNotFound", () => Effect.void)
  }

/** A pipeline to be made: it can't be hidden, because nothing of that name is looked for. */
export const ofNew = (
  guard: Guard,
  caller: Caller,
  permission: Permission,
  pipelineId: string
): Effect.Effect<void, GuardError> =>
  Effect.catchTag(guard.check(caller, { permission, pipelineId }), "PipelineNotFound", () =>
    Effect.fail(new AccessDenied(caller.principal, permission, pipelineId))
  )

/** A run, provided that the caller may do that with its pipeline. */
export const runOf = (
  store: Store,
  guard: Guard,
  caller: Caller,
  permission: Permission,
  runId: string
): Effect.Effect<Run, GuardError | RunNotFound> =>
  sought(guard, caller, permission, found(store, runId), new RunNotFound(runId), runId)

/** A schedule, provided that the caller may do that with its pipeline. */
export const scheduleOf = (
  { schedules }: Store,
  guard: Guard,
  caller: Caller,
  permission: Permission,
  scheduleId: string
): Effect.Effect<Schedule, GuardError | ScheduleNotFound> =>
  sought(
    guard,
    caller,
    permission,
    Name.isName(scheduleId) ? schedules.get(scheduleId) : Effect.fail(new ScheduleNotFound(scheduleId)),
    new ScheduleNotFound(scheduleId)
  )
