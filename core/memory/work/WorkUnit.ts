/** What a Store in memory lends: a step, or a unit of its items. */

import type { PlanStep } from "../../pipeline/Plan.ts"
import type { Claim, MemoKey } from "../../store/Work.ts"
import { type ErrorInfo, inputsTooLarge } from "../../values/ErrorInfo.ts"
import type { Limit } from "../../values/Limit.ts"
import type { Holder } from "./LimitHolders.ts"

const NO_LIMITS: ReadonlyArray<Limit> = []

/** What a unit asks its run. */
export interface UnitRun {
  readonly priority: number
  readonly queue: { readonly key: string }
  readonly values: {
    /** Of all values, and how many those may have that a step is called with. */
    readonly bytes: number
    readonly maxTogether: number
    bytesOf(names: ReadonlyArray<string>): number
  }
  step(index: number): PlanStep
  isStepOver(index: number): boolean
  /** The items of the unit's step, once they are known. */
  itemsOf(unit: { readonly index: number }): object | undefined
}

/** One unit of work, from the moment it is ready to its end, over all its attempts. */
export class WorkUnit<out Run extends UnitRun = UnitRun> implements Holder {
  readonly run: Run
  readonly index: number
  /** Which item of the step; -1 for the step itself. */
  readonly item: number
  attempts = 0
  failures = 0
  /** How many of its workers were lost. */
  losses = 0
  /** When its first attempt began, by the Store's monotonic clock. */
  firstBeganMillis = 0
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

  /** Why it can't be lent; nothing when it can: the values that it is called with have too many bytes together. */
  get inputError(): ErrorInfo | undefined {
    const { values } = this.run
    const { maxTogether } = values
    // Mostly all values of the run have no more than that.
    if (values.bytes <= maxTogether) return undefined
    const { name, reads, expands } = this.run.step(this.index)
    const isExpanded = this.run.itemsOf(this) !== undefined
    const bytes = values.bytesOf(expands === undefined || isExpanded ? reads : expands.lists)
    return bytes > maxTogether ? inputsTooLarge(name, bytes, maxTogether) : undefined
  }

  /** What it has to hold while it is lent. A probe holds nothing: it is what finds that out. */
  get limits(): ReadonlyArray<Limit> {
    const { limits = NO_LIMITS, probed } = this.run.step(this.index)
    if (!probed) return limits
    if (!this.probed) return NO_LIMITS
    return this.probedLimits.length === 0 ? limits : [...limits, ...this.probedLimits]
  }
}
