/** One run: what went wrong first, then its steps over time, its graph, its log and its values. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { useCaller } from "../data/Caller.ts"
import { path } from "../data/Connection.ts"
import { isMissing, useResource } from "../data/Resource.ts"
import { GraphView } from "../graph/GraphView.tsx"
import { Copy } from "../parts/Copy.tsx"
import { Fact } from "../parts/Fact.tsx"
import { Icon } from "../parts/Icon.tsx"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { Status } from "../parts/Status.tsx"
import { Tabs } from "../parts/Tabs.tsx"
import { Duration, Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"
import { CancelDialog } from "./CancelDialog.tsx"
import { FailurePanel } from "./FailurePanel.tsx"
import { LogPanel } from "./LogPanel.tsx"
import { isEnded, type Outline } from "./Outline.ts"
import { hasFailure, RetryDialog } from "./RetryDialog.tsx"
import { StepTable } from "./StepTable.tsx"
import { ValuePanel } from "./ValuePanel.tsx"

type Query = Readonly<Record<string, string>>

export const RunView = ({ id, query }: { readonly id: string; readonly query: Query }): JSX.Element => {
  const run = useResource<Outline>(`${path`/runs/${id}`}?values=false`, ({ task_id }) => task_id === id)
  if (isMissing(run.error)) {
    return (
      <Empty>
        <h1>There is no such run</h1>
        <p>
          <code>{id}</code> does not exist, was deleted, or is not yours to read.
        </p>
        <p>
          <a href={href(["runs"])}>All runs</a>
        </p>
      </Empty>
    )
  }
  return <Loaded of={run}>{(outline) => <Shown run={outline} query={query} reload={run.reload} />}</Loaded>
}

const Shown = ({
  run,
  query,
  reload
}: {
  readonly run: Outline
  readonly query: Query
  readonly reload: () => void
}): JSX.Element => {
  const tab = TABS.some(({ id }) => id === query["tab"]) ? query["tab"]! : "steps"
  const linkTo = (more: { readonly [key: string]: string | undefined }): string =>
    href(["runs", run.task_id], { ...query, ...more })
  return (
    <>
      <Header run={run} reload={reload} />
      {run.error !== null && <FailurePanel run={run} stepHref={(step) => linkTo({ tab: undefined, step })} />}
      <Tabs
        label="Parts of the run"
        tabs={TABS.map((one) => ({
          ...one,
          ...(one.id === "steps" && { count: run.steps.length }),
          ...(one.id === "values" && { count: run.values.length })
        }))}
        current={tab}
        hrefOf={(id) => linkTo({ tab: id === "steps" ? undefined : id })}
      />
      {tab === "steps" && <StepTable run={run} query={query} linkTo={linkTo} />}
      {tab === "graph" && (
        <GraphView
          pipelineId={run.pipeline_id}
          runId={run.task_id}
          steps={run.steps}
          stepHref={(step) => linkTo({ tab: undefined, step })}
        />
      )}
      {tab === "log" && <LogPanel run={run} step={query["step"]} />}
      {tab === "values" && <ValuePanel run={run} />}
    </>
  )
}

const TABS = [
  { id: "steps", title: "Steps" },
  { id: "graph", title: "Graph" },
  { id: "log", title: "Log" },
  { id: "values", title: "Values" }
] as const

const Header = ({ run, reload }: { readonly run: Outline; readonly reload: () => void }): JSX.Element => {
  const { may } = useCaller()
  const [dialog, setDialog] = useState<"retry" | "cancel">()
  const close = (): void => setDialog(undefined)
  const ended = isEnded(run)
  const canExecute = may("execute", run.pipeline_id)
  return (
    <header class="view">
      <p class="crumbs">
        <a href={href(["runs"])}>Runs</a> /{" "}
        <a href={href(["runs"], { pipeline_id: run.pipeline_id })}>
          <bdi>{run.pipeline_id}</bdi>
        </a>
      </p>
      <div class="title">
        <h1>
          <Status status={run.status} />
          <a href={href(["pipelines", run.pipeline_id])}>
            <bdi>{run.pipeline_id}</bdi>
          </a>
        </h1>
        {canExecute && (
          <div class="actions">
            {ended && (
              <button type="button" class={hasFailure(run) ? "primary" : undefined} onClick={() => setDialog("retry")}>
                <Icon name="retry" />
                {hasFailure(run) ? "Retry from the failure…" : "Retry from a step…"}
              </button>
            )}
            {!ended && (
              <button type="button" class="danger" onClick={() => setDialog("cancel")}>
                Cancel…
              </button>
            )}
            <a class="button" href={href(["pipelines", run.pipeline_id], { tab: "run", like: run.task_id })}>
              Run again with these parameters…
            </a>
          </div>
        )}
      </div>
      <dl class="facts">
        <Fact name="Run">
          <Copy text={run.task_id} what="the id" />
        </Fact>
        <Fact name="Submitted">
          <Time at={run.submitted_at} />
        </Fact>
        {run.started_at === null ? (
          <Fact name="Starts">
            <Time at={run.start_at} />
          </Fact>
        ) : (
          <Fact name="Started">
            <Time at={run.started_at} />
          </Fact>
        )}
        <Fact name="Duration">
          <Duration from={run.started_at} millis={run.duration_ms} isRunning={run.status === "RUNNING"} />
        </Fact>
        <Fact name="Steps">
          {run.steps_completed}/{run.total_steps} completed
        </Fact>
        {run.reason !== null && <Fact name="Reason">{run.reason}</Fact>}
        {run.retry_of !== null && (
          <Fact name="Retry of">
            <a href={href(["runs", run.retry_of])}>
              <code>{run.retry_of}</code>
            </a>
          </Fact>
        )}
        {run.schedule !== null && (
          <Fact name="Schedule">
            {run.schedule.id}, for <Time at={run.schedule.tick} />
          </Fact>
        )}
        {run.targets !== null && <Fact name="Targets">{run.targets.join(", ")}</Fact>}
        {run.priority !== 0 && <Fact name="Priority">{run.priority}</Fact>}
        <Fact name="On failure">{run.on_failure}</Fact>
        {run.request_id !== null && (
          <Fact name="Request">
            <code>{run.request_id}</code>
          </Fact>
        )}
        <Fact name="Version">
          <code title={run.version}>{run.version.slice(0, 12)}</code>
        </Fact>
      </dl>
      {dialog === "retry" && <RetryDialog run={run} close={close} />}
      {dialog === "cancel" && (
        <CancelDialog
          run={run}
          close={() => {
            close()
            reload()
          }}
        />
      )}
    </header>
  )
}
