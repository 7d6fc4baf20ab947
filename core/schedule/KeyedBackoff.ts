/** Exponential backoff by id: after each failure of an id it waits twice as long. */
import type * as Clock from "effect/Clock"
import * as Monotonic from "../runtime/Monotonic.ts"

/** The first wait and the longest, in milliseconds. */
const FIRST_MILLIS = 1_000
const LONGEST_MILLIS = 60_000

/** How many ids are remembered. */
const MAX_KEPT = 10_000

interface Wait {
  readonly millis: number
  /** By the monotonic clock. */
  readonly untilMillis: number
}

/** The waits by id. */
export class KeyedBackoff {
  readonly #clock: Clock.Clock
  readonly #waits: Map<string, Wait> = new Map()

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Begins the next wait of an id. Returns whether this is its first failure. */
  failed(id: string): boolean {
    const known = this.#waits.get(id)
    if (known === undefined && this.#waits.size >= MAX_KEPT) this.#waits.clear()
    const millis = known === undefined ? FIRST_MILLIS : Math.min(2 * known.millis, LONGEST_MILLIS)
    this.#waits.set(id, { millis, untilMillis: Monotonic.millis(this.#clock) + millis })
    return known === undefined
  }

  /** Forgets the failures of an id. */
  succeeded(id: string): void {
    this.#waits.delete(id)
  }

  isWaiting(id: string): boolean {
    const wait = this.#waits.get(id)
    return wait !== undefined && wait.untilMillis > Monotonic.millis(this.#clock)
  }

  /** Milliseconds until the next wait ends; undefined when no id waits. */
  get nextMillis(): number | undefined {
    const now = Monotonic.millis(this.#clock)
    let next: number | undefined
    for (const { untilMillis } of this.#waits.values()) {
      if (untilMillis > now) next = Math.min(next ?? untilMillis, untilMillis)
    }
    return next === undefined ? undefined : next - now
  }
}
