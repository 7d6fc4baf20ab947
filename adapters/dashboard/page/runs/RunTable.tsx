/** The table of runs. On a narrow screen each row is a card. */
import type { JSX } from "preact"
import { useEffect, useRef } from "preact/hooks"
import type { RunRow } from "../../../http/runs/RunWire.ts"
import { Status } from "../parts/Status.tsx"
import { Duration, Time } from "../parts/Time.tsx"
import { go, href } from "../Router.ts"

/** The rows that are selected, and those that can be. */
export interface Selection {
  readonly ids: ReadonlySet<string>
  readonly can: (row: RunRow) => boolean
  readonly toggle: (row: RunRow) => void
  readonly toggleAll: (isOn: boolean) => void
}

export const RunTable = ({
  rows,
  current,
  selection
}: {
  readonly rows: ReadonlyArray<RunRow>
  /** The row that the keyboard is at; -1: none. */
  readonly current: number
  /** Undefined: rows can't be selected. */
  readonly selection?: Selection | undefined
}): JSX.Element => {
  const selectable = selection === undefined ? [] : rows.filter(selection.can)
  const body = useRef<HTMLTableSectionElement>(null)
  useEffect(() => {
    body.current?.children[current]?.scrollIntoView({ block: "nearest" })
  }, [current])
  return (
    <table class="list runs">
      <thead>
        <tr>
          {selection !== undefined && (
            <th class="check">
              <input
                type="checkbox"
                aria-label="Select all runs of this page"
                checked={selection.ids.size > 0 && selectable.every(({ task_id }) => selection.ids.has(task_id))}
                onChange={(event) => selection.toggleAll(event.currentTarget.checked)}
              />
            </th>
          )}
          <th>Status</th>
          <th>Run</th>
          <th class="steps">Steps</th>
          <th>Submitted</th>
          <th class="end">Duration</th>
          <th class="why">What went wrong</th>
        </tr>
      </thead>
      <tbody ref={body}>
        {rows.map((row, at) => (
          <tr
            key={row.task_id}
            class={at === current ? "current" : undefined}
            aria-current={at === current ? "true" : undefined}
            onClick={(event) => {
              const isOnControl = (event.target as Element).closest("a, input, button") !== null
              if (!isOnControl && String(getSelection()) === "") go(href(["runs", row.task_id]))
            }}
          >
            {selection !== undefined && (
              <td class="check">
                {selection.can(row) && (
                  <input
                    type="checkbox"
                    aria-label={`Select run ${row.task_id}`}
                    checked={selection.ids.has(row.task_id)}
                    onChange={() => selection.toggle(row)}
                  />
                )}
              </td>
            )}
            <td>
              <Status status={row.status} />
            </td>
            <td class="name">
              <a href={href(["runs", row.task_id])}>
                <bdi>{row.pipeline_id}</bdi>
                <code>{row.task_id}</code>
              </a>
            </td>
            <td class="steps">
              <progress
                value={row.steps_completed}
                max={Math.max(1, row.total_steps)}
                aria-label="Completed steps"
                class={row.status}
              />
              <span class="number">
                {row.steps_completed}/{row.total_steps}
              </span>
            </td>
            <td>
              <Time at={row.submitted_at} />
            </td>
            <td class="end">
              <Duration from={row.started_at} millis={row.duration_ms} isRunning={row.status === "RUNNING"} />
            </td>
            <td class="why">
              <Why row={row} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Why a run failed or was cancelled, in one line. */
const Why = ({ row: { error, reason } }: { readonly row: RunRow }): JSX.Element | null => {
  if (error !== null) {
    return (
      <span class="clipped" title={error.message}>
        {error.step !== undefined && <strong>{error.step}: </strong>}
        {(error.cause ?? error).message}
      </span>
    )
  }
  if (reason === null) return null
  return (
    <span class="clipped faint" title={reason}>
      {reason}
    </span>
  )
}
