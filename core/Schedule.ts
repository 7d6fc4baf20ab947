/**
 * A schedule: when a pipeline is to run by itself, and with what. Which instants those are is worked out here; that each
 * of them starts one run, however many servers watch, is the Store's doing.
 */
import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Bound from "./Bound.ts"
import { InvalidCron, InvalidOption, type ScheduleError, ScheduleNeverFires, UnknownTimeZone } from "./Errors.ts"
import * as Name from "./Name.ts"
import type { Json } from "./Value.ts"

/** When a schedule fires: by the calendar of a time zone, or at regular intervals. */
export type Timing =
  | {
      /** Minute, hour, day, month, weekday, and seconds in front when there are six. Weekdays are 0 to 7 or names. */
      readonly cron: string
      /** IANA name, such as `Europe/Lisbon`. Default: UTC. */
      readonly timeZone?: string
    }
  | {
      /** The first time so long after the schedule is made, in milliseconds. At least 1,000. */
      readonly everyMillis: number
    }

/**
 * What becomes of instants that passed while nobody watched: `skip` drops them, `one` starts one run for all of them,
 * `all` starts one for each, of the newest 1,000.
 */
export type CatchUp = "skip" | "one" | "all"

/**
 * What happens when the run of an earlier instant is not over: `allow` starts another beside it, `skip` drops the
 * instant, `queue` starts one that waits its turn.
 */
export type Overlap = "allow" | "skip" | "queue"

const CATCH_UPS: ReadonlyArray<CatchUp> = ["skip", "one", "all"]
const OVERLAPS: ReadonlyArray<Overlap> = ["allow", "skip", "queue"]

/** What is said of a schedule when it is made. */
export interface Definition {
  readonly id: string
  readonly pipelineId: string
  readonly timing: Timing
  /** Checked against the pipeline's schemas when the schedule is made. */
  readonly parameters: Readonly<Record<string, Json>>
  readonly catchUp: CatchUp
  readonly overlap: Overlap
  readonly priority: number
  /** How late a run may start and still count as on time, in milliseconds. */
  readonly graceMillis: number
}

/** A schedule as it is kept. Instants are milliseconds since 1970. */
export interface Schedule extends Definition {
  readonly createdAtMillis: number
  readonly paused: boolean
  /** The next instant. */
  readonly nextAtMillis: number
  /** The last instant that started a run. */
  readonly lastAtMillis: number | undefined
  readonly lastRunId: string | undefined
  /** How many runs it has started, and how many instants it has dropped. */
  readonly fired: number
  readonly skipped: number
}

/** A schedule that was just made. */
export const make = (definition: Definition, createdAtMillis: number, nextAtMillis: number): Schedule => ({
  ...definition,
  createdAtMillis,
  paused: false,
  nextAtMillis,
  lastAtMillis: undefined,
  lastRunId: undefined,
  fired: 0,
  skipped: 0
})

/** How late a run may start and still count as on time, unless set, in milliseconds. */
export const GRACE_MILLIS = 60_000

/** How many missed instants `all` makes up for. */
export const MAX_CATCH_UP = 1_000

/** How many missed instants are looked at one by one. */
const MAX_LOOK = 10_000

/** The first instant after `afterMillis`, or why there is none. */
export const next = (
  { id, timing }: Pick<Definition, "id" | "timing">,
  afterMillis: number,
  createdAtMillis: number
): Result.Result<number, ScheduleError> =>
  Result.flatMap(ticks(id, timing, createdAtMillis), (after) => {
    const tick = after(afterMillis)
    return tick === undefined
      ? Result.fail(new ScheduleNeverFires(id, "cron" in timing ? timing.cron : ""))
      : Result.succeed(tick)
  })

/** What is wrong with a definition; nothing when it can be used. */
export const invalid = (definition: Definition): ScheduleError | undefined => {
  const { id, timing, catchUp, overlap, priority, graceMillis } = definition
  const what = `schedule '${id}'`
  return (
    Name.invalid("a schedule's id", id) ??
    ("cron" in timing ? undefined : Bound.integer(`everyMillis of ${what}`, timing.everyMillis, 1_000)) ??
    among(`catchUp of ${what}`, catchUp, CATCH_UPS) ??
    among(`overlap of ${what}`, overlap, OVERLAPS) ??
    Bound.integer(`priority of ${what}`, priority, -MAX_PRIORITY, MAX_PRIORITY) ??
    Bound.number(`graceMillis of ${what}`, graceMillis, 0) ??
    Result.getOrElse(Result.flip(next(definition, 0, 0)), () => undefined)
  )
}

/** Priorities are whole numbers from -100 to 100. */
export const MAX_PRIORITY = 100

const among = (option: string, value: string, choices: ReadonlyArray<string>): InvalidOption | undefined =>
  choices.includes(value)
    ? undefined
    : new InvalidOption(option, value, `one of ${choices.map((choice) => `'${choice}'`).join(", ")}`)

/** What is due of a schedule: which instants to start runs for, how many were dropped at least, and when it fires next. */
export interface Due {
  readonly ticks: ReadonlyArray<number>
  readonly dropped: number
  readonly nextAtMillis: number
}

/** What a schedule owes at `nowMillis`. */
export const due = (schedule: Schedule, nowMillis: number): Result.Result<Due, ScheduleError> =>
  Result.flatMap(ticks(schedule.id, schedule.timing, schedule.createdAtMillis), (after) => {
    const passed: Array<number> = []
    let looked = 0
    let tick: number | undefined = schedule.nextAtMillis
    while (tick !== undefined && tick <= nowMillis) {
      passed.push(tick)
      tick = after(tick)
      // After a long absence only the newest instants matter; the others are not worth the time it takes to find them.
      if (++looked === MAX_LOOK && tick !== undefined) {
        const spacing = (tick - schedule.nextAtMillis) / looked
        tick = after(Math.max(tick, nowMillis - spacing * MAX_CATCH_UP) - 1)
      }
    }
    if (tick === undefined) {
      return Result.fail(new ScheduleNeverFires(schedule.id, "cron" in schedule.timing ? schedule.timing.cron : ""))
    }
    const kept = caughtUp(schedule, passed, nowMillis)
    return Result.succeed({ ticks: kept, dropped: passed.length - kept.length, nextAtMillis: tick })
  })

const caughtUp = (
  { catchUp, graceMillis }: Schedule,
  passed: ReadonlyArray<number>,
  nowMillis: number
): ReadonlyArray<number> => {
  switch (catchUp) {
    case "all":
      return passed.slice(-MAX_CATCH_UP)
    case "one":
      return passed.slice(-1)
    case "skip":
      return passed.slice(-1).filter((tick) => nowMillis - tick <= graceMillis)
  }
}

/** A way to get the instant after another one. */
const ticks = (
  id: string,
  timing: Timing,
  createdAtMillis: number
): Result.Result<(afterMillis: number) => number | undefined, ScheduleError> => {
  if (!("cron" in timing)) {
    const { everyMillis } = timing
    return Result.succeed((after) => {
      const count = Math.floor((after - createdAtMillis) / everyMillis) + 1
      return createdAtMillis + Math.max(count, 1) * everyMillis
    })
  }
  const { cron, timeZone = "UTC" } = timing
  const zone = DateTime.zoneFromString(timeZone)
  if (Option.isNone(zone)) return Result.fail(new UnknownTimeZone(id, timeZone))
  const once = Cron.parse(cron, zone.value)
  if (Result.isFailure(once)) return Result.fail(new InvalidCron(id, cron, once.failure.message))
  // Where the clocks go back, an hour comes twice. What runs at a fixed hour runs in the first of the two; what runs
  // in every hour runs in both, or it would pause for an hour.
  const { hours } = once.success
  const everyHour = hours.size === 0 || hours.size === 24
  const chosen = everyHour ? Cron.parseUnsafe(cron, zone.value, { onDstOverlap: "both" }) : once.success
  return Result.succeed((after) => {
    try {
      return Cron.next(chosen, after).getTime()
    } catch {
      // It looks as far as it can and throws when no date fits.
      return undefined
    }
  })
}
