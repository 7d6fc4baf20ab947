/** The open streams and sockets of the server that answers, for those who administer it. */
import type { JSX } from "preact"
import { isMissing, useResource } from "../data/Resource.ts"
import { bytesText } from "../parts/Bytes.ts"
import { Loaded } from "../parts/Problem.tsx"
import { Time } from "../parts/Time.tsx"
import { useEvery } from "./OverviewView.tsx"

/** `GET /listeners`. */
interface Listeners {
  readonly listeners: ReadonlyArray<Listener>
  readonly total: number
}

interface Listener {
  readonly kind: "sse" | "websocket"
  readonly path: string
  readonly subscriptions: ReadonlyArray<{ readonly pipeline_id: string; readonly task_id: string | null }>
  readonly subscription_total: number
  readonly principal: string | null
  readonly address: string | null
  readonly opened_at: string
  readonly buffered_bytes: number
}

const KINDS = { sse: "Event stream", websocket: "WebSocket" } as const

export const ListenerPanel = (): JSX.Element | null => {
  const listeners = useResource<Listeners>("/listeners")
  useEvery(listeners)
  // A server of an older version has no such list.
  if (isMissing(listeners.error)) return null
  return (
    <section class="stack">
      <h2>Listeners of this server</h2>
      <Loaded of={listeners}>
        {({ listeners: rows, total }) =>
          rows.length === 0 ? (
            <p class="faint">Nobody follows events here.</p>
          ) : (
            <>
              <table class="list rows listeners">
                <thead>
                  <tr>
                    <th>Kind</th>
                    <th>Follows</th>
                    <th>Who</th>
                    <th>Since</th>
                    <th class="end">Waiting</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((of, at) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: listeners have no other name
                    <tr key={at}>
                      <td>{KINDS[of.kind]}</td>
                      <td class="wide-cell">
                        <span class="clipped" title={of.path}>
                          {followed(of)}
                        </span>
                      </td>
                      <td data-label="Who">
                        <bdi>{of.principal ?? "anyone"}</bdi> <span class="faint">{of.address}</span>
                      </td>
                      <td data-label="Since">
                        <Time at={of.opened_at} />
                      </td>
                      <td class="end number" data-label="Waiting" title="What the client has not taken yet">
                        {bytesText(of.buffered_bytes)}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {total > rows.length && (
                <p class="note">
                  The latest {rows.length} of {total.toLocaleString("en")}.
                </p>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  )
}

/** What a client follows, in words. */
const followed = ({ subscriptions, subscription_total: total = subscriptions.length }: Listener): string => {
  if (total === 0) return "nothing yet"
  const shown = subscriptions
    .slice(0, 3)
    .map(({ pipeline_id, task_id }) =>
      pipeline_id === "*" ? "all pipelines" : task_id === null ? pipeline_id : `a run of ${pipeline_id}`
    )
  return total > shown.length ? `${shown.join(", ")} and ${total - shown.length} more` : shown.join(", ")
}
