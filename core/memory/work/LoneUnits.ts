/** Ready units of a Store in memory that must run alone on a worker, because they lost workers before. */

import type { ClaimRequest } from "../../store/Work.ts"
import { Fifo } from "./Fifo.ts"
import type { ReadyQueue, ReadyUnit } from "./ReadyQueues.ts"

/** Lone units by priority and pipeline version; first in, first out. */
export class LoneUnits<Unit extends ReadyUnit<Unit>> {
  readonly #units: Map<ReadyQueue<Unit>, Fifo<Unit>> = new Map()
  readonly #paused: ReadonlySet<string>
  readonly #onDrop: (unit: Unit) => void

  /** `onDrop` is called for each unit that is dropped because it is over. */
  constructor(paused: ReadonlySet<string>, onDrop: (unit: Unit) => void) {
    this.#paused = paused
    this.#onDrop = onDrop
  }

  get isEmpty(): boolean {
    return this.#units.size === 0
  }

  add(unit: Unit): void {
    const { queue } = unit.run
    const units = this.#units.get(queue) ?? new Fifo(this.#onDrop)
    this.#units.set(queue, units)
    units.add(unit)
  }

  /** Whether a unit could be granted to this request. */
  hasFor(request: ClaimRequest): boolean {
    return this.#queueFor(request) !== undefined
  }

  /** Takes the next unit for this request: of the highest priority. */
  take(request: ClaimRequest): Unit | undefined {
    const queue = this.#queueFor(request)
    if (queue === undefined) return undefined
    const units = this.#units.get(queue)!
    let unit = units.take()
    for (; unit?.isOver === true; unit = units.take()) this.#onDrop(unit)
    if (units.length === 0) this.#units.delete(queue)
    return unit
  }

  /** The units by queue. */
  get filled(): ReadonlyMap<ReadyQueue<Unit>, Fifo<Unit>> {
    return this.#units
  }

  #queueFor({ versions }: ClaimRequest): ReadyQueue<Unit> | undefined {
    let best: ReadyQueue<Unit> | undefined
    for (const [queue, units] of this.#units) {
      if (!versions.has(queue.key) || this.#paused.has(queue.pipelineId)) continue
      if (best !== undefined && best.level.priority >= queue.level.priority) continue
      while (units.length > 0 && units.first === undefined) this.#onDrop(units.take()!)
      if (units.length > 0) best = queue
      else this.#units.delete(queue)
    }
    return best
  }
}
