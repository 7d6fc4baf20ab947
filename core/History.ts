/** Which finished runs a Store in memory keeps: bounded by count, by age and by the length of their values. */
import type { MemoryRun } from "./MemoryRun.ts"

/** The bounds. */
export interface Bounds {
  /** How many finished runs are kept. Default: 10,000. */
  readonly historyCount: number
  /** How long a finished run is kept, in milliseconds. Default: 24 hours. */
  readonly historyMillis: number
  /** How much the values of finished runs may take together, in UTF-16 units. Default: 256 Mi. */
  readonly historyLength: number
}

/** Finished runs in the order in which they ended; linked, because they leave from the front. */
export class History {
  readonly #bounds: Bounds
  readonly #drop: (run: MemoryRun) => void
  #first: MemoryRun | undefined = undefined
  #last: MemoryRun | undefined = undefined
  #length = 0
  /** How many runs are kept. */
  count = 0

  constructor(bounds: Bounds, drop: (run: MemoryRun) => void) {
    this.#bounds = bounds
    this.#drop = drop
  }

  add(run: MemoryRun): void {
    if (this.#last === undefined) this.#first = run
    else this.#last.finishedBefore = run
    this.#last = run
    this.count++
    this.#length += run.size
    this.retain(run.endedAtMillis)
  }

  /** Drops what is past the bounds, those that ended first first. */
  retain(nowMillis: number): void {
    const { historyCount, historyLength, historyMillis } = this.#bounds
    const oldest = nowMillis - historyMillis
    for (let run = this.#first; run !== undefined; run = this.#first) {
      if (this.count <= historyCount && this.#length <= historyLength && run.endedAtMillis > oldest) return
      this.#first = run.finishedBefore
      if (this.#first === undefined) this.#last = undefined
      this.count--
      this.#length -= run.size
      this.#drop(run)
    }
  }
}
