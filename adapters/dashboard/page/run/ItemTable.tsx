/** The items of a map or filter step, a page at a time; the failed ones first, when there are any. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { Items } from "../../../http/runs/RunPartWire.ts"
import { path, query } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Loaded } from "../parts/Problem.tsx"
import { Status, StatusChip, type StatusName } from "../parts/Status.tsx"
import { ErrorChain } from "./FailurePanel.tsx"
import type { Outline, StepDetail } from "./Outline.ts"

/** The most rows of a page. */
const ROWS = 100

const STATUSES: ReadonlyArray<StatusName> = ["FAILED", "RUNNING", "PENDING", "COMPLETED"]

export const ItemTable = ({ run, step }: { readonly run: Outline; readonly step: StepDetail }): JSX.Element => {
  const [status, setStatus] = useState<StatusName | "">(step.items_failed > 0 ? "FAILED" : "")
  /** The cursors of the pages up to this one. */
  const [cursors, setCursors] = useState<ReadonlyArray<string>>([])
  const items = useResource<Items>(
    `${path`/runs/${run.task_id}/steps/${step.name}/items`}${query({ values: "false", status, cursor: cursors.at(-1), limit: ROWS })}`,
    ({ task_id, step_name }) => task_id === run.task_id && step_name === step.name
  )
  return (
    <section aria-label="Items">
      <div class="filter-row">
        <h3>Items</h3>
        <div class="chips">
          {STATUSES.map((one) => (
            <StatusChip
              key={one}
              status={one}
              isOn={status === one}
              count={one === "FAILED" && step.items_failed > 0 ? step.items_failed : undefined}
              toggle={() => {
                setCursors([])
                setStatus(status === one ? "" : one)
              }}
            />
          ))}
        </div>
      </div>
      <Loaded of={items}>
        {({ items: rows, next_cursor }) => (
          <>
            {rows.length > 0 && (
              <table class="inner items">
                <thead>
                  <tr>
                    <th class="end">Item</th>
                    <th>Status</th>
                    <th class="end">Attempts</th>
                    <th>Error</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map(({ index, count, status: of, attempts, error }) => (
                    <tr key={index}>
                      <td class="end number">
                        {index}
                        {count > 1 && `–${index + count - 1}`}
                      </td>
                      <td>
                        <Status status={of} />
                      </td>
                      <td class="end number">{attempts}</td>
                      <td>
                        {error !== null && (
                          <details>
                            <summary class="clipped">{(error.cause ?? error).message}</summary>
                            <ErrorChain error={error} />
                          </details>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
            {rows.length === 0 && (
              <p class="faint">
                {next_cursor !== null
                  ? "None among these."
                  : status === ""
                    ? "The items of a step are kept while it runs, and afterwards if some of them failed."
                    : `No item is ${status.toLowerCase()}.`}
              </p>
            )}
            <p class="pages">
              {cursors.length > 0 && (
                <button type="button" onClick={() => setCursors(cursors.slice(0, -1))}>
                  Earlier items
                </button>
              )}
              {next_cursor !== null && (
                <button type="button" onClick={() => setCursors([...cursors, next_cursor])}>
                  Later items
                </button>
              )}
            </p>
          </>
        )}
      </Loaded>
    </section>
  )
}
