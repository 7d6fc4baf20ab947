/** The instants of a timing: by the calendar of a time zone, or at regular intervals. */
import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { InvalidCron, UnknownTimeZone } from "../values/Errors.ts"

/** Ticks, in milliseconds since 1970: the first one after an instant, and the last one before it. */
export interface Ticks {
  readonly after: (millis: number) => number | undefined
  readonly before: (millis: number) => number | undefined
}

/** One tick every so many milliseconds after `sinceMillis`. */
export const ofInterval = (everyMillis: number, sinceMillis: number): Ticks => {
  const tick = (count: number): number | undefined => (count < 1 ? undefined : sinceMillis + count * everyMillis)
  return {
    after: (millis) => tick(Math.max(Math.floor((millis - sinceMillis) / everyMillis) + 1, 1)),
    before: (millis) => tick(Math.ceil((millis - sinceMillis) / everyMillis) - 1)
  }
}

/** The ticks of a cron expression. `scheduleId` is for the failure. */
export const ofCron = (
  scheduleId: string,
  cron: string,
  timeZone = "UTC"
): Result.Result<Ticks, InvalidCron | UnknownTimeZone> => {
  const zone = DateTime.zoneFromString(timeZone)
  // It takes offsets too, and any of them.
  if (Option.isNone(zone) || zone.value._tag === "Offset") return Result.fail(new UnknownTimeZone(scheduleId, timeZone))
  const once = Cron.parse(cron, zone.value)
  if (Result.isFailure(once)) return Result.fail(new InvalidCron(scheduleId, cron, once.failure.message))
  // Where the clocks go back, an hour comes twice. What runs at a fixed hour runs in the first of the two; what runs
  // in every hour runs in both, or it would pause for an hour.
  const { hours } = once.success
  const everyHour = hours.size === 0 || hours.size === 24
  const chosen = everyHour ? Cron.parseUnsafe(cron, zone.value, { onDstOverlap: "both" }) : once.success
  return Result.succeed(withClockGaps(chosen, zone.value))
}

const DAY_MILLIS = 86_400_000

/** Where the clocks go forward: the instant of that, by how much, and the tick that comes of what they skip. */
interface ClockGap {
  readonly atMillis: number
  readonly byMillis: number
  /** The first tick that is skipped, so much later; undefined where none is. */
  readonly tick: number | undefined
}

/**
 * The ticks of the calendar, and one for each skip of the clocks that skips some. Cron alone knows that tick only when it
 * looks forward from before the skip; looking back, it finds one for each tick that is skipped.
 */
const withClockGaps = (cron: Cron.Cron, zone: DateTime.TimeZone): Ticks => {
  const search = (find: (cron: Cron.Cron, from: number) => Date) => (millis: number) => {
    try {
      return find(cron, millis).getTime()
    } catch {
      // It looks as far as it can and throws when no date fits.
      return undefined
    }
  }
  const next = search(Cron.next)
  const previous = search(Cron.prev)
  const isOfCalendar = (millis: number): boolean => Cron.match(cron, millis)
  const offset = (millis: number): number => DateTime.zonedOffset(DateTime.makeZonedUnsafe(millis, { timeZone: zone }))
  let last: ClockGap | undefined

  /** The skip that began before this instant, or at it, no longer ago than it skips. */
  const gapBefore = (millis: number): ClockGap | undefined => {
    const byMillis = offset(millis) - offset(millis - DAY_MILLIS)
    if (byMillis <= 0) return undefined
    if (last === undefined || millis < last.atMillis || millis >= last.atMillis + DAY_MILLIS) {
      const atMillis = changeBetween(offset, millis - DAY_MILLIS, millis)
      last = { atMillis, byMillis, tick: next(atMillis - 1) }
    }
    return millis < last.atMillis + last.byMillis ? last : undefined
  }

  return {
    after: (millis) => {
      const found = next(millis)
      const skip = gapBefore(millis) ?? (found === undefined ? undefined : gapBefore(found))
      if (skip === undefined) return found
      const { atMillis, tick } = skip
      // From before the skip, Cron goes on with the tick that was skipped, and passes over what comes before that.
      const ofCalendar = millis >= atMillis ? found : isOfCalendar(atMillis) ? atMillis : next(atMillis)
      if (tick === undefined || tick <= millis) return ofCalendar
      return ofCalendar === undefined ? tick : Math.min(tick, ofCalendar)
    },
    before: (millis) => {
      const found = previous(millis)
      const skip = found === undefined ? undefined : gapBefore(found)
      if (skip === undefined) return found
      const { atMillis, tick } = skip
      // Cron finds those that are skipped after those of the calendar: there is none of these left since the skip.
      const ofCalendar = isOfCalendar(found!) ? found! : undefined
      const isBefore = tick !== undefined && tick < millis && tick > (ofCalendar ?? 0)
      return isBefore ? tick : (ofCalendar ?? previous(atMillis - 1))
    }
  }
}

/** The first millisecond of the offset that there is at `toMillis` and not at `fromMillis`. */
const changeBetween = (offset: (millis: number) => number, fromMillis: number, toMillis: number): number => {
  const after = offset(toMillis)
  let [low, high] = [fromMillis, toMillis]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offset(middle) === after) high = middle
    else low = middle
  }
  return high
}
