/** The timer of a Store on Redis: runs `tick` at the next known deadline, at most 500 ms after the last tick. */

import type * as Clock from "effect/Clock"
import * as Monotonic from "../../../core/runtime/Monotonic.ts"

/** The longest pause between two ticks, in milliseconds. A lost worker is noticed at most so long after its lease ends. */
const MOST_MILLIS = 500

/** Runs one tick after the other. */
export class DueTicker {
  readonly #clock: Clock.Clock
  readonly #tick: () => Promise<string>
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  /** When the next tick begins, in milliseconds of the monotonic clock. */
  #atMillis = Number.POSITIVE_INFINITY
  #isTicking = false
  #isRunning = false

  /** `tick` returns in how many milliseconds the next work is due, or an empty text. */
  constructor(clock: Clock.Clock, tick: () => Promise<string>) {
    this.#clock = clock
    this.#tick = tick
  }

  start(): void {
    this.#isRunning = true
    this.#sleep(0)
  }

  stop(): void {
    this.#isRunning = false
    clearTimeout(this.#timer)
  }

  /** Ticks in so many milliseconds at the latest. An empty text changes nothing. */
  dueAfter(millis: string): void {
    if (millis === "") return
    const atMillis = Monotonic.millis(this.#clock) + Number(millis)
    if (atMillis < this.#atMillis) this.#sleep(Number(millis))
  }

  #sleep(millis: number): void {
    if (!this.#isRunning) return
    clearTimeout(this.#timer)
    this.#atMillis = Monotonic.millis(this.#clock) + millis
    // The tick under way sets the timer at its end.
    if (!this.#isTicking) this.#timer = setTimeout(() => this.#run(), millis)
  }

  async #run(): Promise<void> {
    this.#isTicking = true
    this.#atMillis = Number.POSITIVE_INFINITY
    const next = await this.#tick().catch(() => "")
    this.#isTicking = false
    const known = Math.max(this.#atMillis - Monotonic.millis(this.#clock), 0)
    // One more millisecond: the server's clock may lag behind by part of one.
    this.#sleep(Math.min(next === "" ? MOST_MILLIS : Number(next) + 1, known, MOST_MILLIS))
  }
}
