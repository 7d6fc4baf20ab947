/** Events as they happen, as `text/event-stream`. Source: the HTML standard, 9.2. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Event } from "../../../core/run/Event.ts"
import type { FeedItem } from "../../../core/store/Feed.ts"
import { failureText } from "../server/Failures.ts"
import type { TextCache } from "../server/TextCache.ts"
import { type EventType, eventText, typeOf } from "./EventWire.ts"

/** How often a quiet stream shows that it is alive, in milliseconds. */
const HEARTBEAT_MILLIS = 15_000

/** How long a reader may take for what it was sent before it is given up, in milliseconds. */
export const STUCK_MILLIS = 60_000

/** How long a browser waits before it comes again, in milliseconds. */
const RETRY_MILLIS = 1_000

/** How long after some events the next ones are told, in milliseconds, unless there were as many as this: so readers cost little. */
const PACE_MILLIS = 20
const MANY = 64

/** About how long a chunk of the stream is at most, in characters, unless it is one event. */
const MAX_CHUNK = 1 << 16

const utf8 = new TextEncoder()
const HEARTBEAT = utf8.encode(": alive\n\n")

/** A reader does not take what it is sent. */
class Stuck extends Error {}

/** The items of one run's log: there, a place is a sequence. */
export const ofRun = <E>(events: Stream.Stream<Event, E>): Stream.Stream<FeedItem, E> =>
  Stream.map(events, (event) => ({ cursor: String(event.sequence), event, isBehindGap: false }))

/** The items as they come, those together that come at about the same time. */
export const together = (items: Stream.Stream<FeedItem, unknown>): AsyncIterator<ReadonlyArray<FeedItem>> => {
  const paced = Stream.transformPull(items, (pull) =>
    Effect.sync(() => {
      let isSlack = false
      const next = Effect.suspend(() => (isSlack ? Effect.andThen(Effect.sleep(PACE_MILLIS), pull) : pull))
      return Effect.map(next, (some) => {
        isSlack = some.length < MANY
        return [some] as const
      })
    })
  )
  return Stream.toAsyncIterable(paced)[Symbol.asyncIterator]()
}

/**
 * Items as bytes, read one after the other as the reader takes them: a slow one holds up nobody and nothing is kept for it,
 * and one that is stuck is given up. Types that are not among `types` are left out; a reader that comes again goes on behind
 * them all the same. That events before one can't be had is said by an event named `gap`; why a stream ends before its last
 * event, by one named `failure`, whose data is the body that a request would be answered with.
 */
export class EventStream {
  readonly #items: AsyncIterator<ReadonlyArray<FeedItem>>
  readonly #types: ReadonlySet<EventType> | undefined
  readonly #texts: TextCache<Event>
  readonly #nowMillis: () => number
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined
  #heartbeat: ReturnType<typeof setInterval> | undefined
  #freed: () => void = () => undefined
  #taken: (() => void) | undefined
  /** Where the reader is without having been told. */
  #silent: string | undefined
  #isOver = false

  constructor(
    items: Stream.Stream<FeedItem, unknown>,
    types: ReadonlySet<EventType> | undefined,
    { streams, nowMillis }: { readonly streams: { readonly texts: TextCache<Event> }; readonly nowMillis: () => number }
  ) {
    this.#items = together(items)
    this.#types = types
    this.#texts = streams.texts
    this.#nowMillis = nowMillis
  }

  /** The bytes. Calls `freed` once they are over, or the reader goes away. */
  open(freed: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#freed = freed
    return new ReadableStream({
      start: (controller) => {
        this.#controller = controller
        controller.enqueue(utf8.encode(`retry: ${RETRY_MILLIS}\n\n`))
        this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MILLIS)
        void this.#deliver()
      },
      pull: () => this.#taken?.(),
      cancel: () => this.#end()
    })
  }

  /** Ends it where it is: whoever reads comes again. */
  end(): void {
    if (this.#isOver) return
    this.#end()
    this.#controller?.close()
  }

  #end(): void {
    this.#isOver = true
    clearInterval(this.#heartbeat)
    this.#freed()
    void this.#items.return?.()
  }

  get #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0
  }

  #beat(): void {
    if (!this.#hasRoom) return
    this.#controller?.enqueue(this.#silent === undefined ? HEARTBEAT : utf8.encode(`id: ${this.#silent}\n\n`))
    this.#silent = undefined
  }

  async #deliver(): Promise<void> {
    try {
      for (let next = await this.#items.next(); !next.done; next = await this.#items.next()) {
        let text = ""
        for (const { cursor, event, isBehindGap } of next.value) {
          const isWanted = event !== undefined && (this.#types === undefined || this.#types.has(typeOf(event)))
          this.#silent = isWanted || isBehindGap ? undefined : cursor
          if (isBehindGap) text += `event: gap\nid: ${cursor}\ndata: {}\n\n`
          if (isWanted) text += `id: ${cursor}\ndata: ${this.#texts.of(event, eventText)}\n\n`
          if (text.length < MAX_CHUNK) continue
          await this.#write(text)
          text = ""
        }
        await this.#write(text)
        if (this.#isOver) return
      }
      // Otherwise a reader of some types would come again behind the last of these, for ever.
      if (this.#silent !== undefined) await this.#write(`id: ${this.#silent}\n\n`)
      this.end()
    } catch (error) {
      if (this.#isOver) return
      if (error instanceof Stuck) {
        this.#end()
        this.#controller?.error(error)
        return
      }
      // In order: a reader comes again behind the last place that it has seen, and is answered why not if it can't go on.
      this.#controller?.enqueue(utf8.encode(`event: failure\ndata: ${failureText(error, this.#nowMillis())}\n\n`))
      this.end()
    }
  }

  async #write(text: string): Promise<void> {
    if (text === "" || this.#isOver) return
    if (!this.#hasRoom) await this.#room()
    if (!this.#isOver) this.#controller?.enqueue(utf8.encode(text))
  }

  /** Waits until the reader wants more. */
  #room(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Stuck("The client reads too slowly")), STUCK_MILLIS)
      this.#taken = () => {
        clearTimeout(late)
        resolve()
      }
    })
  }
}
