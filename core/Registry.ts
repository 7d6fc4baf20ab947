/** The catalogue: tasks by name, pipelines by id and version. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  type PipelineError,
  PipelineExists,
  PipelineNotFound,
  PipelineProtected,
  StoreUnavailable,
  UnknownTask
} from "./Errors.ts"
import * as Pipeline from "./Pipeline.ts"
import type * as Task from "./Task.ts"
import * as Version from "./Version.ts"

/** A pipeline in the catalogue. */
export interface Registered {
  readonly pipeline: Pipeline.Any
  /** When it was registered, in milliseconds since 1970. */
  readonly createdAtMillis: number
}

/** A pipeline to be built from the tasks that the host program offers. */
export interface Definition {
  readonly id: string
  readonly kind: Pipeline.Kind
  readonly tasks: ReadonlyArray<string>
}

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
  readonly register: (
    definition: Definition
  ) => Effect.Effect<Registered, PipelineExists | PipelineError | StoreUnavailable>
  /** Forgets a pipeline that was registered from a definition; those of the program are `PipelineProtected`. */
  readonly remove: (pipelineId: string) => Effect.Effect<void, PipelineNotFound | PipelineProtected | StoreUnavailable>
  /** The ids of the pipelines that this process has the code of; grows and shrinks as they come and go. */
  readonly ids: ReadonlySet<string>
  /** The pipelines that this process has the code of, as `Version.key`s; grows as pipelines are registered. */
  readonly versions: ReadonlySet<string>
  /** The pipeline that a claim is run with. */
  readonly executable: (pipelineId: string, version: string) => Pipeline.Any | undefined
}

/** The key of the Registry service. */
export const Registry: Context.Service<Registry, Registry> = Context.Service<Registry>("levada/Registry")

/** How many pipelines a catalogue in memory takes. */
const MAX_PIPELINES = 10_000

/** A catalogue in the memory of this process. Fails with `PipelineExists` when two pipelines have one id. */
export const layerMemory = (options: Options): Layer.Layer<Registry, PipelineExists> =>
  Layer.effect(
    Registry,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const entries = new Map<string, Registered>()
      const versions = new Set<string>()
      const ids = new Set<string>()
      const tasks = offered(options)

      const add = (pipeline: Pipeline.Any): Effect.Effect<Registered, PipelineExists> => {
        if (entries.has(pipeline.id)) return Effect.fail(new PipelineExists(pipeline.id))
        const registered = { pipeline, createdAtMillis: clock.currentTimeMillisUnsafe() }
        entries.set(pipeline.id, registered)
        versions.add(Version.key(pipeline.id, pipeline.version))
        ids.add(pipeline.id)
        return Effect.succeed(registered)
      }
      for (const pipeline of options.pipelines) yield* add(pipeline)

      const own = new Set(ids)
      const find = (pipelineId: string): Effect.Effect<Registered, PipelineNotFound> => {
        const found = entries.get(pipelineId)
        return found === undefined ? Effect.fail(new PipelineNotFound(pipelineId)) : Effect.succeed(found)
      }

      const registry: Registry = {
        versions,
        ids,
        find,
        remove: (pipelineId) =>
          Effect.flatMap(find(pipelineId), ({ pipeline }) => {
            if (own.has(pipelineId)) return Effect.fail(new PipelineProtected(pipelineId, "it is part of the program"))
            entries.delete(pipelineId)
            ids.delete(pipelineId)
            versions.delete(Version.key(pipelineId, pipeline.version))
            return Effect.void
          }),
        list: Effect.sync(() => [...entries.values()]),
        executable: (pipelineId, version) => {
          const pipeline = entries.get(pipelineId)?.pipeline
          return pipeline?.version === version ? pipeline : undefined
        },
        register: (definition) =>
          Effect.gen(function* () {
            if (entries.has(definition.id)) return yield* new PipelineExists(definition.id)
            if (entries.size >= MAX_PIPELINES) {
              return yield* new StoreUnavailable(`No new pipeline is taken: ${MAX_PIPELINES} are registered`)
            }
            return yield* add(yield* resolve(definition, tasks))
          })
      }
      return registry
    })
  )

type Offered = ReadonlyMap<string, Task.Any | "ambiguous">

const offered = (options: Options): Offered => {
  const tasks = new Map<string, Task.Any | "ambiguous">()
  for (const task of [
    ...(options.tasks ?? []),
    ...options.pipelines.flatMap(({ steps }) => steps.flatMap(({ task }) => (task.isOwn ? [] : [task])))
  ]) {
    const other = tasks.get(task.name)
    tasks.set(task.name, other === undefined || other === task ? task : "ambiguous")
  }
  return tasks
}

/** Builds the pipeline that a definition describes. */
const resolve = (definition: Definition, tasks: Offered): Effect.Effect<Pipeline.Any, PipelineError> =>
  Effect.gen(function* () {
    const found: Array<Task.Any> = []
    for (const name of definition.tasks) {
      const task = tasks.get(name)
      if (task === undefined) return yield* new UnknownTask(definition.id, name, "unknown", [...tasks.keys()])
      if (task === "ambiguous") return yield* new UnknownTask(definition.id, name, "ambiguous", [])
      found.push(task)
    }
    return yield* Effect.fromResult(Pipeline.fromTasks(definition.id, definition.kind, found))
  })
