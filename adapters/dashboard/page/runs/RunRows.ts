/** The rows of the list: kept in their places while runs change, so that nothing moves under the pointer. */
import type { EventJson } from "../../../http/events/EventWire.ts"
import type { RunRow } from "../../../http/runs/RunWire.ts"
import type { LiveEvent } from "../data/Live.ts"

/** The rows that are shown, and those that the user has not asked for yet. */
export interface Rows {
  readonly shown: ReadonlyArray<RunRow>
  /** How many runs of the newest answer are not shown. */
  readonly fresh: number
}

/** The rows after another answer for the same list: those that are shown stay where they are. */
export const merge = (shown: ReadonlyArray<RunRow>, answer: ReadonlyArray<RunRow>): Rows => {
  if (shown.length === 0) return { shown: answer, fresh: 0 }
  const latest = new Map(answer.map((row) => [row.task_id, row]))
  const known = new Set(shown.map(({ task_id }) => task_id))
  const newest = shown[0]!.submitted_at
  return {
    shown: shown.map((row) => latest.get(row.task_id) ?? row),
    fresh: answer.filter(({ task_id, submitted_at }) => !known.has(task_id) && submitted_at >= newest).length
  }
}

const ENDS: { readonly [Type in EventJson["type"]]?: RunRow["status"] } = {
  PipelineCompleteEvent: "COMPLETED",
  PipelineErrorEvent: "FAILED",
  PipelineCancelEvent: "CANCELLED"
}

/** The row after an event of its run. */
const after = (row: RunRow, event: LiveEvent): RunRow => {
  const ended = ENDS[event.type]
  if (ended !== undefined) {
    return {
      ...row,
      status: ended,
      completed_at: event.timestamp,
      duration_ms: row.started_at === null ? null : Date.parse(event.timestamp) - Date.parse(row.started_at),
      error: event.error ?? null,
      reason: event.reason ?? null
    }
  }
  // A finished run never changes; an answer may be newer than an event.
  if (row.completed_at !== null) return row
  switch (event.type) {
    case "PipelineStartEvent":
      return { ...row, status: "RUNNING", started_at: event.timestamp }
    case "StepCompleteEvent":
      return { ...row, steps_completed: Math.min(row.total_steps, row.steps_completed + 1) }
    default:
      return row
  }
}

/** The rows after events; the same array when none concerns them. */
export const apply = (shown: ReadonlyArray<RunRow>, events: ReadonlyArray<LiveEvent>): ReadonlyArray<RunRow> => {
  const places = new Map(shown.map(({ task_id }, at) => [task_id, at]))
  let next: Array<RunRow> | undefined
  for (const event of events) {
    const place = places.get(event.task_id)
    if (place === undefined) continue
    next ??= [...shown]
    next[place] = after(next[place]!, event)
  }
  return next ?? shown
}
