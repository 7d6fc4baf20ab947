/** The axes of the dashboard's plots. */
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { marksOf, topOf } from "../../adapters/dashboard/page/plots/Series.ts"

test("the top of an axis is round, at least the largest value, and at most five times as large", () => {
  expect([0, 1, 2, 3, 7, 15, 49, 51, 999].map(topOf)).toEqual([2, 2, 2, 5, 10, 20, 50, 100, 1_000])
  fc.assert(
    fc.property(fc.double({ min: 2, max: 1e12, noNaN: true }), (most) => {
      expect(topOf(most)).toBeGreaterThanOrEqual(most)
      expect(topOf(most)).toBeLessThanOrEqual(5 * most)
    })
  )
})

test("marks are round in the time zone, inside the axis, and no more than have place", () => {
  const half = 30 * 60_000
  const at = Date.UTC(2026, 0, 1, 9, 7)
  expect(marksOf(at, at + 60 * 60_000, 6, 0).map((mark) => new Date(mark).toISOString().slice(11, 16))).toEqual([
    "09:10",
    "09:20",
    "09:30",
    "09:40",
    "09:50",
    "10:00"
  ])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_440 }), fc.integer({ min: 2, max: 20 }), (minutes, count) => {
      const to = at + minutes * 60_000
      const marks = marksOf(at, to, count, half)
      expect(marks.length).toBeLessThanOrEqual(count + 1)
      for (const mark of marks) expect(mark >= at && mark <= to).toBe(true)
    })
  )
})
