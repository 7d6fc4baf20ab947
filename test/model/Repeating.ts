/** The reference for retries: which steps of a run are run again, read from the script and from what became of the run. */
import type { Run } from "../../core/Run.ts"
import { type Expected, givenBy, neededBy, type Placed, placed, takenBy } from "./Interpreter.ts"
import type { Script } from "./Script.ts"

/** The steps that a retry runs again, and those of them that call their task, when nothing fails any more. */
export interface Repeated {
  readonly again: ReadonlySet<string>
  readonly called: ReadonlySet<string>
}

/** What a retry of `first` from one of its steps, if any, runs again. `fresh` is a fresh run in which nothing fails. */
export const repeated = (script: Script, first: Run, fresh: Expected, from?: string): Repeated => {
  const all = placed(script.parts)
  const needed = neededBy(script)
  const states = new Map(first.steps.map((state) => [state.name, state]))
  const again = new Set<string>()
  const arms = (each: Placed): ReadonlyArray<Placed> =>
    each.branch === undefined ? [] : [each, ...arms(all.find(({ step }) => step === each.branch)!)]
  /** Whether a branch that stays as it was has not taken an arm that the step is in. */
  const isPassed = (each: Placed): boolean =>
    arms(each).some(({ step, branch }) => {
      const { status, arm } = states.get(branch!)!
      return status === "COMPLETED" && !again.has(branch!) && !step.startsWith(`${branch}.${arm}.`)
    })
  for (let before = -1; before < again.size; ) {
    before = again.size
    for (const each of all) {
      const { step, branch, part } = each
      if (!needed.has(step) || again.has(step)) continue
      const { status, byBranch } = states.get(step)!
      const wanted = takenBy(part).filter((value) => !script.given.includes(value))
      const follows =
        (branch !== undefined && again.has(branch)) ||
        all.some((other) => again.has(other.step) && givenBy(other.part).some((value) => wanted.includes(value)))
      const isUndone = step === from || (status !== "COMPLETED" && !byBranch)
      if (isUndone || (follows && !isPassed(each))) again.add(step)
    }
  }
  const hasItems = ({ part }: Placed): boolean => {
    if (!("list" in part)) return true
    const giver = all.find((other) => givenBy(other.part).includes(part.list))!
    return fresh.steps.get(giver.step)!.value?.length !== 0
  }
  const called = all.filter(
    (each) => again.has(each.step) && fresh.steps.get(each.step)!.attempts > 0 && hasItems(each)
  )
  return { again, called: new Set(called.map(({ step }) => step)) }
}
