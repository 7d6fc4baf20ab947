/** The lines that a run's tasks logged. All of them are in the page, so that the browser's own search finds them. */
import type { JSX } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import type { Logs } from "../../../http/runs/RunWire.ts"
import { path } from "../data/Connection.ts"
import { zone } from "../data/Preferences.ts"
import { useResource } from "../data/Resource.ts"
import { useSignal } from "../data/Signal.ts"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { instantText } from "../parts/Time.tsx"
import { go, href } from "../Router.ts"
import { isEnded, type Outline } from "./Outline.ts"

/** How often the log of a run that goes on is loaded, in milliseconds: lines are not events. */
const LOAD_MILLIS = 2_000

/** How near to the end counts as the end, in pixels. */
const NEAR = 40

export const LogPanel = ({
  run,
  step
}: {
  readonly run: Outline
  /** Shows only lines of this step. */
  readonly step: string | undefined
}): JSX.Element => {
  const log = useResource<Logs>(path`/runs/${run.task_id}/logs`, ({ task_id }) => task_id === run.task_id)
  const [isErrors, setErrors] = useState(false)
  const ended = isEnded(run)
  const { reload } = log
  useEffect(() => {
    if (ended) return
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), LOAD_MILLIS)
    return () => clearInterval(timer)
  }, [ended, reload])
  return (
    <Loaded of={log}>
      {({ lines, dropped }) => {
        const steps = [...new Set(lines.map((line) => line.step))]
        const shown = lines.filter(
          (line) =>
            (step === undefined || line.step === step) && (!isErrors || line.level === "error" || line.level === "warn")
        )
        return (
          <section aria-label="Log">
            <div class="filter-row">
              <label>
                Step{" "}
                <select
                  value={step ?? ""}
                  onChange={(event) =>
                    go(href(["runs", run.task_id], { tab: "log", step: event.currentTarget.value }), true)
                  }
                >
                  <option value="">All steps</option>
                  {[...new Set([...steps, ...(step === undefined ? [] : [step])])].map((name) => (
                    <option key={name} value={name}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
              <button type="button" class="chip FAILED" aria-pressed={isErrors} onClick={() => setErrors(!isErrors)}>
                Warnings and errors only
              </button>
              <span class="faint">
                {shown.length.toLocaleString("en")} {shown.length === 1 ? "line" : "lines"}
                {dropped > 0 && `, ${dropped.toLocaleString("en")} older ones were dropped`}
              </span>
            </div>
            {shown.length === 0 ? (
              <Empty>
                <p>{lines.length === 0 ? "The tasks have logged nothing." : "No line matches."}</p>
              </Empty>
            ) : (
              <Lines lines={shown} isLive={!ended} />
            )}
          </section>
        )
      }}
    </Loaded>
  )
}

const Lines = ({ lines, isLive }: { readonly lines: Logs["lines"]; readonly isLive: boolean }): JSX.Element => {
  const zoneName = useSignal(zone)
  const box = useRef<HTMLDivElement>(null)
  // Follows the end until the user scrolls up; the last lines come when the run has ended.
  const isAtEnd = useRef(isLive)
  useEffect(() => {
    const { current } = box
    if (current !== null && isAtEnd.current) current.scrollTop = current.scrollHeight
  }, [lines])
  return (
    <div
      class="log"
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the log scrolls, and the keyboard must be able to do it
      tabIndex={0}
      role="log"
      aria-label="Lines"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR
      }}
    >
      {lines.map((line, at) => (
        <div key={at} class={`line ${line.level}`}>
          <time dateTime={line.timestamp} title={line.timestamp}>
            {instantText(line.timestamp, zoneName)}
          </time>
          <span class="level">{line.level}</span>
          <span class="from">
            <bdi>{line.step}</bdi>
            {line.item !== undefined && ` #${line.item}`}
            {line.attempt > 1 && ` (attempt ${line.attempt})`}
          </span>
          <span class="text">
            {line.message}
            {line.fields !== undefined && <code> {JSON.stringify(line.fields)}</code>}
          </span>
        </div>
      ))}
    </div>
  )
}
