/** Starts the runs of schedules when they are due. Any number may watch one Store: each tick starts one run. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Parameters from "../pipeline/Parameters.ts"
import * as Version from "../pipeline/Version.ts"
import { Registry } from "../registry/Registry.ts"
import type { NewRun } from "../run/NewRun.ts"
import * as Schedule from "../run/Schedule.ts"
import * as Start from "../run/Start.ts"
import {
  type DueSchedule,
  type Firing,
  type Head,
  MAX_FIRED,
  MAX_FIRED_BYTES,
  type TakesAfter
} from "../store/ScheduleStore.ts"
import { Store } from "../store/Store.ts"
import type { ParametersInvalid, PipelineNotFound, ScheduleError, StoreUnavailable } from "../values/Errors.ts"
import * as Limit from "../values/Limit.ts"
import { KeyedBackoff } from "./KeyedBackoff.ts"

/** How long to wait before asking a Store again that did not answer, in milliseconds. */
const RETRY_MILLIS = 1_000

/**
 * How long a server waits with a schedule that was checked against another version of its pipeline than its own, in
 * milliseconds: the servers of that version go first. Once these are gone, it takes the schedule over.
 */
const TAKE_OVER_MILLIS = 5_000

/** How often one schedule is fired before the others have their turn. */
const MAX_SLICES = 10

/** A scheduler for as long as the layer's scope is open. */
export const layer: Layer.Layer<never, never, Store | Registry> = Layer.effectDiscard(
  Effect.gen(function* () {
    const store = yield* Store
    const registry = yield* Registry
    const backoff = new KeyedBackoff(yield* Clock.Clock)
    const foreign = new ForeignSchedules()

    /** Whether this server has the version of the pipeline that a schedule was checked against last. */
    const isOwn = ({ pipelineId, version }: Pick<Head, "pipelineId" | "version">): boolean =>
      registry.versions.has(Version.key(pipelineId, version))

    const takesAfter: TakesAfter = (head) => {
      const { id, pipelineId, version } = head
      if (!registry.ids.has(pipelineId) || foreign.has(head) || backoff.isWaiting(id)) return undefined
      return version === "" || isOwn(head) ? 0 : TAKE_OVER_MILLIS
    }

    /** Starts the runs of a schedule, slice by slice. What is left is due again; another server may go on with it. */
    const fire = ({ schedule, nowMillis }: DueSchedule): Effect.Effect<void, StoreUnavailable> =>
      Effect.gen(function* () {
        const firings = yield* Effect.result(firingsOf(schedule, nowMillis))
        if (Result.isSuccess(firings)) {
          let left = MAX_SLICES
          for (const firing of firings.success) {
            const isFired = yield* store.schedules.fire(firing)
            if (!isFired || --left === 0) return
          }
          return
        }
        const { failure } = firings
        if (failure._tag === "StoreUnavailable") return yield* failure
        const of = `Schedule '${schedule.id}' of pipeline '${schedule.pipelineId}'`
        if (isWrongEverywhere(schedule, failure)) {
          // No caller is there to be told; paused, it fails once and not for ever.
          yield* Effect.logError(`${of} can't fire and is paused: ${failure.message}`)
          yield* store.schedules.pause(schedule.id).pipe(Effect.catchTag("ScheduleNotFound", () => Effect.void))
        } else if (foreign.add(schedule)) {
          const version = schedule.version === "" ? "" : ` ${schedule.version}`
          yield* Effect.logWarning(`${of} is left to servers of its version${version}: ${failure.message}`)
        }
      })

    /** Whether what is wrong with a schedule is wrong for all servers: of its version, only servers of that version know. */
    const isWrongEverywhere = (schedule: Schedule.Schedule, { _tag }: { readonly _tag: string }): boolean =>
      _tag !== "PipelineNotFound" && (_tag !== "ParametersInvalid" || isOwn(schedule))

    const firingsOf = (
      schedule: Schedule.Schedule,
      nowMillis: number
    ): Effect.Effect<Iterable<Firing>, ScheduleError | PipelineNotFound | ParametersInvalid | StoreUnavailable> =>
      Effect.gen(function* () {
        const { pipeline } = yield* registry.find(schedule.pipelineId)
        // How long this server has waited on purpose does not make the run late.
        const waited = isOwn(schedule) ? 0 : TAKE_OVER_MILLIS
        const graceMillis = schedule.graceMillis + waited
        const due = yield* Effect.fromResult(Schedule.due({ ...schedule, graceMillis }, nowMillis))
        // The pipeline may have changed since the schedule was made.
        const given = Object.fromEntries(
          Object.entries(schedule.parameters).map(([name, json]) => [name, JSON.parse(json)])
        )
        const parameters = yield* Effect.fromResult(Parameters.fromJson(given).parameters(pipeline))
        const run = Start.plain(pipeline, parameters, { priority: schedule.priority })
        const limits = [...(run.limits ?? []), ...(schedule.overlap === "queue" ? [Limit.ofSchedule(schedule.id)] : [])]
        return slices(schedule, due, { ...run, limits })
      })

    /** Fires one schedule. Whatever goes wrong with it stops no other, unless the Store does not answer at all. */
    const fireOne = (due: DueSchedule): Effect.Effect<void, StoreUnavailable> =>
      Effect.flatMap(Effect.exit(fire(due)), (exit): Effect.Effect<void, StoreUnavailable> => {
        const { schedule } = due
        if (Exit.isSuccess(exit)) return Effect.sync(() => backoff.succeeded(schedule.id))
        const { cause } = exit
        if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
        const isDefect = Cause.hasDies(cause)
        return Effect.andThen(
          isDefect ? Effect.void : store.ping,
          Effect.suspend(() =>
            backoff.failed(schedule.id)
              ? Effect.logError(`Schedule '${schedule.id}' could not be fired; it is tried again`, cause)
              : Effect.void
          )
        )
      })

    let hasGrown = false
    let onGrowth: (() => void) | undefined
    const unsubscribe = registry.onGrowth(() => {
      foreign.clear()
      hasGrown = true
      onGrowth?.()
    })
    yield* Effect.addFinalizer(() => Effect.sync(unsubscribe))
    const grown = Effect.callback<void>((resume) => {
      onGrowth = () => {
        hasGrown = false
        resume(Effect.void)
      }
      if (hasGrown) onGrowth()
      return Effect.sync(() => {
        onGrowth = undefined
      })
    })

    /** Ends when a schedule may be due that was left out: it has rested, or this server has other pipelines. */
    const reconsidering = Effect.suspend(() => {
      const { nextMillis } = backoff
      return nextMillis === undefined ? grown : Effect.raceFirst(Effect.sleep(nextMillis), grown)
    })

    const round = Effect.raceFirst(
      store.schedules.due(takesAfter),
      Effect.as(reconsidering, [] as ReadonlyArray<DueSchedule>)
    ).pipe(Effect.flatMap((due) => Effect.forEach(due, fireOne, { discard: true })))

    const watching: Effect.Effect<never> = round.pipe(
      Effect.catchDefect((defect) =>
        Effect.andThen(
          backoff.failed("") ? Effect.logError("A scheduler could not look for due schedules", defect) : Effect.void,
          Effect.sleep(RETRY_MILLIS)
        )
      ),
      Effect.catchTag("StoreUnavailable", () => Effect.sleep(RETRY_MILLIS)),
      Effect.forever
    )
    yield* Effect.forkScoped(watching)
  })
)

/** The firings of what is due: each moves the schedule to its first tick that is not fired yet. Made when they are asked for. */
const slices = function* (seen: Schedule.Schedule, due: Schedule.Due, run: NewRun): Generator<Firing> {
  const { ticks, nextAtMillis } = due
  const fitting = Math.floor(MAX_FIRED_BYTES / Math.max(Schedule.bytesOf(seen), 1))
  const size = Math.max(Math.min(fitting, MAX_FIRED), 1)
  let { dropped } = due
  let schedule = seen
  let at = 0
  do {
    const runs = ticks.slice(at, at + size).map((tickMillis) => ({ ...run, schedule: { id: seen.id, tickMillis } }))
    at += size
    const next = ticks[at] ?? nextAtMillis
    yield { schedule, version: run.version, runs, dropped, nextAtMillis: next }
    schedule = { ...schedule, nextAtMillis: next }
    dropped = 0
  } while (at < ticks.length)
}

/** How many schedules that are left to others are remembered. */
const MAX_LEFT = 10_000

/** The schedules that a server leaves to others, because its version of their pipeline does not take their parameters. */
class ForeignSchedules {
  readonly #left: Map<string, string> = new Map()

  /** Leaves a schedule as it is now. Says whether it was not left before. */
  add(schedule: Head): boolean {
    if (this.has(schedule)) return false
    if (this.#left.size >= MAX_LEFT) this.#left.clear()
    this.#left.set(schedule.id, identityOf(schedule))
    return true
  }

  has(schedule: Head): boolean {
    return this.#left.size > 0 && this.#left.get(schedule.id) === identityOf(schedule)
  }

  /** This server has other pipelines now. */
  clear(): void {
    this.#left.clear()
  }
}

const identityOf = ({ createdAtMillis, version }: Head): string => `${createdAtMillis} ${version}`
