/** The feed of a Store in memory: a ring that records which runs got which events. The events are in the runs' logs. */
import * as Effect from "effect/Effect"
import { type Change, type Entry, type Excerpt, KEPT_CHANGES, type Source, START } from "../store/Feed.ts"
import { StoreUnavailable } from "../values/Errors.ts"
import type { RunLog } from "./run/RunLog.ts"

/** How many entries one read returns at most. */
const MAX_ENTRIES = 100

const NO_LISTENERS: ReadonlyArray<never> = []

/** A change of a run that was deleted, of which a journal has nothing. A reader moves over it, and learns of the gap. */
const DELETED: Change = { runId: "", pipelineId: "", from: 0, to: 1 }

/** A change and its number. */
interface NumberedChange extends Change {
  readonly number: number
}

/** The newest changes. They are numbered from 1. */
export class MemoryFeed implements Source<never> {
  readonly #ring: Array<Change> = []
  /** Distinguishes entries of this Store from those of an earlier one. */
  readonly #epoch: number
  readonly #logOf: (runId: string) => Pick<RunLog, "events"> | undefined
  #count = 0
  /** The changes before this one are not in the ring. */
  #oldest = 1
  #listeners: Array<() => void> = []

  constructor(epoch: number, logOf: (runId: string) => Pick<RunLog, "events"> | undefined) {
    this.#epoch = epoch
    this.#logOf = logOf
  }

  /** How many changes there were. */
  get count(): number {
    return this.#count
  }

  /** Continues the feed of an earlier Store, which had `count` changes. */
  restore(count: number, changes: Iterable<NumberedChange>): void {
    this.#count = count
    // Also when all changes are of deleted runs, a reader gets as far as the newest.
    this.#oldest = Math.max(count, 1)
    for (const { number, ...change } of changes) {
      if (this.#oldest > number) this.#oldest = number
      this.#ring[number % KEPT_CHANGES] = change
    }
  }

  /** Records new events of a run. Returns the listeners to call at the end of the current Store call. */
  add(log: RunLog): ReadonlyArray<() => void> {
    const { length } = log.events
    if (length === log.published) return NO_LISTENERS
    const { id: runId, pipelineId } = log.submission
    this.#ring[++this.#count % KEPT_CHANGES] = { runId, pipelineId, from: log.published, to: length }
    log.published = length
    if (this.#listeners.length === 0) return NO_LISTENERS
    const listeners = this.#listeners
    this.#listeners = []
    return listeners
  }

  newest: Effect.Effect<string> = Effect.sync(() => `${this.#epoch}-${this.#count}`)

  from = (entry: string): Effect.Effect<Excerpt> =>
    Effect.sync(() => {
      const entries: Array<Entry> = []
      const asked = this.#numberOf(entry)
      const oldest = Math.max(this.#count - KEPT_CHANGES + 1, this.#oldest)
      const first = Math.max(asked ?? 0, oldest)
      const last = Math.min(this.#count, first + MAX_ENTRIES)
      for (let number = first; number <= last; number++) {
        entries.push({ id: `${this.#epoch}-${number}`, changes: [this.#ring[number % KEPT_CHANGES] ?? DELETED] })
      }
      const isBehindGap = asked === undefined ? entries.length > 0 && entry !== START : asked + 1 < oldest
      return { entries, isBehindGap }
    })

  grown = (entry: string): Effect.Effect<void> =>
    Effect.callback((resume) => {
      if (this.#count > (this.#numberOf(entry) ?? 0)) return resume(Effect.void)
      const listener = () => resume(Effect.void)
      this.#listeners.push(listener)
      return Effect.sync(() => {
        this.#listeners = this.#listeners.filter((other) => other !== listener)
      })
    })

  events = (changes: ReadonlyArray<Change>): Effect.Effect<ReadonlyArray<RunLog["events"] | undefined>> =>
    Effect.sync(() => changes.map((change) => this.#eventsOf(change)))

  /** Undefined when the run was deleted, or its journal can't read it: then a reader learns of a gap, and goes on. */
  #eventsOf({ runId, from, to }: Change): RunLog["events"] | undefined {
    try {
      return this.#logOf(runId)?.events.slice(from, to)
    } catch (error) {
      if (error instanceof StoreUnavailable) return undefined
      throw error
    }
  }

  #numberOf(entry: string): number | undefined {
    const [epoch, number] = entry.split("-").map(Number)
    return epoch === this.#epoch && number! <= this.#count ? number : undefined
  }
}
