/** The runs: filtered by the address, updated in place, with acts on many at once. */
import type { JSX } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import type { PipelineRow } from "../../../http/pipelines/PipelineWire.ts"
import type { RunRow, Runs } from "../../../http/runs/RunWire.ts"
import { useCaller } from "../data/Caller.ts"
import { onEvents } from "../data/Live.ts"
import { useResource } from "../data/Resource.ts"
import { useKeys } from "../parts/Keys.ts"
import { Empty, Loading, Problem } from "../parts/Problem.tsx"
import { go, href } from "../Router.ts"
import { BulkActions } from "./BulkActions.tsx"
import { type Filter, pathOf } from "./Filter.ts"
import { FilterBar } from "./FilterBar.tsx"
import { apply, merge, type Rows } from "./RunRows.ts"
import { RunTable } from "./RunTable.tsx"

const NONE: Rows = { shown: [], fresh: 0 }

export const RunsView = ({ query: filter }: { readonly query: Filter }): JSX.Element => {
  const { may } = useCaller()
  // The range of the filter counts from when it was chosen, so that the list does not move while it is looked at.
  const address = JSON.stringify(filter)
  const began = useRef({ address, at: Date.now() })
  if (began.current.address !== address) began.current = { address, at: Date.now() }
  const path = pathOf(filter, began.current.at)
  const list = useResource<Runs>(path, ({ type }) => type === "PipelineStartEvent" || type.startsWith("Pipeline"))
  const pipelines = useResource<ReadonlyArray<PipelineRow>>("/pipelines")
  const [rows, setRows] = useState<Rows & { readonly path: string }>({ ...NONE, path })
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [current, setCurrent] = useState(-1)
  const { data } = list
  useEffect(() => {
    if (data === undefined) return
    setRows((last) => ({ path, ...merge(last.path === path ? last.shown : [], data.runs) }))
  }, [data, path])
  useEffect(() => {
    setSelected(new Set())
    setCurrent(-1)
  }, [path])
  useEffect(
    () =>
      onEvents((events) =>
        setRows((last) => {
          const shown = apply(last.shown, events)
          return shown === last.shown ? last : { ...last, shown }
        })
      ),
    []
  )
  const { shown, fresh } = rows.path === path ? rows : data === undefined ? NONE : merge([], data.runs)
  const can = ({ pipeline_id }: RunRow): boolean => may("execute", pipeline_id)
  const toggle = (row: RunRow): void => {
    const next = new Set(selected)
    if (!next.delete(row.task_id) && can(row)) next.add(row.task_id)
    setSelected(next)
  }
  useKeys({
    j: () => setCurrent(Math.min(shown.length - 1, current + 1)),
    k: () => setCurrent(Math.max(0, current - 1)),
    Enter: () => shown[current] !== undefined && go(href(["runs", shown[current].task_id])),
    x: () => shown[current] !== undefined && toggle(shown[current])
  })
  const canAct = shown.some(can)
  return (
    <>
      <header class="view">
        <h1>Runs</h1>
      </header>
      <FilterBar filter={filter} pipelines={(pipelines.data ?? []).map(({ pipeline_id }) => pipeline_id)} />
      {canAct && (
        <BulkActions
          filter={filter}
          selected={shown.filter(({ task_id }) => selected.has(task_id))}
          clear={() => setSelected(new Set())}
          done={list.reload}
        />
      )}
      {list.error !== undefined && <Problem error={list.error} retry={list.reload} />}
      <div class="fresh" role="status">
        {fresh > 0 && filter.cursor === undefined && (
          <button type="button" onClick={() => data !== undefined && setRows({ path, shown: data.runs, fresh: 0 })}>
            Show {fresh === 50 ? "50 or more" : fresh} new {fresh === 1 ? "run" : "runs"}
          </button>
        )}
      </div>
      {data === undefined && list.error === undefined && <Loading />}
      {shown.length > 0 && (
        <RunTable
          rows={shown}
          current={current}
          selection={
            canAct
              ? {
                  ids: selected,
                  can,
                  toggle,
                  toggleAll: (isOn) => setSelected(new Set(isOn ? shown.filter(can).map(({ task_id }) => task_id) : []))
                }
              : undefined
          }
        />
      )}
      {data !== undefined && shown.length === 0 && <NoRuns filter={filter} isLast={data.next_cursor === null} />}
      {data !== undefined && <Pages filter={filter} rows={shown} nextCursor={data.next_cursor} />}
    </>
  )
}

const NoRuns = ({ filter, isLast }: { readonly filter: Filter; readonly isLast: boolean }): JSX.Element => (
  <Empty>
    {Object.keys(filter).length === 0 ? (
      <>
        <h2>No runs yet</h2>
        <p>
          Start one from a <a href={href(["pipelines"])}>pipeline</a>, from your program, or over the API.
        </p>
      </>
    ) : isLast ? (
      <>
        <h2>No run matches</h2>
        <p>
          <a href={href(["runs"])}>Show all runs</a>
        </p>
      </>
    ) : (
      <>
        <h2>No run matches so far</h2>
        <p>There are older runs that were not looked at yet.</p>
      </>
    )}
  </Empty>
)

/** Links to the newest runs and to older ones. */
const Pages = ({
  filter,
  rows,
  nextCursor
}: {
  readonly filter: Filter
  readonly rows: ReadonlyArray<RunRow>
  readonly nextCursor: string | null
}): JSX.Element => (
  <nav class="pages" aria-label="Pages of runs">
    {filter.cursor !== undefined && <a href={href(["runs"], { ...filter, cursor: undefined })}>Newest runs</a>}
    {nextCursor !== null && (
      <a href={href(["runs"], { ...filter, cursor: nextCursor })}>
        {rows.length === 0 ? "Look at older runs" : "Older runs"}
      </a>
    )}
  </nav>
)
