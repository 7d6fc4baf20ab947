/** Series of finished runs, compared with exact lists of the same runs. */
import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import type { Event } from "../../../core/run/Event.ts"
import { MAX_MINUTES, MAX_POINTS } from "../../../core/statistics/Series.ts"
import { SLOT_MILLIS, Statistics } from "../../../core/statistics/Statistics.ts"

const MINUTE = 60_000
const NOW = 1_800_000_000_000

interface Finished {
  readonly pipelineId: string
  readonly atMillis: number
  readonly durationMillis: number
  readonly outcome: "completed" | "failed" | "cancelled"
}

let runs = 0

/** The events of a run that ended so, in order. */
const events = ({ pipelineId, atMillis, durationMillis, outcome }: Finished): ReadonlyArray<Event> => {
  const about = { runId: `r${++runs}`, pipelineId, sequence: 1 }
  const end = { ...about, sequence: 2, atMillis }
  const ends: Readonly<Record<Finished["outcome"], Event>> = {
    completed: { type: "RunCompleted", ...end, durationMillis },
    failed: { type: "RunFailed", ...end, error: { name: "TaskFailed", message: "broke", step: "a" } },
    cancelled: { type: "RunCancelled", ...end, reason: "enough" }
  }
  return [{ type: "RunStarted", ...about, atMillis: atMillis - durationMillis }, ends[outcome]]
}

const statisticsOf = (list: ReadonlyArray<Finished>, began = 0): Statistics => {
  const statistics = new Statistics()
  statistics.begin(began)
  const all = list.flatMap(events).toSorted((one, other) => one.atMillis - other.atMillis)
  for (const event of all) statistics.add(event)
  return statistics
}

const finished = (maxMinutes: number): fc.Arbitrary<ReadonlyArray<Finished>> =>
  fc.array(
    fc.record({
      pipelineId: fc.constantFrom("p", "q", "__proto__"),
      atMillis: fc.integer({ min: NOW - maxMinutes * MINUTE, max: NOW }),
      durationMillis: fc.integer({ min: 0, max: 1_000_000 }),
      outcome: fc.constantFrom("completed", "failed", "cancelled")
    }),
    { maxLength: 60 }
  )

const quantile = (values: ReadonlyArray<number>, share: number): number | undefined =>
  values.toSorted((one, other) => one - other)[Math.max(0, Math.ceil(share * values.length) - 1)]

describe("a series", () => {
  it("has each finished run in the point of its interval", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: MAX_MINUTES }),
        fc.integer({ min: 1, max: MAX_POINTS }),
        fc.integer({ min: 0, max: MINUTE * 10 }),
        finished(MAX_MINUTES),
        fc.constantFrom("p", "q", "__proto__", undefined),
        (minutes, points, later, list, pipelineId) => {
          const now = NOW + later
          const isWanted = (id: string): boolean => (pipelineId === undefined ? id !== "q" : id === pipelineId)
          const found = statisticsOf(list).series(pipelineId ?? isWanted, now, minutes, points)
          const slot = minutes <= 60 ? MINUTE : SLOT_MILLIS
          const [first, second] = found.points
          const width = second === undefined ? Number.POSITIVE_INFINITY : second.atMillis - first!.atMillis
          expect(found.untilMillis).toBe(now)
          expect(found.points.length).toBeLessThanOrEqual(points)
          expect(found.points.length).toBeGreaterThan(0)
          // All of the period, or all that is kept: an hour by minutes, a day by five minutes.
          const kept = minutes <= 60 ? 60 * MINUTE : MAX_MINUTES * MINUTE
          const newest = Math.max(0, ...list.map(({ atMillis }) => Math.floor(atMillis / slot) * slot))
          expect(found.sinceMillis).toBeLessThanOrEqual(Math.max(now - minutes * MINUTE + slot, newest - kept))
          expect(first!.atMillis).toBeLessThanOrEqual(found.sinceMillis)
          for (const [at, point] of found.points.entries()) {
            expect(point.atMillis % slot).toBe(0)
            if (second !== undefined) expect(point.atMillis).toBe(first!.atMillis + at * width)
            const here = list.filter(
              ({ atMillis, pipelineId: id }) =>
                isWanted(id) &&
                atMillis >= Math.max(point.atMillis, at === 0 ? found.sinceMillis : 0) &&
                atMillis < point.atMillis + width
            )
            const count = (outcome: string) => here.filter((each) => each.outcome === outcome).length
            // The first interval may begin before the counts do.
            if (at === 0 && found.sinceMillis > point.atMillis) {
              expect(point.completed).toBeGreaterThanOrEqual(count("completed"))
              continue
            }
            expect(point).toMatchObject({
              completed: count("completed"),
              failed: count("failed"),
              cancelled: count("cancelled")
            })
            const durations = here.filter(({ outcome }) => outcome !== "cancelled").map((each) => each.durationMillis)
            for (const [share, told] of [
              [0.5, point.p50Millis],
              [0.95, point.p95Millis]
            ] as const) {
              const exact = quantile(durations, share)
              if (exact === undefined) expect(told).toBe(undefined)
              else {
                expect(told).toBeGreaterThanOrEqual(exact)
                expect(told).toBeLessThanOrEqual(Math.max(1, exact * 1.11))
              }
            }
          }
          const last = found.points.at(-1)!
          expect(last.atMillis).toBeLessThanOrEqual(now)
        }
      ),
      { numRuns: 500 }
    )
  })

  it("of an hour in 60 points has a point for each minute", () => {
    const at = Math.floor(NOW / MINUTE) * MINUTE
    const statistics = statisticsOf([
      { pipelineId: "p", atMillis: at - 5 * MINUTE, durationMillis: 100, outcome: "completed" }
    ])
    const ends = (now: number) => statistics.series("p", now, 60, 60).points.map(({ atMillis }) => atMillis)
    expect(ends(at)).toEqual(Array.from({ length: 60 }, (_, index) => at - (59 - index) * MINUTE))
    expect(ends(at + MINUTE - 1)).toEqual(ends(at))
    expect(ends(at + MINUTE).slice(0, -1)).toEqual(ends(at).slice(1))
    const busy = statistics.series("p", at, 60, 60).points.filter(({ completed }) => completed > 0)
    expect(busy).toEqual([
      { atMillis: at - 5 * MINUTE, completed: 1, failed: 0, cancelled: 0, p50Millis: 100, p95Millis: 100 }
    ])
  })

  it("begins where counting began, or with the first event that the feed has kept", () => {
    const began = NOW - 10 * MINUTE
    const fresh = statisticsOf([], began).series("p", NOW, 60, 60)
    expect([fresh.sinceMillis, fresh.points.length]).toEqual([began, 11])
    const older = NOW - 20 * MINUTE
    const kept = { pipelineId: "q", atMillis: older, durationMillis: 0, outcome: "completed" } as const
    for (const wanted of ["p", () => true]) {
      const found = statisticsOf([kept], began).series(wanted, NOW, 60, 60)
      expect([found.sinceMillis, found.points.length]).toEqual([older, 21])
    }
    const long = statisticsOf([kept], began).series("q", NOW, 1_440, 288)
    expect([long.sinceMillis, long.points.length]).toEqual([older, 5])
    // A clock that is behind.
    const behind = statisticsOf([], NOW + MINUTE).series("p", NOW, 60, 60)
    expect([behind.sinceMillis, behind.points.length]).toEqual([NOW, 1])
  })

  it("is bounded: when there are too many pipelines, it begins later", () => {
    const statistics = new Statistics()
    statistics.begin(0)
    for (let minute = 0; minute < 50; minute++) {
      for (let pipeline = 0; pipeline < 1_000; pipeline++) {
        const atMillis = NOW + minute * MINUTE
        for (const event of events({ pipelineId: `p${pipeline}`, atMillis, durationMillis: 1, outcome: "completed" })) {
          statistics.add(event)
        }
      }
    }
    const now = NOW + 49 * MINUTE
    const all = statistics.series(() => true, now, 60, 60)
    expect(all.points.map(({ completed }) => completed)).toEqual(all.points.map(() => 1_000))
    expect(all.points.length).toBeGreaterThanOrEqual(19)
    expect(all.points.length).toBeLessThanOrEqual(20)
    expect(all.sinceMillis).toBe(all.points[0]!.atMillis)
    // A run that ended before these is not counted again.
    const late = { pipelineId: "p0", atMillis: NOW, durationMillis: 1, outcome: "completed" } as const
    for (const event of events(late)) statistics.add(event)
    expect(statistics.series(() => true, now, 60, 60)).toEqual(all)
  })
})
