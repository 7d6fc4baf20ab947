/** How the whole is doing: figures, what needs attention, the last hour, workers and listeners. */
import type { JSX } from "preact"
import { useEffect, useRef } from "preact/hooks"
import type { LoadJson, Readiness } from "../../../http/health/HealthWire.ts"
import { useCaller } from "../data/Caller.ts"
import { outage } from "../data/Connection.ts"
import { type Resource, useResource } from "../data/Resource.ts"
import { Figure } from "../parts/Figure.tsx"
import { Icon } from "../parts/Icon.tsx"
import { Loaded } from "../parts/Problem.tsx"
import { durationText } from "../parts/Time.tsx"
import type { Series } from "../plots/Series.ts"
import { OutcomePlot, SeriesTable } from "../plots/SeriesPlots.tsx"
import { href } from "../Router.ts"
import { DeadLetters, FailingPipelines } from "./Failing.tsx"
import { ListenerPanel } from "./ListenerPanel.tsx"
import { WorkerPanel } from "./WorkerPanel.tsx"

const EVERY_MILLIS = 5_000

/** Loads an answer again and again, while the page is visible and the server answers. */
export const useEvery = ({ reload, isLoading }: Resource<unknown>, millis: number = EVERY_MILLIS): void => {
  const isBusy = useRef(isLoading)
  isBusy.current = isLoading
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible" && outage.value === undefined && !isBusy.current) reload()
    }, millis)
    return () => clearInterval(timer)
  }, [reload, millis])
}

export const OverviewView = (): JSX.Element => {
  const { may } = useCaller()
  const ready = useResource<Readiness>("/health/ready")
  const series = useResource<Series>("/statistics/series?minutes=60&points=60")
  useEvery(ready)
  useEvery(series)
  return (
    <>
      <header class="view">
        <h1>Overview</h1>
      </header>
      <Loaded of={ready}>
        {(load) => (isLoad(load) ? <Load load={load} /> : <Warning title="The store does not answer" text={UNREADY} />)}
      </Loaded>
      <section class="card" aria-label="The last hour">
        <Loaded of={series}>
          {(of) => (
            <>
              <OutcomePlot series={of} />
              <div class="links">
                <a href={href(["runs"], { status: "FAILED", range: "1h" })}>Failed runs of the last hour</a>
                <SeriesTable series={of} />
              </div>
            </>
          )}
        </Loaded>
      </section>
      <div class="panels">
        <FailingPipelines />
        <DeadLetters />
      </div>
      <WorkerPanel />
      {may("admin") && <ListenerPanel />}
    </>
  )
}

const UNREADY = "Figures and runs appear again once it does. Look at its process and at the network between."

const isLoad = (of: Readiness): of is Readiness & LoadJson => of.status === "ready" && of.workers !== undefined

const Load = ({ load }: { readonly load: LoadJson }): JSX.Element => {
  const { workers, steps_waiting, steps_running, runs_unfinished, oldest_waiting_ms, abandoned, overdue_schedules } =
    load
  return (
    <>
      <dl class="figures card">
        <Figure name="Unfinished runs">
          <a href={href(["runs"], { status: "PENDING,RUNNING" })}>{runs_unfinished.toLocaleString("en")}</a>
        </Figure>
        <Figure name="Steps waiting">{steps_waiting.toLocaleString("en")}</Figure>
        <Figure name="Steps running">{steps_running.toLocaleString("en")}</Figure>
        <Figure name="Workers">{workers.toLocaleString("en")}</Figure>
        <Figure name="Oldest waiting">{steps_waiting === 0 ? "–" : durationText(oldest_waiting_ms)}</Figure>
      </dl>
      {workers === 0 && (
        <Warning
          title="There are no workers"
          text="Runs start, but no step runs. Start a worker, or a server that has one, with the same store."
        />
      )}
      {abandoned.map(({ pipeline_id, version, steps }) => (
        <Warning
          key={`${pipeline_id} ${version}`}
          title={`${steps.toLocaleString("en")} ${steps === 1 ? "step waits" : "steps wait"} for a version of ${pipeline_id} that no worker has`}
          text={`Start a worker with version ${version} until these runs have ended, or cancel them.`}
          link={pipeline_id === "other" ? undefined : href(["runs"], { status: "PENDING,RUNNING", pipeline_id })}
        />
      ))}
      {overdue_schedules.length > 0 && (
        <Warning
          title={`Overdue: ${overdue_schedules.slice(0, 5).join(", ")}${overdue_schedules.length > 5 ? ` and ${overdue_schedules.length - 5} more` : ""}`}
          text="No server has started runs of these schedules for more than a minute. Start a server that has their pipelines, or pause them."
          link={href(["schedules"])}
        />
      )}
    </>
  )
}

/** Something that needs attention, and what to do. */
const Warning = ({
  title,
  text,
  link
}: {
  readonly title: string
  readonly text: string
  readonly link?: string | undefined
}): JSX.Element => (
  <section class="warning">
    <h2>
      <Icon name="failed" /> Attention: <bdi>{title}</bdi>
    </h2>
    <p>{text}</p>
    {link !== undefined && (
      <p>
        <a href={link}>Show them</a>
      </p>
    )}
  </section>
)
