/** What a caller may ask for about pipelines. */
import * as Effect from "effect/Effect"
import type { Guard, GuardError } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import { type PipelineDefinition, type Registered, type Registry, tasksOf } from "../registry/Registry.ts"
import { after } from "../runtime/Eager.ts"
import { newestRun, type Store } from "../store/Store.ts"
import {
  type PipelineError,
  type PipelineExists,
  type PipelineNotFound,
  PipelineProtected,
  type StoreUnavailable
} from "../values/Errors.ts"
import type { Caller } from "../values/Principal.ts"

/** Operations on pipelines. */
export interface PipelineOperations {
  /** The pipelines that the caller may read, in order of registration. */
  readonly pipelines: (caller: Caller) => Effect.Effect<ReadonlyArray<Registered>, GuardError>
  readonly pipeline: (caller: Caller, pipelineId: string) => Effect.Effect<Registered, PipelineNotFound | GuardError>
  /**
   * Builds a pipeline from tasks that the program offers: from all of them where the caller may administer all pipelines,
   * else from those of the pipelines that the caller may execute. A failure names no other task.
   */
  readonly register: (
    caller: Caller,
    definition: PipelineDefinition
  ) => Effect.Effect<Registered, PipelineExists | PipelineError | GuardError>
  /** Forgets a pipeline that was registered so. Fails while it has unfinished runs. */
  readonly unregister: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<void, PipelineNotFound | PipelineProtected | GuardError>
  /** Starts no step of the pipeline any more, until it is resumed; what runs goes on. */
  readonly pause: (caller: Caller, pipelineId: string) => Effect.Effect<void, PipelineNotFound | GuardError>
  readonly resume: (caller: Caller, pipelineId: string) => Effect.Effect<void, PipelineNotFound | GuardError>
  /** The pipeline, and whether it is paused. */
  readonly pausable: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<Registered & { readonly paused: boolean }, PipelineNotFound | GuardError>
}

/** The operations over a Store, a Registry and a Guard. */
export const make = (store: Store, registry: Registry, guard: Guard): PipelineOperations => {
  const pipeline: PipelineOperations["pipeline"] = (caller, pipelineId) =>
    after(guard.check(caller, { permission: "read", pipelineId }), () => registry.find(pipelineId))

  /** Asks for `admin` before anything is said about the pipeline. */
  const administrated = (
    caller: Caller,
    pipelineId: string
  ): Effect.Effect<Registered, PipelineNotFound | GuardError> =>
    Effect.andThen(guard.check(caller, { permission: "admin", pipelineId }), registry.find(pipelineId))

  /** Fails while something still needs the pipeline. */
  const idle = (pipelineId: string): Effect.Effect<void, PipelineProtected | StoreUnavailable> =>
    Effect.gen(function* () {
      // In the order in which a run has them, so that one that begins meanwhile is seen.
      for (const status of ["PENDING", "RUNNING"] as const) {
        const run = yield* newestRun(store, pipelineId, status)
        if (run !== undefined) return yield* new PipelineProtected(pipelineId, `run '${run.id}' is not over`)
      }
      const schedule = (yield* store.schedules.list).find((each) => each.pipelineId === pipelineId)
      if (schedule !== undefined) {
        return yield* new PipelineProtected(
          pipelineId,
          `schedule '${schedule.id}' starts runs of it; delete that first`
        )
      }
    })

  /** The names of the tasks that a caller may build pipelines from; undefined for all. */
  const usable = (caller: Caller): Effect.Effect<ReadonlySet<string> | undefined, StoreUnavailable> =>
    guard.may(caller, { permission: "admin", isOfAll: true })
      ? Effect.undefined
      : Effect.map(
          registry.list,
          (all) =>
            new Set(
              all.flatMap(({ pipeline }) =>
                guard.may(caller, { permission: "execute", pipelineId: pipeline.id })
                  ? tasksOf(pipeline).map(({ name }) => name)
                  : []
              )
            )
        )

  return {
    pipelines: (caller) =>
      Effect.andThen(
        guard.check(caller, { permission: "read" }),
        Effect.map(registry.list, (all) =>
          all.filter(({ pipeline: { id } }) => guard.may(caller, { permission: "read", pipelineId: id }))
        )
      ),
    pipeline,
    register: (caller, definition) =>
      Effect.andThen(
        Permit.ofNew(guard, caller, "admin", definition.id),
        Effect.flatMap(usable(caller), (tasks) => registry.register(definition, tasks))
      ),
    unregister: (caller, pipelineId) =>
      administrated(caller, pipelineId).pipe(
        Effect.andThen(idle(pipelineId)),
        Effect.andThen(registry.remove(pipelineId)),
        // Another one of its id is not to be found paused.
        Effect.andThen(store.resume(pipelineId))
      ),
    pause: (caller, pipelineId) => Effect.andThen(administrated(caller, pipelineId), store.pause(pipelineId)),
    resume: (caller, pipelineId) => Effect.andThen(administrated(caller, pipelineId), store.resume(pipelineId)),
    pausable: (caller, pipelineId) =>
      Effect.flatMap(pipeline(caller, pipelineId), (registered) =>
        Effect.map(store.paused, (paused) => ({ ...registered, paused: paused.has(pipelineId) }))
      )
  }
}
