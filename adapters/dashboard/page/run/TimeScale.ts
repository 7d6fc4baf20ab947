/** Where instants are on a timeline. Long times without any work are cut, so that attempts that are days apart stay readable. */

/** From and until when something worked, in milliseconds since 1970. */
export type Interval = readonly [from: number, to: number]

/** A cut in the timeline. */
export interface Cut {
  /** From 0 to 1. */
  readonly at: number
  /** How long the time is that was cut out. */
  readonly millis: number
}

export interface TimeScale {
  readonly from: number
  readonly to: number
  /** The place of an instant, from 0 to 1. */
  readonly at: (millis: number) => number
  readonly cuts: ReadonlyArray<Cut>
}

/** A gap longer than this share of all work is cut to that share. */
const LONG_GAP = 0.25
const CUT_GAP = 0.05

/** The scale that shows these intervals. */
export const scaleOf = (intervals: ReadonlyArray<Interval>): TimeScale => {
  const busy = union(intervals)
  const from = busy[0]?.[0] ?? 0
  const to = Math.max(from + 1, busy.at(-1)?.[1] ?? 1)
  const worked = Math.max(
    1,
    busy.reduce((sum, [begin, end]) => sum + end - begin, 0)
  )
  // The instants at which the scale changes, and their places so far.
  const instants = [from]
  const places = [0]
  const cuts: Array<{ readonly place: number; readonly millis: number }> = []
  let place = 0
  for (const [at, [begin, end]] of busy.entries()) {
    const gap = at === 0 ? 0 : begin - busy[at - 1]![1]
    if (gap > LONG_GAP * worked) {
      cuts.push({ place: place + (CUT_GAP * worked) / 2, millis: gap })
      place += CUT_GAP * worked
    } else place += gap
    instants.push(begin)
    places.push(place)
    place += end - begin
    instants.push(end)
    places.push(place)
  }
  const width = Math.max(1, place)
  const at = (millis: number): number => {
    if (millis <= from) return 0
    if (millis >= instants.at(-1)!) return place === 0 ? 0 : 1
    const high = instants.findIndex((instant) => instant > millis)
    const low = high - 1
    const share = (millis - instants[low]!) / (instants[high]! - instants[low]!)
    return (places[low]! + share * (places[high]! - places[low]!)) / width
  }
  return { from, to, at, cuts: cuts.map(({ place, millis }) => ({ at: place / width, millis })) }
}

/** The intervals in order, those that touch as one. */
const union = (intervals: ReadonlyArray<Interval>): ReadonlyArray<Interval> => {
  const sorted = intervals.filter(([from, to]) => to >= from).toSorted(([one], [other]) => one - other)
  const joined: Array<[from: number, to: number]> = []
  for (const [from, to] of sorted) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined
}
