/** Plots of finished runs: how many, and how long they took. Each figure is in a table too. */
import type { JSX } from "preact"
import { zone } from "../data/Preferences.ts"
import { useSignal } from "../data/Signal.ts"
import { clockText, durationText, Time } from "../parts/Time.tsx"
import { Frame, type Scale } from "./Frame.tsx"
import { finished, intervalOf, type Point, type Series, topOf } from "./Series.ts"

const OUTCOMES = ["completed", "failed", "cancelled"] as const

type Outcome = (typeof OUTCOMES)[number]

const totalOf = (series: Series, outcome: Outcome): number =>
  series.points.reduce((sum, point) => sum + point[outcome], 0)

const countText = (value: number): string => value.toLocaleString("en")

/** How many runs completed, failed and were cancelled in each interval, as stacked bars. */
export const OutcomePlot = ({ series }: { readonly series: Series }): JSX.Element => {
  const zoneName = useSignal(zone)
  const top = topOf(Math.max(0, ...series.points.map(finished)))
  const totals = OUTCOMES.map((outcome) => `${countText(totalOf(series, outcome))} ${outcome}`)
  return (
    <figure>
      <figcaption>
        <h3>Finished runs</h3>
        <Legend
          entries={OUTCOMES.map((outcome) => [
            outcome.toUpperCase(),
            `${countText(totalOf(series, outcome))} ${outcome}`
          ])}
        />
      </figcaption>
      <Frame series={series} top={top} textOf={countText} label={`Finished runs over time: ${totals.join(", ")}`}>
        {(scale) => (
          <>
            <pattern id="failed-bars" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <path class="FAILED" d="M0 0h5v3.400h-5z" />
            </pattern>
            {series.points.map((point) => (
              <Bar
                key={point.at}
                point={point}
                scale={scale}
                title={`${clockText(point.at, zoneName)}, ${durationText(intervalOf(series))}: ${wordsOf(point)}`}
              />
            ))}
          </>
        )}
      </Frame>
    </figure>
  )
}

const wordsOf = (point: Point): string =>
  OUTCOMES.filter((outcome) => point[outcome] > 0)
    .map((outcome) => `${countText(point[outcome])} ${outcome}`)
    .join(", ") || "no runs"

const Bar = ({
  point,
  scale,
  title
}: {
  readonly point: Point
  readonly scale: Scale
  readonly title: string
}): JSX.Element => {
  const x = scale.x(Date.parse(point.at)) + Math.min(1, scale.step / 10)
  const width = Math.max(1, scale.step - Math.min(2, scale.step / 5))
  let below = 0
  return (
    <g class="bar">
      <title>{title}</title>
      <rect class="hit" x={x} y={scale.top} width={width} height={scale.bottom - scale.top} />
      {OUTCOMES.map((outcome) => {
        const y = scale.y((below += point[outcome]))
        const height = scale.bottom - scale.y(point[outcome])
        return height === 0 ? null : (
          <rect key={outcome} class={outcome.toUpperCase()} x={x} y={y} width={width} height={height} />
        )
      })}
    </g>
  )
}

const Legend = ({
  entries
}: {
  readonly entries: ReadonlyArray<readonly [mark: string, text: string]>
}): JSX.Element => (
  <ul class="legend">
    {entries.map(([mark, text]) => (
      <li key={mark} class={mark}>
        <i /> {text}
      </li>
    ))}
  </ul>
)

const QUANTILES = ["p50_ms", "p95_ms"] as const

/** How long runs took: half of them at most p50, nearly all at most p95. */
export const DurationPlot = ({ series }: { readonly series: Series }): JSX.Element => {
  const zoneName = useSignal(zone)
  const { points } = series
  const top = topOf(Math.max(0, ...points.map(({ p50_ms, p95_ms }) => Math.max(p50_ms ?? 0, p95_ms ?? 0))))
  const interval = intervalOf(series)
  return (
    <figure>
      <figcaption>
        <h3>Durations</h3>
        <Legend
          entries={[
            ["p50_ms", "p50: half took at most this"],
            ["p95_ms", "p95: 95 of 100 took at most this"]
          ]}
        />
      </figcaption>
      <Frame series={series} top={top} textOf={durationText} label="Durations of runs over time: p50 and p95">
        {(scale) => (
          <>
            {QUANTILES.map((quantile) => (
              <path key={quantile} class={`curve ${quantile}`} d={curveOf(points, quantile, scale)} />
            ))}
            {points.map(({ at, p50_ms, p95_ms }) =>
              p50_ms === null || p95_ms === null ? null : (
                <g key={at} class="bar">
                  <title>
                    {`${clockText(at, zoneName)}, ${durationText(interval)}: p50 ${durationText(p50_ms)}, p95 ${durationText(p95_ms)}`}
                  </title>
                  <rect
                    class="hit"
                    x={scale.x(Date.parse(at))}
                    y={scale.top}
                    width={scale.step}
                    height={scale.bottom - scale.top}
                  />
                </g>
              )
            )}
          </>
        )}
      </Frame>
    </figure>
  )
}

/** A line through the middles of the intervals, with gaps where no run finished. An interval alone is a dot. */
const curveOf = (points: ReadonlyArray<Point>, quantile: (typeof QUANTILES)[number], { x, y, step }: Scale): string =>
  points
    .map((point, at) => {
      const value = point[quantile]
      if (value === null) return ""
      const isFirst = at === 0 || points[at - 1]![quantile] === null
      const place = `${(x(Date.parse(point.at)) + step / 2).toFixed(1)} ${y(value).toFixed(1)}`
      return isFirst ? `M${place}h0.01` : `L${place}`
    })
    .join("")

/** The figures of both plots. Intervals without runs are left out. */
export const SeriesTable = ({ series }: { readonly series: Series }): JSX.Element => {
  const points = series.points.filter((point) => finished(point) > 0).toReversed()
  return (
    <details>
      <summary>The same as a table</summary>
      <div class="wide">
        <table class="inner">
          <caption class="hidden">Finished runs, each row {durationText(intervalOf(series))}</caption>
          <thead>
            <tr>
              <th>From</th>
              <th class="end">Completed</th>
              <th class="end">Failed</th>
              <th class="end">Cancelled</th>
              <th class="end">p50</th>
              <th class="end">p95</th>
            </tr>
          </thead>
          <tbody>
            {points.map((point) => (
              <tr key={point.at}>
                <td>
                  <Time at={point.at} />
                </td>
                {OUTCOMES.map((outcome) => (
                  <td key={outcome} class="end number">
                    {countText(point[outcome])}
                  </td>
                ))}
                {QUANTILES.map((quantile) => (
                  <td key={quantile} class="end number">
                    {point[quantile] === null ? "–" : durationText(point[quantile])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {points.length === 0 && <p class="note">No run finished in this time.</p>}
    </details>
  )
}
