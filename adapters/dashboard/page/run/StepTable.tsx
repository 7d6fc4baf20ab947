/** The steps of a run, each with its place on a common timeline. A step opens to its attempts, items and error. */
import type { JSX } from "preact"
import { useEffect, useMemo, useRef, useState } from "preact/hooks"
import type { AttemptRow } from "../../../http/runs/RunPartWire.ts"
import { Icon } from "../parts/Icon.tsx"
import { Status, StatusChip, wordOf } from "../parts/Status.tsx"
import { Duration, durationText, useNow } from "../parts/Time.tsx"
import { go } from "../Router.ts"
import { useEarlierAttempts } from "./Attempts.ts"
import { Bar, percent } from "./Bar.tsx"
import { isEnded, type Outline, type StepDetail, timesOf } from "./Outline.ts"
import { StepPanel } from "./StepPanel.tsx"
import { scaleOf, type TimeScale } from "./TimeScale.ts"

/** How many rows are shown at first, and with each "more". */
const ROWS = 100

const STATUSES: ReadonlyArray<StepDetail["status"]> = [
  "FAILED",
  "RUNNING",
  "PENDING",
  "COMPLETED",
  "SKIPPED",
  "CANCELLED"
]

export const StepTable = ({
  run,
  query,
  linkTo
}: {
  readonly run: Outline
  readonly query: Readonly<Record<string, string>>
  readonly linkTo: (more: { readonly [key: string]: string | undefined }) => string
}): JSX.Element => {
  const [limit, setLimit] = useState(ROWS)
  const [text, setText] = useState("")
  const now = useNow(!isEnded(run))
  const { steps } = run
  const counts = useMemo(() => {
    const found = new Map<string, number>()
    for (const { status } of steps) found.set(status, (found.get(status) ?? 0) + 1)
    return found
  }, [steps])
  const wanted = query["show"]
  const open = query["step"]
  const earlier = useEarlierAttempts(run)
  const scale = useMemo(() => {
    const last = steps.map((step) => timesOf(step, now))
    const others = [...earlier.values()].flat().map((attempt) => timesOf(attempt, now))
    return scaleOf([...last, ...others].filter((times) => times !== undefined))
  }, [steps, earlier, now])
  const matching = steps.filter(
    ({ name, status }) => (wanted === undefined || status === wanted) && name.toLowerCase().includes(text.toLowerCase())
  )
  // In a long list failed and running steps come first, and the open one with them.
  const rank = ({ name, status }: StepDetail): number =>
    name === open ? 0 : status === "FAILED" ? 1 : status === "RUNNING" ? 2 : 3
  const sorted = matching.length <= ROWS ? matching : matching.toSorted((one, other) => rank(one) - rank(other))
  const shown = sorted.slice(0, limit)
  return (
    <section aria-label="Steps">
      {steps.length > 1 && (
        <div class="filter-row">
          <div class="chips">
            {STATUSES.filter((status) => counts.has(status)).map((status) => (
              <StatusChip
                key={status}
                status={status}
                isOn={wanted === status}
                count={counts.get(status)}
                toggle={() => go(linkTo({ show: wanted === status ? undefined : status }), true)}
              />
            ))}
          </div>
          {steps.length > 10 && (
            <label class="search">
              <span class="hidden">Find a step</span>
              <Icon name="search" />
              <input
                placeholder="Find a step"
                value={text}
                spellcheck={false}
                onInput={(event) => setText(event.currentTarget.value)}
              />
            </label>
          )}
        </div>
      )}
      <table class="list steps">
        <thead>
          <tr>
            <th>Step</th>
            <th>Status</th>
            <th class="end">Attempts</th>
            <th class="end">Duration</th>
            <th class="timeline">
              <Axis scale={scale} />
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((step) => (
            <Row
              key={step.name}
              run={run}
              step={step}
              scale={scale}
              attempts={earlier.get(step.name)}
              now={now}
              isOpen={step.name === open}
              toggle={() => go(linkTo({ step: step.name === open ? undefined : step.name }), true)}
            />
          ))}
        </tbody>
      </table>
      {shown.length === 0 && <p class="empty">No step matches.</p>}
      {sorted.length > limit && (
        <p>
          <button type="button" onClick={() => setLimit(limit + ROWS)}>
            Show {Math.min(ROWS, sorted.length - limit)} more of {sorted.length.toLocaleString("en")} steps
          </button>
        </p>
      )}
    </section>
  )
}

/** The axis of the timeline: how long it all took, and which times are cut out. */
const Axis = ({ scale }: { readonly scale: TimeScale }): JSX.Element => (
  <div class="axis">
    <span>0</span>
    {scale.cuts.slice(0, 5).map(({ at, millis }) => (
      <span key={at} class="cut" style={{ left: percent(at) }} title={`${durationText(millis)} without any work`}>
        ⋯ {durationText(millis)}
      </span>
    ))}
    <span>{scale.to - scale.from > 1 ? durationText(scale.to - scale.from) : ""}</span>
  </div>
)

const noteOf = ({
  progress,
  items_failed,
  memoised,
  status,
  retry_at,
  attempts,
  arm
}: StepDetail): string | undefined => {
  const notes = [
    progress !== null &&
      status === "RUNNING" &&
      `${progress.done.toLocaleString("en")} of ${progress.total.toLocaleString("en")}`,
    items_failed > 0 && `${items_failed.toLocaleString("en")} failed`,
    memoised && "memoised",
    arm !== null && `took ${arm}`,
    retry_at !== null && status === "PENDING" && attempts > 0 && "will retry"
  ].filter((note) => note !== false)
  return notes.length === 0 ? undefined : notes.join(", ")
}

const Row = ({
  run,
  step,
  scale,
  attempts,
  now,
  isOpen,
  toggle
}: {
  readonly run: Outline
  readonly step: StepDetail
  readonly scale: TimeScale
  /** All attempts of a retried step. */
  readonly attempts: ReadonlyArray<AttemptRow> | undefined
  readonly now: number
  readonly isOpen: boolean
  readonly toggle: () => void
}): JSX.Element => {
  const row = useRef<HTMLTableRowElement>(null)
  const wasOpen = useRef(false)
  useEffect(() => {
    // A link to a step shows it; a click has it in view already.
    if (isOpen && !wasOpen.current) row.current?.scrollIntoView({ block: "nearest" })
    wasOpen.current = isOpen
  }, [isOpen])
  const note = noteOf(step)
  const latest = attempts?.at(-1)
  const times = timesOf(step, now) ?? (latest && timesOf(latest, now))
  // A step that waits for its next attempt has none under way.
  const status = step.status === "PENDING" && latest !== undefined ? latest.status : step.status
  const took = times === undefined ? "" : `, ${durationText(times[1] - times[0])}`
  const last = { times, status, label: `${wordOf(status)}${took}` }
  return (
    <>
      <tr ref={row} class={isOpen ? "open" : undefined}>
        <td class="name">
          <button type="button" class="plain opener" aria-expanded={isOpen} onClick={toggle}>
            <Icon name="chevron" />
            <bdi>{step.name}</bdi>
          </button>
        </td>
        <td>
          <Status status={step.status} {...(note !== undefined && { note })} />
          {step.progress !== null && step.status === "RUNNING" && (
            <progress value={step.progress.done} max={Math.max(1, step.progress.total)} aria-label="Progress" />
          )}
        </td>
        <td class="end number">{step.attempts === 0 ? <span class="faint">–</span> : step.attempts}</td>
        <td class="end">
          <Duration from={step.started_at} millis={step.duration_ms} isRunning={step.status === "RUNNING"} />
        </td>
        <td class="timeline">
          <div class="lane">
            {scale.cuts.map(({ at }) => (
              <span key={at} class="cut" style={{ left: percent(at) }} />
            ))}
            {attempts?.slice(0, -1).map((attempt) => (
              <Bar
                key={`${attempt.attempt} ${attempt.item}`}
                scale={scale}
                times={timesOf(attempt, now)}
                status={attempt.status}
                label={`Attempt ${attempt.attempt}: ${wordOf(attempt.status)}`}
              />
            ))}
            <Bar {...{ scale, ...last }} />
          </div>
        </td>
      </tr>
      {isOpen && (
        <tr class="panel">
          <td colSpan={5}>
            <StepPanel run={run} step={step} />
          </td>
        </tr>
      )}
    </>
  )
}
