/** The ready steps of a Store in memory, by version of their pipeline, and in which order they are lent. */
import * as MutableList from "effect/MutableList"
import type { MemoryRun } from "./MemoryRun.ts"
import type { Claim, ClaimRequest } from "./Store.ts"
import * as Version from "./Version.ts"

/** The ready steps of one version of one pipeline, in the order in which they became ready. */
export interface ReadyQueue {
  readonly key: string
  readonly steps: MutableList.MutableList<{ readonly run: MemoryRun; readonly index: number }>
}

const NONE: ReadonlyArray<never> = []

/** Queues by version; those with something in them are claimed from in turn. */
export class ReadySteps {
  readonly #queues: Map<string, ReadyQueue> = new Map()
  /** The queues with something in them. The first is the next to be claimed from. */
  readonly #filled: Array<ReadyQueue> = []

  get isEmpty(): boolean {
    return this.#filled.length === 0
  }

  queueOf(pipelineId: string, version: string): ReadyQueue {
    const key = Version.key(pipelineId, version)
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      queue = { key, steps: MutableList.make() }
      this.#queues.set(key, queue)
    }
    return queue
  }

  add(run: MemoryRun, index: number): void {
    const { queue } = run
    if (queue.steps.length === 0) this.#filled.push(queue)
    MutableList.append(queue.steps, { run, index })
  }

  /** Takes what was asked for, and lends it. Steps of runs that are over are left out. */
  take({ max, versions }: ClaimRequest, lend: (run: MemoryRun, index: number) => Claim): ReadonlyArray<Claim> {
    if (this.#filled.length === 0) return NONE
    const claims: Array<Claim> = []
    for (let at = 0; at < this.#filled.length && claims.length < max; ) {
      const queue = this.#filled[at]!
      if (!versions.has(queue.key)) {
        at++
        continue
      }
      while (claims.length < max) {
        const next = MutableList.take(queue.steps)
        if (next === MutableList.Empty) break
        if (!next.run.terminal) claims.push(lend(next.run, next.index))
      }
      this.#filled.splice(at, 1)
      // To the end of the line: the next claim begins with another pipeline.
      if (queue.steps.length > 0) this.#filled.push(queue)
    }
    return claims
  }
}
