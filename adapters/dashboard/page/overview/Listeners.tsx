/** The open streams and sockets of the server that answers. */
import type { JSX } from "preact"
import type { ListenerJson, Listeners as ListenersJson } from "../../../http/events/ListenerWire.ts"
import { bytesText } from "../parts/Bytes.ts"
import { Clipped, type Column } from "../parts/Table.tsx"
import { Time } from "../parts/Time.tsx"
import { FreshTable } from "./FreshTable.tsx"

/** With its place in the list, because two listeners may be equal in all that is told of them. */
type Listener = ListenerJson & { readonly at: number }

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
  <FreshTable<ListenersJson, Listener>
    title="Listeners of this server"
    path="/listeners"
    rowsOf={({ listeners }) => listeners.map((of, at) => ({ ...of, at }))}
    keyOf={({ opened_at, at }) => `${opened_at} ${at}`}
    columns={COLUMNS}
  />
)
