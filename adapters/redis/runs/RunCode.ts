/** Encodes and decodes runs, events and log lines. */

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
import { EVENT, MARK } from "../lua/Codes.ts"

type Values = Readonly<Record<string, Json>>
type Names = "parameters" | "given" | "kept"

/** The parts of steps that the state of a run needs. */
export type Steps = ReadonlyArray<Pick<PlanStep, "name" | "initial">>

/** The properties that differ for each run, besides its id and its times. */
type Own = "retryOf" | "requestId" | "traceparent" | "schedule"

/** The properties that many runs of one plan have in common, with the names of values in place of the values. */
export type Shape = Omit<Run.Submission, Names | Own | "id" | "submittedAtMillis" | "startAtMillis"> & {
  readonly [K in Names]: ReadonlyArray<string>
} & { readonly delayMillis: number }

/** The shape of a run, as JSON. */
export const writeShape = (run: NewRun): Json => {
  const of = submissionOf(run, "", 0)
  const shape: Shape = {
    pipelineId: of.pipelineId,
    version: of.version,
    kind: of.kind,
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

/** The own properties of a run, as JSON; undefined when it has none. */
export const writeOwn = ({ retryOf, requestId, traceparent, schedule }: NewRun): Json | undefined =>
  retryOf === undefined && requestId === undefined && traceparent === undefined && schedule === undefined
    ? undefined
    : JSON.stringify({ retryOf, requestId, traceparent, schedule })

const readOwn = (own: Json | undefined): Partial<Pick<Run.Submission, Own>> =>
  own === undefined ? {} : JSON.parse(own)

/** The id of the request that started a run. */
export const requestIdOf = (own: Json | undefined): string | undefined => readOwn(own).requestId

/** The span of a run. */
export const traceparentOf = (own: Json | undefined): string | undefined => readOwn(own).traceparent

/** Calls `add` with each initial value of a run. Given values come last, so they replace kept ones. */
export const eachValue = (
  { parameters, kept, given, keptItems, plan }: NewRun,
  add: (name: string, value: Json) => void
): void => {
  // Under a name that no value can have: a mark and the index of the step.
  if (keptItems !== undefined) {
    for (const step of Object.keys(keptItems)) {
      add(`${MARK.keptItems}${plan.steps.findIndex(({ name }) => name === step)}`, writeKept(keptItems[step]!))
    }
  }
  for (const name of Object.keys(parameters)) add(name, parameters[name]!)
  if (kept !== undefined) for (const name of Object.keys(kept)) add(name, kept[name]!)
  if (given !== undefined) for (const name of Object.keys(given)) add(name, given[name]!)
}

/** Decodes the shape of runs. */
export const readShape = (shape: Json): Shape => JSON.parse(shape) as Shape

/** The names of the initial values of a run of this shape. */
export const namesAtStart = ({ parameters, given, kept }: Shape): ReadonlyArray<string> => [
  ...parameters,
  ...given,
  ...kept
]

/** Decodes a run, without its events. */
export const readRun = (
  id: string,
  shape: Shape,
  own: Json | undefined,
  submittedAtMillis: number,
  steps: Steps,
  values: Values
): Run.Run => {
  const { delayMillis, parameters, given, kept, ...rest } = shape
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
      // JSON leaves out undefined properties; a run has them.
      kind: rest.kind,
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

/** The context that decoding an event needs. */
export interface About {
  readonly runId: string
  readonly pipelineId: string
  readonly steps: Steps
  readonly maxValueBytes: number
  readonly requestId: string | undefined
  readonly shape: Pick<Shape, "kind" | "parameters" | "results">
  /** Whether `RunStarted` has the parameters, and `RunCompleted` the result. */
  readonly hasParameters?: boolean
  readonly hasResult?: boolean
  /** When `RunStarted` was recorded; only `RunCompleted` needs it. */
  readonly startedAtMillis?: number | undefined
}

type Code = readonly [type: string, atMillis: number, ...rest: ReadonlyArray<never>]

/** When an event was recorded; for a retry, when its wait ends. In milliseconds since 1970. */
export const instantOf = (text: string): number => {
  const [type, atMillis, , , waitMillis = 0] = JSON.parse(text) as [string, number, number?, number?, number?]
  return type === EVENT.stepRetried ? atMillis + waitMillis : atMillis
}

/** Decodes an event. `sequence` is its place in the log of its run, from 1. */
export const readEvent = (text: string, sequence: number, about: About, values: Values): Event => {
  const [type, atMillis, ...rest] = JSON.parse(text) as Code
  const run = { runId: about.runId, pipelineId: about.pipelineId, sequence, atMillis }
  const error = (coded: CodedError) => readError(coded, about.maxValueBytes)
  switch (type) {
    case EVENT.runStarted:
      return {
        type: "RunStarted",
        ...run,
        ...(about.shape.kind !== undefined && { kind: about.shape.kind }),
        ...(about.requestId !== undefined && { requestId: about.requestId }),
        ...(about.hasParameters === true && { parameters: pick(about.shape.parameters, values) })
      }
    case EVENT.runCompleted: {
      const { results } = about.shape
      const durationMillis = atMillis - (about.startedAtMillis ?? atMillis)
      return {
        type: "RunCompleted",
        ...run,
        durationMillis,
        ...(about.hasResult === true && {
          result: {
            results,
            outputs: pick(
              results.filter((name) => Object.hasOwn(values, name)),
              values
            )
          }
        })
      }
    }
    case EVENT.runFailed:
      return { type: "RunFailed", ...run, error: error(rest[0]!) }
    case EVENT.runCancelled:
      return { type: "RunCancelled", ...run, reason: rest[0]! }
  }
  const [index, attempt, one, two, three] = rest as unknown as [number, number, never, never, never]
  const step = { ...run, step: about.steps[index]!.name, index, attempt }
  switch (type) {
    case EVENT.stepStarted:
      return { type: "StepStarted", ...step, ...(one !== undefined && { worker: one }) }
    case EVENT.stepProgressed:
      return { type: "StepProgressed", ...step, done: one, total: two }
    case EVENT.stepCompleted:
      return {
        type: "StepCompleted",
        ...step,
        outputs: pick(two, values),
        durationMillis: one,
        ...(three as HowCompleted | undefined)
      }
    case EVENT.stepRetried:
      return {
        type: "StepRetried",
        ...step,
        ...(three !== undefined && { item: three }),
        error: error(two),
        waitMillis: one
      }
    case EVENT.stepFailed:
      return {
        type: "StepFailed",
        ...step,
        error: error(two),
        durationMillis: one,
        ...(three !== undefined && { itemsFailed: three })
      }
    case EVENT.itemFailed:
      return { type: "StepItemFailed", ...step, item: one, error: error(two) }
    case EVENT.stepReleased:
      return { type: "StepReleased", ...step, ...(two !== undefined && { item: two }), reason: one }
    case EVENT.stepSkipped:
      return { type: "StepSkipped", ...step, cause: one, reason: two }
    case EVENT.stepCancelled:
      return { type: "StepCancelled", ...step, reason: one }
  }
  throw new Error(`The log of run '${about.runId}' has an event of unknown type '${type}'`)
}

/** An error; or the code of an error that a script has made, which `readError` puts into words. */
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

/** Decodes a log line. */
export const readLine = (text: string): Line => {
  const [atMillis, line] = JSON.parse(text) as [number, Omit<Line, "atMillis">]
  return { atMillis, ...line }
}
