/** Finished runs over time, as the API answers them, and the axes of their plots. */

/** `GET /statistics/series`, and that of one pipeline. */
export interface Series {
  readonly since: string
  readonly until: string
  readonly points: ReadonlyArray<Point>
}

/** One interval, by its start. */
export interface Point {
  readonly at: string
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  readonly p50_ms: number | null
  readonly p95_ms: number | null
}

/** How many runs finished in an interval. */
export const finished = ({ completed, failed, cancelled }: Point): number => completed + failed + cancelled

/** The length of the intervals in milliseconds; `until` bounds the only one. */
export const intervalOf = ({ points, until }: Series): number =>
  points.length > 1
    ? Date.parse(points[1]!.at) - Date.parse(points[0]!.at)
    : Math.max(60_000, Date.parse(until) - Date.parse(points[0]?.at ?? until))

/** The top of an axis: 1, 2 or 5 times a power of ten, at least `most`. */
export const topOf = (most: number): number => {
  if (most <= 1) return 1
  const power = 10 ** Math.floor(Math.log10(most))
  return [1, 2, 5, 10].map((times) => times * power).find((top) => top >= most)!
}

/** Distances between the marks of a time axis, in minutes. */
const DISTANCES: ReadonlyArray<number> = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720]

/** Round instants of the axis, at most `count`. `offsetMillis`: the time zone's, so that hours are round in it. */
export const marksOf = (from: number, to: number, count: number, offsetMillis: number): ReadonlyArray<number> => {
  const minutes = (to - from) / 60_000
  const distance = 60_000 * (DISTANCES.find((one) => minutes / one <= count) ?? 1_440)
  const marks: Array<number> = []
  for (let at = Math.ceil((from + offsetMillis) / distance) * distance; at <= to + offsetMillis; at += distance) {
    marks.push(at - offsetMillis)
  }
  return marks
}
