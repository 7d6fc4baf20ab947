/**
 * A clock that begins in the past and jumps until it is the present, so that a Store gets old runs within seconds. Its sleeps
 * end when a jump passes their ends.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A sleep ends at this time of the monotonic clock, in milliseconds. */
interface Sleep {
  readonly endMillis: number
  readonly wake: () => void
  timer: NodeJS.Timeout
}

/** The longest wait of a timer, in milliseconds. */
const MAX_TIMER_MILLIS = 2 ** 31 - 1

export class PastClock implements Clock.Clock {
  /** How far it is behind the clock of the machine, in whole milliseconds. */
  #behindMillis: number
  readonly #firstMillis: number
  readonly #sleeps = new Set<Sleep>()
  readonly layer: Layer.Layer<never> = Layer.succeed(Clock.Clock, this)

  constructor(behindMillis: number) {
    this.#behindMillis = behindMillis
    this.#firstMillis = behindMillis
  }

  get behindMillis(): number {
    return this.#behindMillis
  }

  /** Jumps to the instant that is so long before the present. No clock goes back, and this one never passes the present. */
  moveTo(agoMillis: number): void {
    const before = this.#behindMillis
    this.#behindMillis = Math.max(0, Math.min(before, Math.round(agoMillis)))
    if (this.#behindMillis === before) return
    for (const sleep of this.#sleeps) {
      clearTimeout(sleep.timer)
      this.#wait(sleep)
    }
  }

  #wait(sleep: Sleep): void {
    const left = sleep.endMillis - Number(this.monotonicTimeNanosUnsafe()) / 1e6
    sleep.timer = setTimeout(
      () => {
        if (left > MAX_TIMER_MILLIS) this.#wait(sleep)
        else sleep.wake()
      },
      Math.min(Math.max(0, left), MAX_TIMER_MILLIS)
    )
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const millis = Duration.toMillis(duration)
      const sleep: Sleep = {
        endMillis: Number(this.monotonicTimeNanosUnsafe()) / 1e6 + millis,
        wake: () => {
          this.#sleeps.delete(sleep)
          resume(Effect.void)
        },
        timer: undefined as unknown as NodeJS.Timeout
      }
      this.#sleeps.add(sleep)
      this.#wait(sleep)
      return Effect.sync(() => {
        clearTimeout(sleep.timer)
        this.#sleeps.delete(sleep)
      })
    })
  }

  currentTimeMillisUnsafe(): number {
    return Date.now() - this.#behindMillis
  }

  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.currentTimeMillisUnsafe()) * 1_000_000n
  }

  /** Never negative: jumps are added, the past is not subtracted. */
  monotonicTimeNanosUnsafe(): bigint {
    return process.hrtime.bigint() + BigInt(this.#firstMillis - this.#behindMillis) * 1_000_000n
  }

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.monotonicTimeNanosUnsafe())
}
