/** Things that went wrong and are tried again: each rests for longer and longer, and is told of once. */
import type * as Clock from "effect/Clock"
import * as Monotonic from "../runtime/Monotonic.ts"

/** How long one rests after its first setback, and at most, in milliseconds. */
const LEAST_MILLIS = 1_000
const MOST_MILLIS = 60_000

/** How many are remembered. */
const MAX_KEPT = 10_000

interface Wait {
  readonly millis: number
  /** By the monotonic clock. */
  readonly untilMillis: number
}

/** Which of many things rest, by id. */
export class KeyedBackoff {
  readonly #clock: Clock.Clock
  readonly #waits: Map<string, Wait> = new Map()

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Has one rest. Says whether it is its first setback. */
  failed(id: string): boolean {
    const known = this.#waits.get(id)
    if (known === undefined && this.#waits.size >= MAX_KEPT) this.#waits.clear()
    const millis = known === undefined ? LEAST_MILLIS : Math.min(2 * known.millis, MOST_MILLIS)
    this.#waits.set(id, { millis, untilMillis: Monotonic.millis(this.#clock) + millis })
    return known === undefined
  }

  /** It went well. */
  succeeded(id: string): void {
    this.#waits.delete(id)
  }

  isWaiting(id: string): boolean {
    const rest = this.#waits.get(id)
    return rest !== undefined && rest.untilMillis > Monotonic.millis(this.#clock)
  }

  /** In how many milliseconds the next one has rested; undefined when none rests. */
  get nextMillis(): number | undefined {
    const now = Monotonic.millis(this.#clock)
    let next: number | undefined
    for (const { untilMillis } of this.#waits.values()) {
      if (untilMillis > now) next = Math.min(next ?? untilMillis, untilMillis)
    }
    return next === undefined ? undefined : next - now
  }
}
