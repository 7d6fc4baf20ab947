/** Live events as `text/event-stream`. Source: the HTML standard, 9.2. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Event } from "../../../core/run/Event.ts"
import type { FeedItem } from "../../../core/store/Feed.ts"
import { Failure } from "../../../core/values/Failure.ts"
import { failureText } from "../server/Failures.ts"
import type { TextCache } from "../server/TextCache.ts"
import type { EventSelection } from "./EventRequests.ts"
import { bareEventText, type EventType, eventText, typeOf } from "./EventWire.ts"

/** How often a heartbeat is sent on a stream, in milliseconds. */
const HEARTBEAT_MILLIS = 15_000

/** How long a reader may leave sent events unread before its stream is closed, in milliseconds. */
export const STUCK_MILLIS = 60_000

/** How long a browser waits before it reconnects, in milliseconds. */
const RETRY_MILLIS = 1_000

/** The pause between batches of events, in milliseconds, so that many readers cost little; none after a batch of 64 or more events. */
const PACE_MILLIS = 20
const FULL_BATCH = 64

/** The most characters in one chunk of the stream; a longer event is a chunk of its own. */
const MAX_CHUNK = 1 << 16

const utf8 = new TextEncoder()
const HEARTBEAT = utf8.encode(": alive\n\n")

/** Logs an error that ended a stream of events, unless it is a failure, whose reason the client gets. */
export const logDefect = ({ run }: Logging, error: unknown): void => {
  if (!(error instanceof Failure))
    void run(Effect.logError("A stream of events failed with an unexpected error", error))
}

interface Logging {
  readonly run: (effect: Effect.Effect<void>) => Promise<unknown>
}

/** The caches of the texts of events: with values, and without. */
export interface EventTexts {
  readonly texts: TextCache<Event>
  readonly bareTexts: TextCache<Event>
}

/** Writes events as JSON text, each once for all readers. */
export const writer =
  ({ texts, bareTexts }: EventTexts, isBare: boolean): ((event: Event) => string) =>
  (event) =>
    isBare ? bareTexts.of(event, bareEventText) : texts.of(event, eventText)

/** The reader does not take the events. */
class ReaderStuck extends Error {}

/** Converts the events of one run to feed items, whose cursor is the sequence. */
export const ofRun = <E>(events: Stream.Stream<Event, E>): Stream.Stream<FeedItem, E> =>
  Stream.map(events, (event) => ({ cursor: String(event.sequence), event, isBehindGap: false }))

/** Batches items that arrive at about the same time. */
export const batched = (items: Stream.Stream<FeedItem, unknown>): AsyncIterator<ReadonlyArray<FeedItem>> => {
  const paced = Stream.transformPull(items, (pull) =>
    Effect.sync(() => {
      let isPaced = false
      const next = Effect.suspend(() => (isPaced ? Effect.andThen(Effect.sleep(PACE_MILLIS), pull) : pull))
      return Effect.map(next, (some) => {
        isPaced = some.length < FULL_BATCH
        return [some] as const
      })
    })
  )
  return Stream.toAsyncIterable(paced)[Symbol.asyncIterator]()
}

/**
 * A stream of bytes made from items, which are read only as fast as the client takes them: a slow client delays no other and
 * uses no memory, and a stuck one is disconnected. Types that are not in `types` are skipped, and a client that reconnects
 * does not get them again. An event named `gap` says that earlier events are lost. An event named `failure` says why the
 * stream ends early; its data is an error body.
 */
export class EventStream {
  readonly #items: AsyncIterator<ReadonlyArray<FeedItem>>
  readonly #types: ReadonlySet<EventType> | undefined
  readonly #textOf: (event: Event) => string
  readonly #nowMillis: () => number
  readonly #run: Logging["run"]
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined
  #heartbeat: ReturnType<typeof setInterval> | undefined
  #release: () => void = () => undefined
  #onPull: (() => void) | undefined
  /** The cursor of the last skipped event, if it has not been sent yet. */
  #unsentCursor: string | undefined
  /** The length of the last chunk. The queue has no other one, because each waits until the queue is empty. */
  #lastBytes = 0
  #isOver = false

  constructor(
    items: Stream.Stream<FeedItem, unknown>,
    { types, isBare }: Pick<EventSelection<unknown>, "types" | "isBare">,
    { streams, nowMillis, run }: Logging & { readonly streams: EventTexts; readonly nowMillis: () => number }
  ) {
    this.#items = batched(items)
    this.#types = types
    this.#textOf = writer(streams, isBare)
    this.#nowMillis = nowMillis
    this.#run = run
  }

  /** Starts the stream. Calls `release` when it ends or the reader cancels it. */
  open(release: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#release = release
    return new ReadableStream({
      start: (controller) => {
        this.#controller = controller
        this.#enqueue(utf8.encode(`retry: ${RETRY_MILLIS}\n\n`))
        this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MILLIS)
        void this.#deliver()
      },
      pull: () => this.#onPull?.(),
      cancel: () => this.#end()
    })
  }

  /** How many bytes the client has not taken yet. */
  get bufferedBytes(): number {
    return this.#hasRoom ? 0 : this.#lastBytes
  }

  /** Ends the stream early. The client reconnects. */
  end(): void {
    if (this.#isOver) return
    this.#end()
    this.#controller?.close()
  }

  #end(): void {
    this.#isOver = true
    clearInterval(this.#heartbeat)
    this.#release()
    void this.#items.return?.()
  }

  get #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0
  }

  #beat(): void {
    if (!this.#hasRoom) return
    this.#enqueue(this.#unsentCursor === undefined ? HEARTBEAT : utf8.encode(`id: ${this.#unsentCursor}\n\n`))
    this.#unsentCursor = undefined
  }

  async #deliver(): Promise<void> {
    try {
      for (let next = await this.#items.next(); !next.done; next = await this.#items.next()) {
        let text = ""
        for (const { cursor, event, isBehindGap } of next.value) {
          const isWanted = event !== undefined && (this.#types === undefined || this.#types.has(typeOf(event)))
          this.#unsentCursor = isWanted || isBehindGap ? undefined : cursor
          if (isBehindGap) text += `event: gap\nid: ${cursor}\ndata: {}\n\n`
          if (isWanted) text += `id: ${cursor}\ndata: ${this.#textOf(event)}\n\n`
          if (text.length < MAX_CHUNK) continue
          await this.#write(text)
          text = ""
        }
        await this.#write(text)
        if (this.#isOver) return
      }
      // Without this cursor, a client of some types would reconnect behind its last event again and again.
      if (this.#unsentCursor !== undefined) await this.#write(`id: ${this.#unsentCursor}\n\n`)
      this.end()
    } catch (error) {
      if (this.#isOver) return
      if (error instanceof ReaderStuck) {
        this.#end()
        this.#controller?.error(error)
        return
      }
      logDefect({ run: this.#run }, error)
      // The client reconnects behind the last event that it got; if that is impossible, the server answers with the reason.
      this.#enqueue(utf8.encode(`event: failure\ndata: ${failureText(error, this.#nowMillis())}\n\n`))
      this.end()
    }
  }

  async #write(text: string): Promise<void> {
    if (text === "" || this.#isOver) return
    if (!this.#hasRoom) await this.#drained()
    if (!this.#isOver) this.#enqueue(utf8.encode(text))
  }

  #enqueue(bytes: Uint8Array<ArrayBuffer>): void {
    this.#lastBytes = bytes.length
    this.#controller?.enqueue(bytes)
  }

  /** Waits until the reader wants more. Rejects after 60 s. */
  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new ReaderStuck("The client reads too slowly")), STUCK_MILLIS)
      this.#onPull = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
