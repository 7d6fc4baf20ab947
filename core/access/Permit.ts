/** Authorises a request without doing its operation. */
import * as Effect from "effect/Effect"
import type { Registry } from "../registry/Registry.ts"
import type { Schedule } from "../run/Schedule.ts"
import { found, type Store } from "../store/Store.ts"
import { AccessDenied } from "../values/AccessErrors.ts"
import { type PipelineNotFound, RunNotFound, ScheduleNotFound, type StoreUnavailable } from "../values/Errors.ts"
import * as Name from "../values/Name.ts"
import type { Caller, Permission } from "../values/Principal.ts"
import { type Guard, type GuardError, sought } from "./Guard.ts"

/** The permission and the object of a request. */
export interface Request {
  readonly permission: Permission
  readonly pipelineId?: string | undefined
  readonly runId?: string | undefined
  readonly scheduleId?: string | undefined
  /**
   * `new`: a pipeline to be created. `list`: a list, which the pipeline only filters. `all`: all pipelines and the server
   * itself. Default: an existing object.
   */
  readonly about?: "new" | "list" | "all" | undefined
}

/** Fails like the operation: when the caller may not do it, or the object does not exist. */
export type Permit = (
  caller: Caller,
  request: Request
) => Effect.Effect<void, GuardError | PipelineNotFound | RunNotFound | ScheduleNotFound>

/** Makes the check of requests. */
export const make =
  (store: Store, registry: Registry, guard: Guard): Permit =>
  (caller, request) =>
    Effect.suspend(() => {
      const { permission, pipelineId, runId, scheduleId, about } = request
      if (runId !== undefined) return Effect.asVoid(forRun(store, guard, caller, permission, runId))
      if (scheduleId !== undefined) return Effect.asVoid(scheduleOf(store, guard, caller, permission, scheduleId))
      const checked = guard.check(caller, { permission, pipelineId, isOfAll: about === "all" })
      if (pipelineId === undefined) return checked
      if (about === undefined) return Effect.andThen(checked, Effect.asVoid(registry.find(pipelineId)))
      return about === "new"
        ? ofNew(guard, caller, permission, pipelineId)
        : Effect.catchTag(checked, "PipelineNotFound", () => Effect.void)
    })

/** Checks the creation of a pipeline. A hidden id is `AccessDenied`, because `PipelineNotFound` would make no sense. */
export const ofNew = (
  guard: Guard,
  caller: Caller,
  permission: Permission,
  pipelineId: string
): Effect.Effect<void, GuardError> =>
  Effect.catchTag(guard.check(caller, { permission, pipelineId }), "PipelineNotFound", () =>
    Effect.fail(new AccessDenied(caller.principal, permission, pipelineId))
  )

/** What `find` gives of a run, if the caller has the permission on its pipeline. */
export const runOf = <A extends { readonly pipelineId: string }>(
  guard: Guard,
  caller: Caller,
  permission: Permission,
  runId: string,
  find: (runId: string) => Effect.Effect<A, RunNotFound | StoreUnavailable>
): Effect.Effect<A, GuardError | RunNotFound> =>
  sought(guard, caller, permission, found(runId, find), new RunNotFound(runId), runId)

/** The id of the run's pipeline, if the caller has the permission on it. */
export const forRun = (
  store: Store,
  guard: Guard,
  caller: Caller,
  permission: Permission,
  runId: string
): Effect.Effect<string, GuardError | RunNotFound> =>
  Effect.map(
    runOf(guard, caller, permission, runId, (id) => Effect.map(store.pipelineOf(id), (pipelineId) => ({ pipelineId }))),
    ({ pipelineId }) => pipelineId
  )

/** A schedule, if the caller has the permission on its pipeline. */
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
