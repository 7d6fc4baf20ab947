/** The reference for retries: the steps that run again, from the script and the states of the earlier run. */
import type { Run } from "../../core/run/Run.ts"
import { type Expected, givenBy, neededBy, type PlacedPart, placedParts, takenBy } from "./Interpreter.ts"
import type { Script } from "./Script.ts"

/** What a retry runs again, if nothing fails any more. */
export interface ExpectedRetry {
  readonly again: ReadonlySet<string>
  /** The steps that call their task: for which items, or once. */
  readonly called: ReadonlyMap<string, ReadonlySet<number | undefined>>
}

/** The items that completed, by step. */
export type Completed = ReadonlyMap<string, ReadonlySet<number>>

/**
 * What a retry of `first` runs again, optionally from one of its steps. `fresh` is a fresh run in which nothing fails.
 */
export const expectedRetry = (
  script: Script,
  first: Run,
  completed: Completed,
  fresh: Expected,
  from?: string
): ExpectedRetry => {
  const all = placedParts(script.parts)
  const needed = neededBy(script)
  const states = new Map(first.steps.map((state) => [state.name, state]))
  const again = new Set<string>()
  /** The dependents of a step that runs again. */
  const changed = new Set<string>()
  const arms = (each: PlacedPart): ReadonlyArray<PlacedPart> =>
    each.branch === undefined ? [] : [each, ...arms(all.find(({ step }) => step === each.branch)!)]
  /** Whether the step is in an arm that an unchanged branch did not take. */
  const isPassed = (each: PlacedPart): boolean =>
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
