/** Lists runs, newest first, from the candidates of an index or of a journal. */
import * as Result from "effect/Result"
import * as State from "../../run/Run.ts"
import * as RunFilter from "../../store/RunFilter.ts"
import type { ListRequest, RunList } from "../../store/Store.ts"
import { InvalidOption } from "../../values/Errors.ts"

type Submission = Pick<State.Submission, "pipelineId" | "submittedAtMillis">

/** A run that a list may have. */
export interface ListedRun {
  readonly submission: Submission
  readonly status: State.RunStatus
  /** Runs are numbered in the order of submission. */
  readonly serial: number
  readonly log: { readonly state: Omit<State.Run, "parameters" | "given" | "kept" | "outputs"> }
  /** Whether it is about to be deleted, and no list has it. */
  readonly isExpired?: boolean
  /** What filters need of its state, where that costs less than the state. */
  readonly outcome?: Pick<State.Run, "startedAtMillis" | "completedAtMillis" | "error">
}

/** Whether all matches of a request are unfinished. */
export const areUnfinished = (request: ListRequest): boolean => {
  const statuses = RunFilter.statusesOf(request)
  return statuses !== undefined && [...statuses].every((status) => !State.isTerminal(status))
}

/** The serial number that all runs of a list are below; infinite for the first page. */
export const startOf = ({ cursor }: ListRequest): Result.Result<number, InvalidOption> =>
  cursor !== undefined && !/^\d{1,15}$/.test(cursor)
    ? Result.fail(new InvalidOption("cursor", cursor, "the `nextCursor` of an earlier list"))
    : Result.succeed(cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor))

/** The list. `candidates`: all runs that may match, newest first. */
export const list = (request: ListRequest, candidates: Iterable<ListedRun>): Result.Result<RunList, InvalidOption> =>
  Result.map(startOf(request), (before) => {
    const { pipelineId, sinceMillis, untilMillis, limit } = request
    const statuses = RunFilter.statusesOf(request)
    const matches = RunFilter.matcher(request)
    const found: Array<ListedRun> = []
    let looked = 0
    let read = 0
    let last = before
    for (const run of candidates) {
      const { submittedAtMillis } = run.submission
      // All runs before it in the list were submitted no later.
      if (sinceMillis !== undefined && submittedAtMillis < sinceMillis) break
      if (run.serial >= before || (untilMillis !== undefined && submittedAtMillis >= untilMillis)) continue
      if (looked++ === RunFilter.MAX_LOOKED || read === RunFilter.MAX_READ) return listOf(found, last)
      last = run.serial
      if (run.isExpired === true) continue
      if (statuses !== undefined && !statuses.has(run.status)) continue
      if (pipelineId !== undefined && run.submission.pipelineId !== pipelineId) continue
      if (matches !== undefined) {
        read++
        if (!matches(run.outcome ?? run.log.state)) continue
      }
      if (found.length === limit) return listOf(found, found.at(-1)!.serial)
      found.push(run)
    }
    return listOf(found, undefined)
  })

const listOf = (found: ReadonlyArray<ListedRun>, nextSerial: number | undefined): RunList => ({
  runs: found.map(({ log }) => State.summary(log.state as State.Run)),
  nextCursor: nextSerial === undefined ? undefined : String(nextSerial)
})
