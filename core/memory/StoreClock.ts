/** The clock of a Store in memory: instants that never go back, whatever happens to the wall clock, and durations. */
import type * as Clock from "effect/Clock"
import * as Monotonic from "../runtime/Monotonic.ts"

/** How fast the Store's clock goes while the wall clock is behind it: a little slower, so that small steps back are made up for. */
const PACE = 0.999

/** One moment by two clocks. */
interface Moment {
  readonly atMillis: number
  readonly monotonicMillis: number
}

/** The wall clock while that goes forward. Set back, it is not followed: time goes on until it has caught up. */
export class StoreClock {
  readonly #clock: Clock.Clock
  #latest = 0
  /** Monotonic milliseconds when the clock was last read, at the beginning of an act. */
  passedMillis = 0
  /** The last moment that was noted while the wall clock was followed. */
  #lastFollowed: Moment = { atMillis: 0, monotonicMillis: 0 }
  /** From which moment on time goes on without the wall clock. */
  #detached: Moment | undefined = undefined

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.now()
  }

  /** Monotonic milliseconds now. */
  readonly passed = (): number => Monotonic.millis(this.#clock)

  /** Whole milliseconds from an earlier `passedMillis` to the act under way. */
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
    const going = advanced(this.#detached, monotonicMillis, PACE)
    if (wall >= going) this.#detached = undefined
    this.#latest = Math.max(this.#latest, going, wall)
    return this.#latest
  }

  /** The same, noted: should the wall clock be set back before the next look, no time is lost. */
  look(): number {
    const atMillis = this.now()
    if (this.#detached === undefined) this.#lastFollowed = { atMillis, monotonicMillis: this.passedMillis }
    return atMillis
  }

  /** Whether the wall clock was set back and has not caught up. */
  get isAhead(): boolean {
    return this.#detached !== undefined
  }

  /** What the wall clock says, which goes by the calendar. */
  get wallMillis(): number {
    return this.#clock.currentTimeMillisUnsafe()
  }
}

const advanced = ({ atMillis, monotonicMillis }: Moment, nowMillis: number, pace: number): number =>
  Math.floor(atMillis + pace * (nowMillis - monotonicMillis))
