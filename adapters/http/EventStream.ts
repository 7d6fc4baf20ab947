/** Events as they happen, as `text/event-stream`. Source: the HTML standard, 9.2. */
import * as Stream from "effect/Stream"
import type { Event } from "../../core/Event.ts"
import type { FeedItem } from "../../core/Feed.ts"
import { type EventType, eventText, typeOf } from "./EventWire.ts"

/** How often a quiet stream shows that it is alive, in milliseconds. */
const HEARTBEAT_MILLIS = 15_000

/** How long a reader may take for what it was sent before it is given up, in milliseconds. */
const STUCK_MILLIS = 60_000

/** How long a browser waits before it comes again, in milliseconds. */
const RETRY_MILLIS = 1_000

const utf8 = new TextEncoder()
const HEARTBEAT = utf8.encode(": alive\n\n")

/** The items of one run's log: there, a place is a sequence. */
export const ofRun = <E>(events: Stream.Stream<Event, E>): Stream.Stream<FeedItem, E> =>
  Stream.map(events, (event) => ({ cursor: String(event.sequence), event, isBehindGap: false }))

/**
 * Items as bytes, read one after the other as the reader takes them: a slow one holds up nobody and nothing is kept for it,
 * and one that is stuck is given up. Ends with the items, and calls `ended` then, or when the reader goes away. Types that
 * are not among `types` are left out; a reader that comes again goes on behind them all the same. That events before one
 * can't be had is said by an event named `gap`.
 */
export const toBytes = (
  items: Stream.Stream<FeedItem, unknown>,
  types: ReadonlySet<EventType> | undefined,
  ended: () => void
): ReadableStream<Uint8Array<ArrayBuffer>> => {
  const iterator = Stream.toAsyncIterable(items)[Symbol.asyncIterator]()
  let taken: (() => void) | undefined
  let heartbeat: ReturnType<typeof setInterval> | undefined
  /** Where the reader is without having been told. */
  let silent: string | undefined
  const end = (): void => {
    clearInterval(heartbeat)
    ended()
  }
  /** Waits until the reader wants more. */
  const room = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    if ((controller.desiredSize ?? 0) > 0) return
    let late: ReturnType<typeof setTimeout> | undefined
    await new Promise<void>((resolve, reject) => {
      taken = resolve
      late = setTimeout(() => reject(new Error("The reader is stuck")), STUCK_MILLIS)
    }).finally(() => clearTimeout(late))
  }
  const send = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        const { cursor, event, isBehindGap } = next.value
        const isWanted = event !== undefined && (types === undefined || types.has(typeOf(event)))
        silent = cursor
        if (!isBehindGap && !isWanted) continue
        await room(controller)
        const gap = isBehindGap ? `event: gap\nid: ${cursor}\ndata: {}\n\n` : ""
        controller.enqueue(utf8.encode(isWanted ? `${gap}id: ${cursor}\ndata: ${eventText(event)}\n\n` : gap))
        silent = undefined
      }
      controller.close()
    } catch (error) {
      // Whoever still reads comes again, with the last sequence it has seen.
      controller.error(error)
      await iterator.return?.()
    } finally {
      end()
    }
  }
  return new ReadableStream({
    start: (controller) => {
      controller.enqueue(utf8.encode(`retry: ${RETRY_MILLIS}\n\n`))
      heartbeat = setInterval(() => {
        if ((controller.desiredSize ?? 0) <= 0) return
        controller.enqueue(silent === undefined ? HEARTBEAT : utf8.encode(`id: ${silent}\n\n`))
        silent = undefined
      }, HEARTBEAT_MILLIS)
      void send(controller)
    },
    pull: () => taken?.(),
    cancel: async () => {
      end()
      await iterator.return?.()
    }
  })
}
