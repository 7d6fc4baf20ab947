/** The reference for retries: which steps of a run are run again, read from the script and from what became of the run. */
import type { Run } from "../../core/run/Run.ts"
import { type Expected, givenBy, neededBy, type Placed, placed, takenBy } from "./Interpreter.ts"
import type { Script } from "./Script.ts"

/** What a retry runs again, when nothing fails any more. */
export interface Repeated {
  readonly again: ReadonlySet<string>
  /** The steps that call their task: for which items, or once. */
  readonly called: ReadonlyMap<string, ReadonlySet<number | undefined>>
}

/** The items that completed, by step. */
export type Completed = ReadonlyMap<string, ReadonlySet<number>>

/** What a retry of `first` from one of its steps, if any, runs again. `fresh` is a fresh run in which nothing fails. */
export const repeated = (
  script: Script,
  first: Run,
  completed: Completed,
  fresh: Expected,
  from?: string
): Repeated => {
  const all = placed(script.parts)
  const needed = neededBy(script)
  const states = new Map(first.steps.map((state) => [state.name, state]))
  const again = new Set<string>()
  /** Those that depend on one that runs again. */
  const changed = new Set<string>()
  const arms = (each: Placed): ReadonlyArray<Placed> =>
    each.branch === undefined ? [] : [each, ...arms(all.find(({ step }) => step === each.branch)!)]
  /** Whether a branch that stays as it was has not taken an arm that the step is in. */
  const isPassed = (each: Placed): boolean =>
    arms(each).some(({ step, branch }) => {
      const { status, arm } = states.get(branch!)!
      return status === "COMPLETED" && !again.has(branch!) && !step.startsWith(`${branch}.${arm}.`)
    })
  for (let before = -1; before < again.size + changed.size; ) {
    before = again.size + changed.size
    for (const each of all) {
      const { step, branch, part } = each
      if (!needed.has(step)) continue
      const { status, byBranch, itemsFailed } = states.get(step)!
      const wanted = takenBy(part).filter((value) => !script.given.includes(value))
      const follows =
        (branch !== undefined && again.has(branch)) ||
        all.some((other) => again.has(other.step) && givenBy(other.part).some((value) => wanted.includes(value)))
      const isUndone = step === from || itemsFailed > 0 || (status !== "COMPLETED" && !byBranch)
      if (follows) changed.add(step)
      if (isUndone || (follows && !isPassed(each))) again.add(step)
    }
  }
  const called = new Map<string, ReadonlySet<number | undefined>>()
  for (const { step, part } of all) {
    if (!again.has(step) || fresh.steps.get(step)!.attempts === 0) continue
    if (!("list" in part)) {
      called.set(step, new Set([undefined]))
      continue
    }
    const giver = all.find((other) => givenBy(other.part).includes(part.list))!
    const count = fresh.steps.get(giver.step)!.value!.length
    const kept = step === from || changed.has(step) || part.kind === "reduce" ? undefined : completed.get(step)
    const items = Array.from({ length: count }, (_, at) => at).filter((item) => !kept?.has(item))
    if (items.length > 0) called.set(step, new Set(items))
  }
  return { again, called }
}
