/** The ticks of a timing: by the calendar of a time zone, or at a fixed interval. */
import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { InvalidCron, UnknownTimeZone } from "../values/Errors.ts"

/** Finds ticks, in milliseconds since 1970: the first after an instant, and the last before it. */
export interface Ticks {
  readonly after: (millis: number) => number | undefined
  readonly before: (millis: number) => number | undefined
}

/** A tick every `everyMillis` after `sinceMillis`. */
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
  // `zoneFromString` also accepts any offset, such as +01:00.
  if (Option.isNone(zone) || zone.value._tag === "Offset") return Result.fail(new UnknownTimeZone(scheduleId, timeZone))
  const once = Cron.parse(cron, zone.value)
  if (Result.isFailure(once)) return Result.fail(new InvalidCron(scheduleId, cron, once.failure.message))
  // When clocks go back, an hour comes twice. A tick at a fixed hour fires in the first of the two; an hourly tick
  // fires in both, or it would pause for an hour.
  const { hours } = once.success
  const everyHour = hours.size === 0 || hours.size === 24
  const chosen = everyHour ? Cron.parseUnsafe(cron, zone.value, { onDstOverlap: "both" }) : once.success
  return Result.succeed(withClockGaps(chosen, zone.value))
}

const DAY_MILLIS = 86_400_000

/** A gap in local time: when the clocks go forward, by how much, and the tick in place of those in the gap. */
interface ClockGap {
  readonly atMillis: number
  readonly byMillis: number
  /** The first tick in the gap, moved later by `byMillis`; undefined when the gap contains none. */
  readonly tick: number | undefined
}

/**
 * The ticks of the calendar, and one for each gap that contains ticks. Cron gives that one tick only when it searches
 * forward from before the gap; searching back, it gives one for each tick in the gap.
 */
const withClockGaps = (cron: Cron.Cron, zone: DateTime.TimeZone): Ticks => {
  const search = (find: (cron: Cron.Cron, from: number) => Date) => (millis: number) => {
    try {
      return find(cron, millis).getTime()
    } catch {
      // Cron throws when it finds no matching date.
      return undefined
    }
  }
  const next = search(Cron.next)
  const previous = search(Cron.prev)
  const isOfCalendar = (millis: number): boolean => Cron.match(cron, millis)
  const offset = (millis: number): number => DateTime.zonedOffset(DateTime.makeZonedUnsafe(millis, { timeZone: zone }))
  let last: ClockGap | undefined

  /** The gap that began at this instant or before, at most its own length ago. */
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
      const gap = gapBefore(millis) ?? (found === undefined ? undefined : gapBefore(found))
      if (gap === undefined) return found
      const { atMillis, tick } = gap
      // Searching from before the gap, Cron gives the moved tick and passes over calendar ticks before it.
      const ofCalendar = millis >= atMillis ? found : isOfCalendar(atMillis) ? atMillis : next(atMillis)
      if (tick === undefined || tick <= millis) return ofCalendar
      return ofCalendar === undefined ? tick : Math.min(tick, ofCalendar)
    },
    before: (millis) => {
      const found = previous(millis)
      const gap = found === undefined ? undefined : gapBefore(found)
      if (gap === undefined) return found
      const { atMillis, tick } = gap
      // Searching back, Cron gives moved ticks only after all calendar ticks since the gap.
      const ofCalendar = isOfCalendar(found!) ? found! : undefined
      const isBefore = tick !== undefined && tick < millis && tick > (ofCalendar ?? 0)
      return isBefore ? tick : (ofCalendar ?? previous(atMillis - 1))
    }
  }
}

/** The first millisecond with the offset of `toMillis`, which differs from that of `fromMillis`. */
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
