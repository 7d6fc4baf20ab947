/** The JSON of events, the same over server-sent events and WebSockets. Results are already JSON text and are not parsed. */

import type { Json } from "../../../core/json/Value.ts"
import type { Event } from "../../../core/run/Event.ts"
import * as Results from "../../../core/run/Results.ts"
import { withoutHostPaths } from "../../../core/values/Text.ts"
import { type ErrorDetail, errorDetail, recordText } from "../runs/RunWire.ts"
import { instant } from "../server/Instant.ts"

/** The event types in JSON. */
export const EVENT_TYPES = [
  "PipelineStartEvent",
  "StepStartEvent",
  "StepProgressEvent",
  "StepCompleteEvent",
  "StepRetryEvent",
  "StepItemErrorEvent",
  "StepErrorEvent",
  "StepSkipEvent",
  "PipelineCompleteEvent",
  "PipelineErrorEvent",
  "PipelineCancelEvent"
] as const

/** An event type in JSON. */
export type EventType = (typeof EVENT_TYPES)[number]

/** An event. Keys that do not apply are omitted. */
export interface EventJson {
  readonly type: EventType
  readonly pipeline_id: string
  readonly task_id: string
  /** 1, 2, 3… per run, without a gap. */
  readonly sequence: number
  readonly timestamp: string
  /** Of a PipelineStartEvent: the `X-Request-Id` of the request that started the run. */
  readonly request_id?: string
  /** Of a PipelineStartEvent. */
  readonly pipeline_type?: "dataflow" | "sequential"
  /** The parameters, in a PipelineStartEvent. */
  readonly input?: unknown
  /** Of a PipelineCompleteEvent. */
  readonly status?: "COMPLETED"
  /** Whether `input` or `result` is missing because it is too long. */
  readonly truncated?: true
  readonly step_name?: string
  readonly step_index?: number
  readonly attempt?: number
  /** The index of the item, in a map or filter step. */
  readonly item?: number
  /** The result of a step: the value of its only output, or an object of several. In a PipelineCompleteEvent that of the run. */
  readonly result?: unknown
  /** The worker of the attempt, in a StepStartEvent; missing when the result is reused. */
  readonly worker?: string
  /** Whether the result was reused from an earlier attempt with the same inputs. */
  readonly memoised?: boolean
  /** The arm that a branch took. */
  readonly arm?: "yes" | "no"
  readonly duration_ms?: number
  readonly error?: ErrorDetail
  /** Milliseconds from this event to the next attempt. */
  readonly wait_ms?: number
  /** Why a step was skipped, or a run cancelled. */
  readonly reason?: string
  readonly done?: number
  readonly total?: number
}

/** An error for an event that has no event type of its own, such as `StepReleased`. */
const errorWithReason = (error: string, reason: string): ErrorDetail => ({ error, message: withoutHostPaths(reason) })

const resultText = (outputs: Readonly<Record<string, Json>>): Json => {
  const names = Object.keys(outputs)
  return names.length === 1 ? outputs[names[0]!]! : recordText(outputs)
}

/** The type of an event in JSON, and the keys that not all events have. */
const partsOf = (
  event: Event
): readonly [EventType, Omit<EventJson, "type" | "pipeline_id" | "task_id" | "sequence" | "timestamp">] => {
  switch (event.type) {
    case "RunStarted":
      return [
        "PipelineStartEvent",
        {
          ...(event.kind !== undefined && { pipeline_type: event.kind }),
          ...(event.requestId !== undefined && { request_id: event.requestId })
        }
      ]
    case "StepStarted":
      return ["StepStartEvent", event.worker === undefined ? {} : { worker: event.worker }]
    case "StepProgressed":
      return ["StepProgressEvent", { done: event.done, total: event.total }]
    case "StepCompleted": {
      const { arm, memoised, durationMillis } = event
      return [
        "StepCompleteEvent",
        { duration_ms: durationMillis, ...(memoised && { memoised }), ...(arm !== undefined && { arm }) }
      ]
    }
    case "StepRetried":
      return ["StepRetryEvent", { error: errorDetail(event.error), wait_ms: event.waitMillis, ...itemOf(event) }]
    case "StepReleased":
      return ["StepRetryEvent", { error: errorWithReason("StepReleased", event.reason), wait_ms: 0, ...itemOf(event) }]
    case "StepItemFailed":
      return ["StepItemErrorEvent", { error: errorDetail(event.error), item: event.item }]
    case "StepFailed":
      return ["StepErrorEvent", { error: errorDetail(event.error), duration_ms: event.durationMillis }]
    case "StepCancelled":
      return ["StepErrorEvent", { error: errorWithReason("StepCancelled", event.reason) }]
    case "StepSkipped":
      return ["StepSkipEvent", { reason: withoutHostPaths(event.reason) }]
    case "RunCompleted":
      return ["PipelineCompleteEvent", { status: "COMPLETED", duration_ms: event.durationMillis }]
    case "RunFailed":
      return ["PipelineErrorEvent", { error: errorDetail(event.error) }]
    case "RunCancelled":
      return ["PipelineCancelEvent", { reason: withoutHostPaths(event.reason) }]
  }
}

const itemOf = ({ item }: { readonly item?: number }): { readonly item?: number } =>
  item === undefined ? {} : { item }

/** The type of an event in JSON. */
export const typeOf = (event: Event): EventType => partsOf(event)[0]

/** An event as JSON text of an `EventJson`. */
export const eventText = (event: Event): string => {
  const values = valuesText(event)
  return values === undefined ? bareEventText(event) : `${bareEventText(event).slice(0, -1)},${values}}`
}

/** The values of an event, as keys of its JSON; undefined for an event without values. */
const valuesText = (event: Event): string | undefined => {
  switch (event.type) {
    case "RunStarted":
      return event.parameters === undefined ? TRUNCATED : `"input":${recordText(event.parameters)}`
    case "StepCompleted":
      return `"result":${resultText(event.outputs)}`
    case "RunCompleted":
      return event.result === undefined ? TRUNCATED : `"result":${Results.toJson(event.result)}`
    default:
      return undefined
  }
}

const TRUNCATED = '"truncated":true'

/** An event as JSON text, without `input` and `result`. */
export const bareEventText = (event: Event): string => {
  const [type, more] = partsOf(event)
  const json = {
    type,
    pipeline_id: event.pipelineId,
    task_id: event.runId,
    sequence: event.sequence,
    timestamp: instant(event.atMillis),
    ...("step" in event && { step_name: event.step, step_index: event.index, attempt: event.attempt }),
    ...more
  } satisfies EventJson
  return JSON.stringify(json)
}
