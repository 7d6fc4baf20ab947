/** What happens to all runs, in one order: the contract of a Store's feed, and how one is read. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Event } from "../run/Event.ts"
import { InvalidOption } from "../values/Errors.ts"

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
  /**
   * Of each change, the events of its run behind one sequence up to another one; nothing when they are forgotten. Where
   * they are long, of fewer changes than were asked for: the first ones, at least one.
   */
  readonly events: (
    changes: ReadonlyArray<Change>,
    isBare: boolean
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Event> | undefined>, E>
}

/** What comes before the first entry. */
export const START = "0-0"

/** How many items a reader takes at once, when there are so many, and about how long they may be together, in characters. */
const MAX_ITEMS = 500
const MAX_LENGTH = 1 << 18

/** How many events are read at once: first, and at most. */
const FEW = 32
const MANY = 256

/** Into how many events changes are cut, so that readers of the same ones ask for the same. */
const PIECE = 16

/** About how long an event is that has no values, in characters. */
const BARE_LENGTH = 200

/** How many events to read at once: fewer where they are long, as a reader holds them all. */
export class Pace {
  #size = FEW

  get size(): number {
    return this.#size
  }

  /** Some were read that are so long together. */
  took(length: number): void {
    this.#size = length < MAX_LENGTH / 4 ? Math.min(2 * this.#size, MANY) : FEW
  }
}

/** About how long events are together, in characters. */
export const lengthOf = (events: ReadonlyArray<Event>): number => {
  let length = events.length * BARE_LENGTH
  for (const event of events) {
    if (event.type !== "StepCompleted") continue
    // Bare ones lack their values.
    for (const name in event.outputs) length += event.outputs[name]?.length ?? 0
  }
  return length
}

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
  const [, entry, events] = typeof after !== "string" ? [] : (/^(\d{1,16}-\d{1,16})\.(\d{1,9})$/.exec(after) ?? [])
  return entry === undefined
    ? Effect.fail(new InvalidOption("after", after, 'a cursor that a feed has given, or "0"'))
    : Effect.succeed({ entry, events: Number(events) })
}

/** Some events of one change. */
interface Piece extends Change {
  readonly isWanted: boolean
  readonly entry: string
  /** How many events of the entry come before the run's first one, if the change had all of them. */
  readonly before: number
}

/** What lies behind a place. */
function* piecesOf({ entries }: Excerpt, place: Place, pipelineId: string | undefined): Iterable<Piece> {
  for (const { id, changes } of entries) {
    const passed = id === place.entry ? place.events : 0
    let events = 0
    for (const change of changes) {
      const { from, to } = change
      const isWanted = pipelineId === undefined || change.pipelineId === pipelineId
      for (let begin = Math.min(from + Math.max(passed - events, 0), to); begin < to; ) {
        const end = isWanted ? Math.min(to, begin + PIECE - ((begin - from) % PIECE)) : to
        yield { ...change, from: begin, to: end, isWanted, entry: id, before: events - from }
        begin = end
      }
      events += to - from
    }
  }
}

/**
 * Reads a feed: the events of one run in their order, those of several in the order in which they were recorded, each
 * once. A reader is a place, so a slow one costs nothing and holds nobody up. Begins now, whenever it is read. Fails with
 * `InvalidOption` for a cursor that no feed has given.
 */
export const open = <E>(
  source: Source<E>,
  { after, pipelineId, isEndless = true, isBare = false }: FeedRequest
): Effect.Effect<Stream.Stream<FeedItem, E>, InvalidOption | E> =>
  Effect.map(placeOf(source, after), (start) =>
    Stream.suspend(() => {
      let place = start
      const pace = new Pace()
      const batch = Effect.fnUntraced(function* (excerpt: Excerpt) {
        const items: Array<FeedItem> = []
        let length = 0
        let { isBehindGap } = excerpt
        let hasMoved = false
        let together: Array<Piece> = []
        let count = 0
        // Gives whether all were read that were asked for.
        const read = Effect.fnUntraced(function* () {
          if (together.length === 0) return true
          const wanted = together.filter(({ isWanted }) => isWanted)
          const found = wanted.length === 0 ? [] : yield* source.events(wanted, isBare)
          const isAll = found.length === wanted.length
          const last = isAll ? together.at(-1)! : wanted[found.length - 1]!
          let taken = 0
          for (const [at, events] of found.entries()) {
            const { entry, before } = wanted[at]!
            if (events === undefined) {
              isBehindGap = true
              continue
            }
            taken += lengthOf(events)
            for (const event of events) {
              items.push({ cursor: cursorOf({ entry, events: before + event.sequence }), event, isBehindGap })
              isBehindGap = false
            }
          }
          pace.took(taken)
          length += taken
          place = { entry: last.entry, events: last.before + last.to }
          together = []
          count = 0
          return isAll
        })
        for (const piece of piecesOf(excerpt, place, pipelineId)) {
          hasMoved = true
          together.push(piece)
          if (piece.isWanted) count += piece.to - piece.from
          if (count < pace.size) continue
          if (!(yield* read()) || items.length >= MAX_ITEMS || length >= MAX_LENGTH) break
        }
        yield* read()
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
