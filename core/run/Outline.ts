/** A run without its values, of which it has the sizes. */
import type { Event } from "./Event.ts"
import * as Run from "./Run.ts"

/** A value of a run, without its JSON. */
export interface ValueSize {
  readonly name: string
  /** A parameter, a value that the caller gave in place of an output, or an output. */
  readonly kind: "parameter" | "given" | "output"
  /** The step that produced it; undefined for parameters, given values, and outputs that a retry kept. */
  readonly step: string | undefined
  /** The length of its JSON text in UTF-8. */
  readonly bytes: number
}

/** A run with the sizes of its values in place of the values. */
export interface Outline extends Run.Summary {
  /** Parameters first, then given values, then outputs in the order of their steps' ends. */
  readonly values: ReadonlyArray<ValueSize>
}

/** The outline of a run, whose values are not read. `events` are its events, as far as steps completed in them. */
export const outlineOf = (run: Run.Run, events: Iterable<Event>, bytesOf: (name: string) => number): Outline => {
  const { parameters, given, kept } = run
  const values = new Map<string, ValueSize>()
  const add = (name: string, kind: ValueSize["kind"], step: string | undefined): void => {
    values.set(name, { name, kind, step, bytes: bytesOf(name) })
  }
  for (const name of Object.keys(parameters)) add(name, "parameter", undefined)
  for (const name of Object.keys(given)) add(name, "given", undefined)
  for (const name of Object.keys(kept)) if (!Object.hasOwn(given, name)) add(name, "output", undefined)
  for (const event of events) {
    if (event.type !== "StepCompleted") continue
    for (const name of Object.keys(event.outputs)) add(name, "output", event.step)
  }
  return { ...Run.summary(run), values: [...values.values()] }
}
