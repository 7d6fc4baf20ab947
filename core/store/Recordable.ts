/** What a Store is asked to record, checked before it changes anything: of a batch with a member that can't be kept, nothing is. */
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import type { Note, Outcome, Settlement } from "./Work.ts"

/** How many causes an error may have behind one another. */
const MAX_CAUSES = 20

/** Throws a TypeError where an outcome is not what its type says. */
export const assertSettlements = (settlements: ReadonlyArray<Settlement>): void => {
  for (const { claim, outcome } of settlements) {
    const problem = problemOf(outcome)
    if (problem !== undefined) throw new TypeError(`The outcome of step '${claim.step}' can't be recorded: ${problem}`)
  }
}

/** Throws a TypeError where a note is not what its type says. */
export const assertNotes = (notes: ReadonlyArray<Note>): void => {
  for (const note of notes) {
    const problem = problemOfNote(note)
    if (problem !== undefined) throw new TypeError(`A note can't be kept: ${problem}`)
  }
}

const problemOf = (outcome: Outcome): string | undefined => {
  switch (outcome?._tag) {
    case "Completed": {
      const { outputs, failed } = outcome
      if (typeof outputs !== "object" || outputs === null) return "it has no outputs"
      for (const name in outputs) if (!isText(outputs[name])) return `its output '${name}' is no text`
      return failed === undefined || (isNumber(failed.count) && failed.errors.every(isError))
        ? undefined
        : "its errors are none"
    }
    case "Failed":
      return isError(outcome.error) ? undefined : "its error is none"
    case "Retried":
      if (!isError(outcome.error)) return "its error is none"
      return isNumber(outcome.waitMillis) ? undefined : "its wait is no number"
    case "Released":
      return isText(outcome.reason) ? undefined : "its reason is no text"
    case "Probed": {
      const { limits, memo } = outcome
      if (!Array.isArray(limits)) return "its limits are no list"
      for (const limit of limits) if (!isText(limit?.key) || !isNumber(limit.max)) return "one of its limits is none"
      return memo === undefined || (isText(memo?.text) && isNumber(memo.ttlMillis)) ? undefined : "its memo key is none"
    }
    case "Expanded": {
      const { units, count, size, done = [] } = outcome
      if (!Array.isArray(units) || units.length === 0 || !units.every(isText)) return "its units are no texts"
      if (!isNumber(count) || !isNumber(size)) return "it does not say how many items there are"
      return Array.isArray(done) && done.every((unit) => isNumber(unit?.unit))
        ? undefined
        : "its completed units are none"
    }
    default:
      return "it is none"
  }
}

const problemOfNote = ({ claim, progress, line, dropped }: Note): string | undefined => {
  if (!isText(claim?.runId) || !isText(claim.step)) return "it has no claim"
  if (progress !== undefined && !(isNumber(progress?.done) && isNumber(progress.total))) return "its progress is none"
  if (dropped !== undefined && !isNumber(dropped)) return "its number of dropped lines is none"
  if (line === undefined) return undefined
  if (!isText(line?.message) || !isText(line.level)) return "its line is none"
  return line.fields === undefined || isText(line.fields) ? undefined : "the fields of its line are no text"
}

const isText = (value: unknown): value is string => typeof value === "string"

const isNumber = (value: unknown): value is number => Number.isFinite(value)

const isError = (error: ErrorInfo): boolean => {
  let causes = 0
  for (let each: ErrorInfo | undefined = error; each !== undefined; each = each.cause) {
    if (!isText(each?.name) || !isText(each.message) || ++causes > MAX_CAUSES) return false
  }
  return causes > 0
}
