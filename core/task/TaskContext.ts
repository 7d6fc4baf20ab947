/** The context of one attempt, which a task's function gets as its second argument. */
import type { Level } from "./Log.ts"

/** The context of one attempt: its ids and its abort signal, and functions for progress and log lines. */
export interface TaskContext {
  readonly runId: string
  readonly pipelineId: string
  readonly step: string
  /** The index of the item in a map, filter or reduce, from 0; undefined in other steps. */
  readonly item: number | undefined
  /** 1 for the first attempt; one more after each failure that is retried and each lost worker. */
  readonly attempt: number
  /** The attempt's span as a `traceparent` header, for requests that the task sends; undefined without tracing. */
  readonly traceparent: string | undefined
  /** Aborted when the attempt times out, when the run fails, is cancelled or times out, and when the worker shuts down. */
  readonly signal: AbortSignal
  /**
   * Reports progress, in any unit. Shown in the run's detail and as `StepProgressed` events, at most one per percent.
   * Progress that is reported just before the attempt ends may be lost.
   */
  readonly progress: (done: number, total: number) => void
  /**
   * Writes a log line of the run. The Store keeps the newest 1,000 lines of a run, with at most 2,000 characters of message
   * and 2,000 of `fields` as JSON each. Default level: `info`.
   */
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>, level?: Level) => void
}
