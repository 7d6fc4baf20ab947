/** The open streams and sockets of the server that answers. */
import type { JSX } from "preact"
import { bytesText } from "../parts/Bytes.ts"
import { Clipped, type Column } from "../parts/Table.tsx"
import { Time } from "../parts/Time.tsx"
import { FreshTable } from "./FreshTable.tsx"

/** `GET /listeners`. */
interface ListenerList {
  readonly listeners: ReadonlyArray<Listener>
}

interface Listener {
  readonly kind: "sse" | "websocket"
  readonly path: string
  readonly subscriptions: ReadonlyArray<{ readonly pipeline_id: string; readonly task_id: string | null }>
  readonly principal: string | null
  readonly address: string | null
  readonly opened_at: string
  readonly buffered_bytes: number
  /** Its place in the list. */
  readonly at: number
}

const followed = ({ subscriptions }: Listener): string =>
  subscriptions.map(({ pipeline_id, task_id }) => (pipeline_id === "*" ? "all" : (task_id ?? pipeline_id))).join(", ")

const COLUMNS: ReadonlyArray<Column<Listener>> = [
  ["Kind", ({ kind }) => (kind === "sse" ? "Events" : "WebSocket"), "state"],
  ["Follows", (of) => <Clipped text={followed(of) || "nothing yet"} note={of.path} />, "wide"],
  ["Who", ({ principal, address }) => <Clipped text={principal ?? "not known"} note={address} />, "wide"],
  ["Since", ({ opened_at }) => <Time at={opened_at} />, "when"],
  ["Waiting", ({ buffered_bytes }) => bytesText(buffered_bytes), "end"]
]

export const Listeners = (): JSX.Element => (
  <FreshTable<ListenerList, Listener>
    title="Listeners of this server"
    path="/listeners"
    // Two listeners may be equal in all that is told of them.
    rowsOf={({ listeners }) => listeners.map((of, at) => ({ ...of, at }))}
    keyOf={({ opened_at, at }) => `${opened_at} ${at}`}
    columns={COLUMNS}
  />
)
