/** Starts the runs of schedules when they are due. Any number may watch one Store: each instant starts one run. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { ParametersInvalid, PipelineNotFound, ScheduleError, StoreUnavailable } from "./Errors.ts"
import * as Limit from "./Limit.ts"
import * as Parameters from "./Parameters.ts"
import { Registry } from "./Registry.ts"
import * as Schedule from "./Schedule.ts"
import type { Firing } from "./Schedules.ts"
import * as Start from "./Start.ts"
import { Store } from "./Store.ts"

/** How long to wait before asking a Store again that did not answer, in milliseconds. */
const RETRY_MILLIS = 1_000

/** A scheduler for as long as the layer's scope is open. */
export const layer: Layer.Layer<never, never, Store | Registry> = Layer.effectDiscard(
  Effect.gen(function* () {
    const store = yield* Store
    const registry = yield* Registry

    const fire = (schedule: Schedule.Schedule): Effect.Effect<void, StoreUnavailable> =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const firing = yield* Effect.result(firingOf(schedule, now))
        if (Result.isSuccess(firing)) {
          yield* store.schedules.fire(firing.success)
          return
        }
        const { failure } = firing
        if (failure._tag === "StoreUnavailable") return yield* failure
        // Nobody is there to be told but whoever reads the log; paused, it fails once and not for ever.
        yield* Effect.logError(`Schedule '${schedule.id}' can't fire and is paused: ${failure.message}`)
        yield* Effect.ignore(store.schedules.pause(schedule.id))
      })

    const firingOf = (
      schedule: Schedule.Schedule,
      nowMillis: number
    ): Effect.Effect<Firing, ScheduleError | PipelineNotFound | ParametersInvalid | StoreUnavailable> =>
      Effect.gen(function* () {
        const { ticks, dropped, nextAtMillis } = yield* Effect.fromResult(Schedule.due(schedule, nowMillis))
        const { pipeline } = yield* registry.find(schedule.pipelineId)
        // The pipeline may have changed since the schedule was made.
        const given = Object.fromEntries(
          Object.entries(schedule.parameters).map(([name, json]) => [name, JSON.parse(json)])
        )
        const parameters = yield* Effect.fromResult(Parameters.fromJson(given).parameters(pipeline))
        const run = Start.plain(pipeline, parameters, { priority: schedule.priority })
        const limits = [...(run.limits ?? []), ...(schedule.overlap === "queue" ? [Limit.ofSchedule(schedule.id)] : [])]
        const runs = ticks.map((tickMillis) => ({ ...run, limits, schedule: { id: schedule.id, tickMillis } }))
        return { schedule, runs, dropped, nextAtMillis }
      })

    const watching: Effect.Effect<never> = Effect.flatMap(store.schedules.due(registry.ids), (due) =>
      Effect.forEach(due, fire, { discard: true })
    ).pipe(
      Effect.catch(() => Effect.sleep(RETRY_MILLIS)),
      Effect.forever
    )
    yield* Effect.forkScoped(watching)
  })
)
