/** Events as they happen, each once and in order, over connections that come and go. */
import { ClientError } from "./ClientError.ts"
import { type Sender, sleep } from "./Sending.ts"

/** A message of a stream. Source: the HTML standard, 9.2. */
interface Message {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** After how long without a sign of life a connection is given up: the server gives one every 15 s. */
const SILENCE_MILLIS = 45_000

/** Where events come from. */
export interface Source {
  readonly path: string
  /** The place behind which it begins. */
  readonly after: string | undefined
  readonly signal: AbortSignal | undefined
  /** Whether nothing comes after this. */
  readonly isLast: (message: Message) => boolean
}

/**
 * Follows a stream: after a break it goes on where it was, for as long as it takes. Ends when there is nothing more to
 * come. Rejects when it can't begin, and when the server says that it can't go on.
 */
export async function* follow(sender: Sender, source: Source): AsyncGenerator<Message, void, undefined> {
  const { path, signal, isLast } = source
  let { after } = source
  let wasThere = false
  for (let failures = 0; ; ) {
    // Its own, so that leaving the loop ends the connection.
    const stop = new AbortController()
    const abort = (): void => stop.abort(signal?.reason)
    if (signal?.aborted) throw signal.reason
    signal?.addEventListener("abort", abort, { once: true })
    try {
      const headers = { accept: "text/event-stream", ...(after !== undefined && { "last-event-id": after }) }
      const response = await sender.send({ method: "GET", path, headers, isRepeatable: true, signal: stop.signal })
      // There is nothing behind what has been seen.
      if (response.status === 204) return
      wasThere = true
      for await (const message of messages(response, stop)) {
        // Why it ends here; whoever asks again is told the same, where it is for good.
        if (message.event === "failure") break
        failures = 0
        if (message.id !== "") after = message.id
        if (message.data !== "") yield message
        if (isLast(message)) return
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      // Who was never there is not waited for; who was, is.
      if (!wasThere || (error instanceof ClientError && error.status !== 0 && error.status !== 503)) throw error
    } finally {
      signal?.removeEventListener("abort", abort)
      stop.abort()
    }
    await sleep(sender.delayAfter(failures++), signal)
  }
}

/** The messages of one answer. */
async function* messages(response: Response, stop: AbortController): AsyncGenerator<Message, void, undefined> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const silence = new Error("Nothing has come for too long")
  const leave = (): unknown => reader.cancel().catch(() => undefined)
  // `stop` aborts in any case, at the end too; Deno's fetch now and then leaves a read waiting when it does.
  stop.signal.addEventListener("abort", leave, { once: true })
  if (stop.signal.aborted) leave()
  let late = setTimeout(() => stop.abort(silence), SILENCE_MILLIS)
  let text = ""
  let id = ""
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      clearTimeout(late)
      late = setTimeout(() => stop.abort(silence), SILENCE_MILLIS)
      text += value
      for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
        const message = { event: "message", data: "" }
        for (const line of text.slice(0, end).split("\n")) {
          const [field, rest = ""] = line.split(/: ?(.*)/s, 2)
          if (field === "id") id = rest
          else if (field === "event" || field === "data") message[field] = rest
        }
        text = text.slice(end + 2)
        // A place without an event: where to go on from.
        if (message.data !== "" || id !== "") yield { id, ...message }
      }
    }
  } finally {
    clearTimeout(late)
  }
}
