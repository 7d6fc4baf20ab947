/** What happens to all runs, in one order: the contract of a Store's feed, and how one is read. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidOption } from "./Errors.ts"
import type { Event } from "./Event.ts"

/** Which events, and from where. */
export interface FeedRequest {
  /** Only those of this pipeline's runs. Default: all. */
  readonly pipelineId?: string | undefined
  /** Goes on behind the item that had this cursor; `"0"` begins with the oldest that is kept. Default: what happens from now on. */
  readonly after?: string | undefined
  /** Whether it goes on with what happens. Default: true; otherwise it ends where nothing is there yet. */
  readonly isEndless?: boolean
  /** Whether outputs are left out of the events, which spares their reading. Default: false. */
  readonly isBare?: boolean
}

/** A place in the feed, and what is there. */
export interface FeedItem {
  /** What `after` takes to go on behind it. */
  readonly cursor: string
  /** Nothing where only the place has changed: what lies before it is not asked for, or is missed. */
  readonly event: Event | undefined
  /** Whether events before it can't be had any more: too much has happened since, or their runs are forgotten. */
  readonly isBehindGap: boolean
}

/** How many changes a feed keeps at least; each is some events of one run, and is there as long as the run is. */
export const KEPT_CHANGES = 10_000

/** Events that a run has got in one act. */
export interface Change {
  readonly runId: string
  readonly pipelineId: string
  /** The sequence before that of the first one, and that of the last one. */
  readonly from: number
  readonly to: number
}

/** Changes that are kept together. */
export interface Entry {
  /** Two numbers with a dash between them, unlike that of any other entry. */
  readonly id: string
  readonly changes: ReadonlyArray<Change>
}

/** Entries that follow each other. */
export interface Excerpt {
  readonly entries: ReadonlyArray<Entry>
  /** Whether between the one that was asked for and the first of these were others, or that was none of ours. */
  readonly isBehindGap: boolean
}

/** Where the changes are. */
export interface Source<E> {
  /** The newest entry; `START` when there is none. */
  readonly newest: Effect.Effect<string, E>
  /** Some entries in order: this one, unless it is not kept any more, and those behind it. */
  readonly from: (entry: string) => Effect.Effect<Excerpt, E>
  /** Waits until there is an entry behind this one. */
  readonly grown: (entry: string) => Effect.Effect<void, E>
  /** The events of a run behind one sequence up to another one; nothing when they are forgotten. */
  readonly events: (change: Change, isBare: boolean) => Effect.Effect<ReadonlyArray<Event> | undefined, E>
}

/** What comes before the first entry. */
export const START = "0-0"

/** How many items are read at once, when there are so many; a reader holds no more. */
const MAX_ITEMS = 500

/** Of how many changes the events are read at once. */
const AT_ONCE = 16

/** Behind so many events of an entry. */
interface Place {
  readonly entry: string
  readonly events: number
}

const cursorOf = ({ entry, events }: Place): string => `${entry}.${events}`

const placeOf = <E>(source: Source<E>, after: string | undefined): Effect.Effect<Place, InvalidOption | E> => {
  if (after === undefined) {
    return Effect.map(source.newest, (entry) => ({ entry, events: Number.POSITIVE_INFINITY }))
  }
  if (after === "0") return Effect.succeed({ entry: START, events: 0 })
  const [, entry, events] = /^(\d{1,16}-\d{1,16})\.(\d{1,9})$/.exec(after) ?? []
  return entry === undefined
    ? Effect.fail(new InvalidOption("after", after, 'a cursor that a feed has given, or "0"'))
    : Effect.succeed({ entry, events: Number(events) })
}

/**
 * Reads a feed: the events of one run in their order, those of several in the order in which they were recorded, each
 * once. A reader is a place, so a slow one costs nothing and holds nobody up. Begins now, whenever it is read. Fails with `InvalidOption` for a cursor that no feed has given.
 */
export const open = <E>(
  source: Source<E>,
  { after, pipelineId, isEndless = true, isBare = false }: FeedRequest
): Effect.Effect<Stream.Stream<FeedItem, E>, InvalidOption | E> =>
  Effect.map(placeOf(source, after), (start) =>
    Stream.suspend(() => {
      let place = start
      const batch = Effect.fnUntraced(function* (excerpt: Excerpt) {
        const items: Array<FeedItem> = []
        let hasMoved = false
        let { isBehindGap } = excerpt
        for (const { id, changes } of excerpt.entries) {
          const passed = id === place.entry ? place.events : 0
          let events = 0
          const rest: Array<Change & { readonly before: number }> = []
          for (const { from, to, ...change } of changes) {
            const begin = Math.min(from + Math.max(passed - events, 0), to)
            if (begin < to) {
              hasMoved = true
              const isWanted = pipelineId === undefined || change.pipelineId === pipelineId
              if (isWanted) rest.push({ ...change, from: begin, to, before: events - from })
            }
            events += to - from
          }
          const found = yield* Effect.forEach(rest, (change) => source.events(change, isBare), { concurrency: AT_ONCE })
          for (const [at, { before }] of rest.entries()) {
            if (found[at] === undefined) isBehindGap = true
            for (const event of found[at] ?? []) {
              items.push({ cursor: cursorOf({ entry: id, events: before + event.sequence }), event, isBehindGap })
              isBehindGap = false
            }
          }
          place = { entry: id, events }
          if (items.length >= MAX_ITEMS) break
        }
        if (isBehindGap || (hasMoved && items.length === 0)) {
          items.push({ cursor: cursorOf(place), event: undefined, isBehindGap })
        }
        return items
      })
      const pull: Effect.Effect<readonly [FeedItem, ...Array<FeedItem>], Cause.Done | E> = Effect.suspend(() =>
        Effect.flatMap(Effect.flatMap(source.from(place.entry), batch), (items) => {
          if (items.length > 0) return Effect.succeed(items as [FeedItem, ...Array<FeedItem>])
          return isEndless ? Effect.andThen(source.grown(place.entry), pull) : Cause.done()
        })
      )
      return Stream.fromPull(Effect.succeed(pull))
    })
  )
