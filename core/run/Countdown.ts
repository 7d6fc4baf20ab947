/** Which steps of a run are ready, and which can't run any more: the counting that a plan is made for. */
import type { Plan } from "../pipeline/Plan.ts"
import type { ArmName } from "../pipeline/Step.ts"

/** Why steps are skipped. */
export interface Skip {
  readonly cause: "branch" | "failure"
  readonly reason: string
  /** Whether nothing that waits for them can do without. */
  readonly all: boolean
}

/** Whom a countdown tells. */
export interface CountdownListener {
  readonly stepReady: (index: number) => void
  readonly stepSkipped: (index: number, skipping: Skip) => void
}

/** The counts of one run. */
export class Countdown {
  readonly #plan: Plan
  readonly #listener: CountdownListener
  readonly #waits: Array<number>
  /** For each step, whether nothing can happen to it any more. */
  readonly #over: Array<boolean>
  #groups: Map<number, Array<number>> | undefined = undefined
  /**
   * Steps that can't run, in arms that may not be taken at all: whether something is missing shows when their branch has
   * decided. Otherwise it would depend on what happens first.
   */
  #deferredSkips: Map<number, Skip> | undefined = undefined
  /** How many steps are not over. */
  remaining = 0
  /** Whether a failure has kept a step from completing that the run can't do without under the policy `skip`. */
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

  /** Those that wait for nothing are ready. */
  begin(): void {
    for (let index = 0; index < this.#waits.length; index++) {
      if (this.#waits[index] === 0 && !this.#over[index]) this.#listener.stepReady(index)
    }
  }

  /** A step has completed; a branch takes an arm. */
  complete(index: number, arm?: ArmName): void {
    const step = this.#plan.steps[index]!
    this.#end(index)
    if (arm !== undefined && step.arms !== undefined) this.#takeArm(step.arms, arm, step.name)
    for (const released of step.releases) this.#release(released)
  }

  #takeArm(arms: Readonly<Record<ArmName, ReadonlyArray<number>>>, arm: ArmName, branch: string): void {
    const skipping: Skip = { cause: "branch", all: false, reason: `branch '${branch}' took '${arm}'` }
    const skipped = arms[arm === "yes" ? "no" : "yes"].filter((index) => this.#skip(index, skipping))
    this.#propagate(skipped, skipping)
    const doomed = arms[arm].filter((index) => {
      const doom = this.#deferredSkips?.get(index)
      return doom !== undefined && this.#skip(index, doom)
    })
    for (const index of doomed) this.#propagate([index], this.#deferredSkips!.get(index)!)
  }

  /** A step has ended without an output. `all`: nothing that waits for it can do without. */
  fail(index: number, reason: string, all: boolean): void {
    this.#end(index)
    this.#propagate([index], { cause: "failure", reason, all })
  }

  /** Tells what waits for steps that ended without an output: who can't do without is skipped, the others go on. */
  #propagate(from: ReadonlyArray<number>, skipping: Skip): void {
    // Depth first, in order: the last of the stack is next.
    const stack = from.toReversed()
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      const { losses, releases, vital } = this.#plan.steps[index]!
      if (skipping.cause === "failure" && vital) this.hasLostVital = true
      const skipped: Array<number> = []
      if (losses === undefined || skipping.all) {
        for (const other of releases) if (this.#skip(other, skipping)) skipped.push(other)
      } else {
        for (const { step, group } of losses) {
          const isLost = group === -1 || --this.#groups!.get(step)![group]! === 0
          if (isLost && this.#skip(step, skipping)) skipped.push(step)
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

  #skip(index: number, skipping: Skip): boolean {
    if (this.#over[index]) return false
    const { branch } = this.#plan.steps[index]!
    if (skipping.cause === "failure" && branch !== undefined && !this.#over[branch]) {
      this.#deferredSkips ??= new Map()
      this.#deferredSkips.set(index, skipping)
      return false
    }
    this.#end(index)
    this.#listener.stepSkipped(index, skipping)
    return true
  }

  #release(index: number): void {
    if (--this.#waits[index]! === 0 && !this.#over[index]) this.#listener.stepReady(index)
  }
}
