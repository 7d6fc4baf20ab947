/** Operations on pipelines. */
import * as Effect from "effect/Effect"
import type { Guard, GuardError } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import { type PipelineDefinition, type Registered, type Registry, tasksOf } from "../registry/Registry.ts"
import { UNFINISHED } from "../run/Run.ts"
import { after } from "../runtime/Eager.ts"
import { newestRun, type Store } from "../store/Store.ts"
import {
  type PipelineError,
  type PipelineExists,
  type PipelineNotFound,
  PipelineProtected,
  type StoreUnavailable
} from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { Caller } from "../values/Principal.ts"

/** Operations on pipelines. */
export interface PipelineOperations {
  /** The pipelines that the caller may read, in order of registration. */
  readonly pipelines: (caller: Caller) => Effect.Effect<ReadonlyArray<Registered>, GuardError>
  readonly pipeline: (caller: Caller, pipelineId: string) => Effect.Effect<Registered, PipelineNotFound | GuardError>
  /**
   * Builds a pipeline from tasks of the program and registers it. A caller that may administer all pipelines may use every
   * task; other callers the tasks of the pipelines that they may execute. A failure names only tasks that the caller may use.
   */
  readonly register: (
    caller: Caller,
    definition: PipelineDefinition
  ) => Effect.Effect<Registered, PipelineExists | PipelineError | GuardError>
  /** Deletes a registered pipeline. Fails with `PipelineProtected` while it has unfinished runs or schedules. */
  readonly unregister: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<void, PipelineNotFound | PipelineProtected | GuardError>
  /** Starts no more steps of the pipeline until it is resumed. Running steps go on. */
  readonly pause: (caller: Caller, pipelineId: string) => Effect.Effect<void, PipelineNotFound | GuardError>
  readonly resume: (caller: Caller, pipelineId: string) => Effect.Effect<void, PipelineNotFound | GuardError>
  /** The pipeline, and whether it is paused. */
  readonly pausable: (
    caller: Caller,
    pipelineId: string
  ) => Effect.Effect<Registered & { readonly paused: boolean }, PipelineNotFound | GuardError>
}

/** Makes the operations on pipelines. */
export const make = (store: Store, registry: Registry, guard: Guard): PipelineOperations => {
  const pipeline: PipelineOperations["pipeline"] = (caller, pipelineId) =>
    after(guard.check(caller, { permission: "read", pipelineId }), () => registry.find(pipelineId))

  /** The pipeline, if the caller may administer it. */
  const administered = (caller: Caller, pipelineId: string): Effect.Effect<Registered, PipelineNotFound | GuardError> =>
    Effect.andThen(guard.check(caller, { permission: "admin", pipelineId }), registry.find(pipelineId))

  /** Fails while the pipeline has an unfinished run or a schedule. */
  const assertUnused = (pipelineId: string): Effect.Effect<void, PipelineProtected | StoreUnavailable> =>
    Effect.gen(function* () {
      const run = yield* newestRun(store, pipelineId, UNFINISHED)
      if (run !== undefined) {
        const why = `run '${run.id}' has not finished; wait for it or cancel it first`
        return yield* new PipelineProtected(pipelineId, why)
      }
      const schedule = (yield* store.schedules.list).find((each) => each.pipelineId === pipelineId)
      if (schedule !== undefined) {
        return yield* new PipelineProtected(
          pipelineId,
          `schedule '${schedule.id}' starts its runs; delete the schedule first`
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
      Effect.gen(function* () {
        const unreadable = OptionCheck.required(OptionCheck.record, "definition", definition)
        if (unreadable !== undefined) return yield* unreadable
        yield* Permit.ofNew(guard, caller, "admin", definition.id)
        const mistake = OptionCheck.required(OptionCheck.texts, "tasks", definition.tasks, "an array of task names")
        if (mistake !== undefined) return yield* mistake
        return yield* registry.register(definition, yield* usable(caller))
      }),
    unregister: (caller, pipelineId) =>
      administered(caller, pipelineId).pipe(
        Effect.andThen(assertUnused(pipelineId)),
        Effect.andThen(registry.remove(pipelineId)),
        // A later pipeline with the same id must not be paused.
        Effect.andThen(store.resume(pipelineId))
      ),
    pause: (caller, pipelineId) => Effect.andThen(administered(caller, pipelineId), store.pause(pipelineId)),
    resume: (caller, pipelineId) => Effect.andThen(administered(caller, pipelineId), store.resume(pipelineId)),
    pausable: (caller, pipelineId) =>
      Effect.flatMap(pipeline(caller, pipelineId), (registered) =>
        Effect.map(store.paused, (paused) => ({ ...registered, paused: paused.has(pipelineId) }))
      )
  }
}
