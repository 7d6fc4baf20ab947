/** The course of a run in memory: which steps are over, and what its failures mean for it. */
import type { Plan } from "../../pipeline/Plan.ts"
import type { ArmName } from "../../pipeline/Step.ts"
import { Countdown, type CountdownListener, type Skip } from "../../run/Countdown.ts"
import type { Event } from "../../run/Event.ts"
import { type ErrorInfo, stepCancelled } from "../../values/ErrorInfo.ts"
import type { Policy } from "../../values/Policy.ts"

export class RunCourse implements CountdownListener {
  readonly #countdown: Countdown
  readonly #onFailure: Policy
  readonly #listener: CountdownListener
  /** The first failure. */
  #error: ErrorInfo | undefined = undefined
  /** Whether it follows the events of an earlier Store, which told its listener already. */
  #isReplaying = false

  constructor(plan: Plan, onFailure: Policy, listener: CountdownListener) {
    this.#onFailure = onFailure
    this.#listener = listener
    this.#countdown = new Countdown(plan, this)
  }

  /** How many steps are not over. */
  get remaining(): number {
    return this.#countdown.remaining
  }

  isOver(index: number): boolean {
    return this.#countdown.isOver(index)
  }

  /** Reports the steps that wait for no other step as ready. */
  begin(): void {
    this.#countdown.begin()
  }

  complete(index: number, arm?: ArmName): void {
    this.#countdown.complete(index, arm)
  }

  /** A step failed or was cancelled. Returns whether that ends the run. */
  fail(index: number, error: ErrorInfo, reason: string): boolean {
    this.#error ??= error
    if (this.#onFailure === "fail-fast") return true
    this.#countdown.fail(index, reason, this.#onFailure === "continue")
    return false
  }

  /** The error that the run fails with once all its steps are over; undefined when it completes. */
  get error(): ErrorInfo | undefined {
    return this.#onFailure !== "skip" || this.#countdown.hasLostVital ? this.#error : undefined
  }

  /** Follows the events of an earlier Store. */
  replay(events: ReadonlyArray<Event>): void {
    this.#isReplaying = true
    for (const event of events) {
      if (event.type === "StepCompleted") this.complete(event.index, event.arm)
      else if (event.type === "StepFailed") this.fail(event.index, event.error, whyFailed(event.step))
      else if (event.type === "StepCancelled") {
        this.fail(event.index, stepCancelled(event.step, event.reason), whyCancelled(event.step))
      }
    }
    this.#isReplaying = false
  }

  stepReady(index: number): void {
    if (!this.#isReplaying) this.#listener.stepReady(index)
  }

  stepSkipped(index: number, skip: Skip): void {
    if (!this.#isReplaying) this.#listener.stepSkipped(index, skip)
  }
}

/** Why the dependents of a step are skipped. */
export const whyFailed = (step: string): string => `step '${step}' failed`
export const whyCancelled = (step: string): string => `step '${step}' was cancelled`
