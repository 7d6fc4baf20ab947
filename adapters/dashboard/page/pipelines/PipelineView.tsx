/** One pipeline: its graph, a form that starts runs, its statistics, its schedules and its latest runs. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { PipelineDetail } from "../../../http/pipelines/PipelineWire.ts"
import type { Runs } from "../../../http/runs/RunWire.ts"
import { useCaller } from "../data/Caller.ts"
import { path, query as queryOf, send } from "../data/Connection.ts"
import { useFresh } from "../data/Refresh.ts"
import { isMissing, useResource } from "../data/Resource.ts"
import { GraphView } from "../graph/GraphView.tsx"
import { ActButton, Confirm } from "../parts/Action.tsx"
import { Fact } from "../parts/Fact.tsx"
import { Icon } from "../parts/Icon.tsx"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { save } from "../parts/Save.ts"
import { countText } from "../parts/Table.tsx"
import { Tabs } from "../parts/Tabs.tsx"
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"
import { RunTable } from "../runs/RunTable.tsx"
import { ScheduleList } from "../schedules/ScheduleList.tsx"
import { Paused } from "./PipelinesView.tsx"
import { type RunDraft, RunForm } from "./RunForm.tsx"
import { StatisticsPanel } from "./StatisticsPanel.tsx"

type Query = Readonly<Record<string, string>>

export const PipelineView = ({ id, query }: { readonly id: string; readonly query: Query }): JSX.Element => {
  // Another server may pause it.
  const pipeline = useFresh<PipelineDetail>(path`/pipelines/${id}`)
  if (isMissing(pipeline.error)) {
    return (
      <Empty>
        <h1>There is no such pipeline</h1>
        <p>
          <code>{id}</code> does not exist, or is not yours to read.
        </p>
        <p>
          <a href={href(["pipelines"])}>All pipelines</a>
        </p>
      </Empty>
    )
  }
  return <Loaded of={pipeline}>{(detail) => <Shown pipeline={detail} query={query} reload={pipeline.reload} />}</Loaded>
}

const TABS = [
  { id: "graph", title: "Graph" },
  { id: "run", title: "Start a run" },
  { id: "statistics", title: "Statistics" },
  { id: "schedules", title: "Schedules" },
  { id: "runs", title: "Runs" }
] as const

const Shown = ({
  pipeline,
  query,
  reload
}: {
  readonly pipeline: PipelineDetail
  readonly query: Query
  readonly reload: () => void
}): JSX.Element => {
  const { pipeline_id: id } = pipeline
  const { may } = useCaller()
  const [draft, setDraft] = useState<RunDraft>()
  const tabs = TABS.filter((one) => one.id !== "run" || may("execute", id))
  const tab = tabs.some((one) => one.id === query["tab"]) ? query["tab"]! : "graph"
  const linkTo = (more: { readonly [key: string]: string | undefined }): string =>
    href(["pipelines", id], { ...query, ...more })
  return (
    <>
      <Header pipeline={pipeline} reload={reload} />
      <Tabs
        label="Parts of the pipeline"
        tabs={tabs}
        current={tab}
        hrefOf={(one) => linkTo({ tab: one === "graph" ? undefined : one })}
      />
      {tab === "graph" && (
        <>
          <GraphView pipelineId={id} />
          <Downloads id={id} />
        </>
      )}
      {tab === "run" && <RunForm pipeline={pipeline} like={query["like"]} draft={draft} change={setDraft} />}
      {tab === "statistics" && <StatisticsPanel id={id} minutes={query["minutes"]} linkTo={linkTo} />}
      {tab === "schedules" && <ScheduleList pipelineId={id} />}
      {tab === "runs" && <LatestRuns id={id} />}
    </>
  )
}

const Header = ({
  pipeline,
  reload
}: {
  readonly pipeline: PipelineDetail
  readonly reload: () => void
}): JSX.Element => {
  const { pipeline_id: id, paused } = pipeline
  const { may } = useCaller()
  const [isAsking, setAsking] = useState(false)
  const verb = paused ? "Resume" : "Pause"
  return (
    <header class="view">
      <p class="crumbs">
        <a href={href(["pipelines"])}>Pipelines</a>
      </p>
      <div class="title">
        <h1>
          <bdi>{id}</bdi>
          {paused && <Paused />}
        </h1>
        {may("admin", id) && (
          <div class="actions">
            <button type="button" onClick={() => setAsking(true)}>
              <Icon name={paused ? "running" : "pause"} />
              {verb}…
            </button>
          </div>
        )}
      </div>
      <dl class="facts">
        <Fact name="Type">{pipeline.pipeline_type}</Fact>
        <Fact name="Steps">{countText(pipeline.tasks.length)}</Fact>
        <Fact name="Version">
          <code title={pipeline.version}>{pipeline.version.slice(0, 12)}</code>
        </Fact>
        <Fact name="Registered">
          <Time at={pipeline.created_at} />
        </Fact>
      </dl>
      {isAsking && (
        <Confirm
          title={`${verb} the pipeline`}
          verb={verb}
          close={() => setAsking(false)}
          act={async () => {
            await send(`${path`/pipelines/${id}`}/${paused ? "resume" : "pause"}`, { method: "POST" })
            reload()
          }}
        >
          <p>
            {paused
              ? "Steps that wait start again."
              : "Running steps go on, and no other step starts until it is resumed. New runs wait."}
          </p>
        </Confirm>
      )}
    </header>
  )
}

/** Pictures of the graph, as files. */
const FORMATS = [
  ["svg", "SVG", "svg", "image/svg+xml"],
  ["mermaid", "Mermaid", "mmd", "text/plain"],
  ["dot", "DOT", "dot", "text/vnd.graphviz"],
  ["ascii", "Plain text", "txt", "text/plain"]
] as const

const Downloads = ({ id }: { readonly id: string }): JSX.Element => (
  <div class="links">
    <span class="faint">Download as</span>
    {FORMATS.map(([format, title, ending, type]) => (
      <ActButton
        key={format}
        act={async () => {
          const answer = await send(`${path`/pipelines/${id}`}/dag/${format}`)
          save(`${id.replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 80)}.${ending}`, await answer.text(), type)
        }}
      >
        <Icon name="download" />
        {title}
      </ActButton>
    ))}
  </div>
)

/** How many runs the tab shows. */
const RUNS = 20

const LatestRuns = ({ id }: { readonly id: string }): JSX.Element => {
  const runs = useResource<Runs>(
    `/runs${queryOf({ pipeline_id: id, limit: RUNS })}`,
    ({ pipeline_id, type }) => pipeline_id === id && type.startsWith("Pipeline")
  )
  return (
    <Loaded of={runs}>
      {({ runs: rows }) =>
        rows.length === 0 ? (
          <Empty>
            <h2>No runs yet</h2>
            <p>Its runs appear here as they start.</p>
          </Empty>
        ) : (
          <>
            <RunTable rows={rows} current={-1} />
            <p class="pages">
              <a href={href(["runs"], { pipeline_id: id })}>All runs of the pipeline</a>
            </p>
          </>
        )
      }
    </Loaded>
  )
}
