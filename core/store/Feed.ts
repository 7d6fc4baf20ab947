/** The feed: the events of all runs, in one order. The contract between a Store and the reader in this file. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Event } from "../run/Event.ts"
import { InvalidOption } from "../values/Errors.ts"

/** Which events of the feed to read. */
export interface FeedRequest {
  /** Reads only events of this pipeline's runs. Default: of all runs. */
  readonly pipelineId?: string | undefined
  /** Starts behind the item with this cursor; `"0"` starts with the oldest kept event. Default: only new events. */
  readonly after?: string | undefined
  /** Whether the stream continues with new events; if false, it ends with the newest event. Default: true. */
  readonly isEndless?: boolean
  /** Whether the events may lack values (parameters, outputs, results), so that the Store need not read these. Default: false. */
  readonly isBare?: boolean
}

/** An event of the feed, and its position. */
export interface FeedItem {
  /** The `after` of a request that continues behind this item. */
  readonly cursor: string
  /** Undefined when only the position moved: over events that were not requested, or are lost. */
  readonly event: Event | undefined
  /** Whether events before this item are lost: the feed no longer keeps them, or their runs were deleted. */
  readonly isBehindGap: boolean
}

/** How many changes a feed keeps at least. The events of a change can be read as long as the Store keeps their run. */
export const KEPT_CHANGES = 10_000

/** The events that one Store call adds to a run. */
export interface Change {
  readonly runId: string
  readonly pipelineId: string
  /** From the event behind sequence `from` to the event with sequence `to`. */
  readonly from: number
  readonly to: number
}

/** Changes that the feed keeps together. */
export interface Entry {
  /** Two numbers with a dash between them; unique. */
  readonly id: string
  readonly changes: ReadonlyArray<Change>
}

/** Consecutive entries. */
export interface Excerpt {
  readonly entries: ReadonlyArray<Entry>
  /** Whether entries are missing between the requested one and the first of these, or the requested one is unknown. */
  readonly isBehindGap: boolean
}

/** The changes that a Store keeps. */
export interface Source<E> {
  /** The newest entry; `START` when there is none. */
  readonly newest: Effect.Effect<string, E>
  /** This entry, if it is still kept, and the next ones, in order. May return only some of them. */
  readonly from: (entry: string) => Effect.Effect<Excerpt, E>
  /** Waits for an entry behind this one. */
  readonly grown: (entry: string) => Effect.Effect<void, E>
  /**
   * The events of each change, in the order of the changes; undefined when its run was deleted. When events are long, the
   * result is shorter than `changes`, with at least one element.
   */
  readonly events: (
    changes: ReadonlyArray<Change>,
    isBare: boolean
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Event> | undefined>, E>
}

/** The position before the first entry. */
export const START = "0-0"

/** How many items a reader emits together at most, and about how long they are together, in characters. */
const MAX_ITEMS = 500
const MAX_LENGTH = 1 << 18

/** How many events are read together: at first, and at most. */
const FEW = 32
const MANY = 256

/** Changes are cut into pieces of so many events, always at the same places, so that a Store can share what it read. */
const PIECE = 16

/** About how long an event without values is, in characters. */
const BARE_LENGTH = 200

/** How many events to read together: fewer when they are long, because a reader holds all of them in memory. */
export class BatchSize {
  #size = FEW

  get size(): number {
    return this.#size
  }

  /** Adapts to the length of the events of the last read, in characters. */
  adapt(length: number): void {
    this.#size = length < MAX_LENGTH / 4 ? Math.min(2 * this.#size, MANY) : FEW
  }
}

/** The length of events, in characters; approximate. */
export const lengthOf = (events: ReadonlyArray<Event>): number => {
  let length = events.length * BARE_LENGTH
  for (const event of events) {
    const values =
      event.type === "StepCompleted"
        ? event.outputs
        : event.type === "RunStarted"
          ? event.parameters
          : event.type === "RunCompleted"
            ? event.result?.outputs
            : undefined
    // Bare events have no values.
    for (const name in values) length += values[name]?.length ?? 0
  }
  return length
}

/** A position in the feed: behind the first `events` events of an entry. */
interface Position {
  readonly entry: string
  readonly events: number
}

const cursorOf = ({ entry, events }: Position): string => `${entry}.${events}`

const positionOf = <E>(source: Source<E>, after: string | undefined): Effect.Effect<Position, InvalidOption | E> => {
  if (after === undefined) {
    return Effect.map(source.newest, (entry) => ({ entry, events: Number.POSITIVE_INFINITY }))
  }
  if (after === "0") return Effect.succeed({ entry: START, events: 0 })
  const [, entry, events] = typeof after !== "string" ? [] : (/^(\d{1,16}-\d{1,16})\.(\d{1,9})$/.exec(after) ?? [])
  return entry === undefined
    ? Effect.fail(new InvalidOption("after", after, 'a cursor of the feed, or "0"'))
    : Effect.succeed({ entry, events: Number(events) })
}

/** Some consecutive events of one change. */
interface Piece extends Change {
  readonly isWanted: boolean
  readonly entry: string
  /** Added to the sequence of an event, it gives the event's position in the entry. */
  readonly before: number
}

/** The pieces behind a position. */
function* piecesOf({ entries }: Excerpt, position: Position, pipelineId: string | undefined): Iterable<Piece> {
  for (const { id, changes } of entries) {
    const passed = id === position.entry ? position.events : 0
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
 * Reads a feed: each event once, in the order in which the Store recorded them. The start is fixed now, even when the
 * stream is read later. A reader is only a position, so a slow reader uses no memory and delays no run. Fails with
 * `InvalidOption` for a cursor that is not one of the feed.
 */
export const open = <E>(
  source: Source<E>,
  { after, pipelineId, isEndless = true, isBare = false }: FeedRequest
): Effect.Effect<Stream.Stream<FeedItem, E>, InvalidOption | E> =>
  Effect.map(positionOf(source, after), (start) =>
    Stream.suspend(() => {
      let position = start
      const batchSize = new BatchSize()
      const batch = Effect.fnUntraced(function* (excerpt: Excerpt) {
        const items: Array<FeedItem> = []
        let length = 0
        let { isBehindGap } = excerpt
        let hasMoved = false
        let pending: Array<Piece> = []
        let count = 0
        // Reads the pending pieces. Returns whether the source gave all of them.
        const read = Effect.fnUntraced(function* () {
          if (pending.length === 0) return true
          const wanted = pending.filter(({ isWanted }) => isWanted)
          const found = wanted.length === 0 ? [] : yield* source.events(wanted, isBare)
          const isAll = found.length === wanted.length
          const last = isAll ? pending.at(-1)! : wanted[found.length - 1]!
          let readLength = 0
          for (const [at, events] of found.entries()) {
            const { entry, before } = wanted[at]!
            if (events === undefined) {
              isBehindGap = true
              continue
            }
            readLength += lengthOf(events)
            for (const event of events) {
              items.push({ cursor: cursorOf({ entry, events: before + event.sequence }), event, isBehindGap })
              isBehindGap = false
            }
          }
          batchSize.adapt(readLength)
          length += readLength
          position = { entry: last.entry, events: last.before + last.to }
          pending = []
          count = 0
          return isAll
        })
        for (const piece of piecesOf(excerpt, position, pipelineId)) {
          hasMoved = true
          pending.push(piece)
          if (piece.isWanted) count += piece.to - piece.from
          if (count < batchSize.size) continue
          if (!(yield* read()) || items.length >= MAX_ITEMS || length >= MAX_LENGTH) break
        }
        yield* read()
        if (isBehindGap || (hasMoved && items.length === 0)) {
          items.push({ cursor: cursorOf(position), event: undefined, isBehindGap })
        }
        return items
      })
      const pull: Effect.Effect<readonly [FeedItem, ...Array<FeedItem>], Cause.Done | E> = Effect.suspend(() =>
        Effect.flatMap(Effect.flatMap(source.from(position.entry), batch), (items) => {
          if (items.length > 0) return Effect.succeed(items as [FeedItem, ...Array<FeedItem>])
          return isEndless ? Effect.andThen(source.grown(position.entry), pull) : Cause.done()
        })
      )
      return Stream.fromPull(Effect.succeed(pull))
    })
  )
