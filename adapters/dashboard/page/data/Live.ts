/**
 * Live events for all tabs of a browser over one connection: browsers open only six to a server over HTTP/1.1. The tabs with
 * the same credentials elect a leader by a Web Lock; it follows the stream and passes the events on by a BroadcastChannel.
 * Where the browser has no locks (on plain HTTP to another machine), each tab polls.
 */
import { follow } from "../../../client/EventFollower.ts"
import type { EventJson } from "../../../http/events/EventWire.ts"
import { API_URL, ClientError, checkServer, missed, outage, query, senderFor, signInReason } from "./Connection.ts"
import { credentials } from "./Credentials.ts"
import { Signal } from "./Signal.ts"

/** An event without values. */
export type LiveEvent = Omit<EventJson, "result" | "input">

/** `gap`: events may have been missed, so everything is loaded again. `cut`: the stream broke. */
type Message = { readonly events: ReadonlyArray<LiveEvent> } | { readonly gap: true } | { readonly cut: true }

/** How the page learns of changes. */
export const mode: Signal<"live" | "polling"> = new Signal<"live" | "polling">("live")

const POLL_MILLIS = 5_000
/** Events are passed on in batches, at most ten in a second. */
const BATCH_MILLIS = 100

const listeners: Set<(events: ReadonlyArray<LiveEvent>) => void> = new Set()

/** Calls `listener` with new events, in order. */
export const onEvents = (listener: (events: ReadonlyArray<LiveEvent>) => void): (() => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const receive = (message: Message): void => {
  if ("gap" in message) missed.set(missed.value + 1)
  else if ("cut" in message) checkServer()
  else for (const listener of [...listeners]) listener(message.events)
}

/** Names the tabs that may share a connection: those of the same API and credentials. The name does not reveal the secret. */
const scopeOf = async (): Promise<string> => {
  const held = credentials.value
  const text = new TextEncoder().encode(JSON.stringify([API_URL, held?.kind, held?.secret]))
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text))
  return `levada:${Array.from(digest.subarray(0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("")}`
}

/** Resolves after a time, or when the signal is aborted. */
const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, millis)
    signal.addEventListener("abort", done, { once: true })
  })

/** Follows the stream and passes its events to this tab and the others. */
const lead = async (channel: BroadcastChannel, signal: AbortSignal): Promise<void> => {
  let batch: Array<LiveEvent> = []
  let sent = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const tell = (message: Message): void => {
    channel.postMessage(message)
    receive(message)
  }
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    sent = performance.now()
    if (batch.length > 0) tell({ events: batch })
    batch = []
  }
  let after: string | undefined
  const sender = senderFor({
    maxDelayMillis: POLL_MILLIS,
    fetch: async (url, init) => {
      try {
        const answer = await fetch(url, init)
        // A stream without a cursor begins now; what was loaded before it may be out of date.
        if (answer.ok && !new Headers(init.headers).has("last-event-id")) tell({ gap: true })
        if (answer.status === 503) tell({ cut: true })
        return answer
      } catch (error) {
        if (!signal.aborted) tell({ cut: true })
        throw error
      }
    }
  })
  while (!signal.aborted) {
    try {
      const path = `/events${query({ values: "false" })}`
      for await (const { id, event, data } of follow(sender, { path, after, signal, isLast: () => false })) {
        if (id !== "") after = id
        if (event === "gap") {
          tell({ gap: true })
          continue
        }
        batch.push(JSON.parse(data) as LiveEvent)
        if (performance.now() - sent >= BATCH_MILLIS) flush()
        else timer ??= setTimeout(flush, BATCH_MILLIS)
      }
    } catch (error) {
      if (signal.aborted) break
      flush()
      // The cursor is too old, the server is away, or it has no place for another stream: loads, waits and begins anew.
      after = undefined
      if (error instanceof ClientError && (error.status === 401 || error.status === 403)) return poll(signal, channel)
    }
    if (signal.aborted) break
    await pause(POLL_MILLIS, signal)
    tell({ gap: true })
  }
  clearTimeout(timer)
}

/** Loads everything again and again, while the page is visible and the server answers. */
const poll = async (signal: AbortSignal, channel?: BroadcastChannel): Promise<void> => {
  mode.set("polling")
  while (!signal.aborted) {
    await pause(POLL_MILLIS, signal)
    if (signal.aborted || outage.value !== undefined || signInReason.value !== undefined) continue
    channel?.postMessage({ gap: true } satisfies Message)
    if (document.visibilityState === "visible") receive({ gap: true })
  }
}

/** Leads or follows, as long as the signal is not aborted. Calls `ready` when it misses no event from then on, if another tab leads. */
const attend = async (signal: AbortSignal, ready: () => void): Promise<void> => {
  mode.set("live")
  if (!isSecureContext || navigator.locks === undefined) {
    ready()
    return poll(signal)
  }
  const scope = await scopeOf()
  if (signal.aborted) return
  const channel = new BroadcastChannel(scope)
  channel.onmessage = ({ data }: MessageEvent<Message>) => receive(data)
  signal.addEventListener("abort", () => channel.close(), { once: true })
  ready()
  let isFirst = true
  await navigator.locks.request(scope, { ifAvailable: true }, async (lock) => {
    if (lock !== null) await lead(channel, signal)
    else isFirst = false
  })
  if (isFirst || signal.aborted) return
  await navigator.locks.request(scope, { signal }, async () => {
    // The leader has gone: loads everything, because events since its last one are missing.
    receive({ gap: true })
    await lead(channel, signal)
  })
}

let stop: AbortController | undefined

const restart = (): Promise<void> => {
  stop?.abort()
  stop = new AbortController()
  const { signal } = stop
  return new Promise((resolve) => {
    attend(signal, resolve)
      .catch((error: unknown) => {
        if (!signal.aborted) console.warn("Live events ended", error)
      })
      .finally(resolve)
  })
}

/** Begins to listen, and starts again when the credentials change. Answers that are loaded after it resolves stay up to date. */
export const startLive = (): Promise<void> => {
  credentials.subscribe(() => void restart())
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && mode.value === "polling") receive({ gap: true })
  })
  return restart()
}
