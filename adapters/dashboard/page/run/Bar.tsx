/** When an attempt worked, on a timeline. */
import type { JSX } from "preact"
import type { StatusName } from "../parts/Status.tsx"
import type { TimeScale } from "./TimeScale.ts"

/** A place on the timeline in CSS. */
export const percent = (share: number): string => `${Math.round(share * 100_000) / 1_000}%`

/** The bar of one attempt, or the dot of a step that was skipped. */
export const Bar = ({
  scale,
  times,
  status,
  label
}: {
  readonly scale: TimeScale
  readonly times: readonly [number, number] | undefined
  readonly status: StatusName
  readonly label: string
}): JSX.Element | null => {
  if (times === undefined) return status === "SKIPPED" ? <span class="dot SKIPPED" title={label} /> : null
  const left = scale.at(times[0])
  const width = Math.max(0, scale.at(times[1]) - left)
  return <span class={`span ${status}`} title={label} style={{ left: percent(left), width: percent(width) }} />
}
