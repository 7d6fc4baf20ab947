/** Which finished runs a Store in memory keeps: bounded by count, by age and by the bytes that they hold. */
import type { MemoryRun } from "./MemoryRun.ts"
import { RunChain } from "./RunIndex.ts"
import type { MemoryBounds } from "./StoreBounds.ts"

type Bounds = Required<Pick<MemoryBounds, "historyCount" | "historyMillis" | "historyBytes">>

/** Finished runs in the order in which they ended. */
export class History {
  readonly #bounds: Bounds
  readonly #drop: (run: MemoryRun) => void
  readonly #ended = new RunChain("ended")
  #bytes = 0
  /** How many runs are kept. */
  count = 0

  constructor(bounds: Bounds, drop: (run: MemoryRun) => void) {
    this.#bounds = bounds
    this.#drop = drop
  }

  add(run: MemoryRun): void {
    this.#ended.add(run)
    this.count++
    this.#bytes += run.bytes
    this.retain(run.endedAtMillis)
  }

  /** What is kept of a run has grown. */
  grown(by: number): void {
    this.#bytes += by
  }

  /** Drops what is past the bounds, those that ended first first. */
  retain(nowMillis: number): void {
    const { historyCount, historyBytes, historyMillis } = this.#bounds
    const oldest = historyMillis === 0 ? Number.NEGATIVE_INFINITY : nowMillis - historyMillis
    for (let run = this.#ended.oldest; run !== undefined; run = this.#ended.oldest) {
      if (this.count <= historyCount && this.#bytes <= historyBytes && run.endedAtMillis > oldest) return
      this.remove(run)
    }
  }

  remove(run: MemoryRun): void {
    this.#ended.remove(run)
    this.count--
    this.#bytes -= run.bytes
    this.#drop(run)
  }
}
