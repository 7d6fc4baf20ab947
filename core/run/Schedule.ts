/**
 * A schedule: when a pipeline runs by itself, and with which parameters. This file computes the ticks (the instants);
 * the Store makes sure that each tick starts one run, however many servers watch.
 */
import * as Result from "effect/Result"
import type { Json } from "../json/Value.ts"
import * as Bytes from "../values/Bytes.ts"
import { InvalidOption, type ScheduleError, ScheduleNeverFires } from "../values/Errors.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Ticks from "./Ticks.ts"

/** When a schedule fires: by the calendar of a time zone, or at a fixed interval. */
export type Timing =
  | {
      /** Minute, hour, day, month, weekday; with six fields, seconds come first. Weekdays are 0 to 7 or names. */
      readonly cron: string
      /** IANA name, such as `Europe/Lisbon`. Default: UTC. */
      readonly timeZone?: string
      readonly everyMillis?: never
    }
  | {
      /** The interval in milliseconds, at least 1,000. The first tick comes one interval after the schedule is made. */
      readonly everyMillis: number
      readonly cron?: never
      readonly timeZone?: never
    }

/**
 * What happens to ticks missed while no server was running: `skip` drops them, `one` starts one run for all of them,
 * `all` starts a run for each of the newest 1,000. `all` needs the overlap `queue` or `allow`.
 */
export type CatchUp = "skip" | "one" | "all"

/**
 * What a tick does while the run of an earlier tick is not over: `allow` starts another run beside it, `skip` drops the
 * tick, `queue` starts a run that waits its turn. `skip` can't be used with the catch-up `all`.
 */
export type Overlap = "allow" | "skip" | "queue"

/** Every way to catch up. */
export const CATCH_UPS: ReadonlyArray<CatchUp> = ["skip", "one", "all"]
/** Every way to overlap. */
export const OVERLAPS: ReadonlyArray<Overlap> = ["allow", "skip", "queue"]

/** A schedule as its caller defines it. */
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

/** A schedule as a Store keeps it. Instants are milliseconds since 1970. */
export interface Schedule extends Definition {
  /**
   * The version of the pipeline that its parameters were last checked against: when it was made, or when a server of
   * another version fired it. Empty when unknown.
   */
  readonly version: string
  readonly createdAtMillis: number
  readonly paused: boolean
  /** The next tick. */
  readonly nextAtMillis: number
  /** The last tick that started a run. */
  readonly lastAtMillis: number | undefined
  readonly lastRunId: string | undefined
  /** How many runs it has started, and how many ticks it has dropped. */
  readonly fired: number
  readonly skipped: number
}

/** A new schedule. */
export const make = (
  definition: Definition,
  createdAtMillis: number,
  nextAtMillis: number,
  version: string
): Schedule => ({
  ...definition,
  version,
  createdAtMillis,
  paused: false,
  nextAtMillis,
  lastAtMillis: undefined,
  lastRunId: undefined,
  fired: 0,
  skipped: 0
})

/** Bytes of the parameters of one of its runs. */
export const bytesOf = ({ parameters }: Pick<Definition, "parameters">): number =>
  Object.keys(parameters).reduce((bytes, name) => bytes + Bytes.ofText(name) + Bytes.ofText(parameters[name]!), 0)

/** The default of `graceMillis`. */
export const GRACE_MILLIS = 60_000

/** A schedule is overdue when no server has fired it this many milliseconds after its tick. */
export const OVERDUE_MILLIS = 60_000

/** For how many missed ticks `all` starts runs. */
export const MAX_CATCH_UP = 1_000

/** How many missed ticks are counted. */
const MAX_LOOK = 10_000

/** The first tick after `afterMillis`, or why there is none. */
export const next = (
  definition: Pick<Definition, "id" | "timing">,
  afterMillis: number,
  createdAtMillis: number
): Result.Result<number, ScheduleError> =>
  Result.flatMap(ticksOf(definition.id, definition.timing, createdAtMillis), ({ after }) => {
    const tick = after(afterMillis)
    return tick === undefined ? Result.fail(neverFires(definition)) : Result.succeed(tick)
  })

/** The next ticks of a schedule, at most `count`; none while it is paused. */
export const upcoming = (schedule: Schedule, count: number): ReadonlyArray<number> => {
  const ticks = ticksOf(schedule.id, schedule.timing, schedule.createdAtMillis)
  if (schedule.paused || Result.isFailure(ticks)) return []
  const found = [schedule.nextAtMillis]
  while (found.length < count) {
    const tick = ticks.success.after(found.at(-1)!)
    if (tick === undefined) break
    found.push(tick)
  }
  return found
}

/** The first mistake in a definition; undefined when it is valid. */
export const invalid = (definition: Definition): ScheduleError | undefined => {
  const { id, timing, catchUp, overlap, priority, graceMillis } = definition
  const unusable = Name.invalid("a schedule's id", id)
  if (unusable !== undefined) return unusable
  const what = `schedule '${id}'`
  return (
    wrongTiming(what, timing) ??
    OptionCheck.required(OptionCheck.among, `catchUp of ${what}`, catchUp, CATCH_UPS) ??
    OptionCheck.required(OptionCheck.among, `overlap of ${what}`, overlap, OVERLAPS) ??
    (catchUp === "all" && overlap === "skip"
      ? new InvalidOption(`overlap of ${what}`, overlap, MAKES_UP_ONE)
      : undefined) ??
    OptionCheck.required(OptionCheck.integer, `priority of ${what}`, priority, -MAX_PRIORITY, MAX_PRIORITY) ??
    OptionCheck.required(OptionCheck.millis, `graceMillis of ${what}`, graceMillis) ??
    Result.getOrElse(Result.flip(next(definition, 0, 0)), () => undefined)
  )
}

const wrongTiming = (what: string, timing: unknown): InvalidOption | undefined => {
  const mistake = OptionCheck.required(OptionCheck.record, `timing of ${what}`, timing, EITHER)
  if (mistake !== undefined) return mistake
  const { cron, timeZone, everyMillis } = timing as { readonly [key: string]: unknown }
  if ((cron === undefined) === (everyMillis === undefined)) {
    const has = cron === undefined ? "neither cron nor everyMillis" : "both cron and everyMillis"
    return new InvalidOption(`timing of ${what}`, timing, EITHER, `timing of ${what} has ${has}; give one of them`)
  }
  if (everyMillis !== undefined && timeZone !== undefined) {
    return new InvalidOption(
      `timeZone of ${what}`,
      timeZone,
      "no value, because only a cron expression has a time zone"
    )
  }
  return (
    OptionCheck.text(`cron of ${what}`, cron, MAX_CRON, 0) ??
    (timeZone === undefined || typeof timeZone === "string"
      ? undefined
      : new InvalidOption(`timeZone of ${what}`, timeZone, "an IANA name such as 'Europe/Lisbon'")) ??
    OptionCheck.integer(`everyMillis of ${what}`, everyMillis, 1_000, OptionCheck.MAX_MILLIS)
  )
}

const EITHER = "either a cron expression or everyMillis"

const MAKES_UP_ONE =
  "'queue' or 'allow' when catchUp is 'all': with 'skip', the run of the first missed tick would drop the others"

/** Priorities are whole numbers from -100 to 100. */
export const MAX_PRIORITY = 100

/** The longest cron expression, in UTF-16 units. */
const MAX_CRON = 1_000

/** The due ticks of a schedule: those to start runs for, how many are dropped (counted up to 10,000), and the next. */
export interface Due {
  readonly ticks: ReadonlyArray<number>
  readonly dropped: number
  readonly nextAtMillis: number
}

/** The ticks that are due at `nowMillis`. */
export const due = (schedule: Schedule, nowMillis: number): Result.Result<Due, ScheduleError> =>
  Result.flatMap(ticksOf(schedule.id, schedule.timing, schedule.createdAtMillis), ({ after, before }) => {
    const next = after(nowMillis)
    if (next === undefined) return Result.fail(neverFires(schedule))
    // From the newest back: after a long absence, older ticks are only counted.
    const passed: Array<number> = []
    let looked = 0
    let tick = before(nowMillis + 1)
    for (; tick !== undefined && tick >= schedule.nextAtMillis && looked < MAX_LOOK; tick = before(tick)) {
      if (++looked <= MAX_CATCH_UP) passed.push(tick)
    }
    const kept = caughtUp(schedule, passed.reverse(), nowMillis)
    // Another server may already have fired the schedule for a later tick: no tick comes twice.
    const nextAtMillis = Math.max(next, schedule.nextAtMillis)
    return Result.succeed({ ticks: kept, dropped: looked - kept.length, nextAtMillis })
  })

const neverFires = ({ id, timing }: Pick<Definition, "id" | "timing">): ScheduleNeverFires =>
  new ScheduleNeverFires(id, timing.cron !== undefined ? timing.cron : "")

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

const ticksOf = (id: string, timing: Timing, createdAtMillis: number): Result.Result<Ticks.Ticks, ScheduleError> =>
  timing.cron !== undefined
    ? Ticks.ofCron(id, timing.cron, timing.timeZone)
    : Result.succeed(Ticks.ofInterval(timing.everyMillis, createdAtMillis))
