/** Things that went wrong and are tried again: each rests for longer and longer, and is told of once. */
import type * as Clock from "effect/Clock"
import * as Monotonic from "../runtime/Monotonic.ts"

/** How long one rests after its first setback, and at most, in milliseconds. */
const LEAST_MILLIS = 1_000
const MOST_MILLIS = 60_000

/** How many are remembered. */
const MAX_KEPT = 10_000

interface Rest {
  readonly millis: number
  /** By the monotonic clock. */
  readonly untilMillis: number
}

/** Which of many things rest, by id. */
export class Setbacks {
  readonly #clock: Clock.Clock
  readonly #rests: Map<string, Rest> = new Map()

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Has one rest. Says whether it is its first setback. */
  add(id: string): boolean {
    const known = this.#rests.get(id)
    if (known === undefined && this.#rests.size >= MAX_KEPT) this.#rests.clear()
    const millis = known === undefined ? LEAST_MILLIS : Math.min(2 * known.millis, MOST_MILLIS)
    this.#rests.set(id, { millis, untilMillis: Monotonic.millis(this.#clock) + millis })
    return known === undefined
  }

  /** It went well. */
  forget(id: string): void {
    this.#rests.delete(id)
  }

  isResting(id: string): boolean {
    const rest = this.#rests.get(id)
    return rest !== undefined && rest.untilMillis > Monotonic.millis(this.#clock)
  }

  /** In how many milliseconds the next one has rested; undefined when none rests. */
  get restMillis(): number | undefined {
    const now = Monotonic.millis(this.#clock)
    let next: number | undefined
    for (const { untilMillis } of this.#rests.values()) {
      if (untilMillis > now) next = Math.min(next ?? untilMillis, untilMillis)
    }
    return next === undefined ? undefined : next - now
  }
}
