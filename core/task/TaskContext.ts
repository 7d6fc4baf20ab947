/** What a task is told of its attempt, and what it can tell. */
import type { Level } from "./Log.ts"

/** What a task is told about the attempt that it is, and how it can say how far it is. */
export interface TaskContext {
  readonly runId: string
  readonly pipelineId: string
  readonly step: string
  /** Which item of a map, filter or reduce it is, from 0; undefined elsewhere. */
  readonly item: number | undefined
  /** 1 for the first attempt. A step that failed and is retried, or whose worker was lost, is attempted again. */
  readonly attempt: number
  /** The attempt's span, for whatever the task calls (the header `traceparent`); undefined where nothing is traced. */
  readonly traceparent: string | undefined
  /** Aborted when the attempt times out, when the run fails, is cancelled or times out, and when the worker shuts down. */
  readonly signal: AbortSignal
  /**
   * Says how far the step is, in units of its own. Shown in the run's detail and as `StepProgressed` events, one for
   * each percent at most. What an attempt says just before its end may come too late to be shown.
   */
  readonly progress: (done: number, total: number) => void
  /** Keeps a line with the run: the newest 1,000 of a run, 2,000 characters each. `fields` are kept as JSON. */
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>, level?: Level) => void
}
