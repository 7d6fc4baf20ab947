/** Run statistics, compared with exact lists of the same values. */
import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import type { Event } from "../../../core/run/Event.ts"
import { bound, Histogram } from "../../../core/statistics/Histogram.ts"
import { combine, KEPT_MILLIS, OTHER, SLOT_MILLIS, Statistics } from "../../../core/statistics/Statistics.ts"

describe("Histogram", () => {
  const values = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 200 })

  it("gives quantiles that are at most a tenth too high, and never too low", () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const spread = new Histogram()
        for (const value of list) spread.add(value)
        const sorted = list.toSorted((one, other) => one - other)
        const exact = sorted[Math.max(0, Math.ceil(share * list.length) - 1)]!
        const found = spread.quantile(share)!
        expect(found).toBeGreaterThanOrEqual(Math.min(exact, spread.max))
        expect(found).toBeLessThanOrEqual(Math.max(1, exact * 1.11))
        expect([spread.count, spread.sum, spread.max]).toEqual([
          list.length,
          list.reduce((sum, value) => sum + value, 0),
          sorted.at(-1)
        ])
      })
    )
  })

  it("knows how many values are not over a bound", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 180 }), (list, at) => {
        const spread = new Histogram()
        for (const value of list) spread.add(value)
        expect(spread.upTo(at)).toBe(list.filter((value) => value <= bound(at)).length)
      })
    )
  })

  it("a merge equals one histogram with all values", () => {
    fc.assert(
      fc.property(values, values, (some, others) => {
        const [one, other, all] = [new Histogram(), new Histogram(), new Histogram()]
        for (const value of some) one.add(value)
        for (const value of others) other.add(value)
        for (const value of [...some, ...others]) all.add(value)
        one.merge(other)
        expect(one).toEqual(all)
      })
    )
  })
})

let sequence = 0
const about = (runId: string, atMillis: number, pipelineId = "p") => ({
  runId,
  pipelineId,
  sequence: ++sequence,
  atMillis
})
const step = (name: string, attempt = 1) => ({ step: name, index: 0, attempt })
const error = (message: string) => ({ name: "TaskFailed", message })

/** A run of two steps, of which the second fails unless `isWell`. */
const run = (id: string, atMillis: number, isWell: boolean, pipelineId = "p"): ReadonlyArray<Event> => [
  { type: "RunStarted", ...about(id, atMillis, pipelineId) },
  { type: "StepStarted", ...about(id, atMillis, pipelineId), ...step("a") },
  {
    type: "StepCompleted",
    ...about(id, atMillis + 10, pipelineId),
    ...step("a"),
    outputs: {},
    durationMillis: 10
  },
  { type: "StepRetried", ...about(id, atMillis + 30, pipelineId), ...step("b"), error: error("busy"), waitMillis: 5 },
  ...(isWell
    ? ([
        {
          type: "StepCompleted",
          ...about(id, atMillis + 100, pipelineId),
          ...step("b"),
          outputs: {},
          durationMillis: 60
        },
        { type: "RunCompleted", ...about(id, atMillis + 100, pipelineId), durationMillis: 100 }
      ] as const)
    : ([
        {
          type: "StepFailed",
          ...about(id, atMillis + 200, pipelineId),
          ...step("b"),
          error: error("broke"),
          durationMillis: 160
        },
        { type: "RunFailed", ...about(id, atMillis + 200, pipelineId), error: { ...error("broke"), step: "b" } }
      ] as const))
]

const NOW = 1_800_000_000_000 - (1_800_000_000_000 % SLOT_MILLIS)

describe("Statistics", () => {
  it("count runs and steps, their durations and the reasons of failures", () => {
    const statistics = new Statistics()
    const events = [...run("r1", NOW, true), ...run("r2", NOW + 1, true), ...run("r3", NOW + 2, false)]
    for (const event of events) statistics.add(event)
    statistics.add({ type: "RunCancelled", ...about("r4", NOW + 3), reason: "enough" })
    const found = statistics.of("p", NOW)
    expect(found).toMatchObject({
      pipelineId: "p",
      sinceMillis: NOW,
      completed: 2,
      failed: 1,
      cancelled: 1,
      successRate: 2 / 3,
      p50Millis: 100,
      p95Millis: 200,
      maxMillis: 200,
      failures: [{ name: "TaskFailed", message: "broke", count: 1 }],
      slowestStep: "b",
      mostFailingStep: "b"
    })
    expect(found.steps).toMatchObject([
      { step: "a", completed: 3, failed: 0, retried: 0, successRate: 1, p50Millis: 10, failures: [] },
      {
        step: "b",
        completed: 2,
        failed: 1,
        retried: 3,
        maxMillis: 160,
        failures: [
          { message: "busy", count: 3 },
          { message: "broke", count: 1 }
        ]
      }
    ])
    expect(statistics.of("q", NOW)).toMatchObject({ completed: 0, successRate: undefined, steps: [] })
  })

  it("keep time windows: a window begins at its slot, and slots older than a day are dropped", () => {
    const statistics = new Statistics()
    for (let slot = 0; slot < 300; slot++) {
      for (const event of run(`r${slot}`, NOW + slot * SLOT_MILLIS, true)) statistics.add(event)
    }
    const last = NOW + 299 * SLOT_MILLIS
    const since = (millis: number) => statistics.of("p", last - millis).completed
    expect(since(0)).toBe(1)
    expect(since(1)).toBe(2)
    expect(since(10 * SLOT_MILLIS)).toBe(11)
    expect(since(KEPT_MILLIS)).toBe(KEPT_MILLIS / SLOT_MILLIS + 1)
    expect(since(10 * KEPT_MILLIS)).toBe(KEPT_MILLIS / SLOT_MILLIS + 1)
    // The totals are kept apart.
    expect(statistics.totals.get("p")!.runs.completed).toBe(300)
  })

  it("are bounded, however many pipelines, steps and failures there are", () => {
    const statistics = new Statistics()
    for (let pipeline = 0; pipeline < 3_000; pipeline++) {
      for (const event of run(`r${pipeline}`, NOW, true, `p${pipeline}`)) statistics.add(event)
    }
    const { totals } = statistics
    expect(totals.size).toBeLessThanOrEqual(1_001)
    const counted = [...totals.values()].reduce((sum, { runs }) => sum + runs.completed, 0)
    expect(counted).toBe(3_000)
    const steps = [...totals.values()].flatMap((tally) => [...tally.steps.values()])
    expect(steps.reduce((sum, { completed }) => sum + completed, 0)).toBe(6_000)

    for (let at = 0; at < 100; at++) {
      statistics.add({
        type: "StepFailed",
        ...about("x", NOW),
        ...step("a"),
        error: error(`no. ${at}`),
        durationMillis: 1
      })
    }
    const { failures } = statistics.of("p", NOW).steps[0]!
    expect(failures).toHaveLength(20)
    expect(failures[0]).toMatchObject({ name: OTHER, count: 81 })
    expect(failures.reduce((sum, { count }) => sum + count, 0)).toBe(100)
  })

  it("count a memoised step without a duration, and skipped and cancelled steps separately", () => {
    const statistics = new Statistics()
    statistics.add({
      type: "StepCompleted",
      ...about("r", NOW),
      ...step("a"),
      outputs: {},
      durationMillis: 0,
      memoised: true
    })
    statistics.add({ type: "StepSkipped", ...about("r", NOW), ...step("b"), cause: "branch", reason: "other arm" })
    statistics.add({ type: "StepCancelled", ...about("r", NOW), ...step("c"), reason: "enough" })
    expect(statistics.of("p", NOW).steps).toMatchObject([
      { step: "a", completed: 1, memoised: 1, p50Millis: undefined },
      { step: "b", skipped: 1, completed: 0, successRate: undefined },
      { step: "c", cancelled: 1 }
    ])
  })

  it("of several pipelines equal those of one pipeline with one step", () => {
    const statistics = new Statistics()
    for (const event of [...run("r1", NOW, true), ...run("r2", NOW, false, "q")]) statistics.add(event)
    const [p, q] = [statistics.totals.get("p")!, statistics.totals.get("q")!]
    const both = combine(combine(undefined, p), q)
    expect([both.runs.completed, both.runs.failed]).toEqual([1, 1])
    expect([...both.steps.keys()]).toEqual([OTHER])
    expect(both.steps.get(OTHER)).toMatchObject({ completed: 3, failed: 1, retried: 2 })
    expect(p.runs.failed).toBe(0)
  })
})
