/** The catalogue: tasks by name, pipelines by id and version. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fromTasks } from "../pipeline/Dataflow.ts"
import type * as Pipeline from "../pipeline/Pipeline.ts"
import * as Version from "../pipeline/Version.ts"
import type { PipelineDefinition, StoredDefinition } from "../store/PipelineDefinitions.ts"
import { Store } from "../store/Store.ts"
import type * as Task from "../task/Task.ts"
import {
  type PipelineError,
  PipelineExists,
  PipelineNotFound,
  PipelineProtected,
  type StoreUnavailable,
  UnknownTask
} from "../values/Errors.ts"
import * as Name from "../values/Name.ts"

/** A pipeline in the catalogue. */
export interface Registered {
  readonly pipeline: Pipeline.Any
  /** When it was registered, in milliseconds since 1970. */
  readonly createdAtMillis: number
}

export type { PipelineDefinition } from "../store/PipelineDefinitions.ts"

/** What the host program offers. */
export interface Options {
  readonly pipelines: ReadonlyArray<Pipeline.Any>
  /** Tasks to register pipelines from, besides those of `pipelines`. */
  readonly tasks?: ReadonlyArray<Task.Any>
}

/** The catalogue of one Store's servers and workers. */
export interface Registry {
  readonly find: (pipelineId: string) => Effect.Effect<Registered, PipelineNotFound | StoreUnavailable>
  /** In order of registration. */
  readonly list: Effect.Effect<ReadonlyArray<Registered>, StoreUnavailable>
  /** Builds a pipeline from these tasks and no others. Default: all that the program offers. */
  readonly register: (
    definition: PipelineDefinition,
    usable?: ReadonlySet<string>
  ) => Effect.Effect<Registered, PipelineExists | PipelineError | StoreUnavailable>
  /** Forgets a pipeline that was registered from a definition; those of the program are `PipelineProtected`. */
  readonly remove: (pipelineId: string) => Effect.Effect<void, PipelineNotFound | PipelineProtected | StoreUnavailable>
  /** The ids of the pipelines that this process has the code of; grows and shrinks as they come and go. */
  readonly ids: ReadonlySet<string>
  /** The pipelines that this process has the code of, as `Version.key`s; grows as pipelines are registered. */
  readonly versions: ReadonlySet<string>
  /** Calls a listener whenever `versions` has grown, until the function that it gives is called. */
  readonly onGrowth: (listener: () => void) => () => void
  /** The pipeline that a claim is run with. */
  readonly executable: (pipelineId: string, version: string) => Pipeline.Any | undefined
}

/** The key of the Registry service. */
export const Registry: Context.Service<Registry, Registry> = Context.Service<Registry>("levada/Registry")

/** How long to wait before asking a Store again that did not answer, in milliseconds. */
const RETRY_MILLIS = 1_000

/**
 * The pipelines of the program, and those that are registered in the Store as far as this program has their tasks. Fails
 * with `PipelineExists` when two of the program's pipelines have one id.
 */
export const layer = (options: Options): Layer.Layer<Registry, PipelineExists, Store> =>
  Layer.effect(
    Registry,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const { definitions } = yield* Store
      const tasks = offered(options)
      const own = new Map<string, Registered>()
      /** What was built from definitions. */
      const built = new Map<string, Registered & { readonly definition: string }>()
      const versions = new Set<string>()
      const ids = new Set<string>()
      const listeners = new Set<() => void>()

      for (const pipeline of options.pipelines) {
        if (own.has(pipeline.id)) return yield* new PipelineExists(pipeline.id)
        own.set(pipeline.id, { pipeline, createdAtMillis: clock.currentTimeMillisUnsafe() })
        versions.add(Version.key(pipeline.id, pipeline.version))
        ids.add(pipeline.id)
      }

      const forget = (id: string): void => {
        const found = built.get(id)
        if (found === undefined) return
        built.delete(id)
        ids.delete(id)
        versions.delete(Version.key(id, found.pipeline.version))
      }
      const add = (kept: StoredDefinition, pipeline: Pipeline.Any): Registered => {
        forget(kept.id)
        const registered = { pipeline, createdAtMillis: kept.createdAtMillis, definition: JSON.stringify(kept) }
        built.set(kept.id, registered)
        ids.add(kept.id)
        versions.add(Version.key(kept.id, pipeline.version))
        for (const listener of listeners) listener()
        return registered
      }
      /** The pipeline of a definition; nothing where this program lacks a task of it. */
      const build = (kept: StoredDefinition): Effect.Effect<Registered | undefined> => {
        const known = built.get(kept.id)
        if (known?.definition === JSON.stringify(kept)) return Effect.succeed(known)
        return Effect.match(resolve(kept, tasks), {
          onSuccess: (pipeline) => add(kept, pipeline),
          onFailure: () => undefined
        })
      }
      const list = Effect.flatMap(definitions.list, (all) =>
        Effect.map(Effect.forEach(all, build), (registered) => {
          const there = new Set(all.map(({ id }) => id))
          for (const id of built.keys()) if (!there.has(id)) forget(id)
          return [...own.values(), ...registered.filter((each) => each !== undefined)]
        })
      )

      // Whoever works here has to know what others have registered, and what they have removed.
      const following: Effect.Effect<never> = Effect.andThen(list, definitions.changed).pipe(
        Effect.catch(() => Effect.sleep(RETRY_MILLIS)),
        Effect.forever
      )
      yield* Effect.forkScoped(following)

      const registry: Registry = {
        versions,
        ids,
        onGrowth: (listener) => {
          listeners.add(listener)
          return () => void listeners.delete(listener)
        },
        list,
        find: (pipelineId) => {
          const found = own.get(pipelineId)
          if (found !== undefined) return Effect.succeed(found)
          // A Store may take it for another one.
          if (!Name.isName(pipelineId)) return Effect.fail(new PipelineNotFound(pipelineId))
          return Effect.flatMap(definitions.get(pipelineId), (kept) => {
            if (kept === undefined) forget(pipelineId)
            return Effect.flatMap(kept === undefined ? Effect.undefined : build(kept), (registered) =>
              registered === undefined ? Effect.fail(new PipelineNotFound(pipelineId)) : Effect.succeed(registered)
            )
          })
        },
        remove: (pipelineId) => {
          if (own.has(pipelineId)) return Effect.fail(new PipelineProtected(pipelineId, "it is part of the program"))
          return !Name.isName(pipelineId)
            ? Effect.fail(new PipelineNotFound(pipelineId))
            : Effect.flatMap(definitions.remove(pipelineId), (wasThere) => {
                forget(pipelineId)
                return wasThere ? Effect.void : Effect.fail(new PipelineNotFound(pipelineId))
              })
        },
        executable: (pipelineId, version) => {
          const pipeline = (own.get(pipelineId) ?? built.get(pipelineId))?.pipeline
          return pipeline?.version === version ? pipeline : undefined
        },
        register: (definition, usable) =>
          Effect.gen(function* () {
            if (own.has(definition.id)) return yield* new PipelineExists(definition.id)
            const pipeline = yield* resolve(definition, tasks, usable)
            const kept = { ...definition, createdAtMillis: clock.currentTimeMillisUnsafe() }
            if (!(yield* definitions.put(kept))) return yield* new PipelineExists(definition.id)
            return add(kept, pipeline)
          })
      }
      return registry
    })
  )

/** The tasks of a pipeline that others can be built from. */
export const tasksOf = ({ steps }: Pipeline.Any): ReadonlyArray<Task.Any> =>
  steps.flatMap(({ task }) => (task.isOwn ? [] : [task]))

type Offered = ReadonlyMap<string, Task.Any | "ambiguous">

const offered = (options: Options): Offered => {
  const tasks = new Map<string, Task.Any | "ambiguous">()
  for (const task of [...(options.tasks ?? []), ...options.pipelines.flatMap(tasksOf)]) {
    const other = tasks.get(task.name)
    tasks.set(task.name, other === undefined || other === task ? task : "ambiguous")
  }
  return tasks
}

/** Builds the pipeline that a definition describes. */
const resolve = (
  definition: PipelineDefinition,
  tasks: Offered,
  usable?: ReadonlySet<string>
): Effect.Effect<Pipeline.Any, PipelineError> =>
  Effect.gen(function* () {
    const found: Array<Task.Any> = []
    for (const name of definition.tasks) {
      const task = usable === undefined || usable.has(name) ? tasks.get(name) : undefined
      if (task === undefined) {
        return yield* new UnknownTask(definition.id, name, "unknown", [...(usable ?? tasks.keys())])
      }
      if (task === "ambiguous") return yield* new UnknownTask(definition.id, name, "ambiguous", [])
      found.push(task)
    }
    return yield* Effect.fromResult(fromTasks(definition.id, definition.kind, found))
  })
