/** What a run in memory knows of the items of its steps, and of those that it keeps from the run that it repeats. */

import { type ItemList, type ItemsRequest, MAX_ITEM_ERRORS, NO_ITEMS } from "../../run/ItemList.ts"
import { KEPT_ITEMS, type KeptItems, write } from "../../run/KeptItems.ts"
import type { Claim } from "../../store/Work.ts"
import type { StepItems } from "../work/StepItems.ts"
import type { UnitRun, WorkUnit } from "../work/WorkUnit.ts"
import type { RunLog } from "./RunLog.ts"

type AboutUnit = ReturnType<RunLog["ofStep"]> & { readonly item?: number }

type Kept = Readonly<Record<string, KeptItems>>

/**
 * The items of the steps of one run: while a step runs, and to the end of the run's history when it did not complete, or
 * completed without some of them.
 */
export class RunItems<Run extends UnitRun> {
  readonly #log: RunLog
  #expansions: Map<number, StepItems<Run>> | undefined = undefined
  /** By step. */
  #kept: Kept | undefined

  constructor(log: RunLog, kept: Kept | undefined) {
    this.#log = log
    this.#kept = kept
  }

  get(index: number): StepItems<Run> | undefined {
    return this.#expansions?.get(index)
  }

  /** The items that a unit is one of. */
  of(unit: WorkUnit): StepItems<Run> | undefined {
    return unit.item === -1 ? undefined : this.#expansions!.get(unit.index)
  }

  add(expansion: StepItems<Run>): void {
    this.#expansions ??= new Map()
    this.#expansions.set(expansion.source.index, expansion)
  }

  /** A step has completed. */
  completed(expansion: StepItems<Run>): void {
    if (expansion.failed === 0) this.#expansions!.delete(expansion.source.index)
  }

  /** How many items a step has gone on without, where it may; for the event that says that it failed. */
  failedOf(index: number): { readonly itemsFailed: number } | undefined {
    const expansion = this.get(index)
    return expansion?.plan.onFailure === undefined || expansion.failed === 0
      ? undefined
      : { itemsFailed: expansion.failed }
  }

  /** The run is over. */
  end(): void {
    this.#kept = undefined
    if (this.#expansions === undefined) return
    // Of a reduce there are no results but the last.
    for (const [index, { plan }] of this.#expansions) if (plan.inOrder) this.#expansions.delete(index)
  }

  /** What a claim of a unit sees of the run's values. */
  valuesOf(unit: WorkUnit, values: Claim["values"]): Claim["values"] {
    const expansion = this.of(unit)
    if (expansion !== undefined) return expansion.valuesOver(values)
    if (this.#kept === undefined) return values
    const step = unit.run.step(unit.index).name
    if (!Object.hasOwn(this.#kept, step)) return values
    const kept = this.#kept[step]!
    return { get: (name) => (name === KEPT_ITEMS ? write(kept) : values.get(name)) }
  }

  /** What an event about a unit says of it. `item` is the one of several that it is about. */
  about(unit: WorkUnit, attempt: number, atMillis: number, item?: number): AboutUnit {
    const about = this.#log.ofStep(unit.index, attempt, atMillis)
    const expansion = this.of(unit)
    return expansion === undefined ? about : { ...about, item: item ?? unit.item * expansion.size }
  }

  /** Whether an event about a unit is told: of events about single items that are tried again, a step has only so many. */
  isTold(unit: WorkUnit): boolean {
    const expansion = this.of(unit)
    return expansion === undefined || expansion.events++ < MAX_ITEM_ERRORS
  }

  list(index: number, request: ItemsRequest, maxBytes: number): ItemList {
    const expansion = this.get(index)
    return expansion === undefined || expansion.plan.inOrder ? NO_ITEMS : expansion.list(request, maxBytes)
  }

  /** Bytes of all that is kept of them. */
  get bytes(): number {
    let sum = 0
    if (this.#expansions !== undefined) for (const { keptBytes } of this.#expansions.values()) sum += keptBytes
    return sum
  }
}
