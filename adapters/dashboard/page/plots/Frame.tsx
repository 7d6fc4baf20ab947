/** The frame of a plot over time: axes with round values, as wide as the page has place. */
import type { ComponentChildren, JSX } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import type { PointJson, SeriesJson } from "../../../http/health/StatisticsWire.ts"
import { zone } from "../data/Preferences.ts"
import { useSignal } from "../data/Signal.ts"
import { clockText } from "../parts/Time.tsx"
import { intervalOf, marksOf } from "./Series.ts"

/** Places of the plot, in pixels. */
export interface Scale {
  /** The left end of an interval. */
  readonly x: (point: PointJson) => number
  readonly y: (value: number) => number
  /** The width of one interval. */
  readonly step: number
  readonly top: number
  readonly bottom: number
}

const HEIGHT = 170
const LEFT = 58
const RIGHT = 22
const TOP = 10
const BOTTOM = 24
/** How wide the text of a mark is, with the space around it. */
const MARK_WIDTH = 70

export const Frame = ({
  series,
  minutes,
  top,
  label,
  textOf,
  children
}: {
  readonly series: SeriesJson
  /** How long the time is that the plot shows, up to now. */
  readonly minutes: number
  /** The value at the top of the axis. */
  readonly top: number
  /** What the plot shows, for those who can't see it. */
  readonly label: string
  /** The text of a value on the axis. */
  readonly textOf: (value: number) => string
  readonly children: (scale: Scale) => ComponentChildren
}): JSX.Element => {
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(600)
  const zoneName = useSignal(zone)
  useEffect(() => {
    const element = box.current!
    const observer = new ResizeObserver(() => setWidth(Math.max(220, element.clientWidth)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  const { points } = series
  const interval = intervalOf(series)
  const to = Date.parse(points.at(-1)?.at ?? series.until) + interval
  const from = Math.min(to - minutes * 60_000, Date.parse(points[0]?.at ?? series.until))
  const inner = width - LEFT - RIGHT
  const placeOf = (millis: number): number => LEFT + (inner * (millis - from)) / (to - from)
  const scale: Scale = {
    x: ({ at }) => placeOf(Date.parse(at)),
    y: (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top),
    step: (inner * interval) / (to - from),
    top: TOP,
    bottom: HEIGHT - BOTTOM
  }
  const offset = zoneName === "utc" ? 0 : -60_000 * new Date(from).getTimezoneOffset()
  return (
    <div ref={box} class="plot">
      <svg width={width} height={HEIGHT} role="img" aria-label={label}>
        {[0, top / 2, top].map((value) => (
          <g key={value} class="grid">
            <path d={`M${LEFT} ${scale.y(value)}H${width - RIGHT}`} />
            <text x={LEFT - 8} y={scale.y(value) + 4} text-anchor="end">
              {textOf(value)}
            </text>
          </g>
        ))}
        {marksOf(from, to, inner / MARK_WIDTH, offset).map((at) => (
          <g key={at} class="grid">
            <path d={`M${placeOf(at)} ${scale.bottom}v4`} />
            <text x={placeOf(at)} y={HEIGHT - 5} text-anchor="middle">
              {clockText(at, zoneName)}
            </text>
          </g>
        ))}
        <rect
          class="uncounted"
          x={LEFT}
          y={TOP}
          width={Math.max(0, placeOf(Date.parse(series.since)) - LEFT)}
          height={scale.bottom - TOP}
        >
          <title>Not counted</title>
        </rect>
        {children(scale)}
      </svg>
    </div>
  )
}
