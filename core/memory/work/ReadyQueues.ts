/** The ready units of a Store in memory, in the order in which they are granted. */

import * as Version from "../../pipeline/Version.ts"
import type { Claim, ClaimRequest } from "../../store/Work.ts"
import { Fifo, type Queued } from "./Fifo.ts"

/** A unit that knows its queue. */
export interface ReadyUnit<Unit extends Queued> extends Queued {
  readonly run: { readonly queue: ReadyQueue<Unit> }
}

/** The ready units of one pipeline version at one priority, in the order in which they became ready. */
export interface ReadyQueue<Unit extends Queued> {
  readonly key: string
  readonly pipelineId: string
  readonly level: Level<Unit>
  readonly units: Fifo<Unit>
  /** Units that go before `units`: steps of runs that have begun, and units that have waited for a limit. */
  readonly front: Fifo<Unit>
  /** Whether it is in its level's `filled`. */
  isFilled: boolean
}

/** The queues of one priority. */
interface Level<Unit extends Queued> {
  readonly priority: number
  readonly queues: Map<string, ReadyQueue<Unit>>
  /** The queues that are not empty. The next claim begins with the first. */
  readonly filled: Array<ReadyQueue<Unit>>
}

const NONE: ReadonlyArray<never> = []

/** How many queues a priority keeps. More versions than that are not in use at the same time. */
const MAX_QUEUES = 20_000

/** Queues by priority and pipeline version. Claims take from the filled queues of a priority in turn. */
export class ReadyQueues<Unit extends ReadyUnit<Unit>> {
  /** By priority, the highest first. */
  readonly #levels: Array<Level<Unit>> = []
  readonly #paused: ReadonlySet<string>
  readonly #onDrop: (unit: Unit) => void
  #filled = 0

  /** `onDrop` is called for each unit that is dropped because it is over. */
  constructor(paused: ReadonlySet<string>, onDrop: (unit: Unit) => void) {
    this.#paused = paused
    this.#onDrop = onDrop
  }

  get isEmpty(): boolean {
    return this.#filled === 0
  }

  queueOf(pipelineId: string, version: string, priority: number): ReadyQueue<Unit> {
    const level = this.#levelOf(priority)
    const key = Version.key(pipelineId, version)
    let queue = level.queues.get(key)
    if (queue === undefined) {
      if (level.queues.size >= MAX_QUEUES) forget(level)
      queue = {
        key,
        pipelineId,
        level,
        units: new Fifo(this.#onDrop),
        front: new Fifo(this.#onDrop),
        isFilled: false
      }
      level.queues.set(key, queue)
    }
    return queue
  }

  add(unit: Unit): void {
    const { queue } = unit.run
    if (!queue.isFilled) this.#fill(queue)
    queue.units.add(unit)
  }

  /** Adds a unit in front of those in `units`. */
  addFirst(unit: Unit): void {
    const { queue } = unit.run
    if (!queue.isFilled) this.#fill(queue)
    queue.front.add(unit)
  }

  /**
   * Takes units for a request. `grant` turns a unit into claims, at most up to `max`, and returns whether the unit has
   * items left: then the unit goes to the end of its queue.
   */
  take(
    { max, versions }: ClaimRequest,
    grant: (unit: Unit, claims: Array<Claim>, max: number) => boolean
  ): ReadonlyArray<Claim> {
    if (this.#filled === 0) return NONE
    const claims: Array<Claim> = []
    for (const level of this.#levels) {
      const { filled } = level
      for (let at = 0; at < filled.length && claims.length < max; ) {
        const queue = filled[at]!
        if (!versions.has(queue.key) || this.#paused.has(queue.pipelineId)) {
          at++
          continue
        }
        while (claims.length < max) {
          const unit = queue.front.take() ?? queue.units.take()
          if (unit === undefined) break
          if (grant(unit, claims, max)) queue.units.add(unit)
        }
        filled.splice(at, 1)
        // To the end: the next claim begins with another queue.
        if (queue.units.length + queue.front.length > 0) filled.push(queue)
        else {
          queue.isFilled = false
          this.#filled--
        }
      }
      if (claims.length >= max) break
    }
    return claims
  }

  /** The queues that are not empty. */
  *filled(): Iterable<ReadyQueue<Unit>> {
    for (const { filled } of this.#levels) yield* filled
  }

  #fill(queue: ReadyQueue<Unit>): void {
    queue.isFilled = true
    queue.level.filled.push(queue)
    this.#filled++
  }

  #levelOf(priority: number): Level<Unit> {
    let at = 0
    while (at < this.#levels.length && this.#levels[at]!.priority > priority) at++
    if (this.#levels[at]?.priority !== priority) {
      this.#levels.splice(at, 0, { priority, queues: new Map(), filled: [] })
    }
    return this.#levels[at]!
  }
}

// A run may still refer to a forgotten queue and use it; a second queue with the same key does no harm.
const forget = <Unit extends Queued>({ queues }: Level<Unit>): void => {
  for (const [key, { isFilled }] of queues) if (!isFilled) queues.delete(key)
}
