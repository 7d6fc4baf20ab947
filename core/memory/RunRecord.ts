/** The record of a run in a journal: its changes, and the run that they make again. */
import type { KeptItems } from "../run/KeptItems.ts"
import * as Run from "../run/Run.ts"
import type { Line } from "../task/Log.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import * as EventText from "./journal/EventText.ts"
import type { EndRow, RunChanges, StoredEntry, StoredRun, ValueRow } from "./journal/Journal.ts"
import * as RunText from "./journal/RunText.ts"
import { MemoryRun, type RunUnit } from "./run/MemoryRun.ts"
import type { ListedRun } from "./run/RunLister.ts"
import type { RunOwner } from "./run/RunOwner.ts"
import { RunPast } from "./run/RunPast.ts"
import { Unsaved } from "./run/Unsaved.ts"
import type { StoreClock } from "./StoreClock.ts"
import type { ReadyQueue } from "./work/ReadyQueues.ts"

/**
 * Takes a run's unsaved changes, and marks them as saved. `number`: of its change in the feed, if it has
 * new events. `instantOf` gives the instant of a moment of the monotonic clock.
 */
export const changesOf = (run: MemoryRun, number: number, instantOf: (passedMillis: number) => number): RunChanges => {
  const { log, serial } = run
  const unsaved = log.unsaved!
  const { head, lines, lists, dropped } = unsaved
  const values: Array<ValueRow> = head === undefined ? [] : [...head.values]
  const { published: from, linesDropped } = log
  const to = log.events.length
  const changes: RunChanges = {
    serial,
    head: head?.row,
    events: to > from ? { number, from, to, text: EventText.write(log.events.slice(from), values) } : undefined,
    values,
    units: unsaved.takeUnits(instantOf),
    lists,
    dropped,
    lines:
      lines.length > 0 || linesDropped !== unsaved.savedDrops
        ? { lines: lines.map((line) => JSON.stringify(line)), kept: log.linesKept, dropped: linesDropped }
        : undefined,
    end: run.isOver && !unsaved.isEndSaved ? endOf(run) : undefined
  }
  unsaved.saved(run.isOver, linesDropped)
  return changes
}

const endOf = ({ status, endedAtMillis, log: { events } }: MemoryRun): EndRow => {
  const last = events.at(-1)!
  const started = events.find(({ type }) => type === "RunStarted")
  const error = last.type === "RunFailed" ? JSON.stringify(last.error) : undefined
  return { status, startedAtMillis: started?.atMillis, endedAtMillis, error }
}

/**
 * The run of a record. `isLoss`: whether a process ended while its workers had units, which counts as a loss for these. Open
 * the run then, unless it is over.
 */
export const read = (
  stored: StoredRun,
  owner: RunOwner<MemoryRun>,
  queueOf: (pipelineId: string, version: string, priority: number) => ReadyQueue<RunUnit>,
  clock: StoreClock,
  isLoss: boolean
): MemoryRun => {
  const find = RunText.findIn(stored.values())
  const { submission, plan, limits, keptItems } = RunText.read(stored, find)
  const queue = queueOf(submission.pipelineId, submission.version, submission.priority)
  const run = new MemoryRun(owner, stored.serial, submission, plan, limits, queue, keptItems)
  const events = EventText.read(stored.events(), submission, find)
  const { lines, dropped } = stored.lines()
  run.log.restore(
    events,
    lines.map((line) => JSON.parse(line) as Line),
    dropped
  )
  run.restore(
    events,
    new RunPast(run, events, { units: stored.units(), lists: stored.lists() }, clock.momentOf, isLoss)
  )
  run.log.unsaved = new Unsaved(undefined)
  run.log.unsaved.saved(run.isOver, dropped)
  return run
}

/** Begins the record of a new run. Throws when it can't be recorded. */
export const begin = (run: MemoryRun, keptItems: Readonly<Record<string, KeptItems>> | undefined): void => {
  const { log, submission, limits } = run
  const values: Array<ValueRow> = []
  log.unsaved = new Unsaved({ row: RunText.write({ submission, plan: log.plan, limits, keptItems }, values), values })
}

/** A finished run, as lists have it: without its values. `find` reads it when a list needs more than the entry. */
export const listed = (entry: StoredEntry, find: () => StoredRun | undefined): ListedRun => {
  const { serial, status, pipelineId, submittedAtMillis, startedAtMillis, error } = entry
  return {
    serial,
    status,
    submission: { pipelineId, submittedAtMillis },
    outcome: {
      startedAtMillis,
      completedAtMillis: entry.endedAtMillis,
      error: error === undefined ? undefined : (JSON.parse(error) as ErrorInfo)
    },
    log: {
      get state() {
        const stored = find()!
        const { submission, plan } = RunText.read(stored, NO_VALUE)
        const events = EventText.read(stored.events(), submission, NO_VALUE)
        return Run.fold(Run.pending(submission, plan.steps), events)
      }
    }
  }
}

const NO_VALUE = (): string => ""
