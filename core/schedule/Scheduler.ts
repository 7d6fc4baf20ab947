/** Starts the runs of due schedules. Any number of schedulers may share one Store: each tick starts one run. */
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

/** The wait before the next call to an unavailable Store, in milliseconds. */
const RETRY_MILLIS = 1_000

/**
 * How long a server waits, in milliseconds, before it fires a schedule that was checked against another version of the
 * pipeline. Servers of that version fire it first; when there are none left, this server takes over.
 */
const TAKE_OVER_MILLIS = 5_000

/** How many slices of one schedule are fired before other schedules get a turn. */
const MAX_SLICES = 10

/** A scheduler that runs as long as the layer's scope is open. */
export const layer: Layer.Layer<never, never, Store | Registry> = Layer.effectDiscard(
  Effect.gen(function* () {
    const store = yield* Store
    const registry = yield* Registry
    const backoff = new KeyedBackoff(yield* Clock.Clock)
    const foreign = new ForeignSchedules()

    /** Whether this server has the pipeline version that the schedule was last checked against. */
    const isOwn = ({ pipelineId, version }: Pick<Head, "pipelineId" | "version">): boolean =>
      registry.versions.has(Version.key(pipelineId, version))

    const takesAfter: TakesAfter = (head) => {
      const { id, pipelineId, version } = head
      if (!registry.ids.has(pipelineId) || foreign.has(head) || backoff.isWaiting(id)) return undefined
      return version === "" || isOwn(head) ? 0 : TAKE_OVER_MILLIS
    }

    /** Starts the runs of a schedule, slice by slice. Remaining ticks stay due; another server may fire them. */
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
        const subject = `Schedule '${schedule.id}' of pipeline '${schedule.pipelineId}'`
        if (isWrongEverywhere(schedule, failure)) {
          // No caller can get the failure. Pausing prevents it from failing again and again.
          yield* Effect.logError(`${subject} can't fire and is paused: ${failure.message}`)
          yield* store.schedules.pause(schedule.id).pipe(Effect.catchTag("ScheduleNotFound", () => Effect.void))
        } else if (foreign.add(schedule)) {
          const version = schedule.version === "" ? "" : ` ${schedule.version}`
          yield* Effect.logWarning(`${subject} is left to servers of its version${version}: ${failure.message}`)
        }
      })

    /** Whether a failure is the same on all servers. Only servers of its version can judge a schedule's parameters. */
    const isWrongEverywhere = (schedule: Schedule.Schedule, { _tag }: { readonly _tag: string }): boolean =>
      _tag !== "PipelineNotFound" && (_tag !== "ParametersInvalid" || isOwn(schedule))

    const firingsOf = (
      schedule: Schedule.Schedule,
      nowMillis: number
    ): Effect.Effect<Iterable<Firing>, ScheduleError | PipelineNotFound | ParametersInvalid | StoreUnavailable> =>
      Effect.gen(function* () {
        const { pipeline } = yield* registry.find(schedule.pipelineId)
        // The wait before taking over does not make the run late.
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

    /** Fires one schedule. A defect does not stop the other schedules, unless the Store is unavailable. */
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
              ? Effect.logError(`Schedule '${schedule.id}' could not be fired and is retried`, cause)
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

    /** Ends when an ignored schedule may be fired: its backoff is over, or this server has a new pipeline. */
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
          backoff.failed("") ? Effect.logError("A scheduler could not read the due schedules", defect) : Effect.void,
          Effect.sleep(RETRY_MILLIS)
        )
      ),
      Effect.catchTag("StoreUnavailable", () => Effect.sleep(RETRY_MILLIS)),
      Effect.forever
    )
    yield* Effect.forkScoped(watching)
  })
)

/** The firings of the due ticks, made lazily. Each moves the schedule to its first tick that is not fired yet. */
const slices = function* (read: Schedule.Schedule, due: Schedule.Due, run: NewRun): Generator<Firing> {
  const { ticks, nextAtMillis } = due
  const fitting = Math.floor(MAX_FIRED_BYTES / Math.max(Schedule.bytesOf(read), 1))
  const size = Math.max(Math.min(fitting, MAX_FIRED), 1)
  let { dropped } = due
  let schedule = read
  let at = 0
  do {
    const runs = ticks.slice(at, at + size).map((tickMillis) => ({ ...run, schedule: { id: read.id, tickMillis } }))
    at += size
    const next = ticks[at] ?? nextAtMillis
    yield { schedule, version: run.version, runs, dropped, nextAtMillis: next }
    schedule = { ...schedule, nextAtMillis: next }
    dropped = 0
  } while (at < ticks.length)
}

/** How many foreign schedules are remembered. */
const MAX_LEFT = 10_000

/** Schedules left to other servers, because this server's version of the pipeline refuses their parameters. */
class ForeignSchedules {
  readonly #foreign: Map<string, string> = new Map()

  /** Leaves the present version of a schedule to other servers. Returns false when that was so already. */
  add(schedule: Head): boolean {
    if (this.has(schedule)) return false
    if (this.#foreign.size >= MAX_LEFT) this.#foreign.clear()
    this.#foreign.set(schedule.id, identityOf(schedule))
    return true
  }

  has(schedule: Head): boolean {
    return this.#foreign.size > 0 && this.#foreign.get(schedule.id) === identityOf(schedule)
  }

  /** This server has a new pipeline: tries all schedules again. */
  clear(): void {
    this.#foreign.clear()
  }
}

const identityOf = ({ createdAtMillis, version }: Head): string => `${createdAtMillis} ${version}`
