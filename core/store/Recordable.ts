/** Checks outcomes and notes before a Store records any of them: a batch with an invalid member changes nothing. */
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import type { Note, Outcome, Settlement } from "./Work.ts"

/** The longest chain of errors and their causes. */
const MAX_CAUSES = 20

/** Throws a TypeError for an outcome that does not have its declared type. */
export const assertSettlements = (settlements: ReadonlyArray<Settlement>): void => {
  for (const { claim, outcome } of settlements) {
    const problem = problemOf(outcome)
    if (problem !== undefined) throw new TypeError(`The outcome of step '${claim.step}' can't be recorded: ${problem}`)
  }
}

/** Throws a TypeError for a note that does not have its declared type. */
export const assertNotes = (notes: ReadonlyArray<Note>): void => {
  for (const note of notes) {
    const problem = problemOfNote(note)
    if (problem !== undefined) throw new TypeError(`A note can't be recorded: ${problem}`)
  }
}

const problemOf = (outcome: Outcome): string | undefined => {
  switch (outcome?._tag) {
    case "Completed": {
      const { outputs, failed } = outcome
      if (typeof outputs !== "object" || outputs === null) return "it has no outputs"
      for (const name in outputs) if (!isText(outputs[name])) return `its output '${name}' is not a string`
      return failed === undefined || (isNumber(failed.count) && failed.errors.every(isError))
        ? undefined
        : "its errors are invalid"
    }
    case "Failed":
      return isError(outcome.error) ? undefined : "its error is invalid"
    case "Retried":
      if (!isError(outcome.error)) return "its error is invalid"
      return isNumber(outcome.waitMillis) ? undefined : "its waitMillis is not a number"
    case "Released":
      return isText(outcome.reason) ? undefined : "its reason is not a string"
    case "Probed": {
      const { limits, memo } = outcome
      if (!Array.isArray(limits)) return "its limits are not an array"
      for (const limit of limits) if (!isText(limit?.key) || !isNumber(limit.max)) return "one of its limits is invalid"
      return memo === undefined || (isText(memo?.text) && isNumber(memo.ttlMillis))
        ? undefined
        : "its memo key is invalid"
    }
    case "Expanded": {
      const { units, count, size, done = [] } = outcome
      if (!Array.isArray(units) || units.length === 0 || !units.every(isText))
        return "its units are not an array of strings, or empty"
      if (!isNumber(count) || !isNumber(size)) return "its count or its size is not a number"
      return Array.isArray(done) && done.every((unit) => isNumber(unit?.unit))
        ? undefined
        : "its completed units are invalid"
    }
    default:
      return "its _tag is unknown"
  }
}

const problemOfNote = ({ claim, progress, line, dropped }: Note): string | undefined => {
  if (!isText(claim?.runId) || !isText(claim.step)) return "it has no claim"
  if (progress !== undefined && !(isNumber(progress?.done) && isNumber(progress.total)))
    return "its progress is invalid"
  if (dropped !== undefined && !isNumber(dropped)) return "its number of dropped lines is not a number"
  if (line === undefined) return undefined
  if (!isText(line?.message) || !isText(line.level)) return "its line is invalid"
  return line.fields === undefined || isText(line.fields) ? undefined : "the fields of its line are not a string"
}

const isText = (value: unknown): value is string => typeof value === "string"

const isNumber = (value: unknown): value is number => Number.isFinite(value)

const isError = (error: ErrorInfo): boolean => {
  let causes = 0
  for (let each: ErrorInfo | undefined = error; each !== undefined; each = each.cause) {
    if (!isText(each?.name) || !isText(each.message) || ++causes > MAX_CAUSES) return false
    if (each.stack !== undefined && !isText(each.stack)) return false
  }
  return causes > 0
}
