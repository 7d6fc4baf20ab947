/** A heap of timers, driven by one fiber. They count monotonic time: a wall clock that steps changes nothing. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Heap } from "./Heap.ts"
import * as Monotonic from "./Monotonic.ts"

/** One timer. */
export interface Timer {
  /** By the monotonic clock. */
  readonly atMillis: number
  readonly ring: () => void
  /** Its place in the heap; -1 once it rang or was removed. */
  place: number
}

/** Timers, the next one first; one that is removed leaves at once. */
export class TimerHeap {
  readonly #clock: Clock.Clock
  readonly #heap = new Heap<Timer>(
    (one, other) => one.atMillis < other.atMillis,
    (timer, place) => {
      timer.place = place
    }
  )
  #wake: (() => void) | undefined = undefined
  /** Until when the fiber sleeps. */
  #untilMillis = Number.POSITIVE_INFINITY

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Calls `ring` after a while, unless the timer is removed before. */
  after(millis: number, ring: () => void): Timer {
    const atMillis = Monotonic.millis(this.#clock) + millis
    const timer: Timer = { atMillis, ring, place: -1 }
    this.#heap.add(timer)
    if (atMillis < this.#untilMillis) this.#wakeUp()
    return timer
  }

  remove(timer: Timer): void {
    if (timer.place === -1) return
    this.#heap.removeAt(timer.place)
    timer.place = -1
  }

  /** Rings what is due, sleeps, and begins again, for ever. */
  readonly running: Effect.Effect<never> = Effect.suspend(() => {
    const now = Monotonic.millis(this.#clock)
    for (let first = this.#heap.first; first !== undefined && first.atMillis <= now; first = this.#heap.first) {
      this.remove(first)
      try {
        first.ring()
      } catch (defect) {
        // One that breaks must not silence all others.
        return Effect.andThen(Effect.logError("A timer broke", defect), this.running)
      }
    }
    const first = this.#heap.first
    this.#untilMillis = first?.atMillis ?? Number.POSITIVE_INFINITY
    const waiting =
      first === undefined
        ? this.#earlier
        : Effect.raceFirst(Effect.sleep(Math.ceil(first.atMillis - now)), this.#earlier)
    return Effect.andThen(waiting, this.running)
  })

  /** Waits until a timer is set that is to ring before all others. */
  readonly #earlier: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.#wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  // Not at once: code that sets a timer is in the middle of something, and must not be interrupted when it rings.
  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake !== undefined) queueMicrotask(wake)
  }
}
