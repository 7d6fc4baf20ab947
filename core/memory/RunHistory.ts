/** The finished runs that a Store in memory keeps: bounded by count, by age and by bytes. */
import { LinkedList } from "../runtime/LinkedList.ts"
import type { MemoryBounds } from "../store/StoreBounds.ts"
import type { RunEntries } from "./run/RunIndex.ts"

type Bounds = Required<Pick<MemoryBounds, "historyCount" | "historyMillis" | "historyBytes">>

/** A finished run, as the history sees it. */
export interface FinishedRun<Run> {
  readonly entries: RunEntries<Run>
  readonly endedAtMillis: number
  readonly bytes: number
}

/** Finished runs in the order in which they ended. */
export class RunHistory<Run extends FinishedRun<Run>> {
  readonly #bounds: Bounds
  readonly #drop: (run: Run) => void
  readonly #ended = new LinkedList<Run>()
  #bytes = 0

  constructor(bounds: Bounds, drop: (run: Run) => void) {
    this.#bounds = bounds
    this.#drop = drop
  }

  /** How many runs are kept. */
  get count(): number {
    return this.#ended.size
  }

  add(run: Run): void {
    run.entries.ended = this.#ended.add(run)
    this.#bytes += run.bytes
    this.retain(run.endedAtMillis)
  }

  /** A kept run has grown by so many bytes. */
  grown(by: number): void {
    this.#bytes += by
  }

  /** Drops runs beyond the bounds, in the order in which they ended. */
  retain(nowMillis: number): void {
    const { historyCount, historyBytes, historyMillis } = this.#bounds
    const oldest = historyMillis === 0 ? Number.NEGATIVE_INFINITY : nowMillis - historyMillis
    for (let entry = this.#ended.first; entry !== undefined; entry = this.#ended.first) {
      const run = entry.value
      if (this.count <= historyCount && this.#bytes <= historyBytes && run.endedAtMillis > oldest) return
      this.remove(run)
    }
  }

  remove(run: Run): void {
    this.#ended.remove(run.entries.ended!)
    this.#bytes -= run.bytes
    this.#drop(run)
  }
}
