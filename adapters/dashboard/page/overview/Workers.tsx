/** The workers and what they hold. */
import type { JSX } from "preact"
import { Clipped, type Column, countText } from "../parts/Table.tsx"
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"
import { FreshTable } from "./FreshTable.tsx"

/** `GET /workers`. */
interface WorkerList {
  readonly workers: ReadonlyArray<Worker>
}

interface Worker {
  readonly id: string
  readonly seen_at: string | null
  readonly running: number
  readonly claims: ReadonlyArray<{
    readonly task_id: string
    readonly pipeline_id: string
    readonly step: string
    readonly item: number | null
    readonly attempt: number
    readonly claimed_at: string | null
  }>
}

/** How many claims of a worker are shown. */
const SHOWN = 10

const COLUMNS: ReadonlyArray<Column<Worker>> = [
  ["Worker", ({ id }) => <Clipped text={id} />, "wide"],
  ["Seen", ({ seen_at }) => <Time at={seen_at} />, "when"],
  ["Running", ({ running }) => countText(running), "end"],
  [
    "Works on",
    ({ claims, running }) => (
      <ul>
        {claims.slice(0, SHOWN).map(({ task_id, pipeline_id, step, item, attempt, claimed_at }) => (
          <li key={`${task_id} ${step} ${item}`} class="claim">
            <Clipped
              text={item === null ? step : `${step} [${item}]`}
              note={`of ${pipeline_id}${attempt > 1 ? `, attempt ${attempt}` : ""}`}
              href={href(["runs", task_id], { step })}
            />
            <Time at={claimed_at} />
          </li>
        ))}
        {running > Math.min(SHOWN, claims.length) && (
          <li class="faint">and {countText(running - Math.min(SHOWN, claims.length))} more</li>
        )}
      </ul>
    ),
    "wide"
  ]
]

export const Workers = (): JSX.Element => (
  <FreshTable<WorkerList, Worker>
    title="Workers"
    path="/workers"
    rowsOf={({ workers }) => workers}
    keyOf={({ id }) => id}
    columns={COLUMNS}
  />
)
