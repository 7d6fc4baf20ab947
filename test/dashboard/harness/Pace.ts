/** How long the demo's tasks take: in the past, at once, while the clock jumps; from then on, for real or until a gate opens. */
import { setTimeout as delay } from "node:timers/promises"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { replacing } from "../../../core/runtime/Delegate.ts"

export class Pace {
  /** How far its clock is behind that of the machine, in milliseconds. */
  #behindMillis: number
  readonly #firstMillis: number
  readonly #permits = new Map<string, number>()
  readonly #waiting = new Map<string, Array<() => void>>()

  /** The clock of the Store, the worker and the operations. */
  readonly layer: Layer.Layer<never> = Layer.effect(
    Clock.Clock,
    Effect.map(Clock.Clock, (clock) => {
      const millis = (): number => clock.currentTimeMillisUnsafe() - Math.round(this.#behindMillis)
      const behind = (millis: number): bigint => BigInt(Math.round(millis)) * 1_000_000n
      const nanos = (): bigint => clock.currentTimeNanosUnsafe() - behind(this.#behindMillis)
      // It begins anywhere, but is never negative: only what was jumped over is added.
      const monotonic = (): bigint => clock.monotonicTimeNanosUnsafe() + behind(this.#firstMillis - this.#behindMillis)
      return replacing<Clock.Clock>(clock, {
        currentTimeMillisUnsafe: millis,
        currentTimeMillis: Effect.sync(millis),
        currentTimeNanosUnsafe: nanos,
        currentTimeNanos: Effect.sync(nanos),
        monotonicTimeNanosUnsafe: monotonic,
        monotonicTimeNanos: Effect.sync(monotonic)
      })
    })
  )

  /** Begins in the past. Only before anything else, because no clock goes back. */
  constructor(behindMillis = 0) {
    this.#behindMillis = behindMillis
    this.#firstMillis = behindMillis
  }

  /** Whether its clock is still in the past. */
  get isPast(): boolean {
    return this.#behindMillis > 0
  }

  /** Moves the clock to an instant that is so long ago, unless it is later already. */
  moveTo(agoMillis: number): void {
    this.#behindMillis = Math.max(0, Math.min(this.#behindMillis, agoMillis))
  }

  /** Takes so long. In the past the clock jumps. */
  async take(millis: number, signal: AbortSignal): Promise<void> {
    if (this.isPast) this.#behindMillis = Math.max(1, this.#behindMillis - millis)
    else await delay(millis, undefined, { signal })
  }

  /** Waits until the gate of that name was opened once more than it was passed. */
  async pass(gate: string, signal: AbortSignal): Promise<void> {
    const permits = this.#permits.get(gate) ?? 0
    if (permits > 0) {
      this.#permits.set(gate, permits - 1)
      return
    }
    await new Promise<void>((resolve, reject) => {
      const waiting = this.#waiting.get(gate) ?? []
      this.#waiting.set(gate, [...waiting, resolve])
      signal.addEventListener("abort", () => reject(new Error("told to stop")), { once: true })
    })
  }

  /** Lets so many pass. */
  open(gate: string, times: number): void {
    for (let left = times; left > 0; left--) {
      const next = this.#waiting.get(gate)?.shift()
      if (next === undefined) this.#permits.set(gate, (this.#permits.get(gate) ?? 0) + 1)
      else next()
    }
  }
}
