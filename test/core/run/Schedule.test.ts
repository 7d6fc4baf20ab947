/** Which instants a schedule has. Source for the changes of clocks: the IANA time zone database. */
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Schedule } from "../../../adapters/promise/index.ts"
import { cases } from "../../cases.ts"

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
      at("2026-05-01T01:00:00Z"),
      "v1"
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

  it("looked at too early, is nothing, and the schedule keeps its next instant", () => {
    fc.assert(
      fc.property(
        fc.constantFrom({ cron: "*/2 * * * * *" }, { cron: "0 0 3 * * *" }, { everyMillis: 2_000 }),
        fc.constantFrom("skip", "one", "all"),
        fc.nat(1e9),
        fc.integer({ min: 1, max: 1e7 }),
        (timing, catchUp, created, early) => {
          const chosen = definition(timing, { catchUp })
          const next = Result.getOrThrow(Schedule.next(chosen, created + 1e8, created))
          const made = Schedule.make(chosen, created, next, "v1")
          expect(Result.getOrThrow(Schedule.due(made, next - early))).toEqual({
            ticks: [],
            dropped: 0,
            nextAtMillis: next
          })
        }
      )
    )
  })

  it("after years, is bounded: the newest 1,000, found in no time", () => {
    const seconds = Schedule.make(definition({ everyMillis: 1_000 }, { catchUp: "all" }), 0, 1_000, "v1")
    const begun = performance.now()
    const { ticks: found, nextAtMillis } = Result.getOrThrow(Schedule.due(seconds, 1e11))
    expect(performance.now() - begun).toBeLessThan(2_000)
    expect(found).toHaveLength(1_000)
    expect([found[0], found.at(-1), nextAtMillis]).toEqual([1e11 - 999_000, 1e11, 1e11 + 1_000])
  })
})

describe("catching up with a cron that comes in bursts", () => {
  // Every second of the third hour of every first of the month: 3,600 instants, then none for weeks.
  const burst = { cron: "* * 3 1 * *" }
  const made = (catchUp: Schedule.CatchUp, timing: Schedule.Timing = burst, from = "2026-05-01T00:00:00Z") =>
    Schedule.make(
      definition(timing, { catchUp }),
      at(from),
      Result.getOrThrow(Schedule.next(definition(timing), at(from), at(from))),
      "v1"
    )
  const due = (schedule: Schedule.Schedule, now: string) => Result.getOrThrow(Schedule.due(schedule, at(now)))
  const newest = at("2026-08-01T03:59:59Z")

  it("all: the newest 1,000, oldest first; the others are counted, up to 10,000", () => {
    const { ticks, dropped, nextAtMillis } = due(made("all"), "2026-08-20T12:00:00Z")
    expect(ticks).toEqual(Array.from({ length: 1_000 }, (_, index) => newest - 1_000 * (999 - index)))
    expect(dropped).toBe(9_000)
    expect(nextAtMillis).toBe(at("2026-09-01T03:00:00Z"))
    const few = due(made("all"), "2026-05-01T03:10:00Z")
    expect([few.ticks.length, few.dropped, few.ticks[0]]).toEqual([601, 0, at("2026-05-01T03:00:00Z")])
  })

  it("one: the newest; skip: none that is late", () => {
    expect(due(made("one"), "2026-08-20T12:00:00Z").ticks).toEqual([newest])
    expect(due(made("skip"), "2026-08-20T12:00:00Z").ticks).toEqual([])
    expect(due(made("skip"), "2026-08-01T04:00:30Z").ticks).toEqual([newest])
  })

  it("looking back finds what looking forward finds, in any zone and through the changes of clocks", () => {
    const crons = [
      "0 * * * *",
      "*/20 * * * *",
      "30 2 * * *",
      "0 0 * * 1",
      "15 1-3 * * *",
      "0 12 1 * *",
      "5,50 */6 * * *"
    ]
    const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Tokyo"]
    fc.assert(
      fc.property(
        fc.constantFrom(...crons),
        fc.constantFrom(...zones),
        fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2026-12-01T00:00:00Z") }),
        fc.integer({ min: 0, max: 9 * 86_400_000 }),
        (cron, timeZone, from, later) => {
          const timing = { cron, timeZone }
          const schedule = made("all", timing, new Date(from).toISOString())
          const forward: Array<number> = []
          for (let tick = schedule.nextAtMillis; tick <= from + later; ) {
            forward.push(tick)
            tick = Result.getOrThrow(Schedule.next(definition(timing), tick, from))
          }
          const found = Result.getOrThrow(Schedule.due(schedule, from + later))
          expect(found.ticks).toEqual(forward)
          expect(found.nextAtMillis).toBeGreaterThan(from + later)
        }
      ),
      { numRuns: cases(150) }
    )
  })
})

/** When the clocks of a zone change: a few instants around it, in both directions. Source: the IANA time zone database. */
const CHANGES = [
  ["America/New_York", "2025-03-09T07:00:00Z"],
  ["America/New_York", "2025-11-02T06:00:00Z"],
  ["Europe/Berlin", "2026-03-29T01:00:00Z"],
  ["Europe/Berlin", "2026-10-25T01:00:00Z"],
  // Half an hour.
  ["Australia/Lord_Howe", "2025-10-04T15:30:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"],
  // At midnight: a day begins at one o'clock.
  ["America/Santiago", "2025-09-07T04:00:00Z"],
  ["America/Santiago", "2026-04-05T03:00:00Z"],
  // A whole day is left out.
  ["Pacific/Apia", "2011-12-30T10:00:00Z"],
  ["Asia/Kolkata", "2026-06-01T00:00:00Z"]
] as const

describe("the ticks around a change of the clocks", () => {
  const made = (timing: Schedule.Timing, from: number) =>
    Schedule.make(
      definition(timing, { catchUp: "all", overlap: "allow" }),
      from,
      Result.getOrThrow(Schedule.next(definition(timing), from, from)),
      "v1"
    )
  const forward = (timing: Schedule.Timing, from: number, until: number): ReadonlyArray<number> => {
    const found: Array<number> = []
    for (let tick = from; ; ) {
      tick = Result.getOrThrow(Schedule.next(definition(timing), tick, from))
      if (tick > until) return found
      found.push(tick)
    }
  }
  const backward = (timing: Schedule.Timing, from: number, until: number): ReadonlyArray<number> =>
    Result.getOrThrow(Schedule.due(made(timing, from), until)).ticks

  it("within a skipped hour are one, whether one looks forward or back", () => {
    const timing = { cron: "*/10 2 * * *", timeZone: "America/New_York" }
    const [from, until] = [at("2025-03-09T06:00:00Z"), at("2025-03-09T12:00:00Z")]
    expect(forward(timing, from, until)).toEqual([at("2025-03-09T07:00:00Z")])
    expect(backward(timing, from, until)).toEqual([at("2025-03-09T07:00:00Z")])
  })

  it("of every second of a skipped hour are one, found at once", () => {
    const timing = { cron: "* * 2 * * *", timeZone: "America/New_York" }
    expect(backward(timing, at("2025-03-08T12:00:00Z"), at("2025-03-09T12:00:00Z"))).toEqual([
      at("2025-03-09T07:00:00Z")
    ])
  })

  it("beside a tick of a skipped half hour, no other is left out", () => {
    // Lord Howe Island, 2025-10-05: 02:00 is 02:30. 02:25 comes at 02:55, and 02:40 is there as ever.
    const timing = { cron: "25,40 2 * * *", timeZone: "Australia/Lord_Howe" }
    const [from, until] = [at("2025-10-04T12:00:00Z"), at("2025-10-04T20:00:00Z")]
    const both = [at("2025-10-04T15:40:00Z"), at("2025-10-04T15:55:00Z")]
    expect(forward(timing, from, until)).toEqual(both)
    expect(backward(timing, from, until)).toEqual(both)
  })

  it("are the same forward, backward, and from wherever one looks", () => {
    const list = (least: number, most: number) =>
      fc.uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 4 }).map((all) => all.join(","))
    const minute = fc.oneof(list(0, 59), fc.constantFrom("*/10", "*/7", "0", "*/25", "55-59"))
    const hour = fc.oneof(list(0, 5), fc.constantFrom("*", "*/2", "1-3", "0", "2", "2,14", "23"))
    const day = fc.constantFrom("* * *", "* * *", "* * 0", "* 3,10,11 *", "29-31 * *", "5-9 * 6,0")
    fc.assert(
      fc.property(
        fc.tuple(minute, hour, day).map((parts) => parts.join(" ")),
        fc.constantFrom(...CHANGES),
        fc.integer({ min: -129_600, max: 10_800 }),
        fc.integer({ min: 1, max: 180_000 }),
        (cron, [timeZone, change], fromSeconds, forSeconds) => {
          const timing = { cron, timeZone }
          const from = at(change) + 1_000 * fromSeconds
          const until = from + 1_000 * forSeconds
          // From a day before, so that it is known which there are.
          const all = forward(timing, from - 90_000_000, until).filter((tick) => tick > from)
          expect(forward(timing, from, until)).toEqual(all)
          expect(backward(timing, from, until)).toEqual(all)
        }
      ),
      { numRuns: cases(300) }
    )
  })
})

describe("a schedule that can't be", () => {
  it.each([
    [{ cron: "0 0 30 2 *" }, "ScheduleNeverFires", 'no date matches cron "0 0 30 2 *"'],
    [{ cron: "0 0 * * *", timeZone: "Europe/Atlantis" }, "UnknownTimeZone", '"Europe/Atlantis"'],
    [{ cron: "0 0 * * *", timeZone: "Mars/Olympus" }, "UnknownTimeZone", '"Mars/Olympus"'],
    [{ cron: "0 0 * * *", timeZone: "" }, "UnknownTimeZone", 'Unknown time zone ""'],
    [{ cron: "0 0 * * *", timeZone: " " }, "UnknownTimeZone", 'Unknown time zone " "'],
    // Offsets are no zones: they know no summer, and some of them are beyond any clock.
    [{ cron: "0 0 * * *", timeZone: "+99:99" }, "UnknownTimeZone", '"+99:99"'],
    [{ cron: "0 0 * * *", timeZone: "+01:00" }, "UnknownTimeZone", '"+01:00"'],
    [{ cron: "0 0 * * *", timeZone: "-0330" }, "UnknownTimeZone", '"-0330"'],
    [{ cron: "0 0 * * *", timeZone: "GMT+1" }, "UnknownTimeZone", '"GMT+1"'],
    [{ cron: "0 0 * * *", timeZone: "x".repeat(10_000) }, "UnknownTimeZone", "…"],
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

  it("makes up for all ticks only where their runs are not in each other's way, and says how", () => {
    const of = (overlap: Schedule.Overlap) =>
      Schedule.invalid(definition({ everyMillis: 1_000 }, { catchUp: "all", overlap }))
    expect(of("skip")!.message).toContain(`overlap of schedule 's': expected 'queue' or 'allow'`)
    for (const overlap of ["queue", "allow"] as const) expect(of(overlap)).toBeUndefined()
  })
})
