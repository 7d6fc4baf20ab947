/** The JSON types of open streams, and their conversion. No credentials are in them. */
import { OTHER } from "../../../core/statistics/Statistics.ts"
import { ownerOf } from "../../../core/values/Principal.ts"
import { instant } from "../server/Instant.ts"
import type { StreamListener, Subscription } from "../server/Streams.ts"

/** `GET /listeners`. */
export interface Listeners {
  /** The latest first, at most 200. */
  readonly listeners: ReadonlyArray<ListenerJson>
  /** How many streams and WebSockets are open. */
  readonly total: number
}

/** A client of an open stream or WebSocket. */
export interface ListenerJson {
  readonly kind: "sse" | "websocket"
  /** The path of the route, such as `/runs/{task_id}/events`. */
  readonly path: string
  /** At most 20. */
  readonly subscriptions: ReadonlyArray<SubscriptionJson>
  /** How many subscriptions the client has. */
  readonly subscription_total: number
  /** Null with open access. */
  readonly principal: string | null
  /** Null if the server does not know it. */
  readonly address: string | null
  readonly opened_at: string
  /** How many bytes wait in this server until the client takes them. */
  readonly buffered_bytes: number
}

/** Which events a client gets. */
export interface SubscriptionJson {
  /** `*` for all pipelines; `other` for a pipeline that the reader may not administer. */
  readonly pipeline_id: string
  /** Null for all runs. */
  readonly task_id: string | null
}

/** The most listeners of one answer, and the most subscriptions of one listener. */
const MAX_LISTENERS = 200
const MAX_SUBSCRIPTIONS = 20

/** Converts open streams. `isVisible`: whether the reader may administer a pipeline. */
export const listeners = (open: Iterable<StreamListener>, isVisible: (pipelineId: string) => boolean): Listeners => {
  const subscription = ({ pipelineId, runId }: Subscription): SubscriptionJson =>
    pipelineId === "*" || isVisible(pipelineId)
      ? { pipeline_id: pipelineId, task_id: runId ?? null }
      : { pipeline_id: OTHER, task_id: null }
  const listener = ({
    kind,
    path,
    openedAtMillis,
    caller,
    subscriptions,
    bufferedBytes
  }: StreamListener): ListenerJson => {
    const all = [...subscriptions]
    return {
      kind,
      path,
      subscriptions: all.slice(0, MAX_SUBSCRIPTIONS).map(subscription),
      subscription_total: all.length,
      principal: (caller && ownerOf(caller)) ?? null,
      address: caller?.origin.address ?? null,
      opened_at: instant(openedAtMillis),
      buffered_bytes: bufferedBytes
    }
  }
  const all = [...open].reverse()
  return { listeners: all.slice(0, MAX_LISTENERS).map(listener), total: all.length }
}
