/** Measures things side by side, so that what comes out is a ratio and not a time of one machine on one day. */

/** Something to measure: does its work `times` times. */
export type Subject = (times: number) => unknown

/** What one subject took, in nanoseconds for each time. */
export interface Measured {
  readonly name: string
  readonly nanos: number
}

const ROUNDS = 9
/** How long one round of one subject takes, about. */
const ROUND_MILLIS = 150

const timed = async (subject: Subject, times: number): Promise<number> => {
  const start = process.hrtime.bigint()
  await subject(times)
  return Number(process.hrtime.bigint() - start) / times
}

/** The least number of times that fills a round, found while the subject warms up. */
const calibrate = async (subject: Subject): Promise<number> => {
  for (let times = 1; ; times *= 2) {
    const nanos = await timed(subject, times)
    if (nanos * times > (ROUND_MILLIS * 1e6) / 2) return Math.max(1, Math.round((ROUND_MILLIS * 1e6) / nanos))
  }
}

/** The one in the middle. */
export const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((left, right) => left - right)[values.length >> 1]!

/** Measures every subject in every round, in alternating order. Gives the median of each. */
export const compare = async (subjects: Readonly<Record<string, Subject>>): Promise<ReadonlyArray<Measured>> => {
  const entries = Object.entries(subjects)
  const times = new Map<string, number>()
  for (const [name, subject] of entries) times.set(name, await calibrate(subject))
  const samples = new Map(entries.map(([name]) => [name, [] as Array<number>]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, subject] of round % 2 === 0 ? entries : [...entries].reverse()) {
      samples.get(name)!.push(await timed(subject, times.get(name)!))
    }
  }
  return entries.map(([name]) => ({ name, nanos: median(samples.get(name)!) }))
}

/** Nanoseconds in the unit that reads best. */
export const shown = (nanos: number): string =>
  nanos < 1e3
    ? `${nanos.toFixed(0)} ns`
    : nanos < 1e6
      ? `${(nanos / 1e3).toFixed(2)} µs`
      : `${(nanos / 1e6).toFixed(1)} ms`
