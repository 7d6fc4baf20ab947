/** The clocks of a Store in memory: instants by the wall clock, durations by the monotonic one. */
import type * as Clock from "effect/Clock"
import * as Monotonic from "./Monotonic.ts"

/** Both clocks, read together at the beginning of each act. */
export class MemoryClock {
  readonly #clock: Clock.Clock
  #latestMillis = 0
  /** Monotonic milliseconds when the act under way began. */
  passedMillis = 0

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.now()
  }

  /** The instant, in milliseconds since 1970. It never goes back, whatever the wall clock does: events are in its order. */
  readonly now = (): number => {
    this.passedMillis = Monotonic.millis(this.#clock)
    const now = this.#clock.currentTimeMillisUnsafe()
    if (now > this.#latestMillis) this.#latestMillis = now
    return this.#latestMillis
  }

  /** Whole milliseconds from an earlier `passedMillis` to the act under way. */
  since(passedMillis: number): number {
    return Math.round(this.passedMillis - passedMillis)
  }
}
