/** A unit of work in a Store in memory: a step, or some items of a step. */

import type { PlanStep } from "../../pipeline/Plan.ts"
import type { Claim, MemoKey } from "../../store/Work.ts"
import { type ErrorInfo, inputsTooLarge } from "../../values/ErrorInfo.ts"
import type { Limit } from "../../values/Limit.ts"
import type { Holder } from "./LimitHolders.ts"

const NO_LIMITS: ReadonlyArray<Limit> = []

/** The run of a unit, as the unit sees it. */
export interface UnitRun {
  readonly priority: number
  readonly queue: { readonly key: string }
  readonly values: {
    /** Bytes of all values, and how many bytes the inputs of one step may have together. */
    readonly bytes: number
    readonly maxTogether: number
    bytesOf(names: ReadonlyArray<string>): number
  }
  step(index: number): PlanStep
  isStepOver(index: number): boolean
  /** The items of the unit's step, once they are known. */
  itemsOf(unit: { readonly index: number }): object | undefined
}

/** One unit of work, from when it is ready until it is done, over all its attempts. */
export class WorkUnit<out Run extends UnitRun = UnitRun> implements Holder {
  readonly run: Run
  readonly index: number
  /** The index of the unit among the step's items; -1 for the step itself. */
  readonly item: number
  attempts = 0
  failures = 0
  /** How many workers were lost while they ran it. */
  losses = 0
  /** When its first attempt began, by the Store's monotonic clock. */
  firstBeganMillis = 0
  /** When its next attempt may begin, while it waits for that; by the Store's clock. */
  dueAtMillis = 0
  waitSerial = 0
  probed = false
  /** The limits that its probe found. */
  probedLimits: ReadonlyArray<Limit> = NO_LIMITS
  memo: MemoKey | undefined = undefined

  constructor(run: Run, index: number, item: number) {
    this.run = run
    this.index = index
    this.item = item
  }

  get isOver(): boolean {
    return this.run.isStepOver(this.index)
  }
  get priority(): number {
    return this.run.priority
  }
  get waitClass(): string {
    return this.run.queue.key
  }

  get phase(): Claim["phase"] {
    const step = this.run.step(this.index)
    if (step.expands !== undefined && this.item === -1) return "expand"
    return step.probed === true && !this.probed ? "probe" : "run"
  }

  /** The error of a unit whose inputs are too large together; undefined when it can be leased. */
  get inputError(): ErrorInfo | undefined {
    const { values } = this.run
    const { maxTogether } = values
    // Usually even all values of the run together are small enough.
    if (values.bytes <= maxTogether) return undefined
    const { name, reads, expands } = this.run.step(this.index)
    const isExpanded = this.run.itemsOf(this) !== undefined
    const bytes = values.bytesOf(expands === undefined || isExpanded ? reads : expands.lists)
    return bytes > maxTogether ? inputsTooLarge(name, bytes, maxTogether) : undefined
  }

  /** The limits to hold while it is leased. A probe holds none: it finds them. */
  get limits(): ReadonlyArray<Limit> {
    const { limits = NO_LIMITS, probed } = this.run.step(this.index)
    if (!probed) return limits
    if (!this.probed) return NO_LIMITS
    return this.probedLimits.length === 0 ? limits : [...limits, ...this.probedLimits]
  }
}
