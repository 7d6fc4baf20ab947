/** How the whole is doing: figures, what needs attention, the last hour, workers and listeners. */
import type { JSX } from "preact"
import type { LoadJson, Readiness } from "../../../http/health/HealthWire.ts"
import type { SeriesJson } from "../../../http/health/StatisticsWire.ts"
import { useCaller } from "../data/Caller.ts"
import { useFresh } from "../data/Refresh.ts"
import { Fact } from "../parts/Fact.tsx"
import { Icon } from "../parts/Icon.tsx"
import { Loaded } from "../parts/Problem.tsx"
import { countText } from "../parts/Table.tsx"
import { durationText } from "../parts/Time.tsx"
import { OutcomePlot, SeriesTable } from "../plots/SeriesPlots.tsx"
import { href } from "../Router.ts"
import { DeadLetters, FailingPipelines } from "./Failing.tsx"
import { Listeners } from "./Listeners.tsx"
import { Workers } from "./Workers.tsx"

export const OverviewView = (): JSX.Element => {
  const { may } = useCaller()
  const ready = useFresh<Readiness>("/health/ready")
  const series = useFresh<SeriesJson>("/statistics/series")
  return (
    <>
      <header class="view">
        <h1>Overview</h1>
      </header>
      <Loaded of={ready}>
        {(load) =>
          isLoad(load) ? (
            <Load load={load} />
          ) : (
            <Warning
              title="The server is not ready"
              text="Its store does not answer, or it is shutting down. Figures appear again when it is ready."
            />
          )
        }
      </Loaded>
      <section class="card" aria-label="The last hour">
        <Loaded of={series}>
          {(of) => (
            <>
              <OutcomePlot series={of} minutes={60} />
              <SeriesTable series={of} />
            </>
          )}
        </Loaded>
      </section>
      <div class="panels">
        <FailingPipelines />
        <DeadLetters />
      </div>
      <Workers />
      {may("admin") && <Listeners />}
    </>
  )
}

const isLoad = (of: Readiness): of is Readiness & LoadJson => of.status === "ready" && of.workers !== undefined

const UNFINISHED = "PENDING,RUNNING"

const Load = ({ load }: { readonly load: LoadJson }): JSX.Element => (
  <>
    <dl class="figures card">
      <Fact name="Unfinished runs">
        <a href={href(["runs"], { status: UNFINISHED })}>{countText(load.runs_unfinished)}</a>
      </Fact>
      <Fact name="Steps waiting">{countText(load.steps_waiting)}</Fact>
      <Fact name="Steps running">{countText(load.steps_running)}</Fact>
      <Fact name="Workers">{countText(load.workers)}</Fact>
      <Fact name="Oldest waiting">{load.steps_waiting === 0 ? "–" : durationText(load.oldest_waiting_ms)}</Fact>
    </dl>
    {load.workers === 0 && (
      <Warning title="There are no workers" text="No step runs until a worker, or a server with one, is started." />
    )}
    {load.abandoned.map(({ pipeline_id, version, steps }) => (
      <Warning
        key={`${pipeline_id} ${version}`}
        title={`${countText(steps)} steps of ${pipeline_id} wait for its version ${version}, which no worker has`}
        text="Start a worker with that version until these runs have ended, or cancel them."
        link={href(["runs"], { status: UNFINISHED, pipeline_id })}
      />
    ))}
    {load.overdue_schedules.length > 0 && (
      <Warning
        title={`Overdue schedules: ${load.overdue_schedules.slice(0, 5).join(", ")}${load.overdue_schedules.length > 5 ? " and more" : ""}`}
        text="For over a minute no server has started their runs. Start a server that has their pipelines, or pause them."
        link={href(["schedules"])}
      />
    )}
  </>
)

/** Something that needs attention, and what to do. */
const Warning = ({
  title,
  text,
  link
}: {
  readonly title: string
  readonly text: string
  readonly link?: string
}): JSX.Element => (
  <section class="warning">
    <h2>
      <Icon name="failed" /> <bdi>{title}</bdi>
    </h2>
    <p>
      {text} {link !== undefined && <a href={link}>Show them</a>}
    </p>
  </section>
)
