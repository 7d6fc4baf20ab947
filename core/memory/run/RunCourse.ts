/** The course of a run in memory: which steps are over, and what its failures mean for it. */
import type { Plan } from "../../pipeline/Plan.ts"
import { Countdown, type CountdownListener } from "../../run/Countdown.ts"
import type { Event } from "../../run/Event.ts"
import { type ErrorInfo, stepCancelled } from "../../values/ErrorInfo.ts"
import type { Policy } from "../../values/Policy.ts"

export class RunCourse extends Countdown {
  readonly #onFailure: Policy
  /** The first failure. */
  #error: ErrorInfo | undefined = undefined
  /** Whether it follows the events of an earlier Store, which told its listener already. */
  isReplaying = false

  constructor(plan: Plan, onFailure: Policy, listener: CountdownListener) {
    super(plan, listener)
    this.#onFailure = onFailure
  }

  /** A step failed or was cancelled. Returns whether that ends the run. */
  failed(index: number, error: ErrorInfo, reason: string): boolean {
    this.#error ??= error
    if (this.#onFailure === "fail-fast") return true
    this.fail(index, reason, this.#onFailure === "continue")
    return false
  }

  /** The error that the run fails with once all its steps are over; undefined when it completes. */
  get error(): ErrorInfo | undefined {
    return this.#onFailure !== "skip" || this.hasLostVital ? this.#error : undefined
  }

  /** Follows the events of an earlier Store. */
  replay(events: ReadonlyArray<Event>): void {
    this.isReplaying = true
    for (const event of events) {
      if (event.type === "StepCompleted") this.complete(event.index, event.arm)
      else if (event.type === "StepFailed") this.failed(event.index, event.error, whyFailed(event.step))
      else if (event.type === "StepCancelled") {
        this.failed(event.index, stepCancelled(event.step, event.reason), whyCancelled(event.step))
      }
    }
    this.isReplaying = false
  }
}

/** Why the dependents of a step are skipped. */
export const whyFailed = (step: string): string => `step '${step}' failed`
export const whyCancelled = (step: string): string => `step '${step}' was cancelled`
