/** Finished runs over time, and the axes of their plots. */
import type { PointJson, SeriesJson } from "../../../http/health/StatisticsWire.ts"

/** How many runs finished in an interval. */
export const finished = ({ completed, failed, cancelled }: PointJson): number => completed + failed + cancelled

/** The length of the intervals in milliseconds; `until` bounds the only one. */
export const intervalOf = ({ points, until }: SeriesJson): number =>
  points.length > 1
    ? Date.parse(points[1]!.at) - Date.parse(points[0]!.at)
    : Math.max(60_000, Date.parse(until) - Date.parse(points[0]?.at ?? until))

/** The top of an axis: 1, 2 or 5 times a power of ten, at least `most` and 2. */
export const topOf = (most: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(2, most)))
  return power * ([2, 5].find((times) => times * power >= most) ?? 10)
}

/** Distances between the marks of a time axis, in minutes. */
const DISTANCES: ReadonlyArray<number> = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720]

/** Round instants of the axis, at most `count`. `offset`: the time zone's in milliseconds, so that hours are round in it. */
export const marksOf = (from: number, to: number, count: number, offset: number): ReadonlyArray<number> => {
  const distance = 60_000 * (DISTANCES.find((one) => (to - from) / 60_000 / one <= count) ?? 1_440)
  const first = Math.ceil((from + offset) / distance)
  const last = Math.floor((to + offset) / distance)
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * distance - offset)
}
