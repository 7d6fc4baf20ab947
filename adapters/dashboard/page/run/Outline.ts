/** A run without its values, as `GET /runs/{task_id}?values=false` answers it. */
import type { ErrorDetail, RunDetail, StepDetail } from "../../../http/runs/RunWire.ts"

/** What is known of a value without its text. */
export interface ValueOutline {
  readonly name: string
  readonly kind: "parameter" | "given" | "output"
  readonly step: string | null
  /** Bytes of UTF-8 of its JSON text. */
  readonly bytes: number
}

export interface Outline extends Omit<RunDetail, "parameters" | "outputs" | "result"> {
  readonly values: ReadonlyArray<ValueOutline>
}

export type { ErrorDetail, StepDetail }

/** Whether the run has ended. */
export const isEnded = ({ completed_at }: Outline): boolean => completed_at !== null

/** The instants of a step that a timeline shows; undefined for a step that has not begun. */
export const timesOf = (
  { started_at, completed_at }: StepDetail,
  now: number
): readonly [number, number] | undefined => {
  if (started_at === null) return undefined
  const from = Date.parse(started_at)
  return [from, completed_at === null ? Math.max(from, now) : Date.parse(completed_at)]
}
