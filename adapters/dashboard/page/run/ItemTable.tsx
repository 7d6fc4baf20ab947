/** The items of a map or filter step, a page at a time; the failed ones first, when there are any. */
import type { JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import type { Items } from "../../../http/runs/RunPartWire.ts"
import { path, query, sendJson } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Icon } from "../parts/Icon.tsx"
import { Loaded } from "../parts/Problem.tsx"
import { iconOf, Status, type StatusName, wordOf } from "../parts/Status.tsx"
import { ErrorChain } from "./FailurePanel.tsx"
import type { Outline, StepDetail } from "./Outline.ts"

/** The most rows of a page. */
const ROWS = 100

const STATUSES: ReadonlyArray<StatusName> = ["FAILED", "RUNNING", "PENDING", "COMPLETED"]

export const ItemTable = ({ run, step }: { readonly run: Outline; readonly step: StepDetail }): JSX.Element => {
  const [status, setStatus] = useState<StatusName | "">(step.items_failed > 0 ? "FAILED" : "")
  /** The cursors of the pages up to this one. */
  const [cursors, setCursors] = useState<ReadonlyArray<string>>([])
  const pathFrom = (cursor: string | undefined, limit: number): string =>
    `${path`/runs/${run.task_id}/steps/${step.name}/items`}${query({ values: "false", status, cursor, limit })}`
  const items = useResource<Items>(
    pathFrom(cursors.at(-1), ROWS),
    ({ task_id, step_name }) => task_id === run.task_id && step_name === step.name
  )
  const { found, isSearching } = useWhole(items.data, pathFrom)
  return (
    <section aria-label="Items">
      <div class="filter-row">
        <h3>Items</h3>
        <div class="chips">
          {STATUSES.map((one) => (
            <button
              key={one}
              type="button"
              class={`chip ${one}`}
              aria-pressed={status === one}
              onClick={() => {
                setCursors([])
                setStatus(status === one ? "" : one)
              }}
            >
              <Icon name={iconOf(one)} />
              {wordOf(one)}
              {one === "FAILED" && step.items_failed > 0 && <span class="count">{step.items_failed}</span>}
            </button>
          ))}
        </div>
      </div>
      <Loaded of={items}>
        {(first) => {
          const { items: rows, next_cursor } = found ?? first
          return (
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
                  {isSearching
                    ? "Searching…"
                    : next_cursor !== null
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
          )
        }}
      </Loaded>
    </section>
  )
}

/** A whole page of rows: an answer is short when the items of a status are far apart. */
const useWhole = (
  first: Items | undefined,
  pathFrom: (cursor: string, limit: number) => string
): { readonly found: Items | undefined; readonly isSearching: boolean } => {
  const [found, setFound] = useState<Items>()
  const [isSearching, setSearching] = useState(false)
  useEffect(() => {
    setFound(undefined)
    if (first === undefined) return
    const stop = new AbortController()
    const search = async (): Promise<void> => {
      let { items, next_cursor } = first
      while (next_cursor !== null && items.length < ROWS) {
        setSearching(true)
        const next: Items = await sendJson<Items>(pathFrom(next_cursor, ROWS - items.length), { signal: stop.signal })
        items = [...items, ...next.items]
        next_cursor = next.next_cursor
        setFound({ items, next_cursor })
      }
    }
    // What was found until then stays, with a button for the rest.
    search()
      .catch(() => undefined)
      .finally(() => stop.signal.aborted || setSearching(false))
    return () => {
      stop.abort()
      setSearching(false)
    }
  }, [first])
  return { found, isSearching }
}
