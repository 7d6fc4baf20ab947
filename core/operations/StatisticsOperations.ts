/** Operations on statistics: counts of runs and steps, and the load of the Store. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Guard, GuardError } from "../access/Guard.ts"
import type { Registry } from "../registry/Registry.ts"
import { MAX_MINUTES, MAX_POINTS, type Series } from "../statistics/Series.ts"
import {
  combine,
  KEPT_MILLIS,
  OTHER,
  type PipelineNumbers,
  type PipelineTally,
  Statistics
} from "../statistics/Statistics.ts"
import type { Load } from "../store/Load.ts"
import type { Store } from "../store/Store.ts"
import type { InvalidOption, PipelineNotFound, StoreUnavailable } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { Caller } from "../values/Principal.ts"

/** Operations on statistics. */
export interface StatisticsOperations {
  /**
   * Statistics of a pipeline's runs over the last `windowMillis` (default: an hour, at most a day). Counting begins with the
   * first call of `statistics` or `totals` in this program, from the oldest event that the Store's feed keeps then.
   */
  readonly statistics: (
    caller: Caller,
    pipelineId: string,
    windowMillis?: number
  ) => Effect.Effect<PipelineNumbers, InvalidOption | PipelineNotFound | GuardError>
  /**
   * Finished runs over time: of a pipeline, or of all pipelines that the caller may read. Counting begins like that of
   * `statistics`; `sinceMillis` says from when on the counts are whole.
   */
  readonly series: (
    caller: Caller,
    request: SeriesRequest
  ) => Effect.Effect<Series, InvalidOption | PipelineNotFound | GuardError>
  /** All counts since counting began. Needs no permission, but pipelines that the caller may not read are named `other`. */
  readonly totals: (caller: Caller) => Effect.Effect<Totals, StoreUnavailable>
  /** The load of the Store, at most a second old. Needs no permission, but names that the caller may not read are `other`. */
  readonly load: (caller: Caller) => Effect.Effect<Load, StoreUnavailable>
}

/** Which series to make. */
export interface SeriesRequest {
  /** Default: all pipelines that the caller may read. */
  readonly pipelineId?: string | undefined
  /** The length of the period up to now, in minutes: a whole number from 1 to 1,440. Default: 60. */
  readonly minutes?: number | undefined
  /**
   * The most points: a whole number from 1 to 288. Default: 60. There are fewer where an interval would be shorter than a
   * minute, or than five minutes in a period of more than an hour.
   */
  readonly points?: number | undefined
}

/** Counts by pipeline. All pipelines that the caller may not read are counted together as `other`. */
export interface Totals {
  readonly load: Load
  readonly pipelines: ReadonlyMap<string, PipelineTally>
  /** How often events were missed, because the feed dropped them before they were counted. */
  readonly gaps: number
}

/** The default of `windowMillis`. */
const WINDOW_MILLIS = 3_600_000

/** The defaults of `minutes` and `points`. */
const SERIES_MINUTES = 60
const SERIES_POINTS = 60

/** The interval in which new events are counted, in milliseconds. */
const COUNT_MILLIS = 1_000

/** How long the load is cached, in milliseconds, because any caller may read it as often as it likes. */
const LOAD_MILLIS = 1_000

/** Makes the operations on statistics. Once counting has begun, it goes on until the scope closes. */
export const make = (
  store: Store,
  registry: Registry,
  guard: Guard
): Effect.Effect<StatisticsOperations, never, Scope.Scope> =>
  Effect.gen(function* () {
    const statistics = new Statistics()
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    const cachedLoad = yield* Effect.cachedWithTTL(store.load, LOAD_MILLIS)
    const lock = yield* Semaphore.make(1)
    let after = "0"
    let isCounting = false

    /** Counts the new events, each once. */
    const count = Effect.gen(function* () {
      // The cursor comes from the feed.
      const request = { after, isEndless: false, isBare: true }
      const items = yield* Effect.catchTag(store.feed(request), "InvalidOption", Effect.die)
      yield* Stream.runForEach(items, ({ cursor, event, isBehindGap }) =>
        Effect.sync(() => {
          after = cursor
          if (isBehindGap) statistics.gaps++
          if (event !== undefined) statistics.add(event)
        })
      )
    }).pipe(lock.withPermits(1))

    /** Counts the new events. The first call also starts the periodic count, because the feed drops old events. */
    const update = Effect.suspend(() => {
      if (isCounting) return count
      isCounting = true
      statistics.begin(clock.currentTimeMillisUnsafe())
      const counting = Effect.repeat(Effect.ignore(count), Schedule.spaced(COUNT_MILLIS))
      return Effect.andThen(Effect.forkIn(counting, scope), count)
    })

    const nameFor = (caller: Caller, pipelineId: string): string =>
      guard.may(caller, { permission: "read", pipelineId }) ? pipelineId : OTHER

    /** Whether the caller may read a pipeline, decided once for each. */
    const readable = (caller: Caller): ((pipelineId: string) => boolean) => {
      const known = new Map<string, boolean>()
      return (pipelineId) => {
        const isReadable = known.get(pipelineId) ?? guard.may(caller, { permission: "read", pipelineId })
        known.set(pipelineId, isReadable)
        return isReadable
      }
    }

    const totalsFor = (caller: Caller): ReadonlyMap<string, PipelineTally> => {
      const pipelines = new Map<string, PipelineTally>()
      for (const [pipelineId, tally] of statistics.totals) {
        const name = nameFor(caller, pipelineId)
        pipelines.set(name, name === OTHER ? combine(pipelines.get(OTHER), tally) : tally)
      }
      return pipelines
    }

    const visibleLoad = (caller: Caller, load: Load): Load => {
      const waiting = new Map<string, number>()
      for (const [pipelineId, steps] of load.waiting) {
        const name = nameFor(caller, pipelineId)
        waiting.set(name, (waiting.get(name) ?? 0) + steps)
      }
      const isVisible = ({ pipelineId }: { readonly pipelineId: string }): boolean =>
        nameFor(caller, pipelineId) !== OTHER
      const hidden = load.abandoned.filter((each) => !isVisible(each)).reduce((sum, { steps }) => sum + steps, 0)
      const others = hidden === 0 ? [] : [{ pipelineId: OTHER, version: OTHER, steps: hidden }]
      const abandoned = [...load.abandoned.filter(isVisible), ...others]
      const overdue = load.overdue.map((each) => (isVisible(each) ? each : { id: OTHER, pipelineId: OTHER }))
      return { ...load, waiting, abandoned, overdue }
    }

    return {
      statistics: (caller, pipelineId, windowMillis = WINDOW_MILLIS) =>
        Effect.gen(function* () {
          const mistake = OptionCheck.number("window", windowMillis, 1, KEPT_MILLIS)
          yield* guard.check(caller, { permission: "read", pipelineId })
          if (mistake !== undefined) return yield* mistake
          yield* registry.find(pipelineId)
          yield* update
          return statistics.of(pipelineId, clock.currentTimeMillisUnsafe() - windowMillis)
        }),
      series: (caller, request) =>
        Effect.gen(function* () {
          const unreadable = OptionCheck.required(OptionCheck.record, "request", request)
          if (unreadable !== undefined) return yield* unreadable
          const { pipelineId, minutes = SERIES_MINUTES, points = SERIES_POINTS } = request
          const mistake =
            OptionCheck.integer("minutes", minutes, 1, MAX_MINUTES) ??
            OptionCheck.integer("points", points, 1, MAX_POINTS)
          yield* guard.check(caller, { permission: "read", pipelineId })
          if (mistake !== undefined) return yield* mistake
          if (pipelineId !== undefined) yield* registry.find(pipelineId)
          yield* update
          return statistics.series(pipelineId ?? readable(caller), clock.currentTimeMillisUnsafe(), minutes, points)
        }),
      totals: (caller) =>
        Effect.gen(function* () {
          yield* update
          const load = yield* cachedLoad
          return { pipelines: totalsFor(caller), gaps: statistics.gaps, load: visibleLoad(caller, load) }
        }),
      load: (caller) => Effect.map(cachedLoad, (load) => visibleLoad(caller, load))
    }
  })
