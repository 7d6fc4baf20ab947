/** How the runs of a pipeline went: figures, plots over time, its steps, and why runs failed. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { NumbersJson, StatisticsJson } from "../../../http/health/StatisticsWire.ts"
import { path, query } from "../data/Connection.ts"
import { type Concerns, useResource } from "../data/Resource.ts"
import { Figure } from "../parts/Figure.tsx"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { durationText } from "../parts/Time.tsx"
import type { Series } from "../plots/Series.ts"
import { DurationPlot, OutcomePlot, SeriesTable } from "../plots/SeriesPlots.tsx"
import { go, href } from "../Router.ts"

/** Periods by name: the title, their minutes, and how many intervals the plots have. */
const PERIODS: { readonly [name: string]: readonly [title: string, minutes: number, points: number] } = {
  "1h": ["Last hour", 60, 60],
  "6h": ["Last 6 hours", 360, 72],
  "24h": ["Last 24 hours", 1_440, 96]
}

const DEFAULT = "1h"

export const StatisticsPanel = ({
  id,
  period,
  linkTo
}: {
  readonly id: string
  readonly period: string | undefined
  readonly linkTo: (more: { readonly [key: string]: string | undefined }) => string
}): JSX.Element => {
  const chosen = period !== undefined && Object.hasOwn(PERIODS, period) ? period : DEFAULT
  const [, minutes, points] = PERIODS[chosen]!
  const concerns: Concerns = ({ pipeline_id, type }) =>
    pipeline_id === id && type.startsWith("Pipeline") && type !== "PipelineStartEvent"
  const base = path`/pipelines/${id}/statistics`
  const statistics = useResource<StatisticsJson>(base + query({ window: minutes * 60 }), concerns)
  const series = useResource<Series>(`${base}/series${query({ minutes, points })}`, concerns)
  return (
    <section class="stack" aria-label="Statistics">
      <div class="filter-row">
        <label>
          <span class="hidden">Period</span>
          <select
            value={chosen}
            onChange={({ currentTarget: { value } }) =>
              go(linkTo({ period: value === DEFAULT ? undefined : value }), true)
            }
          >
            {Object.entries(PERIODS).map(([name, [title]]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Loaded of={statistics}>
        {(of) =>
          of.completed + of.failed + of.cancelled === 0 && of.steps.length === 0 ? (
            <Empty>
              <h2>No run finished in this time</h2>
              <p>Choose a longer period, or start a run.</p>
            </Empty>
          ) : (
            <>
              <Figures of={of} />
              <Loaded of={series}>
                {(points) => (
                  <>
                    <div class="panels">
                      <div class="card">
                        <OutcomePlot series={points} />
                      </div>
                      <div class="card">
                        <DurationPlot series={points} />
                      </div>
                    </div>
                    <SeriesTable series={points} />
                  </>
                )}
              </Loaded>
              <Failures of={of} id={id} />
              <Steps of={of} />
            </>
          )
        }
      </Loaded>
    </section>
  )
}

const millisText = (millis: number | null): string => (millis === null ? "–" : durationText(millis))

const shareText = (share: number | null): string => (share === null ? "–" : `${Math.floor(share * 1_000) / 10}%`)

const Figures = ({ of }: { readonly of: NumbersJson }): JSX.Element => (
  <dl class="figures">
    <Figure name="Completed">{of.completed.toLocaleString("en")}</Figure>
    <Figure name="Failed">{of.failed.toLocaleString("en")}</Figure>
    <Figure name="Cancelled">{of.cancelled.toLocaleString("en")}</Figure>
    <Figure name="Success">{shareText(of.success_rate)}</Figure>
    <Figure name="p50">{millisText(of.p50_ms)}</Figure>
    <Figure name="p95">{millisText(of.p95_ms)}</Figure>
    <Figure name="Longest">{millisText(of.max_ms)}</Figure>
  </dl>
)

const Failures = ({ of, id }: { readonly of: NumbersJson; readonly id: string }): JSX.Element | null =>
  of.failures.length === 0 ? null : (
    <section class="stack">
      <h2>Failures</h2>
      <table class="list rows">
        <thead>
          <tr>
            <th class="narrow end">Runs</th>
            <th>Failure</th>
          </tr>
        </thead>
        <tbody>
          {of.failures.map(({ error, message, count }) => (
            <tr key={`${error} ${message}`}>
              <td class="end number" data-label="Runs">
                {count.toLocaleString("en")}
              </td>
              <td class="wide-cell">
                <a
                  class="clipped"
                  title={message}
                  href={href(["runs"], { pipeline_id: id, status: "FAILED", error: searched(message) })}
                >
                  <bdi>{message === "" ? error : message}</bdi>
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )

/** The part of a message that the list of runs can be searched for: a message may have been cut. */
const searched = (message: string): string => message.replace(/…$/, "").slice(0, 150).trim()

/** How many steps are shown at first. */
const ROWS = 100

const Steps = ({
  of: { steps, slowest_step, most_failing_step }
}: {
  readonly of: StatisticsJson
}): JSX.Element | null => {
  const [limit, setLimit] = useState(ROWS)
  if (steps.length === 0) return null
  return (
    <section class="stack">
      <h2>Steps</h2>
      <table class="list rows steps-table">
        <thead>
          <tr>
            <th>Step</th>
            <th class="end">Completed</th>
            <th class="end">Failed</th>
            <th class="end">p50</th>
            <th class="end">p95</th>
            <th class="end">Retried</th>
            <th class="end">Skipped</th>
          </tr>
        </thead>
        <tbody>
          {steps.slice(0, limit).map((step) => (
            <tr key={step.step_name}>
              <td class="wide-cell">
                <span class="clipped" title={step.step_name}>
                  <bdi>{step.step_name}</bdi>
                  {step.step_name === slowest_step && <small class="mark"> slowest</small>}
                  {step.step_name === most_failing_step && <small class="mark"> fails most</small>}
                </span>
              </td>
              <Cell label="Completed">{step.completed.toLocaleString("en")}</Cell>
              <Cell label="Failed">{step.failed.toLocaleString("en")}</Cell>
              <Cell label="p50">{millisText(step.p50_ms)}</Cell>
              <Cell label="p95">{millisText(step.p95_ms)}</Cell>
              <Cell label="Retried">{step.retried.toLocaleString("en")}</Cell>
              <Cell label="Skipped">{step.skipped.toLocaleString("en")}</Cell>
            </tr>
          ))}
        </tbody>
      </table>
      {steps.length > limit && (
        <p>
          <button type="button" onClick={() => setLimit(limit + ROWS)}>
            Show {Math.min(ROWS, steps.length - limit)} more of {steps.length.toLocaleString("en")} steps
          </button>
        </p>
      )}
    </section>
  )
}

const Cell = ({ label, children }: { readonly label: string; readonly children: string }): JSX.Element => (
  <td class="end number" data-label={label}>
    {children}
  </td>
)
