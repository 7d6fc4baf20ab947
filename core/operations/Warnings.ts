/** Log warnings about steps that no worker can run, and schedules that no server fires. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Load } from "../store/Load.ts"
import { Store } from "../store/Store.ts"

/** The interval between two checks, in milliseconds. */
const CHECK_MILLIS = 60_000

/** How many versions it remembers to have warned of. Beyond that it forgets all of them, and warns again. */
const MAX_WARNED = 10_000

/** Checks the load every minute. Warns once of each version, and of each schedule once while it stays overdue. */
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

  const check = Effect.flatMap(store.load, warn).pipe(
    Effect.catchTag("StoreUnavailable", () => Effect.void),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      const isKnown = hasFailed
      hasFailed = true
      return isKnown
        ? Effect.void
        : Effect.logError(
            "Can't read how much work waits in the Store, so no warnings about waiting work are logged",
            cause
          )
    })
  )
  return yield* Effect.forever(Effect.andThen(Effect.sleep(CHECK_MILLIS), check))
})

/** Watches a shared Store while the layer's scope is open. A Store of one program is not watched: its worker has all versions. */
export const layer: Layer.Layer<never, never, Store> = Layer.effectDiscard(
  Effect.gen(function* () {
    const store = yield* Store
    if (store.isShared === true) yield* Effect.forkScoped(watch)
  })
)
