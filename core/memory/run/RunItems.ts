/** The items of the steps of a run in memory, including those kept from the run that it retries. */

import { type ItemList, type ItemsRequest, MAX_ITEM_ERRORS, NO_ITEMS } from "../../run/ItemList.ts"
import { KEPT_ITEMS, type KeptItems, write } from "../../run/KeptItems.ts"
import type { Claim } from "../../store/Work.ts"
import type { StepItems } from "../work/StepItems.ts"
import type { UnitRun, WorkUnit } from "../work/WorkUnit.ts"
import type { RunLog } from "./RunLog.ts"

type UnitFields = ReturnType<RunLog["stepFields"]> & { readonly item?: number }

type Kept = Readonly<Record<string, KeptItems>>

/**
 * The items of a run's steps, from the expansion of a step on. When a step completes without failed items, its items
 * are dropped; otherwise they are kept as long as the run.
 */
export class RunItems<Run extends UnitRun> {
  readonly #log: RunLog
  #byStep: Map<number, StepItems<Run>> | undefined = undefined
  /** By step name. */
  #kept: Kept | undefined

  constructor(log: RunLog, kept: Kept | undefined) {
    this.#log = log
    this.#kept = kept
  }

  get(index: number): StepItems<Run> | undefined {
    return this.#byStep?.get(index)
  }

  /** The items of the unit's step; undefined for the unit of the step itself. */
  of(unit: WorkUnit): StepItems<Run> | undefined {
    return unit.item === -1 ? undefined : this.#byStep!.get(unit.index)
  }

  add(items: StepItems<Run>): void {
    this.#byStep ??= new Map()
    this.#byStep.set(items.stepUnit.index, items)
  }

  /** The step has completed. Returns whether its items were dropped. */
  completed(items: StepItems<Run>): boolean {
    return items.failed === 0 && this.#byStep!.delete(items.stepUnit.index)
  }

  /** Fields for `StepFailed`: the number of failed items, when the step may go on without some. */
  failedFields(index: number): { readonly itemsFailed: number } | undefined {
    const items = this.get(index)
    return items?.expansion.onFailure === undefined || items.failed === 0 ? undefined : { itemsFailed: items.failed }
  }

  /** The run has ended. */
  end(): void {
    this.#kept = undefined
    if (this.#byStep === undefined) return
    // A reduce has no outputs of single items.
    for (const [index, { expansion }] of this.#byStep) {
      if (!expansion.inOrder) continue
      this.#byStep.delete(index)
      this.#log.unsaved?.drop(index)
    }
  }

  /** The values that a claim of the unit reads. */
  valuesOf(unit: WorkUnit, values: Claim["values"]): Claim["values"] {
    const items = this.of(unit)
    if (items !== undefined) return items.valuesFrom(values)
    if (this.#kept === undefined) return values
    const step = unit.run.step(unit.index).name
    if (!Object.hasOwn(this.#kept, step)) return values
    const kept = this.#kept[step]!
    return { get: (name) => (name === KEPT_ITEMS ? write(kept) : values.get(name)) }
  }

  /** The common fields of an event about a unit. `item` is the item in question, in a unit of several. */
  eventFields(unit: WorkUnit, attempt: number, atMillis: number, item?: number): UnitFields {
    const fields = this.#log.stepFields(unit.index, attempt, atMillis)
    const items = this.of(unit)
    return items === undefined ? fields : { ...fields, item: item ?? unit.item * items.size }
  }

  /** Counts an event about a retried or released unit. False when its step has too many events with an item. */
  countEvent(unit: WorkUnit): boolean {
    const items = this.of(unit)
    return items === undefined || items.retryEvents++ < MAX_ITEM_ERRORS
  }

  list(index: number, request: ItemsRequest, maxBytes: number): ItemList {
    const items = this.get(index)
    return items === undefined || items.expansion.inOrder ? NO_ITEMS : items.list(request, maxBytes)
  }

  /** Bytes of all items. */
  get bytes(): number {
    let sum = 0
    if (this.#byStep !== undefined) for (const { keptBytes } of this.#byStep.values()) sum += keptBytes
    return sum
  }
}
