/** Measures alternatives side by side, so that the result is a ratio and does not depend on the machine or the day. */

/** An alternative to measure: does its work `times` times. */
export type Subject = (times: number) => unknown

/** The times of one subject, in nanoseconds per repetition. */
export interface Measured {
  readonly name: string
  readonly nanos: number
}

const ROUNDS = 9
/** The approximate length of one round of one subject. */
const ROUND_MILLIS = 150

const timed = async (subject: Subject, times: number): Promise<number> => {
  const start = process.hrtime.bigint()
  await subject(times)
  return Number(process.hrtime.bigint() - start) / times
}

/** The smallest number of repetitions that fills a round, found while the subject warms up. */
const calibrate = async (subject: Subject): Promise<number> => {
  for (let times = 1; ; times *= 2) {
    const nanos = await timed(subject, times)
    if (nanos * times > (ROUND_MILLIS * 1e6) / 2) return Math.max(1, Math.round((ROUND_MILLIS * 1e6) / nanos))
  }
}

/** The median. */
export const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((left, right) => left - right)[values.length >> 1]!

/** Measures every subject in every round, in alternating order. Returns the median of each. */
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

/** Nanoseconds in a readable unit. */
export const shown = (nanos: number): string =>
  nanos < 1e3
    ? `${nanos.toFixed(0)} ns`
    : nanos < 1e6
      ? `${(nanos / 1e3).toFixed(2)} µs`
      : `${(nanos / 1e6).toFixed(1)} ms`
