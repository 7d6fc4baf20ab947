/** Pipelines whose runs failed lately, and dead letters: runs whose step was lost with its worker too often. */
import type { ComponentChildren, JSX } from "preact"
import { useState } from "preact/hooks"
import type { RunRow, Runs } from "../../../http/runs/RunWire.ts"
import { query } from "../data/Connection.ts"
import { type Concerns, useResource } from "../data/Resource.ts"
import { Loaded } from "../parts/Problem.tsx"
import { Clipped, countText } from "../parts/Table.tsx"
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"

const HOUR_MILLIS = 3_600_000
/** How many failed runs are counted, and how many pipelines are listed. */
const COUNTED = 200
const LISTED = 8

const onFailure: Concerns = ({ type }) => type === "PipelineErrorEvent"

/** The failed runs of the last hour by pipeline, the latest of each first; the pipeline with the most first. */
const failingOf = (runs: ReadonlyArray<RunRow>): ReadonlyArray<readonly [id: string, runs: ReadonlyArray<RunRow>]> => {
  const since = Date.now() - HOUR_MILLIS
  const late = runs.filter(({ submitted_at }) => Date.parse(submitted_at) >= since)
  return [...Map.groupBy(late, ({ pipeline_id }) => pipeline_id)].sort(
    ([, one], [, other]) => other.length - one.length
  )
}

/** The pipeline of a failed run, with a link, and why it failed, with a link to the run. */
const Entry = ({
  run: { pipeline_id, task_id, error },
  link,
  children
}: {
  readonly run: RunRow
  readonly link: string
  readonly children: ComponentChildren
}): JSX.Element => (
  <li>
    <Clipped text={pipeline_id} href={link} />
    <span class="number">{children}</span>
    <Clipped text={(error?.cause ?? error)?.message ?? task_id} href={href(["runs", task_id])} />
  </li>
)

export const FailingPipelines = (): JSX.Element => {
  // The address stays the same, so that the list does not vanish every minute.
  const [since] = useState(() => new Date(Date.now() - HOUR_MILLIS).toISOString())
  const runs = useResource<Runs>(`/runs${query({ status: "FAILED", since, limit: COUNTED })}`, onFailure)
  return (
    <section class="card">
      <h2>Failing pipelines, last hour</h2>
      <Loaded of={runs}>
        {({ runs: rows, next_cursor }) => {
          const failing = failingOf(rows)
          return (
            <>
              {failing.length === 0 && <p class="faint">No run failed.</p>}
              <ul class="entries">
                {failing.slice(0, LISTED).map(([id, failed]) => (
                  <Entry
                    key={id}
                    run={failed[0]!}
                    link={href(["runs"], { status: "FAILED", pipeline_id: id, range: "1h" })}
                  >
                    {countText(failed.length)} failed
                  </Entry>
                ))}
              </ul>
              {(failing.length > LISTED || next_cursor !== null) && (
                <p>
                  <a href={href(["runs"], { status: "FAILED", range: "1h" })}>All failed runs</a>
                </p>
              )}
            </>
          )
        }}
      </Loaded>
    </section>
  )
}

/** Runs whose step was lost with its worker too often. */
const LOST = { status: "FAILED", error: "WorkerLost" }
const SHOWN = 5

export const DeadLetters = (): JSX.Element => {
  const runs = useResource<Runs>(`/runs${query({ ...LOST, limit: SHOWN })}`, onFailure)
  return (
    <section class="card">
      <h2>Dead letters</h2>
      <Loaded of={runs}>
        {({ runs: rows, next_cursor }) => (
          <>
            {rows.length === 0 && (
              <p class="faint">None. A step that keeps killing its worker fails, and its run is listed here.</p>
            )}
            <ul class="entries">
              {rows.map((run) => (
                <Entry key={run.task_id} run={run} link={href(["pipelines", run.pipeline_id])}>
                  <Time at={run.completed_at} />
                </Entry>
              ))}
            </ul>
            {rows.length > 0 && (
              <p>
                <a href={href(["runs"], LOST)}>
                  Show and retry {next_cursor === null ? rows.length : `${rows.length} or more`}
                </a>
              </p>
            )}
          </>
        )}
      </Loaded>
    </section>
  )
}
