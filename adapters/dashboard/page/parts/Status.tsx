/** The status of a run or a step: a colour, an icon and a word. */
import type { JSX } from "preact"
import type { StepDetail } from "../../../http/runs/RunWire.ts"
import { Icon, type IconName } from "./Icon.tsx"

export type StatusName = StepDetail["status"] | "LOST"

const ICONS: { readonly [Status in StatusName]: IconName } = {
  PENDING: "pending",
  RUNNING: "running",
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
  SKIPPED: "skipped",
  LOST: "failed"
}

/** The word for a status: `Failed`. */
export const wordOf = (status: StatusName): string => status[0] + status.slice(1).toLowerCase()

/** Icon and word. `note` is added to the word. */
export const Status = ({ status, note }: { readonly status: StatusName; readonly note?: string }): JSX.Element => (
  <span class={`status ${status}`}>
    <Icon name={ICONS[status]} />
    {wordOf(status)}
    {note !== undefined && <small>{note}</small>}
  </span>
)

/** A button that filters by a status. `count`: how many have it. */
export const StatusChip = ({
  status,
  isOn,
  toggle,
  count
}: {
  readonly status: StatusName
  readonly isOn: boolean
  readonly toggle: () => void
  readonly count?: number | undefined
}): JSX.Element => (
  <button type="button" class={`chip ${status}`} aria-pressed={isOn} onClick={toggle}>
    <Icon name={ICONS[status]} />
    {wordOf(status)}
    {count !== undefined && <span class="count">{count.toLocaleString("en")}</span>}
  </button>
)
