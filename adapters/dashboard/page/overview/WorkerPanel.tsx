/** The workers and what they hold. */
import type { JSX } from "preact"
import { isMissing, useResource } from "../data/Resource.ts"
import { Loaded } from "../parts/Problem.tsx"
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"
import { useEvery } from "./OverviewView.tsx"

/** `GET /workers`. */
interface Workers {
  readonly workers: ReadonlyArray<Worker>
  readonly next_cursor?: string | null
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

export const WorkerPanel = (): JSX.Element | null => {
  const workers = useResource<Workers>("/workers")
  useEvery(workers)
  // A server of an older version has no such list.
  if (isMissing(workers.error)) return null
  return (
    <section class="stack">
      <h2>Workers</h2>
      <Loaded of={workers}>
        {({ workers: rows, next_cursor }) =>
          rows.length === 0 ? (
            <p class="faint">There are none.</p>
          ) : (
            <>
              <table class="list rows workers">
                <thead>
                  <tr>
                    <th>Worker</th>
                    <th>Seen</th>
                    <th class="end">Running</th>
                    <th>Works on</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((worker) => (
                    <Row key={worker.id} worker={worker} />
                  ))}
                </tbody>
              </table>
              {typeof next_cursor === "string" && <p class="note">Only the first {rows.length} workers are shown.</p>}
            </>
          )
        }
      </Loaded>
    </section>
  )
}

const Row = ({ worker: { id, seen_at, running, claims } }: { readonly worker: Worker }): JSX.Element => (
  <tr>
    <td class="wide-cell">
      <code class="clipped" title={id}>
        {id}
      </code>
    </td>
    <td data-label="Seen">
      <Time at={seen_at} />
    </td>
    <td class="end number" data-label="Running">
      {running.toLocaleString("en")}
    </td>
    <td class="wide-cell">
      {claims.length === 0 ? (
        <span class="faint">{running === 0 ? "Nothing" : "Nothing that you may read"}</span>
      ) : (
        <ul>
          {claims.slice(0, SHOWN).map(({ task_id, pipeline_id, step, item, attempt, claimed_at }) => (
            <li key={`${task_id} ${step} ${item}`} class="claim">
              <a class="clipped" href={href(["runs", task_id], { step })} title={`${step} of ${pipeline_id}`}>
                <bdi>{step}</bdi>
                {item !== null && ` [${item}]`} <span class="faint">of {pipeline_id}</span>
              </a>
              {attempt > 1 && <span class="faint">attempt {attempt}</span>}
              {claimed_at !== null && <Time at={claimed_at} />}
            </li>
          ))}
          {claims.length > SHOWN && <li class="faint">… and {claims.length - SHOWN} more</li>}
        </ul>
      )}
    </td>
  </tr>
)
