/** The pipelines, each with its latest run. */
import type { JSX } from "preact"
import { useRef, useState } from "preact/hooks"
import type { PipelineDetail, PipelineRow, PipelineStatus } from "../../../http/pipelines/PipelineWire.ts"
import { path } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Icon } from "../parts/Icon.tsx"
import { useKeys } from "../parts/Keys.ts"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { Status } from "../parts/Status.tsx"
import { Clipped, type Column, countText, Table } from "../parts/Table.tsx"
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"
import { Typed } from "../runs/FilterBar.tsx"

/** How many pipelines are shown at first, and with each "more": each asks the server twice. */
const ROWS = 25

export const PipelinesView = (): JSX.Element => {
  const pipelines = useResource<ReadonlyArray<PipelineRow>>("/pipelines")
  return (
    <>
      <header class="view">
        <h1>Pipelines</h1>
      </header>
      <Loaded of={pipelines}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>
              <h2>No pipelines</h2>
              <p>The server has none that you may read.</p>
            </Empty>
          ) : (
            <List rows={rows} />
          )
        }
      </Loaded>
    </>
  )
}

const List = ({ rows }: { readonly rows: ReadonlyArray<PipelineRow> }): JSX.Element => {
  const search = useRef<HTMLInputElement>(null)
  const [text, setText] = useState("")
  useKeys({ "/": () => search.current?.focus() })
  const wanted = text.trim().toLowerCase()
  const matching = rows.filter(({ pipeline_id }) => pipeline_id.toLowerCase().includes(wanted))
  return (
    <>
      <search class="filter-row">
        <Typed
          label="Find a pipeline"
          placeholder="Find a pipeline"
          value={text}
          inputRef={search}
          isSearch
          change={setText}
        />
        <span class="faint" role="status">
          {countText(matching.length)} of {countText(rows.length)}
        </span>
      </search>
      {matching.length > 0 && (
        <Table
          key={wanted}
          label="Pipelines"
          rows={matching}
          keyOf={({ pipeline_id }) => pipeline_id}
          columns={COLUMNS}
          more={ROWS}
        />
      )}
    </>
  )
}

const COLUMNS: ReadonlyArray<Column<PipelineRow>> = [
  ["Pipeline", ({ pipeline_id }) => <Clipped text={pipeline_id} href={href(["pipelines", pipeline_id])} />, "wide"],
  ["Latest run", ({ pipeline_id }) => <Latest id={pipeline_id} />, "wide"],
  ["Type", ({ pipeline_type }) => pipeline_type, "state"],
  ["Steps", ({ tasks }) => countText(tasks.length), "end"],
  [
    "Runs",
    ({ pipeline_id }) => (
      <a href={href(["runs"], { pipeline_id })} aria-label={`All runs of ${pipeline_id}`}>
        All runs
      </a>
    ),
    "end"
  ]
]

const Latest = ({ id }: { readonly id: string }): JSX.Element => {
  const { data: latest } = useResource<PipelineStatus>(
    path`/pipelines/${id}/status`,
    ({ pipeline_id, type }) => pipeline_id === id && type.startsWith("Pipeline")
  )
  const { data: detail } = useResource<PipelineDetail>(path`/pipelines/${id}`)
  return (
    <span class="statuses">
      {latest !== undefined &&
        (latest.status === "IDLE" ? (
          <span class="faint">No run yet</span>
        ) : (
          <a href={href(["runs", latest.task_id!])}>
            <Status status={latest.status} />
          </a>
        ))}
      {latest?.started_at != null && <Time at={latest.started_at} />}
      {detail?.paused && <Paused />}
    </span>
  )
}

/** Says that something is paused. */
export const Paused = (): JSX.Element => (
  <span class="status CANCELLED">
    <Icon name="pause" /> Paused
  </span>
)
