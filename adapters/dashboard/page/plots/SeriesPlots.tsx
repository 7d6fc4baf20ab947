/** Plots of finished runs: how many, and how long they took. Each figure is in a table too. */
import type { JSX } from "preact"
import type { PointJson, SeriesJson } from "../../../http/health/StatisticsWire.ts"
import { zone } from "../data/Preferences.ts"
import { useSignal } from "../data/Signal.ts"
import { type Column, countText, Table } from "../parts/Table.tsx"
import { clockText, durationText, Time } from "../parts/Time.tsx"
import { Frame, type Scale } from "./Frame.tsx"
import { finished, intervalOf, topOf } from "./Series.ts"

const OUTCOMES = ["completed", "failed", "cancelled"] as const
const QUANTILES = ["p50", "p95"] as const

interface Props {
  readonly series: SeriesJson
  /** How long the time is that the plot shows, up to now. */
  readonly minutes: number
}

/** A plot under its title, with a legend; each interval tells its figures when the pointer is on it. */
const Plot = ({
  title,
  legend,
  series,
  minutes,
  top,
  textOf,
  wordsOf,
  draw
}: Props & {
  readonly title: string
  readonly legend: ReadonlyArray<readonly [mark: string, text: string]>
  /** The largest value. */
  readonly top: number
  readonly textOf: (value: number) => string
  readonly wordsOf: (point: PointJson) => string
  readonly draw: (scale: Scale) => JSX.Element
}): JSX.Element => {
  const zoneName = useSignal(zone)
  const interval = durationText(intervalOf(series))
  return (
    <figure>
      <figcaption>
        <h2>{title}</h2>
        <ul class="legend">
          {legend.map(([mark, text]) => (
            <li key={mark} class={mark}>
              <i /> {text}
            </li>
          ))}
        </ul>
      </figcaption>
      <Frame
        series={series}
        minutes={minutes}
        top={topOf(top)}
        textOf={textOf}
        label={`${title} over time: ${legend.map(([, text]) => text).join(", ")}`}
      >
        {(scale) => (
          <>
            {draw(scale)}
            {series.points.map((point) => (
              <rect
                key={point.at}
                class="hit"
                x={scale.x(point)}
                y={scale.top}
                width={scale.step}
                height={scale.bottom - scale.top}
              >
                <title>{`${clockText(point.at, zoneName)}, ${interval}: ${wordsOf(point) || "no runs"}`}</title>
              </rect>
            ))}
          </>
        )}
      </Frame>
    </figure>
  )
}

/** How many runs completed, failed and were cancelled in each interval, as stacked bars. */
export const OutcomePlot = ({ series, minutes }: Props): JSX.Element => (
  <Plot
    title="Finished runs"
    legend={OUTCOMES.map((outcome) => [
      outcome.toUpperCase(),
      `${countText(series.points.reduce((sum, point) => sum + point[outcome], 0))} ${outcome}`
    ])}
    series={series}
    minutes={minutes}
    top={Math.max(0, ...series.points.map(finished))}
    textOf={countText}
    wordsOf={(point) =>
      OUTCOMES.filter((outcome) => point[outcome] > 0)
        .map((outcome) => `${countText(point[outcome])} ${outcome}`)
        .join(", ")
    }
    draw={(scale) => (
      <>
        <pattern id="failed-bars" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path class="bar FAILED" d="M0 0h5v3.400h-5z" />
        </pattern>
        {series.points.map((point) => {
          let below = 0
          return OUTCOMES.map((outcome) => {
            const count = point[outcome]
            below += count
            return count === 0 ? null : (
              <rect
                key={point.at + outcome}
                class={`bar ${outcome.toUpperCase()}`}
                x={scale.x(point)}
                y={scale.y(below)}
                width={Math.max(1, scale.step - Math.min(2, scale.step / 5))}
                height={scale.bottom - scale.y(count)}
              />
            )
          })
        })}
      </>
    )}
  />
)

const millisOf = (point: PointJson, quantile: (typeof QUANTILES)[number]): number | null => point[`${quantile}_ms`]

/** How long runs took: half of them at most p50, nearly all at most p95. */
export const DurationPlot = ({ series, minutes }: Props): JSX.Element => (
  <Plot
    title="Durations"
    legend={[
      ["p50", "p50: half took at most this"],
      ["p95", "p95: 95 of 100 took at most this"]
    ]}
    series={series}
    minutes={minutes}
    top={Math.max(0, ...series.points.map(({ p95_ms }) => p95_ms ?? 0))}
    textOf={durationText}
    wordsOf={(point) =>
      point.p50_ms === null
        ? ""
        : QUANTILES.map((quantile) => `${quantile} ${durationText(millisOf(point, quantile) ?? 0)}`).join(", ")
    }
    draw={(scale) => (
      <>
        {QUANTILES.map((quantile) => (
          <path key={quantile} class={`curve ${quantile}`} d={curveOf(series.points, quantile, scale)} />
        ))}
      </>
    )}
  />
)

/** A line that is level in each interval, with gaps where no run finished. */
const curveOf = (
  points: ReadonlyArray<PointJson>,
  quantile: (typeof QUANTILES)[number],
  { x, y, step }: Scale
): string => {
  let sign = "M"
  return points
    .map((point) => {
      const value = millisOf(point, quantile)
      const from = sign
      sign = value === null ? "M" : "L"
      return value === null ? "" : `${from}${x(point).toFixed(1)} ${y(value).toFixed(1)}h${step.toFixed(1)}`
    })
    .join("")
}

const COLUMNS: ReadonlyArray<Column<PointJson>> = [
  ["From", ({ at }) => <Time at={at} />, "when"],
  ...OUTCOMES.map((outcome): Column<PointJson> => [outcome, (point) => countText(point[outcome]), "end"]),
  ...QUANTILES.map(
    (quantile): Column<PointJson> => [
      quantile,
      (point) => {
        const millis = millisOf(point, quantile)
        return millis === null ? "–" : durationText(millis)
      },
      "end"
    ]
  )
]

/** The figures of both plots. Intervals without runs are left out. */
export const SeriesTable = ({ series }: { readonly series: SeriesJson }): JSX.Element => (
  <details>
    <summary>The same as a table</summary>
    <Table
      label={`Finished runs, each row ${durationText(intervalOf(series))}`}
      rows={series.points.filter((point) => finished(point) > 0).toReversed()}
      keyOf={({ at }) => at}
      columns={COLUMNS}
    />
  </details>
)
