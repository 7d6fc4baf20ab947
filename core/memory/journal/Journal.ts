/** The contract of a journal, which keeps the changes of a Store in memory so that they outlive the process. */

import type { Json } from "../../json/Value.ts"
import type { RunStatus } from "../../run/Run.ts"

/** The small tables of a Store. */
export type TableName = "acl" | "audit" | "definition" | "idempotency" | "memo" | "paused" | "schedule" | "token"

/** A row of a small table. */
export interface Row {
  readonly table: TableName
  readonly key: string
  /** Its JSON; undefined: the row is deleted. */
  readonly text: string | undefined
}

/** Consecutive events of a run that were committed together. They are one change of the feed, and have its number. */
export interface EventsRow {
  readonly number: number
  readonly from: number
  readonly to: number
  /** See `EventText`. */
  readonly text: string
}

/** A long value of a run: of the event with this sequence, or of its submission (see `RunText`). */
export interface ValueRow {
  readonly sequence: number
  readonly name: string
  readonly json: Json
}

/** A unit of a step; -1 for the step itself. */
export interface UnitRow {
  readonly step: number
  readonly unit: number
  readonly text: string
}

/** Log lines of a run. A line is its JSON. */
export interface LinesRow {
  readonly lines: ReadonlyArray<string>
  /** How many lines of the run are kept now, and how many were dropped. */
  readonly kept: number
  readonly dropped: number
}

/** A new run. */
export interface HeadRow {
  readonly id: string
  readonly pipelineId: string
  readonly submittedAtMillis: number
  /** See `RunText`. */
  readonly text: string
  /** The JSON of its plan, and whether other runs of the pipeline have the same. */
  readonly plan: string
  readonly isPlanShared: boolean
}

/** The end of a run. */
export interface EndRow {
  readonly status: RunStatus
  readonly startedAtMillis: number | undefined
  readonly endedAtMillis: number
  /** The JSON of its error. */
  readonly error: string | undefined
}

/** The changes of one run since the commit before. */
export interface RunChanges {
  readonly serial: number
  readonly head: HeadRow | undefined
  readonly events: EventsRow | undefined
  readonly values: ReadonlyArray<ValueRow>
  readonly units: ReadonlyArray<UnitRow>
  /** The units of steps that were expanded: the JSON of an `Expanded` outcome and its instant. */
  readonly lists: ReadonlyArray<{ readonly step: number; readonly text: string }>
  /** The steps whose units and lists are no longer needed. */
  readonly dropped: ReadonlyArray<number>
  readonly lines: LinesRow | undefined
  readonly end: EndRow | undefined
}

/** Changes that become durable together. */
export interface Batch {
  readonly runs: ReadonlyArray<RunChanges>
  /** At most one of each key. */
  readonly rows: ReadonlyArray<Row>
  /** The serial numbers of finished runs to delete. */
  readonly removed: ReadonlyArray<number>
  /** Which further finished runs to delete, once the changes are made. */
  readonly retention: Retention | undefined
}

/** A run in the journal. The parts that are methods are read when they are called. */
export interface StoredRun {
  readonly serial: number
  readonly id: string
  readonly pipelineId: string
  readonly status: RunStatus
  readonly text: string
  readonly plan: string
  readonly endedAtMillis: number | undefined
  readonly events: () => ReadonlyArray<Omit<EventsRow, "number">>
  readonly values: () => ReadonlyArray<ValueRow>
  readonly units: () => ReadonlyArray<UnitRow>
  readonly lists: () => ReadonlyArray<{ readonly step: number; readonly text: string }>
  readonly lines: () => LinesRow
}

/** A run, as lists look at it. */
export interface StoredEntry {
  readonly serial: number
  readonly id: string
  readonly pipelineId: string
  readonly submittedAtMillis: number
  /** PENDING for every unfinished run. */
  readonly status: RunStatus
  readonly startedAtMillis: number | undefined
  readonly endedAtMillis: number | undefined
  readonly error: string | undefined
}

/** The bounds of the finished runs that a journal keeps. Beyond them it deletes those that ended first. */
export interface Retention {
  /** How many of the finished runs are too many. */
  readonly excess: number
  /** Runs that ended at this instant or before are deleted. */
  readonly endedUntilMillis: number
  /** At most so many are deleted. */
  readonly most: number
}

/** Keeps the changes of a Store. Every method is synchronous, and throws when the journal fails. */
export interface Journal {
  /** Where a Store that continues the journal begins. */
  readonly begin: () => {
    /** The number of the last run and of the last change. */
    readonly serial: number
    readonly change: number
    /** Distinguishes the changes of this journal from those of others. */
    readonly epoch: number
    /** The last instant that was recorded. */
    readonly atMillis: number
    /** How many finished runs it keeps. */
    readonly finished: number
  }
  /** The unfinished runs, oldest first. */
  readonly unfinished: () => Iterable<StoredRun>
  /** The rows of a small table, in the order in which their keys were added. */
  readonly rows: (table: TableName) => Iterable<{ readonly key: string; readonly text: string }>
  /** The changes after this number, in order. */
  readonly changes: (after: number) => Iterable<{
    readonly number: number
    readonly runId: string
    readonly pipelineId: string
    readonly from: number
    readonly to: number
  }>
  /** Records changes, all or none. Returns the ids of the runs that retention deleted. */
  readonly commit: (batch: Batch) => ReadonlyArray<string>
  /** Throws unless changes can be recorded. */
  readonly probe: () => void
  readonly find: (runId: string) => StoredRun | undefined
  /** Runs with a smaller serial number, submitted before an instant, of one pipeline or of all: newest first. */
  readonly before: (
    serial: number,
    untilMillis: number | undefined,
    pipelineId: string | undefined
  ) => Iterable<StoredEntry>
  /** Gives some of the room of deleted runs back. Returns whether there may be more. */
  readonly shrink: () => boolean
}
