/** Decides which steps of a run become ready and which are skipped, by counting down the numbers in its plan. */
import type { Plan } from "../pipeline/Plan.ts"
import type { ArmName } from "../pipeline/Step.ts"

/** Why steps are skipped. */
export interface Skip {
  readonly cause: "branch" | "failure"
  readonly reason: string
  /** Whether every dependent step is skipped, even one that could run without these outputs. */
  readonly all: boolean
}

/** Receives the decisions of a countdown. */
export interface CountdownListener {
  readonly stepReady: (index: number) => void
  readonly stepSkipped: (index: number, skip: Skip) => void
}

/** The countdown of one run. */
export class Countdown {
  readonly #plan: Plan
  readonly #listener: CountdownListener
  readonly #waits: Array<number>
  /** For each step, whether it has completed, failed, or was skipped or cancelled. */
  readonly #over: Array<boolean>
  #groups: Map<number, Array<number>> | undefined = undefined
  /**
   * Skips of steps whose branch has not decided yet. Such a step is skipped for the failure only if the branch takes
   * its arm. So the result does not depend on whether the failure or the decision comes first.
   */
  #deferredSkips: Map<number, Skip> | undefined = undefined
  /** How many steps are not over. */
  remaining = 0
  /** Whether a failure kept a `vital` step from completing: then the run fails under the policy `skip`. */
  hasLostVital = false

  constructor(plan: Plan, listener: CountdownListener) {
    this.#plan = plan
    this.#listener = listener
    const { steps } = plan
    this.#waits = new Array<number>(steps.length)
    this.#over = new Array<boolean>(steps.length)
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index]!
      this.#waits[index] = step.waits
      this.#over[index] = step.initial !== undefined
      if (step.initial === undefined) this.remaining++
      if (step.groups !== undefined) {
        this.#groups ??= new Map()
        this.#groups.set(index, [...step.groups])
      }
    }
  }

  isOver(index: number): boolean {
    return this.#over[index]!
  }

  /** Reports the steps that wait for no other step as ready. */
  begin(): void {
    for (let index = 0; index < this.#waits.length; index++) {
      if (this.#waits[index] === 0 && !this.#over[index]) this.#listener.stepReady(index)
    }
  }

  /** Records that a step has completed. `arm`: the arm that a branch takes. */
  complete(index: number, arm?: ArmName): void {
    const step = this.#plan.steps[index]!
    this.#end(index)
    if (arm !== undefined && step.arms !== undefined) this.#takeArm(step.arms, arm, step.name)
    for (const released of step.releases) this.#release(released)
  }

  #takeArm(arms: Readonly<Record<ArmName, ReadonlyArray<number>>>, arm: ArmName, branch: string): void {
    const skip: Skip = { cause: "branch", all: false, reason: `branch '${branch}' took '${arm}'` }
    const skipped = arms[arm === "yes" ? "no" : "yes"].filter((index) => this.#skip(index, skip))
    this.#propagate(skipped, skip)
    const deferred = arms[arm].filter((index) => {
      const deferredSkip = this.#deferredSkips?.get(index)
      return deferredSkip !== undefined && this.#skip(index, deferredSkip)
    })
    for (const index of deferred) this.#propagate([index], this.#deferredSkips!.get(index)!)
  }

  /** Records that a step failed or was cancelled. `all`: every dependent step is skipped. */
  fail(index: number, reason: string, all: boolean): void {
    this.#end(index)
    this.#propagate([index], { cause: "failure", reason, all })
  }

  /** Skips the dependents that need an output of these steps, and theirs in turn. Releases the other dependents. */
  #propagate(from: ReadonlyArray<number>, skip: Skip): void {
    // Depth first, in order: the last of the stack comes next.
    const stack = from.toReversed()
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      const { losses, releases, vital } = this.#plan.steps[index]!
      if (skip.cause === "failure" && vital) this.hasLostVital = true
      const skipped: Array<number> = []
      if (losses === undefined || skip.all) {
        for (const other of releases) if (this.#skip(other, skip)) skipped.push(other)
      } else {
        for (const { step, group } of losses) {
          const isLost = group === -1 || --this.#groups!.get(step)![group]! === 0
          if (isLost && this.#skip(step, skip)) skipped.push(step)
        }
        for (const other of releases) this.#release(other)
      }
      for (let at = skipped.length - 1; at >= 0; at--) stack.push(skipped[at]!)
    }
  }

  #end(index: number): void {
    this.#over[index] = true
    this.remaining--
  }

  #skip(index: number, skip: Skip): boolean {
    if (this.#over[index]) return false
    const { branch } = this.#plan.steps[index]!
    if (skip.cause === "failure" && branch !== undefined && !this.#over[branch]) {
      this.#deferredSkips ??= new Map()
      this.#deferredSkips.set(index, skip)
      return false
    }
    this.#end(index)
    this.#listener.stepSkipped(index, skip)
    return true
  }

  #release(index: number): void {
    if (--this.#waits[index]! === 0 && !this.#over[index]) this.#listener.stepReady(index)
  }
}
