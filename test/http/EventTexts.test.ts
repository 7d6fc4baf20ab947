import { expect, it } from "vitest"
import { bareEventText, eventText } from "../../adapters/http/events/EventWire.ts"
import type { Event } from "../../core/run/Event.ts"

const common = { runId: "r", pipelineId: "p", sequence: 1, atMillis: 0 }

it("an event says when its input or result is too long for it; a bare event never does", () => {
  const events: ReadonlyArray<readonly [Event, object]> = [
    [{ type: "RunStarted", ...common }, { truncated: true }],
    [{ type: "RunStarted", ...common, parameters: { 'a"b': "[1]", c: '"x"' } }, { input: { 'a"b': [1], c: "x" } }],
    [{ type: "RunCompleted", ...common, durationMillis: 5 }, { truncated: true }],
    [
      { type: "RunCompleted", ...common, durationMillis: 5, result: { results: ["a"], outputs: { a: "1" } } },
      { result: 1 }
    ],
    [
      { type: "RunCompleted", ...common, durationMillis: 5, result: { results: ["a", "b"], outputs: { b: "2" } } },
      { result: { b: 2 } }
    ],
    [{ type: "RunCompleted", ...common, durationMillis: 5, result: { results: ["a"], outputs: {} } }, { result: null }]
  ]
  for (const [event, values] of events) {
    const bare = JSON.parse(bareEventText(event))
    expect(JSON.parse(eventText(event))).toEqual({ ...bare, ...values })
    for (const key of ["input", "result", "truncated"]) expect(bare).not.toHaveProperty(key)
  }
})

it("an event that was recorded before events had workers and kinds has neither", () => {
  const step = { step: "a", index: 0, attempt: 1 }
  expect(JSON.parse(eventText({ type: "StepStarted", ...common, ...step }))).not.toHaveProperty("worker")
  expect(JSON.parse(eventText({ type: "RunStarted", ...common }))).not.toHaveProperty("pipeline_type")
})
