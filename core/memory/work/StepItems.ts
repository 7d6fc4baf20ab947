/** The items of one step of a run in memory: the status and the outputs of each unit. */

import type { Json } from "../../json/Value.ts"
import { type Expansion, mostFailures } from "../../pipeline/Plan.ts"
import type { HowCompleted } from "../../run/Event.ts"
import {
  ITEM_STATUSES,
  type ItemList,
  type ItemState,
  type ItemStatus,
  type ItemsRequest,
  MAX_ITEM_ERRORS,
  MAX_LISTED,
  MAX_UNIT_ERRORS,
  toRow
} from "../../run/ItemList.ts"
import type { Claim, FailedInUnit, Outcome } from "../../store/Work.ts"
import * as Bytes from "../../values/Bytes.ts"
import { type ErrorInfo, itemsFailed, MAX_NAMED_ITEMS, resultsTooLarge } from "../../values/ErrorInfo.ts"
import { type UnitRun, WorkUnit } from "./WorkUnit.ts"

type Outputs = Readonly<Record<string, Json>>

const NOTHING: Outputs = {}

const [PENDING, RUNNING, COMPLETED, FAILED] = [0, 1, 2, 3] as const

/** The items of a step, made when the step is expanded. */
export class StepItems<Run extends UnitRun = UnitRun> {
  readonly expansion: Expansion
  /** The unit of the step itself. In a ready queue it stands for all units that can be claimed. */
  readonly stepUnit: WorkUnit<Run>
  /** By the Store's monotonic clock. */
  readonly beganMillis: number
  /** How many items there are in all units. */
  readonly count: number
  /** How many items a unit has; the last may have fewer. */
  readonly size: number
  readonly #units: ReadonlyArray<Json>
  readonly #statuses: Uint8Array
  readonly #attempts: Uint32Array
  readonly #results: ReadonlyMap<string, Array<Json | undefined>>
  /** The errors of the first 1,000 failed units. */
  #errors: Map<number, ErrorInfo> | undefined = undefined
  /** The errors of the failed items with the lowest indices, in order. */
  #firstErrors: Array<ErrorInfo & { readonly item: number }> = []
  /** In a reduce: the outputs of the last item. Private until the step completes. */
  #accumulated: Outputs = NOTHING
  /** Units that were leased before and are ready again. */
  readonly #requeued: Array<WorkUnit<Run>> = []
  #next = 0
  #leased = 0
  #unitsDone = 0
  #unitsBytes: number | undefined = undefined
  #errorsBytes = 0
  /** Whether `stepUnit` is in a ready queue. */
  isQueued = false
  /** How many items are done, including failed items. */
  done = 0
  /** How many items failed. */
  failed = 0
  /** Bytes of all results so far, including commas. */
  bytes = 0
  /** How many items took the outputs of an earlier attempt. */
  memoised = 0
  /** How many events were written about retried or released items. */
  retryEvents = 0
  /** How many events were written about failed items. */
  failedEvents = 0

  constructor(
    expansion: Expansion,
    source: WorkUnit<Run>,
    beganMillis: number,
    { units, count, size, done = [] }: Extract<Outcome, { readonly _tag: "Expanded" }>
  ) {
    this.expansion = expansion
    this.stepUnit = source
    this.beganMillis = beganMillis
    this.count = count
    this.#units = units
    this.size = size
    this.#statuses = new Uint8Array(units.length)
    this.#attempts = new Uint32Array(units.length)
    this.#results = new Map(expansion.inOrder ? [] : expansion.outputs.map((name) => [name, new Array(units.length)]))
    for (const { unit, outputs } of done) this.complete(unit, outputs, false)
    this.#skipDone()
  }

  // -- leases --------------------------------------------------------------------------------------------------------

  /** Whether fewer units are leased than may run at once. */
  get hasRoom(): boolean {
    return this.#leased < this.expansion.max
  }

  /** Whether a unit can be leased now. */
  get isReady(): boolean {
    if (!this.hasRoom) return false
    if (this.#requeued.length > 0) return true
    // In a reduce, the item before must be done.
    return this.#next < this.#units.length && (!this.expansion.inOrder || this.#next === this.#unitsDone)
  }

  get isDone(): boolean {
    return this.#unitsDone === this.#units.length
  }

  /** Takes the next unit; check `isReady` first. */
  take(): WorkUnit<Run> {
    const unit = this.#requeued.pop()
    if (unit !== undefined) return unit
    const { run, index } = this.stepUnit
    const next = new WorkUnit(run, index, this.#next++)
    this.#skipDone()
    return next
  }

  #skipDone(): void {
    while (this.#statuses[this.#next] === COMPLETED) this.#next++
  }

  /** A worker has leased the unit. */
  leased({ item, attempts }: WorkUnit<Run>): void {
    this.#leased++
    this.#statuses[item] = RUNNING
    this.#attempts[item] = attempts
  }

  /** The lease of the unit has ended. */
  released({ item }: WorkUnit<Run>): void {
    this.#leased--
    this.#statuses[item] = PENDING
  }

  valueOf(item: number): Json {
    return this.#units[item]!
  }

  /** The values that an item reads: in a reduce, its outputs so far replace those of the run. */
  valuesFrom(values: Claim["values"]): Claim["values"] {
    if (!this.expansion.inOrder) return values
    const folded = this.#accumulated
    // The run may have a value of the same name; that is not the output so far.
    const { outputs } = this.expansion
    return {
      get: (name) =>
        Object.hasOwn(folded, name) ? folded[name] : outputs.includes(name) ? undefined : values.get(name)
    }
  }

  isUnitDone(item: number): boolean {
    return this.#statuses[item]! >= COMPLETED
  }

  /** Continues with a unit that an earlier Store leased. Call it for these units in order. */
  resumeAt(item: number, attempts: number): void {
    this.#attempts[item] = attempts
    this.#next = Math.max(this.#next, item + 1)
    this.#skipDone()
  }

  /** Makes a unit ready again. */
  requeue(unit: WorkUnit<Run>): void {
    this.#requeued.push(unit)
  }

  // -- outcomes ------------------------------------------------------------------------------------------------------

  /** All items of a unit have completed. */
  complete(item: number, outputs: Outputs, isMemoised: boolean): void {
    this.#end(item, COMPLETED, outputs)
    if (isMemoised) this.memoised += this.#sizeOf(item)
  }

  /** Items of a unit have failed for good. `outputs` are those of its other items. */
  fail(item: number, outputs: Outputs, { count, errors }: FailedInUnit): void {
    this.#end(item, FAILED, outputs)
    this.failed += count
    const error = errors[0]!
    this.#errors ??= new Map()
    if (this.#errors.size < MAX_ITEM_ERRORS) {
      this.#errors.set(item, error)
      this.#errorsBytes += Bytes.ofText(JSON.stringify(error))
    }
    for (const each of errors) this.#keepFirst({ ...each, item: each.item ?? item * this.size })
  }

  /** The failure of all items of a unit, each with this error. */
  allFailed(item: number, error: ErrorInfo): FailedInUnit {
    const count = this.#sizeOf(item)
    const errors = Array.from({ length: Math.min(count, MAX_UNIT_ERRORS) }, (_, at) => ({
      ...error,
      item: item * this.size + at
    }))
    return { count, errors }
  }

  /** Keeps the errors of the failed items with the lowest indices. Items may fail in any order. */
  #keepFirst(error: ErrorInfo & { readonly item: number }): void {
    const last = this.#firstErrors.at(-1)
    if (this.#firstErrors.length === MAX_NAMED_ITEMS && error.item > last!.item) return
    this.#firstErrors.push(error)
    this.#firstErrors.sort((one, other) => one.item - other.item)
    if (this.#firstErrors.length > MAX_NAMED_ITEMS) this.#firstErrors.pop()
  }

  #end(item: number, status: number, outputs: Outputs): void {
    this.#statuses[item] = status
    this.#unitsDone++
    this.done += this.#sizeOf(item)
    // An output that this item leaves out keeps its value.
    if (this.expansion.inOrder) this.#accumulated = { ...this.#accumulated, ...outputs }
    for (const [name, results] of this.#results) {
      if (!Object.hasOwn(outputs, name)) continue
      const json = outputs[name]!
      results[item] = json
      this.bytes += Bytes.ofText(json) + 1
    }
  }

  #sizeOf(item: number): number {
    const last = this.#units.length - 1
    return item === last ? this.count - last * this.size : this.size
  }

  /** The error that the step fails with; undefined when it goes on or completes. */
  stepError(maxValueBytes: number): ErrorInfo | undefined {
    const { expansion, failed, count } = this
    if (this.bytes > maxValueBytes) return resultsTooLarge(this.#step, maxValueBytes)
    if (failed === 0 || (expansion.onFailure === "collect" && !this.isDone)) return undefined
    const tolerated = mostFailures(expansion, count)
    if (failed <= tolerated) return undefined
    const items = this.#firstErrors.map(({ item }) => item)
    return itemsFailed(this.#step, { failed, count, tolerated, items, cause: this.#firstErrors[0]! })
  }

  /** Details for the step's `StepCompleted` event. */
  get completion(): HowCompleted | undefined {
    const { memoised, failed } = this
    if (memoised === 0 && failed === 0) return undefined
    return { ...(memoised > 0 && { memoisedItems: memoised }), ...(failed > 0 && { itemsFailed: failed }) }
  }

  get #step(): string {
    return this.stepUnit.run.step(this.stepUnit.index).name
  }

  /** The step's outputs: the lists of the units' outputs, or in a reduce those of the last item. */
  get outputs(): Outputs {
    if (this.expansion.inOrder) return this.#accumulated
    const lists: Record<string, Json> = {}
    for (const [name, results] of this.#results)
      lists[name] = `[${results.filter((json) => json !== undefined).join(",")}]`
    return lists
  }

  // -- reading -------------------------------------------------------------------------------------------------------

  /** Bytes of its units, results and errors. */
  get keptBytes(): number {
    this.#unitsBytes ??= this.#units.reduce((sum, unit) => sum + Bytes.ofText(unit), 0)
    return this.#unitsBytes + this.bytes + this.#errorsBytes
  }

  /** A part of the list of units. It ends early once it exceeds `maxBytes`. */
  list({ status, limit, cursor = "0", isBare = false }: ItemsRequest, maxBytes: number): ItemList {
    const from = Number(cursor)
    const until = Math.min(from + MAX_LISTED, this.#units.length)
    const isOver = this.stepUnit.isOver
    const items: Array<ItemState> = []
    let at = from
    for (let bytes = 0; at < until && items.length < limit && bytes <= maxBytes; at++) {
      const row = this.#rowOf(at, isOver, isBare)
      if (status !== undefined && row.status !== status) continue
      items.push(row)
      bytes += Bytes.ofText(row.value)
      for (const name of Object.keys(row.outputs)) bytes += Bytes.ofText(row.outputs[name]!)
    }
    const units = this.#units.length
    return { items, units, size: this.size, nextCursor: at < units ? String(at) : undefined }
  }

  #rowOf(item: number, isOver: boolean, isBare: boolean): ItemState {
    const known: ItemStatus = ITEM_STATUSES[this.#statuses[item]!]!
    const outputs: Record<string, Json> = {}
    if (!isBare) {
      for (const [name, results] of this.#results) if (results[item] !== undefined) outputs[name] = results[item]
    }
    const error = this.#errors?.get(item)
    return {
      index: item,
      size: this.#sizeOf(item),
      // The end of the step also ended its running units.
      status: isOver && known === "RUNNING" ? "PENDING" : known,
      attempts: this.#attempts[item]!,
      ...(error !== undefined && { error }),
      value: isBare ? "null" : this.#units[item]!,
      outputs: toRow(outputs, this.size)
    }
  }
}
