/** Which instants a schedule has. Source for the changes of clocks: the IANA time zone database. */
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Schedule } from "../../adapters/promise/index.ts"

const definition = (timing: Schedule.Timing, more: Partial<Schedule.Definition> = {}): Schedule.Definition => ({
  id: "s",
  pipelineId: "p",
  timing,
  parameters: {},
  catchUp: "skip",
  overlap: "skip",
  priority: 0,
  graceMillis: 60_000,
  ...more
})

const at = (instant: string): number => Date.parse(instant)

/** The first instants after another one. */
const ticks = (timing: Schedule.Timing, after: string, count: number, createdAt = after): ReadonlyArray<string> => {
  const found: Array<string> = []
  let tick = at(after)
  for (let left = count; left > 0; left--) {
    tick = Result.getOrThrow(Schedule.next(definition(timing), tick, at(createdAt)))
    found.push(new Date(tick).toISOString())
  }
  return found
}

describe("cron", () => {
  it("is of UTC unless a zone is named; a sixth field in front is seconds", () => {
    expect(ticks({ cron: "30 3 * * *" }, "2026-05-01T00:00:00Z", 2)).toEqual([
      "2026-05-01T03:30:00.000Z",
      "2026-05-02T03:30:00.000Z"
    ])
    expect(ticks({ cron: "30 3 * * *", timeZone: "America/New_York" }, "2026-05-01T00:00:00Z", 1)).toEqual([
      "2026-05-01T07:30:00.000Z"
    ])
    expect(ticks({ cron: "*/20 * * * * *" }, "2026-05-01T00:00:00Z", 3)).toEqual([
      "2026-05-01T00:00:20.000Z",
      "2026-05-01T00:00:40.000Z",
      "2026-05-01T00:01:00.000Z"
    ])
  })

  it("Sunday is 0, 7 and SUN", () => {
    for (const day of ["0", "7", "SUN"]) {
      expect(ticks({ cron: `0 0 * * ${day}` }, "2026-05-01T00:00:00Z", 2)).toEqual([
        "2026-05-03T00:00:00.000Z",
        "2026-05-10T00:00:00.000Z"
      ])
    }
    expect(ticks({ cron: "0 9 * * MON-FRI" }, "2026-05-01T10:00:00Z", 2)).toEqual([
      "2026-05-04T09:00:00.000Z",
      "2026-05-05T09:00:00.000Z"
    ])
  })

  it("in leap years", () => {
    expect(ticks({ cron: "0 0 29 2 *" }, "2026-01-01T00:00:00Z", 2)).toEqual([
      "2028-02-29T00:00:00.000Z",
      "2032-02-29T00:00:00.000Z"
    ])
  })

  it("where the clocks go forward, what falls into the gap runs right after it, once", () => {
    // Berlin, 2026-03-29: 02:00 CET is 03:00 CEST.
    expect(ticks({ cron: "30 2 * * *", timeZone: "Europe/Berlin" }, "2026-03-28T00:00:00Z", 3)).toEqual([
      "2026-03-28T01:30:00.000Z",
      "2026-03-29T01:30:00.000Z",
      "2026-03-30T00:30:00.000Z"
    ])
    // New York, 2026-03-08: 02:00 EST is 03:00 EDT.
    expect(ticks({ cron: "15 2 * * *", timeZone: "America/New_York" }, "2026-03-07T12:00:00Z", 2)).toEqual([
      "2026-03-08T07:15:00.000Z",
      "2026-03-09T06:15:00.000Z"
    ])
  })

  it("where the clocks go back, a fixed hour runs in the first of the two, once", () => {
    // Berlin, 2026-10-25: 03:00 CEST is 02:00 CET.
    expect(ticks({ cron: "30 2 * * *", timeZone: "Europe/Berlin" }, "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z"
    ])
  })

  it("what runs every hour or more often goes on through both changes, without a pause and without a double", () => {
    for (const [cron, step] of [
      ["0 * * * *", 60],
      ["*/15 * * * *", 15],
      ["* * * * *", 1]
    ] as const) {
      for (const [zone, day] of [
        ["Europe/Berlin", "2026-03-28T20:00:00Z"],
        ["Europe/Berlin", "2026-10-24T20:00:00Z"],
        ["America/New_York", "2026-03-08T01:00:00Z"],
        ["America/New_York", "2026-11-01T01:00:00Z"]
      ] as const) {
        const found = ticks({ cron, timeZone: zone }, day, (10 * 60) / step).map(at)
        const gaps = found.slice(1).map((tick, index) => (tick - found[index]!) / 60_000)
        expect(new Set(gaps), `${cron} in ${zone} from ${day}`).toEqual(new Set([step]))
      }
    }
  })

  it("a change of half an hour, on Lord Howe Island", () => {
    const found = ticks({ cron: "0 * * * *", timeZone: "Australia/Lord_Howe" }, "2026-04-04T12:00:00Z", 6).map(at)
    for (const [index, tick] of found.entries()) if (index > 0) expect(tick).toBeGreaterThan(found[index - 1]!)
  })
})

describe("intervals", () => {
  it("count from when the schedule was made, whenever one looks", () => {
    expect(ticks({ everyMillis: 90_000 }, "2026-05-01T00:00:10Z", 3)).toEqual([
      "2026-05-01T00:01:40.000Z",
      "2026-05-01T00:03:10.000Z",
      "2026-05-01T00:04:40.000Z"
    ])
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 1e7 }), fc.nat(1e9), fc.nat(1e9), (everyMillis, created, later) => {
        const next = Result.getOrThrow(Schedule.next(definition({ everyMillis }), created + later, created))
        expect(next).toBeGreaterThan(created + later)
        expect(next - (created + later)).toBeLessThanOrEqual(everyMillis)
        expect((next - created) % everyMillis).toBe(0)
      })
    )
  })
})

describe("what is due", () => {
  const schedule = (catchUp: Schedule.CatchUp, more: Partial<Schedule.Definition> = {}): Schedule.Schedule =>
    Schedule.make(
      definition({ cron: "0 * * * *" }, { catchUp, ...more }),
      at("2026-05-01T00:00:00Z"),
      at("2026-05-01T01:00:00Z")
    )
  const due = (schedule: Schedule.Schedule, now: string) => {
    const { ticks, dropped, nextAtMillis } = Result.getOrThrow(Schedule.due(schedule, at(now)))
    return [
      ticks.map((tick) => new Date(tick).toISOString().slice(11, 16)),
      dropped,
      new Date(nextAtMillis).toISOString().slice(11, 16)
    ]
  }

  it("on time, is the instant itself, whatever the policy", () => {
    for (const catchUp of ["skip", "one", "all"] as const)
      expect(due(schedule(catchUp), "2026-05-01T01:00:00.007Z")).toEqual([["01:00"], 0, "02:00"])
  })

  it("after an absence: none but one on time, one for all, or all", () => {
    expect(due(schedule("skip"), "2026-05-01T04:30:00Z")).toEqual([[], 4, "05:00"])
    expect(due(schedule("skip"), "2026-05-01T04:00:59Z")).toEqual([["04:00"], 3, "05:00"])
    expect(due(schedule("skip", { graceMillis: 3_600_000 }), "2026-05-01T04:30:00Z")).toEqual([["04:00"], 3, "05:00"])
    expect(due(schedule("one"), "2026-05-01T04:30:00Z")).toEqual([["04:00"], 3, "05:00"])
    expect(due(schedule("all"), "2026-05-01T04:30:00Z")).toEqual([["01:00", "02:00", "03:00", "04:00"], 0, "05:00"])
  })

  it("after years, is bounded: the newest 1,000, found in no time", () => {
    const seconds = Schedule.make(definition({ everyMillis: 1_000 }, { catchUp: "all" }), 0, 1_000)
    const begun = performance.now()
    const { ticks: found, nextAtMillis } = Result.getOrThrow(Schedule.due(seconds, 1e11))
    expect(performance.now() - begun).toBeLessThan(2_000)
    expect(found).toHaveLength(1_000)
    expect([found[0], found.at(-1), nextAtMillis]).toEqual([1e11 - 999_000, 1e11, 1e11 + 1_000])
  })
})

describe("a schedule that can't be", () => {
  it.each([
    [{ cron: "0 0 30 2 *" }, "ScheduleNeverFires", 'no date fits cron "0 0 30 2 *"'],
    [{ cron: "0 0 * * *", timeZone: "Europe/Atlantis" }, "UnknownTimeZone", '"Europe/Atlantis"'],
    [{ cron: "every day" }, "InvalidCron", "expected 'minute hour day month weekday'"],
    [{ cron: "99 * * * *" }, "InvalidCron", '"99 * * * *"'],
    [{ cron: "" }, "InvalidCron", "Cannot read cron"],
    [{ everyMillis: 999 }, "InvalidOption", "everyMillis of schedule 's'"],
    [{ everyMillis: -1 }, "InvalidOption", "everyMillis of schedule 's'"],
    [{ everyMillis: Number.NaN }, "InvalidOption", "everyMillis of schedule 's'"]
  ])("%o is %s", (timing, tag, message) => {
    const failure = Schedule.invalid(definition(timing))
    expect(failure).toMatchObject({ _tag: tag })
    expect(failure!.message).toContain(message)
  })

  it.each([
    [{ id: "" }, "InvalidName"],
    [{ catchUp: "some" as never }, "InvalidOption"],
    [{ overlap: "never" as never }, "InvalidOption"],
    [{ priority: 1_000 }, "InvalidOption"],
    [{ graceMillis: -1 }, "InvalidOption"]
  ])("%o is %s", (more, tag) => {
    expect(Schedule.invalid(definition({ everyMillis: 1_000 }, more))).toMatchObject({ _tag: tag })
  })
})
