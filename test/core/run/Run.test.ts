import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Event } from "../../../core/run/Event.ts"
import * as Run from "../../../core/run/Run.ts"

const steps = ["a", "b", "c"].map((name) => ({ name }))
const submission: Run.Submission = {
  id: "r",
  pipelineId: "p",
  version: "v",
  kind: "dataflow",
  parameters: { x: "1" },
  given: {},
  kept: {},
  timeoutMillis: undefined,
  results: ["x"],
  submittedAtMillis: 1,
  startAtMillis: 1,
  onFailure: "fail-fast",
  priority: 0,
  targets: undefined,
  retryOf: undefined,
  requestId: undefined,
  traceparent: undefined,
  schedule: undefined
}
const start = Run.pending(submission, steps)

type Body = Event extends infer E
  ? E extends Event
    ? Omit<E, "runId" | "pipelineId" | "sequence" | "atMillis">
    : never
  : never

const step = fc.nat(steps.length - 1).map((index) => ({ step: steps[index]!.name, index, attempt: 1 }))
const error = { name: "TaskFailed", message: "it broke" }

const body: fc.Arbitrary<Body> = fc.oneof(
  fc.constant<Body>({ type: "RunStarted" }),
  step.map((of): Body => ({ type: "StepStarted", ...of })),
  step.map((of): Body => ({ type: "StepCompleted", ...of, outputs: { [of.step]: "1" }, durationMillis: 1 })),
  step.map((of): Body => ({ type: "StepFailed", ...of, error, durationMillis: 1 })),
  step.map((of): Body => ({ type: "StepReleased", ...of, reason: "lost" })),
  step.map((of): Body => ({ type: "StepRetried", ...of, error, waitMillis: 5 })),
  step.map((of): Body => ({ type: "StepRetried", ...of, error, waitMillis: 5, item: 3 })),
  step.map((of): Body => ({ type: "StepProgressed", ...of, done: 1, total: 2 })),
  step.map((of): Body => ({ type: "StepSkipped", ...of, cause: "branch", reason: "other arm" })),
  step.map((of): Body => ({ type: "StepCancelled", ...of, reason: "asked for" })),
  fc.constantFrom<Body>(
    { type: "RunCompleted", durationMillis: 1 },
    { type: "RunFailed", error },
    { type: "RunCancelled", reason: "why" }
  )
)

const log = fc
  .array(body, { maxLength: 30 })
  .map((bodies) =>
    bodies.map((each, at) => ({ ...each, runId: "r", pipelineId: "p", sequence: at + 1, atMillis: 10 + at }) as Event)
  )

describe("Run.fold", () => {
  it("a run without events is PENDING, and folding no events leaves it so", () => {
    expect(start).toMatchObject({ status: "PENDING", stepsCompleted: 0, sequence: 0, outputs: {} })
    expect(Run.fold(start, [])).toEqual(start)
  })

  it("folding a log in pieces gives the same as folding it whole", () => {
    fc.assert(
      fc.property(log, fc.nat(30), fc.nat(30), (events, left, right) => {
        const whole = Run.fold(start, events)
        const [first, second] = [Math.min(left, right), Math.max(left, right)]
        const pieces = [events.slice(0, first), events.slice(first, second), events.slice(second)]
        expect(pieces.reduce(Run.fold, start)).toEqual(whole)
      })
    )
  })

  it("ignores events that it has seen, and does not change the run that it was given", () => {
    fc.assert(
      fc.property(log, fc.nat(30), (events, cut) => {
        const before = structuredClone(start)
        const part = Run.fold(start, events.slice(0, cut))
        const kept = structuredClone(part)
        expect(Run.fold(part, events)).toEqual(Run.fold(start, events))
        expect(part).toEqual(kept)
        expect(start).toEqual(before)
      })
    )
  })

  it("after a terminal event no step is pending or running", () => {
    fc.assert(
      fc.property(log, fc.constantFrom("RunFailed", "RunCancelled"), (events, type) => {
        const last = {
          type,
          error,
          reason: "why",
          runId: "r",
          pipelineId: "p",
          sequence: events.length + 1,
          atMillis: 99
        }
        const run = Run.fold(start, [...events, last as Event])
        expect(Run.isTerminal(run.status)).toBe(true)
        for (const { status } of run.steps) expect(["PENDING", "RUNNING"]).not.toContain(status)
        expect(run.completedAtMillis).toBe(99)
        expect(run.sequence).toBe(events.length + 1)
      })
    )
  })

  it("keeps the whole story of a run", () => {
    const common = { runId: "r", pipelineId: "p" }
    const of = (index: number, attempt = 1) => ({ ...common, step: steps[index]!.name, index, attempt })
    const events: ReadonlyArray<Event> = [
      { type: "RunStarted", ...common, sequence: 1, atMillis: 10 },
      { type: "StepStarted", ...of(0), sequence: 2, atMillis: 10 },
      { type: "StepReleased", ...of(0), sequence: 3, atMillis: 20, reason: "its worker was lost" },
      { type: "StepStarted", ...of(0, 2), sequence: 4, atMillis: 21 },
      { type: "StepStarted", ...of(1), sequence: 5, atMillis: 22 },
      { type: "StepCompleted", ...of(0, 2), sequence: 6, atMillis: 25, outputs: { y: "2" }, durationMillis: 4 },
      { type: "StepFailed", ...of(1), sequence: 7, atMillis: 30, error, durationMillis: 8 },
      { type: "RunFailed", ...common, sequence: 8, atMillis: 30, error }
    ]
    expect(Run.fold(start, events)).toEqual({
      ...submission,
      status: "FAILED",
      stepsCompleted: 1,
      outputs: { y: "2" },
      startedAtMillis: 10,
      completedAtMillis: 30,
      error,
      reason: undefined,
      sequence: 8,
      steps: [
        { ...start.steps[0]!, status: "COMPLETED", attempts: 2, startedAtMillis: 21, completedAtMillis: 25 },
        { ...start.steps[1]!, status: "FAILED", attempts: 1, startedAtMillis: 22, completedAtMillis: 30, error },
        { ...start.steps[2]!, status: "SKIPPED", completedAtMillis: 30, reason: "the run failed: it broke" }
      ]
    })
  })
})
