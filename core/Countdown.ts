/** Which steps of a run are ready, and which can't run any more: the counting that a plan is made for. */
import type { Plan } from "./Plan.ts"
import type { ArmName } from "./Step.ts"

/** Why steps are skipped. */
export interface Skipping {
  readonly cause: "branch" | "failure"
  readonly reason: string
}

/** Whom a countdown tells. */
export interface Told {
  readonly stepReady: (index: number) => void
  readonly stepSkipped: (index: number, skipping: Skipping) => void
}

/** The counts of one run. */
export class Countdown {
  readonly #plan: Plan
  readonly #told: Told
  readonly #waits: Array<number>
  /** For each step, whether nothing can happen to it any more. */
  readonly #over: Array<boolean>
  #groups: Map<number, Array<number>> | undefined = undefined
  /** How many steps are not over. */
  remaining = 0
  /** Whether a failure has kept a step from completing that the run can't do without under the policy `skip`. */
  isLacking = false

  constructor(plan: Plan, told: Told) {
    this.#plan = plan
    this.#told = told
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
    const { steps } = this.#plan
    for (let index = 0; index < steps.length; index++) {
      if (steps[index]!.waits === 0 && !this.#over[index]) this.#told.stepReady(index)
    }
  }

  /** A step has completed; a branch takes an arm. */
  complete(index: number, arm?: ArmName): void {
    const step = this.#plan.steps[index]!
    this.#end(index)
    if (arm !== undefined && step.arms !== undefined) {
      const skipping: Skipping = { cause: "branch", reason: `branch '${step.name}' took '${arm}'` }
      const skipped = step.arms[arm === "yes" ? "no" : "yes"].filter((other) => this.#skip(other, skipping))
      this.#spread(skipped, skipping, false)
    }
    for (const released of step.releases) this.#release(released)
  }

  /** A step has ended without an output. `all`: nothing that waits for it can do without. */
  lose(index: number, reason: string, all: boolean): void {
    this.#end(index)
    this.#spread([index], { cause: "failure", reason }, all)
  }

  /** Tells what waits for steps that ended without an output: who can't do without is skipped, the others go on. */
  #spread(from: Array<number>, skipping: Skipping, all: boolean): void {
    for (let index = from.pop(); index !== undefined; index = from.pop()) {
      const { losses, releases, vital } = this.#plan.steps[index]!
      if (skipping.cause === "failure" && vital) this.isLacking = true
      if (losses === undefined || all) {
        for (const other of releases) if (this.#skip(other, skipping)) from.push(other)
        continue
      }
      for (const { step, group } of losses) {
        const isLost = group === -1 || --this.#groups!.get(step)![group]! === 0
        if (isLost && this.#skip(step, skipping)) from.push(step)
      }
      for (const other of releases) this.#release(other)
    }
  }

  #end(index: number): void {
    this.#over[index] = true
    this.remaining--
  }

  #skip(index: number, skipping: Skipping): boolean {
    if (this.#over[index]) return false
    this.#end(index)
    this.#told.stepSkipped(index, skipping)
    return true
  }

  #release(index: number): void {
    if (--this.#waits[index]! === 0 && !this.#over[index]) this.#told.stepReady(index)
  }
}
