/** Which runs a list has. Every Store filters with these functions, so that all of them list the same runs. */
import * as Run from "../run/Run.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import { InvalidOption } from "../values/Errors.ts"
import { MAX_NAME_LENGTH } from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Text from "../values/Text.ts"
import type { ListRequest } from "./Store.ts"

/** The longest `errorText`, in UTF-16 units. */
export const MAX_ERROR_TEXT = 200

/** How many entries of an index one list looks at, and how many runs it reads because no index answers its filter. */
export const MAX_LOOKED = 5_000
export const MAX_READ = 500

/** The first mistake in the filters; undefined when they are valid. */
export const invalid = (request: Omit<ListRequest, "limit" | "cursor">): InvalidOption | undefined => {
  const { statuses, minDurationMillis: least, maxDurationMillis: most } = request
  return (
    OptionCheck.list("statuses", statuses, STATUSES_EXPECTED) ??
    (statuses?.length === 0 ? new InvalidOption("statuses", statuses, STATUSES_EXPECTED) : undefined) ??
    OptionCheck.first(statuses ?? [], (status) => OptionCheck.among("statuses", status ?? null, Run.STATUSES)) ??
    OptionCheck.text("pipelineId", request.pipelineId, MAX_NAME_LENGTH) ??
    OptionCheck.number("sinceMillis", request.sinceMillis, 0) ??
    OptionCheck.number("untilMillis", request.untilMillis, 0) ??
    OptionCheck.number("minDurationMillis", least, 0) ??
    OptionCheck.number("maxDurationMillis", most, 0) ??
    (least !== undefined && most !== undefined && least > most
      ? new InvalidOption("minDurationMillis", least, `at most maxDurationMillis, which is ${most}`)
      : undefined) ??
    OptionCheck.text("failedStep", request.failedStep, MAX_NAME_LENGTH) ??
    OptionCheck.text("errorText", request.errorText, MAX_ERROR_TEXT)
  )
}

const STATUSES_EXPECTED = "an array of at least one status"

/**
 * The statuses that the runs of a list can have; undefined for all. Only a FAILED run has an error, and only a finished one
 * a duration. Empty when no run can match.
 */
export const statusesOf = (request: ListRequest): ReadonlySet<Run.RunStatus> | undefined => {
  const { statuses, minDurationMillis, maxDurationMillis, failedStep, errorText } = request
  const hasError = failedStep !== undefined || errorText !== undefined
  const hasDuration = minDurationMillis !== undefined || maxDurationMillis !== undefined
  if (statuses === undefined && !hasError && !hasDuration) return undefined
  const possible = (statuses ?? Run.STATUSES).filter(
    (status) => (!hasError || status === "FAILED") && (!hasDuration || Run.isTerminal(status))
  )
  return new Set(possible)
}

/** The part of a run that no index of a Store answers. */
type Filtered = Pick<Run.Run, "startedAtMillis" | "completedAtMillis" | "error">

/** Whether a run passes the filters that no index answers; undefined when the request has none of them. */
export const matcher = (request: ListRequest): ((run: Filtered) => boolean) | undefined => {
  const { minDurationMillis, maxDurationMillis, failedStep } = request
  const hasDuration = minDurationMillis !== undefined || maxDurationMillis !== undefined
  const text = request.errorText?.toLowerCase()
  if (!hasDuration && failedStep === undefined && text === undefined) return undefined
  const { minDurationMillis: least = 0, maxDurationMillis: most = Number.POSITIVE_INFINITY } = request
  return ({ startedAtMillis, completedAtMillis, error }) => {
    if (hasDuration) {
      if (startedAtMillis === undefined || completedAtMillis === undefined) return false
      const millis = completedAtMillis - startedAtMillis
      if (millis < least || millis > most) return false
    }
    if (failedStep !== undefined && error?.step !== failedStep) return false
    return text === undefined || mentions(error, text)
  }
}

/** Whether an error or one of its causes contains a text, as clients see it: no caller finds out a path that answers hide. */
const mentions = (error: ErrorInfo | undefined, text: string): boolean => {
  for (let at = error; at !== undefined; at = at.cause) {
    if (at.name.toLowerCase().includes(text)) return true
    if (Text.withoutHostPaths(at.message).toLowerCase().includes(text)) return true
  }
  return false
}
