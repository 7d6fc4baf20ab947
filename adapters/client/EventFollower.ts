/** Follows an event stream: each event once and in order, with a new connection after a break. */
import { ClientError } from "./ClientError.ts"
import { type Sender, sleep } from "./Sender.ts"

/** A server-sent event. Source: the HTML standard, 9.2. */
interface Message {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** How long a connection may be silent before it is replaced, in milliseconds. The server sends a heartbeat every 15 s. */
const SILENCE_MILLIS = 45_000

/** The stream to follow. */
export interface Source {
  readonly path: string
  /** The cursor behind which it begins. */
  readonly after: string | undefined
  readonly signal: AbortSignal | undefined
  /** Whether this is the last message. */
  readonly isLast: (message: Message) => boolean
}

/**
 * Follows a stream. After a break it reconnects behind the last message, without a limit on attempts. Ends after the last
 * message. Rejects if the first connection fails, or if the server refuses to continue.
 */
export async function* follow(sender: Sender, source: Source): AsyncGenerator<Message, void, undefined> {
  const { path, signal, isLast } = source
  let { after } = source
  let wasConnected = false
  for (let failures = 0; ; ) {
    // A controller per connection, so that leaving the loop closes it.
    const stop = new AbortController()
    const abort = (): void => stop.abort(signal?.reason)
    if (signal?.aborted) throw signal.reason
    signal?.addEventListener("abort", abort, { once: true })
    try {
      const headers = { accept: "text/event-stream", ...(after !== undefined && { "last-event-id": after }) }
      const response = await sender.send({ method: "GET", path, headers, isRepeatable: true, signal: stop.signal })
      // No content: no message will follow.
      if (response.status === 204) return
      wasConnected = true
      for await (const message of messages(response, stop)) {
        // The stream failed. If that is permanent, the server refuses the next request with the reason.
        if (message.event === "failure") break
        failures = 0
        if (message.id !== "") after = message.id
        if (message.data !== "") yield message
        if (isLast(message)) return
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      // Only a server that has answered before is waited for.
      if (!wasConnected || (error instanceof ClientError && error.status !== 0 && error.status !== 503)) throw error
    } finally {
      signal?.removeEventListener("abort", abort)
      stop.abort()
    }
    await sleep(sender.delayAfter(failures++), signal)
  }
}

/** The messages of one connection. */
async function* messages(response: Response, stop: AbortController): AsyncGenerator<Message, void, undefined> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const silence = new Error("The stream is silent")
  const cancel = (): unknown => reader.cancel().catch(() => undefined)
  // Aborting the fetch should end a pending read, but on Deno it sometimes does not, so the reader is cancelled as well.
  stop.signal.addEventListener("abort", cancel, { once: true })
  if (stop.signal.aborted) cancel()
  let timer = setTimeout(() => stop.abort(silence), SILENCE_MILLIS)
  let text = ""
  let id = ""
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      clearTimeout(timer)
      timer = setTimeout(() => stop.abort(silence), SILENCE_MILLIS)
      text += value
      for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
        const message = { event: "message", data: "" }
        for (const line of text.slice(0, end).split("\n")) {
          const [field, rest = ""] = line.split(/: ?(.*)/s, 2)
          if (field === "id") id = rest
          else if (field === "event" || field === "data") message[field] = rest
        }
        text = text.slice(end + 2)
        // A message may have only an id: the cursor to continue behind.
        if (message.data !== "" || id !== "") yield { id, ...message }
      }
    }
  } finally {
    clearTimeout(timer)
  }
}
