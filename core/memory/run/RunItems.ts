/** What a run in memory knows of the items of its steps, and of those that it keeps from the run that it repeats. */

import { type ItemList, type ItemsRequest, MAX_ITEM_ERRORS, NO_ITEMS } from "../../run/ItemList.ts"
import { KEPT_ITEMS, type KeptItems, write } from "../../run/KeptItems.ts"
import type { Claim } from "../../store/Work.ts"
import type { StepItems } from "../work/StepItems.ts"
import type { UnitRun, WorkUnit } from "../work/WorkUnit.ts"
import type { RunLog } from "./RunLog.ts"

type UnitFields = ReturnType<RunLog["stepFields"]> & { readonly item?: number }

type Kept = Readonly<Record<string, KeptItems>>

/**
 * The items of the steps of one run: while a step runs, and to the end of the run's history when it did not complete, or
 * completed without some of them.
 */
export class RunItems<Run extends UnitRun> {
  readonly #log: RunLog
  #byStep: Map<number, StepItems<Run>> | undefined = undefined
  /** By step. */
  #kept: Kept | undefined

  constructor(log: RunLog, kept: Kept | undefined) {
    this.#log = log
    this.#kept = kept
  }

  get(index: number): StepItems<Run> | undefined {
    return this.#byStep?.get(index)
  }

  /** The items that a unit is one of. */
  of(unit: WorkUnit): StepItems<Run> | undefined {
    return unit.item === -1 ? undefined : this.#byStep!.get(unit.index)
  }

  add(items: StepItems<Run>): void {
    this.#byStep ??= new Map()
    this.#byStep.set(items.stepUnit.index, items)
  }

  /** A step has completed. */
  completed(items: StepItems<Run>): void {
    if (items.failed === 0) this.#byStep!.delete(items.stepUnit.index)
  }

  /** How many items a step has gone on without, where it may; for the event that says that it failed. */
  failedFields(index: number): { readonly itemsFailed: number } | undefined {
    const items = this.get(index)
    return items?.expansion.onFailure === undefined || items.failed === 0 ? undefined : { itemsFailed: items.failed }
  }

  /** The run is over. */
  end(): void {
    this.#kept = undefined
    if (this.#byStep === undefined) return
    // Of a reduce there are no results but the last.
    for (const [index, { expansion }] of this.#byStep) if (expansion.inOrder) this.#byStep.delete(index)
  }

  /** What a claim of a unit sees of the run's values. */
  valuesOf(unit: WorkUnit, values: Claim["values"]): Claim["values"] {
    const items = this.of(unit)
    if (items !== undefined) return items.valuesFrom(values)
    if (this.#kept === undefined) return values
    const step = unit.run.step(unit.index).name
    if (!Object.hasOwn(this.#kept, step)) return values
    const kept = this.#kept[step]!
    return { get: (name) => (name === KEPT_ITEMS ? write(kept) : values.get(name)) }
  }

  /** What an event about a unit says of it. `item` is the one of several that it is about. */
  eventFields(unit: WorkUnit, attempt: number, atMillis: number, item?: number): UnitFields {
    const about = this.#log.stepFields(unit.index, attempt, atMillis)
    const items = this.of(unit)
    return items === undefined ? about : { ...about, item: item ?? unit.item * items.size }
  }

  /** Whether an event about a unit is told: of events about single items that are tried again, a step has only so many. */
  countEvent(unit: WorkUnit): boolean {
    const items = this.of(unit)
    return items === undefined || items.retryEvents++ < MAX_ITEM_ERRORS
  }

  list(index: number, request: ItemsRequest, maxBytes: number): ItemList {
    const items = this.get(index)
    return items === undefined || items.expansion.inOrder ? NO_ITEMS : items.list(request, maxBytes)
  }

  /** Bytes of all that is kept of them. */
  get bytes(): number {
    let sum = 0
    if (this.#byStep !== undefined) for (const { keptBytes } of this.#byStep.values()) sum += keptBytes
    return sum
  }
}
