/** Events as they happen, as `text/event-stream`. Source: the HTML standard, 9.2. */
import * as Stream from "effect/Stream"
import type { Event } from "../../core/Event.ts"
import type { FeedItem } from "../../core/Feed.ts"
import { type EventType, eventText, typeOf } from "./EventWire.ts"

/** How often a quiet stream shows that it is alive, in milliseconds. */
const HEARTBEAT_MILLIS = 15_000

/** How long a reader may take for what it was sent before it is given up, in milliseconds. */
export const STUCK_MILLIS = 60_000

/** How long a browser waits before it comes again, in milliseconds. */
const RETRY_MILLIS = 1_000

const utf8 = new TextEncoder()
const HEARTBEAT = utf8.encode(": alive\n\n")

/** The items of one run's log: there, a place is a sequence. */
export const ofRun = <E>(events: Stream.Stream<Event, E>): Stream.Stream<FeedItem, E> =>
  Stream.map(events, (event) => ({ cursor: String(event.sequence), event, isBehindGap: false }))

/**
 * Items as bytes, read one after the other as the reader takes them: a slow one holds up nobody and nothing is kept for it,
 * and one that is stuck is given up. Types that are not among `types` are left out; a reader that comes again goes on behind
 * them all the same. That events before one can't be had is said by an event named `gap`.
 */
export class EventStream {
  readonly #items: AsyncIterator<FeedItem>
  readonly #types: ReadonlySet<EventType> | undefined
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined
  #heartbeat: ReturnType<typeof setInterval> | undefined
  #freed: () => void = () => undefined
  #taken: (() => void) | undefined
  /** Where the reader is without having been told. */
  #silent: string | undefined
  #isOver = false

  constructor(items: Stream.Stream<FeedItem, unknown>, types: ReadonlySet<EventType> | undefined) {
    this.#items = Stream.toAsyncIterable(items)[Symbol.asyncIterator]()
    this.#types = types
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
        const { cursor, event, isBehindGap } = next.value
        const isWanted = event !== undefined && (this.#types === undefined || this.#types.has(typeOf(event)))
        this.#silent = cursor
        if (!isBehindGap && !isWanted) continue
        if (!this.#hasRoom) await this.#room()
        if (this.#isOver) return
        const gap = isBehindGap ? `event: gap\nid: ${cursor}\ndata: {}\n\n` : ""
        const text = isWanted ? `${gap}id: ${cursor}\ndata: ${eventText(event)}\n\n` : gap
        this.#controller?.enqueue(utf8.encode(text))
        this.#silent = undefined
      }
      // Otherwise a reader of some types would come again behind the last of these, for ever.
      if (this.#silent !== undefined && !this.#isOver) {
        if (!this.#hasRoom) await this.#room()
        if (!this.#isOver) this.#controller?.enqueue(utf8.encode(`id: ${this.#silent}\n\n`))
      }
      this.end()
    } catch (error) {
      if (this.#isOver) return
      this.#end()
      // Whoever still reads comes again, with the last place that it has seen.
      this.#controller?.error(error)
    }
  }

  /** Waits until the reader wants more. */
  #room(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("Nothing is read here")), STUCK_MILLIS)
      this.#taken = () => {
        clearTimeout(late)
        resolve()
      }
    })
  }
}
