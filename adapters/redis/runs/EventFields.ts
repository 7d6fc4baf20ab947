/** Which fields of its run decoding an event needs. */

import { EVENT, RUN } from "../lua/Codes.ts"
import type { Field, Kept } from "./Fields.ts"
import type { Shape } from "./RunCode.ts"

/** The fields of the events after sequence `from`, up to `to`. */
export const sequences = (runId: string, from: number, to: number): ReadonlyArray<Field> =>
  Array.from({ length: to - from }, (_, at) => [runId, String(from + at + 1)])

/** The names of the parameters that a run's `RunStarted` has, and of the results that its `RunCompleted` has; undefined: none. */
export interface ValuesOfRun {
  readonly parameters: ReadonlyArray<string> | undefined
  readonly results: ReadonlyArray<string> | undefined
}

export const NO_VALUES: ValuesOfRun = { parameters: undefined, results: undefined }

/** The field of the first event of a run. */
export const FIRST = "1"

export const isStart = (text: Kept): text is string => text?.startsWith(`["${EVENT.runStarted}"`) === true
const isCompletion = (text: Kept): boolean => text?.startsWith(`["${EVENT.runCompleted}"`) === true

/** The values that these events may have because a run of this shape begins or completes in them. */
export const namesOfRun = (
  shape: Pick<Shape, "parameters" | "results"> | undefined,
  texts: ReadonlyArray<Kept>
): ValuesOfRun =>
  shape === undefined
    ? NO_VALUES
    : {
        parameters: texts.some(isStart) ? shape.parameters : undefined,
        results: texts.some(isCompletion) ? shape.results : undefined
      }

/** The fields that decoding an event needs. */
export const needs = (
  runId: string,
  text: Kept,
  isBare: boolean,
  { parameters = [], results = [] }: ValuesOfRun
): ReadonlyArray<Field> => {
  if (text === undefined) return []
  const valuesOf = (names: ReadonlyArray<string>) => names.map((name): Field => [runId, `${RUN.value}${name}`])
  if (isStart(text)) return [[runId, RUN.own], ...valuesOf(parameters)]
  if (isCompletion(text)) return [[runId, FIRST], ...valuesOf(results)]
  return isBare ? [] : valuesOf(namesOf(text))
}

/** The names of the outputs in an event. */
export const namesOf = (text: string): ReadonlyArray<string> =>
  text.startsWith(`["${EVENT.stepCompleted}"`)
    ? (JSON.parse(text) as [string, number, number, number, number, Array<string>])[5]
    : []
