/** Runs, events and lines as they are kept, and back. */

import type { Json } from "../../../core/json/Value.ts"
import { MAX_TOGETHER } from "../../../core/json/Value.ts"
import type { PlanStep } from "../../../core/pipeline/Plan.ts"
import type { Event, HowCompleted } from "../../../core/run/Event.ts"
import { write as writeKept } from "../../../core/run/KeptItems.ts"
import { type NewRun, submissionOf } from "../../../core/run/NewRun.ts"
import * as Run from "../../../core/run/Run.ts"
import type { Line } from "../../../core/task/Log.ts"
import {
  type ErrorInfo,
  type FailedItems,
  inputsTooLarge,
  itemsFailed,
  resultsTooLarge,
  runTimedOut,
  stepCancelled,
  workerLost
} from "../../../core/values/ErrorInfo.ts"

type Values = Readonly<Record<string, Json>>
type Names = "parameters" | "given" | "kept"

/** The steps as a run's state needs them. */
export type Steps = ReadonlyArray<Pick<PlanStep, "name" | "initial">>

/** What belongs to one run alone, besides its id and its time. */
type Own = "retryOf" | "requestId" | "traceparent" | "schedule"

/** What is the same for many runs of one plan: with names in place of values, which are kept by name. */
type Shape = Omit<Run.Submission, Names | Own | "id" | "submittedAtMillis" | "startAtMillis"> & {
  readonly [K in Names]: ReadonlyArray<string>
} & { readonly delayMillis: number }

/** What is known of runs like this one from the start, as text. */
export const writeShape = (run: NewRun): Json => {
  const of = submissionOf(run, "", 0)
  const shape: Shape = {
    pipelineId: of.pipelineId,
    version: of.version,
    onFailure: of.onFailure,
    priority: of.priority,
    timeoutMillis: of.timeoutMillis,
    targets: of.targets,
    results: of.results,
    parameters: Object.keys(of.parameters),
    given: Object.keys(of.given),
    kept: Object.keys(of.kept),
    delayMillis: of.startAtMillis - of.submittedAtMillis
  }
  return JSON.stringify(shape)
}

/** What is known of this run alone, as text; nothing when that is nothing. */
export const writeOwn = ({ retryOf, requestId, traceparent, schedule }: NewRun): Json | undefined =>
  retryOf === undefined && requestId === undefined && traceparent === undefined && schedule === undefined
    ? undefined
    : JSON.stringify({ retryOf, requestId, traceparent, schedule })

/** The same as it was. */
const readOwn = (own: Json | undefined): Partial<Pick<Run.Submission, Own>> =>
  own === undefined ? {} : JSON.parse(own)

/** The request that a run was started by. */
export const requestIdOf = (own: Json | undefined): string | undefined => readOwn(own).requestId

/** The span that a run belongs to. */
export const traceparentOf = (own: Json | undefined): string | undefined => readOwn(own).traceparent

/** Calls `add` with the values that a run starts with; what was given comes last and stays. */
export const eachValue = (
  { parameters, kept, given, keptItems, plan }: NewRun,
  add: (name: string, value: Json) => void
): void => {
  // Under a name that no value has: the place of their step.
  if (keptItems !== undefined) {
    for (const step of Object.keys(keptItems)) {
      add(`\u0001${plan.steps.findIndex(({ name }) => name === step)}`, writeKept(keptItems[step]!))
    }
  }
  for (const name of Object.keys(parameters)) add(name, parameters[name]!)
  if (kept !== undefined) for (const name of Object.keys(kept)) add(name, kept[name]!)
  if (given !== undefined) for (const name of Object.keys(given)) add(name, given[name]!)
}

/** The names of the values that a run of this shape begins with. */
export const namesAtStart = (shape: Json): ReadonlyArray<string> => {
  const { parameters, given, kept } = JSON.parse(shape) as Shape
  return [...parameters, ...given, ...kept]
}

/** How long after it was submitted a run of this shape may begin, in milliseconds. */
export const delayOf = (shape: Json): number => (JSON.parse(shape) as Shape).delayMillis

/** A run that no event has touched, from the texts. */
export const readRun = (
  id: string,
  shape: Json,
  own: Json | undefined,
  submittedAtMillis: number,
  steps: Steps,
  values: Values
): Run.Run => {
  const { delayMillis, parameters, given, kept, ...rest } = JSON.parse(shape) as Shape
  const { retryOf, requestId, traceparent, schedule } = readOwn(own)
  return Run.pending(
    {
      ...rest,
      id,
      parameters: pick(parameters, values),
      given: pick(given, values),
      kept: pick(kept, values),
      submittedAtMillis,
      startAtMillis: submittedAtMillis + delayMillis,
      // What is undefined has no place in JSON, and has one in a run.
      timeoutMillis: rest.timeoutMillis,
      targets: rest.targets,
      retryOf,
      requestId,
      traceparent,
      schedule
    },
    steps
  )
}

const pick = (names: ReadonlyArray<string>, values: Values): Values =>
  Object.fromEntries(names.map((name) => [name, values[name]!]))

/** What an event is about. */
export interface About {
  readonly runId: string
  readonly pipelineId: string
  readonly steps: Steps
  readonly maxValueBytes: number
  readonly requestId: string | undefined
}

type Code = readonly [type: string, atMillis: number, ...rest: ReadonlyArray<never>]

/** When an event was recorded; of a retry, when its wait is over. */
export const instantOf = (text: string): number => {
  const [type, atMillis, , , waitMillis = 0] = JSON.parse(text) as [string, number, number?, number?, number?]
  return type === "SR" ? atMillis + waitMillis : atMillis
}

/** An event from its text; its place in the log is its sequence. */
export const readEvent = (text: string, sequence: number, about: About, values: Values): Event => {
  const [type, atMillis, ...rest] = JSON.parse(text) as Code
  const run = { runId: about.runId, pipelineId: about.pipelineId, sequence, atMillis }
  const error = (coded: CodedError) => readError(coded, about.maxValueBytes)
  switch (type) {
    case "RS":
      return { type: "RunStarted", ...run, ...(about.requestId !== undefined && { requestId: about.requestId }) }
    case "RC":
      return { type: "RunCompleted", ...run }
    case "RF":
      return { type: "RunFailed", ...run, error: error(rest[0]!) }
    case "RX":
      return { type: "RunCancelled", ...run, reason: rest[0]! }
  }
  const [index, attempt, one, two, three] = rest as unknown as [number, number, never, never, never]
  const step = { ...run, step: about.steps[index]!.name, index, attempt }
  switch (type) {
    case "SS":
      return { type: "StepStarted", ...step }
    case "SP":
      return { type: "StepProgressed", ...step, done: one, total: two }
    case "SC":
      return {
        type: "StepCompleted",
        ...step,
        outputs: pick(two, values),
        durationMillis: one,
        ...(three as HowCompleted | undefined)
      }
    case "SR":
      return {
        type: "StepRetried",
        ...step,
        ...(three !== undefined && { item: three }),
        error: error(two),
        waitMillis: one
      }
    case "SF":
      return {
        type: "StepFailed",
        ...step,
        error: error(two),
        durationMillis: one,
        ...(three !== undefined && { itemsFailed: three })
      }
    case "SI":
      return { type: "StepItemFailed", ...step, item: one, error: error(two) }
    case "SL":
      return { type: "StepReleased", ...step, ...(two !== undefined && { item: two }), reason: one }
    case "SK":
      return { type: "StepSkipped", ...step, cause: one, reason: two }
    case "SX":
      return { type: "StepCancelled", ...step, reason: one }
  }
  throw new Error(`The log of run '${about.runId}' has an event of unknown type '${type}'`)
}

/** An error, or what a script has found and this puts into words. */
type CodedError =
  | (ErrorInfo & { readonly "#"?: undefined })
  | { readonly "#": "large"; readonly step: string }
  | { readonly "#": "inputs"; readonly step: string; readonly bytes: number }
  | (Omit<FailedItems, "cause"> & { readonly "#": "items"; readonly step: string; readonly cause: CodedError })
  | { readonly "#": "lost"; readonly step: string; readonly losses: number; readonly item?: number }
  | { readonly "#": "late"; readonly millis: number }
  | { readonly "#": "cancelled"; readonly step: string; readonly reason: string }

const readError = (coded: CodedError, maxValueBytes: number): ErrorInfo => {
  switch (coded["#"]) {
    case "large":
      return resultsTooLarge(coded.step, maxValueBytes)
    case "items":
      return itemsFailed(coded.step, { ...coded, cause: readError(coded.cause, maxValueBytes) })
    case "inputs":
      return inputsTooLarge(coded.step, coded.bytes, MAX_TOGETHER * maxValueBytes)
    case "lost":
      return workerLost(coded.step, coded.item, coded.losses)
    case "late":
      return runTimedOut(coded.millis)
    case "cancelled":
      return stepCancelled(coded.step, coded.reason)
    default:
      return coded
  }
}

/** A line of a run from its text. */
export const readLine = (text: string): Line => {
  const [atMillis, line] = JSON.parse(text) as [number, Omit<Line, "atMillis">]
  return { atMillis, ...line }
}
