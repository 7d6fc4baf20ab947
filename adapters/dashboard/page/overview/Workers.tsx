/** The workers and what they hold. */
import type { JSX } from "preact"
import type { WorkerJson, Workers as WorkerList } from "../../../http/health/WorkerWire.ts"
import { Clipped, type Column, countText } from "../parts/Table.tsx"
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"
import { FreshTable } from "./FreshTable.tsx"

/** How many claims of a worker are shown. */
const SHOWN = 10

const COLUMNS: ReadonlyArray<Column<WorkerJson>> = [
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
  <FreshTable<WorkerList, WorkerJson>
    title="Workers"
    path="/workers"
    rowsOf={({ workers }) => workers}
    keyOf={({ id }) => id}
    columns={COLUMNS}
  />
)
