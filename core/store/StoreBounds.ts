/** How much a Store keeps, and for how long. All Stores have the same options. */

import type { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"

/** The bounds of every Store. */
export interface StoreBounds {
  /** How long a claim lasts unless renewed, in milliseconds. Default: 15,000. */
  readonly leaseMillis?: number
  /**
   * The longest value, in bytes of UTF-8 of its JSON text. Together, all parameters and given values of a run may have 16
   * times as many bytes. So may all inputs of a step, and all its outputs; beyond that the step fails with `ValueTooLarge`.
   * Default: 1,048,576.
   */
  readonly maxValueBytes?: number
  /** How many runs may be unfinished; new ones beyond that are refused. Default: 100,000 in memory, 1,000,000 on Redis. */
  readonly maxUnfinished?: number
  /**
   * How many workers a step may lose before it fails with `WorkerLost`. Before the last loss it runs alone in its worker, so
   * that no step fails because another one crashed their worker. Default: 3.
   */
  readonly maxLosses?: number
  /** How many finished runs are kept. Default: 10,000. */
  readonly historyCount?: number
  /** How long a finished run is kept, in milliseconds; 0 means for ever. Default: 24 hours. */
  readonly historyMillis?: number
  /** How many memoised results are kept. The least recently used are dropped first. Default: 10,000. */
  readonly memoCount?: number
}

/** The bounds of a Store in memory, which also bounds the bytes of what it keeps. */
export interface MemoryBounds extends StoreBounds {
  /** The values, lines and events of all finished runs together, in bytes of UTF-8. Default: 268,435,456 (256 MiB). */
  readonly historyBytes?: number
  /** The keys and values of all memoised results together, in bytes of UTF-8. Default: 67,108,864 (64 MiB). */
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

/** These bounds, completed with the defaults of a Store in memory. */
export const complete = (bounds: MemoryBounds): Required<MemoryBounds> => {
  const all = { ...DEFAULTS, ...withoutUndefined(bounds) }
  return {
    ...all,
    leaseMillis: OptionCheck.whole(all.leaseMillis),
    historyMillis: OptionCheck.whole(all.historyMillis)
  }
}

// An option that is `undefined` counts as left out.
const withoutUndefined = (bounds: MemoryBounds): MemoryBounds =>
  Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined))

/** The first mistake in bounds; undefined when they are valid. */
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
