/** Pipelines whose runs failed lately, and runs that were given up because their workers died. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { RunRow, Runs } from "../../../http/runs/RunWire.ts"
import { query } from "../data/Connection.ts"
import { type Concerns, useResource } from "../data/Resource.ts"
import { Loaded } from "../parts/Problem.tsx"
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"

const HOUR_MILLIS = 3_600_000
/** How many failed runs are counted, and how many pipelines are listed. */
const COUNTED = 200
const LISTED = 8

const onFailure: Concerns = ({ type }) => type === "PipelineErrorEvent"

interface Failing {
  readonly id: string
  readonly count: number
  /** The latest of them. */
  readonly last: RunRow
}

const failingOf = (runs: ReadonlyArray<RunRow>): ReadonlyArray<Failing> => {
  const since = Date.now() - HOUR_MILLIS
  const found = new Map<string, Failing>()
  for (const run of runs) {
    if (Date.parse(run.submitted_at) < since) continue
    const { count = 0, last = run } = found.get(run.pipeline_id) ?? {}
    found.set(run.pipeline_id, { id: run.pipeline_id, count: count + 1, last })
  }
  return [...found.values()].sort((one, other) => other.count - one.count)
}

export const FailingPipelines = (): JSX.Element => {
  // The address stays the same, so that the table does not vanish every minute.
  const [since] = useState(() => new Date(Date.now() - HOUR_MILLIS).toISOString())
  const runs = useResource<Runs>(`/runs${query({ status: "FAILED", since, limit: COUNTED })}`, onFailure)
  return (
    <section class="card">
      <h2>Failing pipelines, last hour</h2>
      <Loaded of={runs}>
        {({ runs: rows, next_cursor }) => {
          const failing = failingOf(rows)
          if (failing.length === 0) return <p class="faint">No run failed.</p>
          return (
            <>
              <ul class="entries">
                {failing.slice(0, LISTED).map(({ id, count, last }) => (
                  <li key={id}>
                    <a
                      class="clipped"
                      title={id}
                      href={href(["runs"], { status: "FAILED", pipeline_id: id, range: "1h" })}
                    >
                      <bdi>{id}</bdi>
                    </a>
                    <span class="number">{count} failed</span>
                    <a class="clipped faint" href={href(["runs", last.task_id])} title={last.error?.message}>
                      {last.error === null ? last.task_id : (last.error.cause ?? last.error).message}
                    </a>
                  </li>
                ))}
              </ul>
              {failing.length > LISTED && <p class="faint">… and {failing.length - LISTED} more pipelines</p>}
              {next_cursor !== null && <p class="faint">Of the latest {rows.length} failed runs.</p>}
            </>
          )
        }}
      </Loaded>
    </section>
  )
}

/** The name of the failure of a step that was lost with its worker too often. */
const LOST = "WorkerLost"
const SHOWN = 5

export const DeadLetters = (): JSX.Element => {
  const filter = { status: "FAILED", error: LOST }
  const runs = useResource<Runs>(`/runs${query({ ...filter, limit: SHOWN })}`, onFailure)
  return (
    <section class="card">
      <h2>Given up: their workers were lost</h2>
      <Loaded of={runs}>
        {({ runs: rows, next_cursor }) =>
          rows.length === 0 && next_cursor === null ? (
            <p class="faint">No run was given up.</p>
          ) : (
            <>
              <p>
                {next_cursor === null ? rows.length : `At least ${rows.length}`} failed because the workers of a step
                died too often. Its task may take too much memory or end its process.
              </p>
              <ul class="entries">
                {rows.map(({ task_id, pipeline_id, completed_at, error }) => (
                  <li key={task_id}>
                    <a class="clipped" href={href(["runs", task_id])} title={pipeline_id}>
                      <bdi>{pipeline_id}</bdi>
                    </a>
                    <Time at={completed_at} />
                    <span class="clipped faint" title={error?.message}>
                      {error?.step ?? error?.message}
                    </span>
                  </li>
                ))}
              </ul>
              <p>
                <a href={href(["runs"], filter)}>Show and retry them</a>
              </p>
            </>
          )
        }
      </Loaded>
    </section>
  )
}
