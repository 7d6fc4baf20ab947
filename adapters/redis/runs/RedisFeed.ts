/**
 * Which runs of a Store on Redis have got which events, as the scripts say in a stream. What the newest entries say is kept
 * for a moment, so that many readers in one process ask Redis hardly more than one does.
 */
import * as Effect from "effect/Effect"
import type { Event } from "../../../core/run/Event.ts"
import { type Change, type Entry, type Excerpt, lengthOf, type Source, START } from "../../../core/store/Feed.ts"
import type { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { closed, type RedisRuns } from "./RedisRuns.ts"
import type { PlannedChange } from "./RunReader.ts"

/** How many entries are read at once, and how many of the newest are kept. */
const MAX_ENTRIES = 100
const KEPT_ENTRIES = 1_000

/** For how long events are kept, in milliseconds, and about how many, in characters. */
const KEPT_MILLIS = 1_000
const KEPT_LENGTH = 1 << 22

type Events = ReadonlyArray<Event> | undefined

/** Said of events for which there was no room in the answer. */
const UNREAD = "unread"

export class RedisFeed implements Source<StoreUnavailable> {
  readonly #scripts: Scripts
  readonly #runs: RedisRuns
  readonly #tail: Tail = new Tail()
  readonly #recent: Recent = new Recent()
  /** What is being asked for by entry, since the last news. */
  readonly #asked: Map<string, Promise<Excerpt>> = new Map()

  constructor(scripts: Scripts, runs: RedisRuns) {
    this.#scripts = scripts
    this.#runs = runs
    // Whoever hears news has to see what they are about, which an answer that is on its way may lack.
    runs.onNews(() => this.#asked.clear())
  }

  newest: Effect.Effect<string, StoreUnavailable> = Effect.suspend(() =>
    this.#scripts.ask(async (client, prefix) => {
      const [newest] = await client.xrevrange(`${prefix}feed`, "+", "-", "COUNT", 1)
      return newest?.[0] ?? START
    })
  )

  from = (entry: string): Effect.Effect<Excerpt, StoreUnavailable> => this.#scripts.ask(() => this.#from(entry))

  grown = (entry: string): Effect.Effect<void, StoreUnavailable> =>
    Effect.flatMap(
      this.#runs.told("runs", "", async () => (await this.#from(entry)).entries.some(({ id }) => id !== entry)),
      (is) => (is ? Effect.void : Effect.fail(closed()))
    )

  events = (changes: ReadonlyArray<Change>, isBare: boolean): Effect.Effect<ReadonlyArray<Events>, StoreUnavailable> =>
    this.#scripts.ask(() => this.#events(changes as ReadonlyArray<PlannedChange>, isBare))

  /** Of as many changes as were read with the first one, here or by somebody who asks for the same. */
  async #events(changes: ReadonlyArray<PlannedChange>, isBare: boolean): Promise<ReadonlyArray<Events>> {
    const asked = this.#recent.of(
      changes,
      ({ runId, from, to }) => `${runId} ${from} ${to} ${isBare}`,
      (lacking) => this.#runs.reader.events(lacking, isBare)
    )
    const found: Array<Events> = []
    for (const events of asked) {
      const those = await events
      if (those === UNREAD) break
      found.push(those)
    }
    return found.length > 0 || changes.length === 0 ? found : this.#events(changes, isBare)
  }

  #from(entry: string): Promise<Excerpt> {
    const kept = this.#tail.from(entry)
    if (kept !== undefined) return Promise.resolve({ entries: kept, isBehindGap: false })
    let asked = this.#asked.get(entry)
    if (asked === undefined) {
      asked = this.#ask(entry).finally(() => {
        if (this.#asked.get(entry) === asked) this.#asked.delete(entry)
      })
      this.#asked.set(entry, asked)
    }
    return asked
  }

  async #ask(entry: string): Promise<Excerpt> {
    const { client, prefix } = this.#scripts
    const key = `${prefix}feed`
    let found = await client.xrange(key, entry, "+", "COUNT", MAX_ENTRIES)
    // Where not even the entry is, it is of another database: all that is here is news.
    if (found.length === 0) found = await client.xrange(key, "-", "+", "COUNT", MAX_ENTRIES)
    const entries: Array<Entry> = []
    for (const [id, [, text]] of found) entries.push({ id, changes: await this.#changes(text!) })
    this.#tail.add(entry, entries)
    return { entries, isBehindGap: entries.length > 0 && entries[0]!.id !== entry && entry !== START }
  }

  async #changes(text: string): Promise<ReadonlyArray<PlannedChange>> {
    const changes: Array<PlannedChange> = []
    for (const change of text.split(",")) {
      const [runId, from, to, plan] = change.split(" ") as [string, string, string, string]
      // A plan that is forgotten has no run any more.
      const pipelineId = (await this.#runs.reader.planOf(plan))?.pipelineId ?? ""
      changes.push({ runId, from: Number(from), to: Number(to), pipelineId, plan })
    }
    return changes
  }
}

/** The newest entries that were read, one after the other. */
class Tail {
  #entries: Array<Entry> = []
  readonly #places: Map<string, number> = new Map()

  /** An entry and those behind it; nothing unless there are some. */
  from(entry: string): ReadonlyArray<Entry> | undefined {
    const place = this.#places.get(entry)
    if (place === undefined || place + 1 >= this.#entries.length) return undefined
    return this.#entries.slice(place, place + MAX_ENTRIES)
  }

  /** Keeps what was found from an entry on, if that goes on where it ends, or lies behind all of it. */
  add(entry: string, found: ReadonlyArray<Entry>): void {
    const [first] = found
    const last = this.#entries.at(-1)
    if (first === undefined) return
    if (last !== undefined && entry === last.id && first.id === entry) {
      this.#push(found.slice(1))
      if (this.#entries.length > 2 * KEPT_ENTRIES) this.#begin(this.#entries.slice(-KEPT_ENTRIES))
    } else if (last === undefined || !isBefore(first.id, last.id)) this.#begin(found)
  }

  #begin(entries: ReadonlyArray<Entry>): void {
    this.#entries = []
    this.#places.clear()
    this.#push(entries)
  }

  #push(entries: ReadonlyArray<Entry>): void {
    for (const entry of entries) this.#places.set(entry.id, this.#entries.push(entry) - 1)
  }
}

const isBefore = (one: string, other: string): boolean => {
  const [millis, count] = numbersOf(one)
  const [otherMillis, otherCount] = numbersOf(other)
  return millis < otherMillis || (millis === otherMillis && count < otherCount)
}

const numbersOf = (id: string): readonly [millis: number, count: number] => {
  const dash = id.indexOf("-")
  return [Number(id.slice(0, dash)), Number(id.slice(dash + 1))]
}

interface Kept {
  readonly events: Promise<Events | typeof UNREAD>
  readonly atMillis: number
  length: number
}

/** Events that were read a moment ago. They are not kept for longer, as their runs may be forgotten. */
class Recent {
  readonly #kept: Map<string, Kept> = new Map()
  #length = 0

  /** The events of changes. Those that are lacking are read together: all of them, or the first ones. */
  of(
    changes: ReadonlyArray<PlannedChange>,
    keyOf: (change: PlannedChange) => string,
    read: (lacking: ReadonlyArray<PlannedChange>) => Promise<ReadonlyArray<Events>>
  ): ReadonlyArray<Kept["events"]> {
    const atMillis = Date.now()
    for (const [oldest, { atMillis: since }] of this.#kept) {
      if (since > atMillis - KEPT_MILLIS && this.#length <= KEPT_LENGTH) break
      this.#drop(oldest)
    }
    const keys = changes.map(keyOf)
    const lacking = changes.filter((_, at) => !this.#kept.has(keys[at]!))
    const found = lacking.length === 0 ? undefined : read(lacking)
    let place = 0
    return keys.map((key) => {
      const known = this.#kept.get(key)
      if (known !== undefined) return known.events
      const at = place++
      return this.#keep(
        key,
        atMillis,
        found!.then((all) => (at < all.length ? all[at] : UNREAD))
      )
    })
  }

  #keep(key: string, atMillis: number, events: Kept["events"]): Kept["events"] {
    const kept: Kept = { events, atMillis, length: 0 }
    this.#kept.set(key, kept)
    events.then(
      (those = []) => {
        if (this.#kept.get(key) !== kept) return
        if (those === UNREAD) return this.#drop(key)
        kept.length = lengthOf(those)
        this.#length += kept.length
      },
      () => this.#drop(key)
    )
    return events
  }

  #drop(key: string): void {
    this.#length -= this.#kept.get(key)?.length ?? 0
    this.#kept.delete(key)
  }
}
