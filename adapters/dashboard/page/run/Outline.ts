/** A run without its values: the type of its answer under the names that the views use. */
import type { ErrorDetail, RunOutline, StepDetail } from "../../../http/runs/RunWire.ts"
import type { Interval } from "./TimeScale.ts"

export type { ErrorDetail, RunOutline as Outline, StepDetail }

/** A value without its text. */
export type ValueOutline = RunOutline["values"][number]

/** Whether the run has ended. */
export const isEnded = ({ completed_at }: RunOutline): boolean => completed_at !== null

/** When a step or an attempt worked; undefined if it has not begun, or the log does not say. */
export const timesOf = (
  { started_at, completed_at }: Pick<StepDetail, "started_at" | "completed_at">,
  now: number
): Interval | undefined => {
  if (started_at === null) return undefined
  const from = Date.parse(started_at)
  return [from, completed_at === null ? Math.max(from, now) : Date.parse(completed_at)]
}
