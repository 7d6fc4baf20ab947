/** Finished runs over time: points at equal intervals, made from slots of a minute or of five minutes. */
import { type Outcome, Outcomes } from "./Outcomes.ts"

/** The most minutes of a series, and the most points. */
export const MAX_MINUTES = 1_440
export const MAX_POINTS = 288

/** A minute, in milliseconds, and how many whole minutes are kept. */
const MINUTE_MILLIS = 60_000
const KEPT_MINUTES = 60

/** How many counts of a pipeline in a minute are kept; the oldest minutes are dropped first. */
const MAX_COUNTS = 20_000

/** The finished runs of one interval. Quantiles are at most a tenth too high, and undefined without durations. */
export interface Point {
  /** The start of the interval, in milliseconds since 1970. */
  readonly atMillis: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  readonly p50Millis: number | undefined
  readonly p95Millis: number | undefined
}

/** Points in order of time. The last interval is the current one. */
export interface Series {
  /** From when on all finished runs are counted, in milliseconds since 1970. There are no points of intervals that ended before. */
  readonly sinceMillis: number
  readonly untilMillis: number
  readonly points: ReadonlyArray<Point>
}

/** Counts by pipeline, in slots of equal length, by the number of the slot since 1970. */
export interface Slots {
  readonly millis: number
  /** The number of the first slot that is kept whole. */
  readonly first: number
  /** The counts of the wanted pipelines in a slot. */
  readonly of: (slot: number) => Iterable<Outcomes>
}

/** Finished runs by pipeline and minute, of the last hour. */
export class Minutes {
  readonly #slots: Map<number, Map<string, Outcomes>> = new Map()
  #first = Number.NEGATIVE_INFINITY
  #counts = 0

  add(outcome: Outcome, pipelineId: string, atMillis: number, durationMillis: number | undefined): void {
    const at = Math.floor(atMillis / MINUTE_MILLIS)
    if (at < this.#first) return
    let slot = this.#slots.get(at)
    if (slot === undefined) {
      slot = new Map()
      this.#slots.set(at, slot)
      this.#forget(at - KEPT_MINUTES)
    }
    let outcomes = slot.get(pipelineId)
    if (outcomes === undefined) {
      outcomes = new Outcomes()
      slot.set(pipelineId, outcomes)
      if (++this.#counts > MAX_COUNTS && this.#slots.size > 1) this.#forget(Math.min(...this.#slots.keys()) + 1)
    }
    outcomes.add(outcome, durationMillis)
  }

  /** The minutes, with the counts that `wanted` picks from each. */
  slots(wanted: (slot: ReadonlyMap<string, Outcomes>) => Iterable<Outcomes>): Slots {
    return { millis: MINUTE_MILLIS, first: this.#first, of: (at) => wanted(this.#slots.get(at) ?? NO_COUNTS) }
  }

  /** Drops the minutes before `first`. */
  #forget(first: number): void {
    if (first <= this.#first) return
    this.#first = first
    for (const [at, slot] of this.#slots) {
      if (at >= first) continue
      this.#counts -= slot.size
      this.#slots.delete(at)
    }
  }
}

const NO_COUNTS: ReadonlyMap<string, Outcomes> = new Map()

/** Whether the minutes of the last hour are enough for a series of so many minutes. */
export const isShort = (minutes: number): boolean => minutes <= KEPT_MINUTES

/**
 * The series of the last `minutes`, of which the current one is the last. An interval is a whole number of slots, so there
 * may be fewer points than wanted.
 */
export const seriesOf = (
  { millis, first, of }: Slots,
  sinceMillis: number,
  untilMillis: number,
  minutes: number,
  points: number
): Series => {
  const slots = (minutes * MINUTE_MILLIS) / millis
  const width = Math.ceil(slots / points)
  const count = Math.ceil(slots / width)
  const end = Math.floor(untilMillis / millis) + 1
  const begin = end - count * width
  const since = Math.min(Math.max(begin * millis, first * millis, sinceMillis), untilMillis)
  const found: Array<Point> = []
  for (let at = begin; at < end; at += width) {
    if ((at + width) * millis <= since) continue
    const whole = new Outcomes()
    for (let slot = at; slot < at + width; slot++) for (const outcomes of of(slot)) whole.merge(outcomes)
    const { completed, failed, cancelled, durations } = whole
    found.push({
      atMillis: at * millis,
      completed,
      failed,
      cancelled,
      p50Millis: durations.quantile(0.5),
      p95Millis: durations.quantile(0.95)
    })
  }
  return { sinceMillis: since, untilMillis, points: found }
}
