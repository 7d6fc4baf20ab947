/** The ready work of a Store in memory, by priority and by version of its pipeline, and in which order it is lent. */

import * as Version from "../../pipeline/Version.ts"
import type { Claim, ClaimRequest } from "../../store/Work.ts"
import { Fifo, type Queued } from "./Fifo.ts"

/** A unit that knows where it is queued. */
export interface ReadyUnit<Unit extends Queued> extends Queued {
  readonly run: { readonly queue: ReadyQueue<Unit> }
}

/** The ready work of one priority of one version of one pipeline, in the order in which it became ready. */
export interface ReadyQueue<Unit extends Queued> {
  readonly key: string
  readonly pipelineId: string
  readonly level: Level<Unit>
  readonly units: Fifo<Unit>
  /** Those that go before the others: steps of runs that have begun, and those that have waited for a limit. */
  readonly front: Fifo<Unit>
  /** Whether it is among those to claim from. */
  isFilled: boolean
}

/** The ready work of one priority. */
interface Level<Unit extends Queued> {
  readonly priority: number
  readonly queues: Map<string, ReadyQueue<Unit>>
  /** The queues with something in them. The first is the next to be claimed from. */
  readonly filled: Array<ReadyQueue<Unit>>
}

const NONE: ReadonlyArray<never> = []

/** How many queues a priority keeps; more than there are pipelines, unless they come and go. */
const MAX_QUEUES = 20_000

/** Queues by priority and version; within a priority, those with something in them are claimed from in turn. */
export class ReadyQueues<Unit extends ReadyUnit<Unit>> {
  /** The highest first. */
  readonly #levels: Array<Level<Unit>> = []
  readonly #paused: ReadonlySet<string>
  readonly #onDrop: (unit: Unit) => void
  #filled = 0

  /** `dropped` is called for units that leave because they are over. */
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

  /** For one that goes before those that come now. */
  addFirst(unit: Unit): void {
    const { queue } = unit.run
    if (!queue.isFilled) this.#fill(queue)
    queue.front.add(unit)
  }

  /**
   * Takes what was asked for. `lend` gets each unit in turn; it lends what it can of it, at most what is left of the
   * request, and says whether something is left of the unit: then it goes to the end of its queue.
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
        // To the end of the line: the next claim begins with another pipeline.
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

  /** The queues with something in them. */
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

// Whoever still has one of them goes on with it; a second one of its name does no harm.
const forget = <Unit extends Queued>({ queues }: Level<Unit>): void => {
  for (const [key, { isFilled }] of queues) if (!isFilled) queues.delete(key)
}
