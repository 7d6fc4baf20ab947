/** Events of a run as the text of a journal. Fields that the run's head has are left out; long values are rows of their own. */

import type { Json } from "../../json/Value.ts"
import type { Event } from "../../run/Event.ts"
import type { Submission } from "../../run/Run.ts"
import type { ValueRow } from "./Journal.ts"

type Outputs = Readonly<Record<string, Json>>

/** Values with together at most so many characters stand in their text; longer ones are rows of their own. */
const SHORT = 1_024

/** In a text: the values, or the names of values that are rows of their own. */
export type Values = Outputs | ReadonlyArray<string>

/** The values as they stand in a text. Adds the rows of long ones to `rows`. */
export const shorten = (values: Outputs, sequence: number, rows: Array<ValueRow>): Values => {
  let length = 0
  const names = Object.keys(values)
  for (const name of names) length += name.length + values[name]!.length
  if (length <= SHORT) return values
  for (const name of names) rows.push({ sequence, name, json: values[name]! })
  return names
}

/** Finds the rows of long values, by sequence and name. */
export type FindValue = (sequence: number, name: string) => Json

/** The reverse of `shorten`. */
export const complete = (values: Values, sequence: number, find: FindValue): Outputs => {
  if (!Array.isArray(values)) return values as Outputs
  return Object.fromEntries((values as ReadonlyArray<string>).map((name) => [name, find(sequence, name)]))
}

/** The text of events. Adds the rows of long values to `rows`. */
export const write = (events: ReadonlyArray<Event>, rows: Array<ValueRow>): string =>
  JSON.stringify(events.map((event) => toKept(event, rows)))

// JSON leaves out undefined. A spread is several times faster than to pick the rest.
const LEFT_OUT = { runId: undefined, pipelineId: undefined, sequence: undefined }

const toKept = (event: Event, rows: Array<ValueRow>): object => {
  switch (event.type) {
    case "RunStarted":
      return { ...event, ...LEFT_OUT, parameters: event.parameters && true }
    case "StepCompleted":
      return { ...event, ...LEFT_OUT, outputs: shorten(event.outputs, event.sequence, rows) }
    case "RunCompleted":
      return { ...event, ...LEFT_OUT, result: event.result && true }
    default:
      return { ...event, ...LEFT_OUT }
  }
}

/** Reads the texts of all events of a run. `submission` and `find`: where the values are. */
export const read = (
  texts: Iterable<{ readonly text: string }>,
  submission: Submission,
  find: FindValue
): Array<Event> => {
  const events: Array<Event> = []
  const { id: runId, pipelineId, parameters, given, kept, results } = submission
  for (const { text } of texts) {
    for (const { atMillis, type, ...rest } of JSON.parse(text) as ReadonlyArray<Event & { outputs?: Values }>) {
      const sequence = events.length + 1
      const event = { ...rest, type, runId, pipelineId, atMillis, sequence } as Event
      events.push(
        event.type === "RunStarted" && event.parameters !== undefined
          ? { ...event, parameters }
          : event.type === "StepCompleted"
            ? { ...event, outputs: complete(event.outputs, sequence, find) }
            : event.type === "RunCompleted" && event.result !== undefined
              ? { ...event, result: { results, outputs: resultsOf(results, [parameters, kept, given], events) } }
              : event
      )
    }
  }
  return events
}

/** The present values with these names: the last that was kept. */
const resultsOf = (
  results: ReadonlyArray<string>,
  before: ReadonlyArray<Outputs>,
  events: ReadonlyArray<Event>
): Outputs => {
  const all = new Map<string, Json>()
  for (const values of before) for (const name of Object.keys(values)) all.set(name, values[name]!)
  for (const event of events) {
    if (event.type === "StepCompleted")
      for (const name of Object.keys(event.outputs)) all.set(name, event.outputs[name]!)
  }
  const picked: Record<string, Json> = {}
  for (const name of results) {
    const value = all.get(name)
    if (value !== undefined) picked[name] = value
  }
  return picked
}
