/** What a Store is told about how much it holds and for how long: the same, in the same words, wherever it keeps its runs. */

import type { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"

/** The bounds of every Store. */
export interface StoreBounds {
  /** How long a claim lasts unless renewed, in milliseconds. Default: 15,000. */
  readonly leaseMillis?: number
  /**
   * The longest value, in bytes of UTF-8 of its JSON text. All that a run is given may take 16 times as much together, and
   * so may all inputs of a step, which fails with `ValueTooLarge` otherwise, and all outputs. Default: 1,048,576.
   */
  readonly maxValueBytes?: number
  /** How many runs may be unfinished at once; more are refused. Default: 100,000 in memory, 1,000,000 on Redis. */
  readonly maxUnfinished?: number
  /**
   * How many workers a step may lose before it fails with `WorkerLost`. Before the last one it runs alone, so that no step
   * fails for what another one did to its worker. Default: 3.
   */
  readonly maxLosses?: number
  /** How many finished runs are kept. Default: 10,000. */
  readonly historyCount?: number
  /** How long a finished run is kept, in milliseconds; 0 is for ever. Default: 24 hours. */
  readonly historyMillis?: number
  /** How many memoised results are kept; those that were not asked for the longest leave first. Default: 10,000. */
  readonly memoCount?: number
}

/** The bounds of a Store in memory, where what is kept is also bounded in bytes. */
export interface MemoryBounds extends StoreBounds {
  /** How much the values, lines and events of finished runs may take together, in bytes of UTF-8. Default: 256 Mi. */
  readonly historyBytes?: number
  /** How much the keys and values of memoised results may take together, in bytes of UTF-8. Default: 64 Mi. */
  readonly memoBytes?: number
}

const DEFAULTS: Required<MemoryBounds> = {
  leaseMillis: 15_000,
  maxValueBytes: 1 << 20,
  maxUnfinished: 100_000,
  maxLosses: 3,
  historyCount: 10_000,
  historyMillis: 86_400_000,
  historyBytes: 1 << 28,
  memoCount: 10_000,
  memoBytes: 1 << 26
}

/** These bounds, and the defaults of a Store in memory for what they do not say. */
export const complete = (bounds: MemoryBounds): Required<MemoryBounds> => {
  const all = { ...DEFAULTS, ...withoutUndefined(bounds) }
  return {
    ...all,
    leaseMillis: OptionCheck.whole(all.leaseMillis),
    historyMillis: OptionCheck.whole(all.historyMillis)
  }
}

// JavaScript callers leave an option out by undefined, too.
const withoutUndefined = (bounds: MemoryBounds): MemoryBounds =>
  Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined))

/** What is wrong with bounds; nothing when they can be used. */
export const invalid = (bounds: MemoryBounds): InvalidOption | undefined =>
  OptionCheck.record("options of the Store", bounds) ??
  OptionCheck.millis("store.leaseMillis", bounds.leaseMillis, 1) ??
  OptionCheck.integer("store.maxValueBytes", bounds.maxValueBytes, 1) ??
  OptionCheck.integer("store.maxUnfinished", bounds.maxUnfinished, 1) ??
  OptionCheck.integer("store.maxLosses", bounds.maxLosses, 1) ??
  OptionCheck.integer("store.historyCount", bounds.historyCount, 0) ??
  OptionCheck.millis("store.historyMillis", bounds.historyMillis) ??
  OptionCheck.integer("store.historyBytes", bounds.historyBytes, 0) ??
  OptionCheck.integer("store.memoCount", bounds.memoCount, 0) ??
  OptionCheck.integer("store.memoBytes", bounds.memoBytes, 0)
