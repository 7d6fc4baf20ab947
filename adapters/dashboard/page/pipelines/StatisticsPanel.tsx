/** How the runs of a pipeline went: figures, plots over time, why runs failed, and its steps. */
import type { JSX } from "preact"
import type { NumbersJson, SeriesJson, StatisticsJson, StepNumbersJson } from "../../../http/health/StatisticsWire.ts"
import { path, query } from "../data/Connection.ts"
import { type Concerns, useResource } from "../data/Resource.ts"
import { SelectField } from "../form/TextField.tsx"
import { Fact } from "../parts/Fact.tsx"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { Clipped, type Column, countText, Table } from "../parts/Table.tsx"
import { durationText } from "../parts/Time.tsx"
import { DurationPlot, OutcomePlot, SeriesTable } from "../plots/SeriesPlots.tsx"
import { go, href } from "../Router.ts"

/** Periods by their minutes. */
const PERIODS = { 60: "Last hour", 360: "Last 6 hours", 1440: "Last 24 hours" }

/** How many intervals a plot has at most. */
const POINTS = 72

export const StatisticsPanel = ({
  id,
  minutes = "60",
  linkTo
}: {
  readonly id: string
  readonly minutes: string | undefined
  readonly linkTo: (more: { readonly [key: string]: string | undefined }) => string
}): JSX.Element => {
  const chosen = Object.hasOwn(PERIODS, minutes) ? minutes : "60"
  const concerns: Concerns = ({ pipeline_id, type }) =>
    pipeline_id === id && type.startsWith("Pipeline") && type !== "PipelineStartEvent"
  const base = path`/pipelines/${id}/statistics`
  const statistics = useResource<StatisticsJson>(base + query({ window: Number(chosen) * 60 }), concerns)
  const series = useResource<SeriesJson>(`${base}/series${query({ minutes: chosen, points: POINTS })}`, concerns)
  return (
    <>
      <div class="filter-row">
        <SelectField
          label="Period"
          choices={PERIODS}
          value={chosen}
          change={(next) => go(linkTo({ minutes: next }), true)}
        />
      </div>
      <Loaded of={statistics}>
        {(of) =>
          of.completed + of.failed + of.cancelled + of.steps.length === 0 ? (
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
                        <OutcomePlot series={points} minutes={Number(chosen)} />
                      </div>
                      <div class="card">
                        <DurationPlot series={points} minutes={Number(chosen)} />
                      </div>
                    </div>
                    <SeriesTable series={points} />
                  </>
                )}
              </Loaded>
              {of.failures.length > 0 && (
                <>
                  <h2>Failures</h2>
                  <Table
                    label="Failures"
                    rows={of.failures}
                    keyOf={({ error, message }) => `${error} ${message}`}
                    columns={[
                      ["Runs", ({ count }) => countText(count), "end"],
                      [
                        "Message",
                        ({ error, message }) => (
                          <Clipped
                            text={message || error}
                            href={href(["runs"], { pipeline_id: id, status: "FAILED", error: searched(message) })}
                          />
                        ),
                        "wide"
                      ]
                    ]}
                  />
                </>
              )}
              {of.steps.length > 0 && (
                <>
                  <h2>Steps</h2>
                  <Table label="Steps" rows={of.steps} keyOf={(step) => step.step_name} columns={columnsOf(of)} />
                </>
              )}
            </>
          )
        }
      </Loaded>
    </>
  )
}

const millisText = (millis: number | null): string => (millis === null ? "–" : durationText(millis))

const Figures = ({ of }: { readonly of: NumbersJson }): JSX.Element => (
  <dl class="figures">
    <Fact name="Completed">{countText(of.completed)}</Fact>
    <Fact name="Failed">{countText(of.failed)}</Fact>
    <Fact name="Cancelled">{countText(of.cancelled)}</Fact>
    <Fact name="Success">{of.success_rate === null ? "–" : `${Math.floor(of.success_rate * 1_000) / 10}%`}</Fact>
    <Fact name="p50">{millisText(of.p50_ms)}</Fact>
    <Fact name="p95">{millisText(of.p95_ms)}</Fact>
    <Fact name="Longest">{millisText(of.max_ms)}</Fact>
  </dl>
)

/** The part of a message that the list of runs can be searched for: the server may have cut it. */
const searched = (message: string): string => message.replace(/…$/, "").slice(0, 150).trim()

const columnsOf = ({ slowest_step, most_failing_step }: StatisticsJson): ReadonlyArray<Column<StepNumbersJson>> => [
  [
    "Step",
    ({ step_name }) => (
      <Clipped
        text={step_name}
        note={[step_name === slowest_step && "slowest", step_name === most_failing_step && "fails most"]
          .filter(Boolean)
          .join(", ")}
      />
    ),
    "wide"
  ],
  ["Completed", ({ completed }) => countText(completed), "end"],
  ["Failed", ({ failed }) => countText(failed), "end"],
  ["p50", ({ p50_ms }) => millisText(p50_ms), "end"],
  ["p95", ({ p95_ms }) => millisText(p95_ms), "end"],
  ["Retried", ({ retried }) => countText(retried), "end"],
  ["Skipped", ({ skipped }) => countText(skipped), "end"]
]
