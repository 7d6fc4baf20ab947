/** How long the demo's tasks take: in the past the clock jumps; in the present they wait, or until a gate opens. */
import { setTimeout as delay } from "node:timers/promises"
import { PastClock } from "./PastClock.ts"

export class Pace {
  readonly clock: PastClock
  readonly #permits = new Map<string, number>()
  readonly #waiting = new Map<string, Array<() => void>>()

  /** `behindMillis`: how long ago it begins. */
  constructor(behindMillis = 0) {
    this.clock = new PastClock(behindMillis)
  }

  /** Takes so long. */
  async take(millis: number, signal: AbortSignal): Promise<void> {
    const { behindMillis } = this.clock
    // It stays in the past by 1 ms, so that no run of the past begins to wait for real.
    if (behindMillis > 0) this.clock.moveTo(Math.max(1, behindMillis - millis))
    else await delay(millis, undefined, { signal })
  }

  /** Waits until the gate of that name was opened once more than it was passed. */
  async pass(gate: string, signal: AbortSignal): Promise<void> {
    const permits = this.#permits.get(gate) ?? 0
    if (permits > 0) {
      this.#permits.set(gate, permits - 1)
      return
    }
    const waiting = this.#waiting.get(gate) ?? []
    this.#waiting.set(gate, waiting)
    await new Promise<void>((resolve, reject) => {
      waiting.push(resolve)
      const stop = (): void => {
        waiting.splice(waiting.indexOf(resolve), 1)
        reject(new Error("told to stop"))
      }
      signal.addEventListener("abort", stop, { once: true })
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
