/** What a caller may ask for about what happens, in numbers. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Guard, GuardError } from "../access/Guard.ts"
import type { Registry } from "../registry/Registry.ts"
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

/** Operations on numbers. */
export interface StatisticsOperations {
  /**
   * How a pipeline's runs went, over the last `windowMillis` (default: an hour, at most a day), up to now. Counted from when
   * this program was first asked, with what its Store's feed had kept until then.
   */
  readonly statistics: (
    caller: Caller,
    pipelineId: string,
    windowMillis?: number
  ) => Effect.Effect<PipelineNumbers, InvalidOption | PipelineNotFound | GuardError>
  /**
   * What was counted since this program was first asked. For everybody, by name of those pipelines that they may read.
   */
  readonly totals: (caller: Caller) => Effect.Effect<Totals, StoreUnavailable>
  /** How busy the Store is, give or take a second. For everybody, by name of what they may read; the rest is `other`. */
  readonly load: (caller: Caller) => Effect.Effect<Load, StoreUnavailable>
}

/** What was counted. Pipelines that the caller may not read are one, named `other`. */
export interface Totals {
  readonly load: Load
  readonly pipelines: ReadonlyMap<string, PipelineTally>
  /** How often events were missed, because too many came at once. */
  readonly gaps: number
}

const WINDOW_MILLIS = 3_600_000

/** How often what has happened is counted once somebody has asked, in milliseconds. */
const COUNT_MILLIS = 1_000

/** How long it is taken for true how busy the Store is, in milliseconds: everybody may ask, and as often as they like. */
const LOAD_MILLIS = 1_000

/** The operations over a Store, a Registry and a Guard. Counting begins when somebody asks, and goes on until the scope closes. */
export const make = (
  store: Store,
  registry: Registry,
  guard: Guard
): Effect.Effect<StatisticsOperations, never, Scope.Scope> =>
  Effect.gen(function* () {
    const statistics = new Statistics()
    const scope = yield* Effect.scope
    const load = yield* Effect.cachedWithTTL(store.load, LOAD_MILLIS)
    const lock = yield* Semaphore.make(1)
    let after = "0"
    let isCounting = false

    /** Counts what has happened since, and nothing twice. */
    const count = Effect.gen(function* () {
      // The cursor is one that the feed has given.
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

    /** Counts from now on: what is not counted for long is not kept for it. */
    const counted = Effect.suspend(() => {
      if (isCounting) return count
      isCounting = true
      const counting = Effect.repeat(Effect.ignore(count), Schedule.spaced(COUNT_MILLIS))
      return Effect.andThen(Effect.forkIn(counting, scope), count)
    })

    const nameFor = (caller: Caller, pipelineId: string): string =>
      guard.may(caller, { permission: "read", pipelineId }) ? pipelineId : OTHER

    const seen = (caller: Caller): ReadonlyMap<string, PipelineTally> => {
      const pipelines = new Map<string, PipelineTally>()
      for (const [pipelineId, tally] of statistics.totals) {
        const name = nameFor(caller, pipelineId)
        pipelines.set(name, name === OTHER ? combine(pipelines.get(OTHER), tally) : tally)
      }
      return pipelines
    }

    const loadFor = (caller: Caller, busy: Load): Load => {
      const waiting = new Map<string, number>()
      for (const [pipelineId, steps] of busy.waiting) {
        const name = nameFor(caller, pipelineId)
        waiting.set(name, (waiting.get(name) ?? 0) + steps)
      }
      const isSeen = ({ pipelineId }: { readonly pipelineId: string }): boolean => nameFor(caller, pipelineId) !== OTHER
      const hidden = busy.abandoned.filter((each) => !isSeen(each)).reduce((sum, { steps }) => sum + steps, 0)
      const others = hidden === 0 ? [] : [{ pipelineId: OTHER, version: OTHER, steps: hidden }]
      const abandoned = [...busy.abandoned.filter(isSeen), ...others]
      const overdue = busy.overdue.map((each) => (isSeen(each) ? each : { id: OTHER, pipelineId: OTHER }))
      return { ...busy, waiting, abandoned, overdue }
    }

    return {
      statistics: (caller, pipelineId, windowMillis = WINDOW_MILLIS) =>
        Effect.gen(function* () {
          const mistake = OptionCheck.number("window", windowMillis, 1, KEPT_MILLIS)
          yield* guard.check(caller, { permission: "read", pipelineId })
          if (mistake !== undefined) return yield* mistake
          yield* registry.find(pipelineId)
          yield* counted
          return statistics.of(pipelineId, (yield* Clock.currentTimeMillis) - windowMillis)
        }),
      totals: (caller) =>
        Effect.gen(function* () {
          yield* counted
          const busy = yield* load
          return { pipelines: seen(caller), gaps: statistics.gaps, load: loadFor(caller, busy) }
        }),
      load: (caller) => Effect.map(load, (busy) => loadFor(caller, busy))
    }
  })
