/** The rows of the list of runs stay in their places while runs begin, change and end. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { LiveEvent } from "../../../adapters/dashboard/page/data/Live.ts"
import { apply, merge } from "../../../adapters/dashboard/page/runs/RunRows.ts"
import type { RunRow } from "../../../adapters/http/runs/RunWire.ts"

const instant = (second: number): string => new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString()

const rowOf = (at: number, more: Partial<RunRow> = {}): RunRow => ({
  task_id: `run-${at}`,
  pipeline_id: "orders",
  status: "RUNNING",
  steps_completed: 0,
  total_steps: 4,
  submitted_at: instant(at),
  started_at: instant(at),
  completed_at: null,
  duration_ms: null,
  error: null,
  reason: null,
  ...more
})

const eventOf = (at: number, type: LiveEvent["type"], more: Partial<LiveEvent> = {}): LiveEvent =>
  ({ type, task_id: `run-${at}`, pipeline_id: "orders", timestamp: instant(100), ...more }) as LiveEvent

/** Runs by number, newest first. */
const numbers = fc.uniqueArray(fc.nat(60), { maxLength: 20 }).map((all) => all.toSorted((one, other) => other - one))

describe("rows", () => {
  it("keep their places, whatever the next answer has", () => {
    fc.assert(
      fc.property(
        numbers.filter(({ length }) => length > 0),
        numbers,
        (before, after) => {
          const shown = before.map((at) => rowOf(at))
          const answer = after.map((at) => rowOf(at, { status: "COMPLETED", completed_at: instant(90) }))
          const merged = merge(shown, answer)
          expect(merged.shown.map(({ task_id }) => task_id)).toEqual(shown.map(({ task_id }) => task_id))
          expect(merged.shown.map(({ status }) => status)).toEqual(
            before.map((at) => (after.includes(at) ? "COMPLETED" : "RUNNING"))
          )
          expect(merged.fresh).toBe(after.filter((at) => at > before[0]!).length)
        }
      )
    )
  })

  it("are the answer when there were none", () => {
    fc.assert(
      fc.property(numbers, (after) => {
        const answer = after.map((at) => rowOf(at))
        expect(merge([], answer)).toEqual({ shown: answer, fresh: 0 })
      })
    )
  })

  it("do not move by events, and are the same array if no event is about them", () => {
    const type = fc.constantFrom<LiveEvent["type"]>(
      "PipelineStartEvent",
      "PipelineCompleteEvent",
      "PipelineErrorEvent",
      "PipelineCancelEvent",
      "StepStartEvent",
      "StepCompleteEvent"
    )
    const events = fc.array(fc.record({ at: fc.nat(60), type }), { maxLength: 30 })
    fc.assert(
      fc.property(numbers, events, (before, told) => {
        const shown = before.map((at) => rowOf(at))
        const after = apply(
          shown,
          told.map(({ at, type }) => eventOf(at, type))
        )
        expect(after.map(({ task_id }) => task_id)).toEqual(shown.map(({ task_id }) => task_id))
        for (const [place, row] of after.entries()) {
          expect(row.steps_completed).toBeLessThanOrEqual(row.total_steps)
          if (!told.some(({ at }) => at === before[place])) expect(row).toBe(shown[place])
        }
        if (!told.some(({ at }) => before.includes(at))) expect(after).toBe(shown)
      })
    )
  })

  it("end as their events say, and then stay as they are", () => {
    const error = { error: "TaskFailed", message: "no", step: "tax" }
    const [failed] = apply([rowOf(1)], [eventOf(1, "StepCompleteEvent"), eventOf(1, "PipelineErrorEvent", { error })])
    expect(failed).toEqual(
      rowOf(1, { status: "FAILED", steps_completed: 1, completed_at: instant(100), duration_ms: 99_000, error })
    )
    expect(apply([failed!], [eventOf(1, "StepCompleteEvent"), eventOf(1, "PipelineStartEvent")])[0]).toEqual(failed)
    const waiting = rowOf(2, { status: "PENDING", started_at: null })
    const [cancelled] = apply([waiting], [eventOf(2, "PipelineCancelEvent", { reason: "late" })])
    expect(cancelled).toMatchObject({ status: "CANCELLED", duration_ms: null, reason: "late" })
    expect(apply([waiting], [eventOf(2, "PipelineStartEvent")])[0]).toMatchObject({
      status: "RUNNING",
      started_at: instant(100)
    })
  })
})
