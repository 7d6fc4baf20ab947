/** Warns in the log of work that no worker can take, and of schedules that no server fires. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Load } from "../store/Load.ts"
import { Store } from "../store/Store.ts"

/** How often it looks, in milliseconds. */
const LOOK_MILLIS = 60_000

/** How many versions are remembered that it has warned of. */
const MAX_WARNED = 10_000

/** Looks each minute. Warns once of each version, and once of each schedule while it is overdue. */
export const watch: Effect.Effect<never, never, Store> = Effect.gen(function* () {
  const store = yield* Store
  const versions = new Set<string>()
  let overdue = new Set<string>()
  let hasFailed = false

  const warn = (load: Load): Effect.Effect<void> =>
    Effect.gen(function* () {
      for (const { pipelineId, version, steps } of load.abandoned) {
        const key = `${version}:${pipelineId}`
        if (versions.has(key)) continue
        if (versions.size >= MAX_WARNED) versions.clear()
        versions.add(key)
        yield* Effect.logWarning(
          `No worker has version ${version} of pipeline '${pipelineId}': ${steps} steps wait for one. Start a worker of that version, or cancel their runs`
        )
      }
      for (const { id, pipelineId } of load.overdue) {
        if (overdue.has(id)) continue
        yield* Effect.logWarning(
          `Schedule '${id}' of pipeline '${pipelineId}' is overdue: no server fires it. Start a server whose version of the pipeline takes its parameters`
        )
      }
      overdue = new Set(load.overdue.map(({ id }) => id))
    })

  const look = Effect.flatMap(store.load, warn).pipe(
    Effect.catchTag("StoreUnavailable", () => Effect.void),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      const isKnown = hasFailed
      hasFailed = true
      return isKnown ? Effect.void : Effect.logError("The Store could not say how busy it is", cause)
    })
  )
  return yield* Effect.forever(Effect.andThen(Effect.sleep(LOOK_MILLIS), look))
})

/** Watches a Store that other programs use too while the layer's scope is open: work of a program alone has its worker. */
export const layer: Layer.Layer<never, never, Store> = Layer.effectDiscard(
  Store.use((store) => (store.isShared === true ? Effect.forkScoped(watch) : Effect.void))
)
