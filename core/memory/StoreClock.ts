/** The clock of a Store in memory: instants that never go back, even when the wall clock does, and durations. */
import type * as Clock from "effect/Clock"
import * as Monotonic from "../runtime/Monotonic.ts"

/** The speed of the Store's clock while the wall clock is behind: slower than 1, so that the wall clock catches up. */
const PACE = 0.999

/** One moment, by the Store's clock and by the monotonic clock. */
interface Moment {
  readonly atMillis: number
  readonly monotonicMillis: number
}

/** Follows the wall clock. When that is set back, goes on by the monotonic clock until the wall clock has caught up. */
export class StoreClock {
  readonly #clock: Clock.Clock
  #latest = 0
  /** Monotonic milliseconds at the last `now`, at the beginning of the current Store call. */
  passedMillis = 0
  /** The moment of the last `look` that followed the wall clock. */
  #lastFollowed: Moment = { atMillis: 0, monotonicMillis: 0 }
  /** Since when the clock does not follow the wall clock; undefined while it does. */
  #detached: Moment | undefined = undefined

  /** `latest`: the last instant of an earlier Store that this one continues. */
  constructor(clock: Clock.Clock, latest = 0) {
    this.#clock = clock
    this.#latest = latest
    this.now()
  }

  /** Monotonic milliseconds now. */
  readonly passed = (): number => Monotonic.millis(this.#clock)

  /** The moment of an instant, by the monotonic clock, as far as no clock was set since. */
  readonly momentOf = (atMillis: number): number => this.passedMillis - (this.#latest - atMillis)

  /** The reverse of `momentOf`. */
  readonly instantOf = (passedMillis: number): number => Math.round(this.#latest - (this.passedMillis - passedMillis))

  /** Whole milliseconds from an earlier `passedMillis` to the current one. */
  millisSince(passedMillis: number): number {
    return Math.round(this.passedMillis - passedMillis)
  }

  /** The Store's instant, in milliseconds since 1970. */
  readonly now = (): number => {
    const wall = this.#clock.currentTimeMillisUnsafe()
    const monotonicMillis = Monotonic.millis(this.#clock)
    this.passedMillis = monotonicMillis
    if (this.#detached === undefined && wall >= this.#latest) {
      this.#latest = wall
      return wall
    }
    this.#detached ??= {
      atMillis: Math.max(this.#latest, advanced(this.#lastFollowed, monotonicMillis, 1)),
      monotonicMillis
    }
    const continued = advanced(this.#detached, monotonicMillis, PACE)
    if (wall >= continued) this.#detached = undefined
    this.#latest = Math.max(this.#latest, continued, wall)
    return this.#latest
  }

  /** Like `now`, and remembers the moment: if the wall clock is set back before the next call, no time is lost. */
  look(): number {
    const atMillis = this.now()
    if (this.#detached === undefined) this.#lastFollowed = { atMillis, monotonicMillis: this.passedMillis }
    return atMillis
  }

  /** Whether the wall clock was set back and has not caught up. */
  get isAhead(): boolean {
    return this.#detached !== undefined
  }

  /** The wall clock, for calendars: it may go back. */
  get wallMillis(): number {
    return this.#clock.currentTimeMillisUnsafe()
  }
}

const advanced = ({ atMillis, monotonicMillis }: Moment, nowMillis: number, pace: number): number =>
  Math.floor(atMillis + pace * (nowMillis - monotonicMillis))
