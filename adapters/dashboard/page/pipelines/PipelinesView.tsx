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
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"

/** How many pipelines are shown at first, and with each "more". Each asks the server for its latest run. */
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
              <p>Your program has none that you may read. Give some to Levada when it starts: </p>
              <p>
                <code>{"Levada.make({ pipelines: [ … ] })"}</code>
              </p>
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
  const [limit, setLimit] = useState(ROWS)
  useKeys({ "/": () => search.current?.focus() })
  const wanted = text.trim().toLowerCase()
  const matching = rows.filter(({ pipeline_id }) => pipeline_id.toLowerCase().includes(wanted))
  return (
    <>
      <search class="filter-row">
        <label class="search">
          <span class="hidden">Find a pipeline</span>
          <Icon name="search" />
          <input
            ref={search}
            placeholder="Find a pipeline"
            value={text}
            spellcheck={false}
            onInput={(event) => {
              setText(event.currentTarget.value)
              setLimit(ROWS)
            }}
            onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
          />
        </label>
        <span class="faint" role="status">
          {wanted === ""
            ? `${rows.length.toLocaleString("en")} pipelines`
            : `${matching.length} of ${rows.length} match`}
        </span>
      </search>
      {matching.length === 0 ? (
        <Empty>
          <h2>No pipeline matches</h2>
        </Empty>
      ) : (
        <table class="list rows pipelines">
          <thead>
            <tr>
              <th>Pipeline</th>
              <th>Type</th>
              <th class="end">Steps</th>
              <th>Latest run</th>
              <th>Started</th>
              <th>Runs</th>
            </tr>
          </thead>
          <tbody>
            {matching.slice(0, limit).map((row) => (
              <Row key={row.pipeline_id} row={row} />
            ))}
          </tbody>
        </table>
      )}
      {matching.length > limit && (
        <p>
          <button type="button" onClick={() => setLimit(limit + ROWS)}>
            Show {Math.min(ROWS, matching.length - limit)} more
          </button>
        </p>
      )}
    </>
  )
}

const Row = ({ row: { pipeline_id: id, pipeline_type, tasks } }: { readonly row: PipelineRow }): JSX.Element => {
  const { data: latest } = useResource<PipelineStatus>(
    path`/pipelines/${id}/status`,
    ({ pipeline_id, type }) => pipeline_id === id && type.startsWith("Pipeline")
  )
  const { data: detail } = useResource<PipelineDetail>(path`/pipelines/${id}`)
  return (
    <tr>
      <td class="name wide-cell">
        <a href={href(["pipelines", id])} title={id}>
          <bdi>{id}</bdi>
        </a>
      </td>
      <td data-label="Type">{pipeline_type}</td>
      <td class="end number" data-label="Steps">
        {tasks.length.toLocaleString("en")}
      </td>
      <td>
        <span class="statuses">
          {latest !== undefined &&
            (latest.status === "IDLE" ? (
              <span class="faint">No run yet</span>
            ) : (
              <a href={href(["runs", latest.task_id!])}>
                <Status status={latest.status} />
              </a>
            ))}
          {detail?.paused === true && <Paused />}
        </span>
      </td>
      <td>
        <Time at={latest?.started_at ?? null} />
      </td>
      <td>
        <a href={href(["runs"], { pipeline_id: id })} aria-label={`Runs of ${id}`}>
          Runs
        </a>
      </td>
    </tr>
  )
}

/** Says that something is paused. */
export const Paused = (): JSX.Element => (
  <span class="status CANCELLED">
    <Icon name="pause" /> Paused
  </span>
)
