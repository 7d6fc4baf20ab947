/** Places of instants on the timeline of a run. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Interval, scaleOf } from "../../../adapters/dashboard/page/run/TimeScale.ts"

const DAY_MILLIS = 86_400_000

/** From a second to days, anywhere within a year; whole milliseconds. */
const interval: fc.Arbitrary<Interval> = fc
  .record({
    from: fc.integer({ min: 0, max: 365 * DAY_MILLIS }),
    millis: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 2 * DAY_MILLIS }))
  })
  .map(({ from, millis }) => [from, from + millis])

const intervals = fc.array(interval, { minLength: 1, maxLength: 30 })

/** How long at least one of them worked, in milliseconds. */
const workOf = (all: ReadonlyArray<Interval>): number => {
  let [sum, end] = [0, Number.NEGATIVE_INFINITY]
  for (const [from, to] of all.toSorted(([one], [other]) => one - other)) {
    sum += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return sum
}

describe("a time scale", () => {
  it("keeps the order of instants, from 0 to 1", () => {
    fc.assert(
      fc.property(intervals, fc.array(fc.integer({ min: -DAY_MILLIS, max: 400 * DAY_MILLIS })), (all, others) => {
        const { at, from, to } = scaleOf(all)
        const instants = [...all.flat(), ...others].toSorted((one, other) => one - other)
        const places = instants.map(at)
        for (const [index, place] of places.entries()) {
          expect(place).toBeGreaterThanOrEqual(0)
          expect(place).toBeLessThanOrEqual(1 + 1e-12)
          if (index > 0) expect(place).toBeGreaterThanOrEqual(places[index - 1]! - 1e-12)
        }
        expect(at(from)).toBe(0)
        if (to - from > 1) expect(at(to)).toBe(1)
      })
    )
  })

  it("gives all work the same measure, and at least 30 % of the width with nine gaps", () => {
    fc.assert(
      fc.property(fc.array(interval, { minLength: 1, maxLength: 10 }), (all) => {
        const { at } = scaleOf(all)
        const worked = workOf(all)
        fc.pre(worked > 0)
        const bars = all.map(([from, to]) => ({
          place: at(to) - at(from),
          own: workOf(all.map(([begin, end]) => [Math.max(from, begin), Math.max(from, Math.min(to, end))]))
        }))
        const longest = bars.reduce((one, other) => (other.own > one.own ? other : one))
        const measure = longest.place / longest.own
        for (const { place, own } of bars) expect(place).toBeCloseTo(own * measure, 9)
        // Nine gaps have at most a quarter of the work each.
        expect(measure * worked).toBeGreaterThanOrEqual(4 / 13 - 1e-9)
      })
    )
  })

  it("cuts only times without work, in order, and says how long they are", () => {
    fc.assert(
      fc.property(intervals, (all) => {
        const { at, cuts, from, to } = scaleOf(all)
        const gaps = cuts.reduce((sum, { millis }) => sum + millis, 0)
        expect(gaps).toBeLessThanOrEqual(Math.max(1, to - from) - workOf(all))
        for (const [index, cut] of cuts.entries()) {
          expect(cut.at).toBeGreaterThan(index === 0 ? 0 : cuts[index - 1]!.at)
          expect(cut.at).toBeLessThan(1)
          // No bar reaches over a cut.
          for (const [begin, end] of all) expect(at(begin) < cut.at && cut.at < at(end)).toBe(false)
        }
      })
    )
  })

  it("has two attempts of a minute, two days apart, each in almost half of the width", () => {
    const { at, cuts } = scaleOf([
      [0, 60_000],
      [2 * DAY_MILLIS, 2 * DAY_MILLIS + 60_000]
    ])
    expect(cuts).toEqual([{ at: 0.5, millis: 2 * DAY_MILLIS - 60_000 }])
    expect(at(60_000)).toBeCloseTo(10 / 21)
    expect(at(2 * DAY_MILLIS)).toBeCloseTo(11 / 21)
  })

  it("has a place for nothing, and for an instant", () => {
    expect(scaleOf([]).at(5)).toBe(0)
    expect(scaleOf([[7, 7]]).at(7)).toBe(0)
    expect(scaleOf([[9, 3]]).cuts).toEqual([])
  })
})
