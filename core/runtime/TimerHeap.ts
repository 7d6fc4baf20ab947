/** A heap of timers, driven by one fiber. It uses the monotonic clock, so a change of the wall clock moves no timer. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Heap } from "./Heap.ts"
import * as Monotonic from "./Monotonic.ts"

/** One timer. */
export interface Timer {
  /** When it fires, by the monotonic clock. */
  readonly atMillis: number
  readonly fire: () => void
  /** Its index in the heap; -1 once it has fired or was removed. */
  index: number
}

/** Timers, ordered by when they fire. A removed timer leaves the heap at once. */
export class TimerHeap {
  readonly #clock: Clock.Clock
  readonly #heap = new Heap<Timer>(
    (one, other) => one.atMillis < other.atMillis,
    (timer, index) => {
      timer.index = index
    }
  )
  #wake: (() => void) | undefined = undefined
  /** When the fiber's sleep ends, by the monotonic clock. */
  #untilMillis = Number.POSITIVE_INFINITY

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Sets a timer that calls `fire` after `millis`, unless it is removed before. */
  after(millis: number, fire: () => void): Timer {
    const atMillis = Monotonic.millis(this.#clock) + millis
    const timer: Timer = { atMillis, fire, index: -1 }
    this.#heap.add(timer)
    if (atMillis < this.#untilMillis) this.#wakeUp()
    return timer
  }

  remove(timer: Timer): void {
    if (timer.index === -1) return
    this.#heap.removeAt(timer.index)
    timer.index = -1
  }

  /** Fires the timers that are due, sleeps until the next one, and repeats for ever. */
  readonly running: Effect.Effect<never> = Effect.suspend(() => {
    const now = Monotonic.millis(this.#clock)
    for (let first = this.#heap.first; first !== undefined && first.atMillis <= now; first = this.#heap.first) {
      this.remove(first)
      try {
        first.fire()
      } catch (defect) {
        // A timer that throws must not stop the others.
        return Effect.andThen(Effect.logError("A timer threw an error", defect), this.running)
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

  /** Waits until a timer is set that fires before all others. */
  readonly #earlier: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.#wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  // In a microtask: a timer that is due at once must not fire in the middle of the code that sets it.
  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake !== undefined) queueMicrotask(wake)
  }
}
