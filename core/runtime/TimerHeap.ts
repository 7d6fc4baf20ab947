/** A heap of timers, driven by one fiber. They count monotonic time: a wall clock that steps changes nothing. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Monotonic from "./Monotonic.ts"

/** One timer. */
export interface Timer {
  /** By the monotonic clock. */
  readonly atMillis: number
  readonly ring: () => void
  /** Its place in the heap; -1 once it rang or was removed. */
  place: number
}

/** A binary heap, the next one first; an alarm that is removed leaves it at once. */
export class TimerHeap {
  readonly #clock: Clock.Clock
  readonly #heap: Array<Timer> = []
  #wake: (() => void) | undefined = undefined
  /** Until when the fiber sleeps. */
  #untilMillis = Number.POSITIVE_INFINITY

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Calls `ring` after a while, unless the alarm is removed before. */
  after(millis: number, ring: () => void): Timer {
    const atMillis = Monotonic.millis(this.#clock) + millis
    const alarm: Timer = { atMillis, ring, place: this.#heap.length }
    this.#heap.push(alarm)
    this.#rise(alarm)
    if (atMillis < this.#untilMillis) this.#wakeUp()
    return alarm
  }

  remove(alarm: Timer): void {
    const { place } = alarm
    if (place === -1) return
    alarm.place = -1
    const last = this.#heap.pop()!
    if (last === alarm) return
    this.#put(last, place)
    this.#rise(last)
    this.#sink(last)
  }

  /** Rings what is due, sleeps, and begins again, for ever. */
  readonly running: Effect.Effect<never> = Effect.suspend(() => {
    const now = Monotonic.millis(this.#clock)
    for (let first = this.#heap[0]; first !== undefined && first.atMillis <= now; first = this.#heap[0]) {
      this.remove(first)
      try {
        first.ring()
      } catch (defect) {
        // One that breaks must not silence all others.
        return Effect.andThen(Effect.logError("A timer broke", defect), this.running)
      }
    }
    const first = this.#heap[0]
    this.#untilMillis = first?.atMillis ?? Number.POSITIVE_INFINITY
    const waiting =
      first === undefined
        ? this.#earlier
        : Effect.raceFirst(Effect.sleep(Math.ceil(first.atMillis - now)), this.#earlier)
    return Effect.andThen(waiting, this.running)
  })

  /** Waits until an alarm is set that is to ring before all others. */
  readonly #earlier: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.#wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  // Not at once: whoever sets an alarm is in the middle of something, and must not be interrupted by its ringing.
  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake !== undefined) queueMicrotask(wake)
  }

  #put(alarm: Timer, place: number): void {
    this.#heap[place] = alarm
    alarm.place = place
  }

  #rise(alarm: Timer): void {
    for (let { place } = alarm; place > 0; ) {
      const above = (place - 1) >> 1
      const other = this.#heap[above]!
      if (other.atMillis <= alarm.atMillis) return
      this.#put(other, place)
      this.#put(alarm, above)
      place = above
    }
  }

  #sink(alarm: Timer): void {
    for (let { place } = alarm; ; ) {
      const left = 2 * place + 1
      if (left >= this.#heap.length) return
      const right = left + 1
      const below = right < this.#heap.length && this.#heap[right]!.atMillis < this.#heap[left]!.atMillis ? right : left
      const other = this.#heap[below]!
      if (other.atMillis >= alarm.atMillis) return
      this.#put(other, place)
      this.#put(alarm, below)
      place = below
    }
  }
}
