/**
 * The failures of Levada. Each has a `_tag`, a message that says what is wrong and how to fix it, and the fields that a
 * program needs to react.
 */
import * as Data from "effect/Data"
import type { ErrorInfo } from "./ErrorInfo.ts"
import { cut, Failure, listed, type Problem, shown, summary } from "./Failure.ts"
import type { InvalidName, InvalidOption } from "./PipelineErrors.ts"

export * from "./AccessErrors.ts"
export type { Problem } from "./Failure.ts"
export * from "./PipelineErrors.ts"

// -- pipelines and runs ----------------------------------------------------------------------------------------------

/** There is no pipeline with the id, or the caller may not see it. */
export class PipelineNotFound extends Failure<"PipelineNotFound"> {
  readonly pipelineId: string
  constructor(pipelineId: string) {
    super("PipelineNotFound", `Pipeline '${cut(pipelineId)}' does not exist`)
    this.pipelineId = pipelineId
  }
}

/** The pipeline has no step with the name. */
export class UnknownStep extends Failure<"UnknownStep"> {
  readonly pipelineId: string
  readonly step: string
  constructor(pipelineId: string, step: string, steps: ReadonlyArray<string>) {
    super("UnknownStep", `Pipeline '${pipelineId}' has no step '${cut(step)}'; its steps are: ${listed(steps)}`)
    this.pipelineId = pipelineId
    this.step = step
  }
}

/** Another pipeline has the id. */
export class PipelineExists extends Failure<"PipelineExists"> {
  readonly pipelineId: string
  constructor(pipelineId: string) {
    super("PipelineExists", `Pipeline '${pipelineId}' exists already`)
    this.pipelineId = pipelineId
  }
}

/** The pipeline can't be deleted: it is part of the program, or an unfinished run or a schedule needs it. */
export class PipelineProtected extends Failure<"PipelineProtected"> {
  readonly pipelineId: string
  constructor(pipelineId: string, why: string) {
    super("PipelineProtected", `Pipeline '${pipelineId}' can't be deleted: ${why}`)
    this.pipelineId = pipelineId
  }
}

/** There is no run with the id: it never started, or its retention is over. */
export class RunNotFound extends Failure<"RunNotFound"> {
  readonly runId: string
  constructor(runId: string) {
    super("RunNotFound", `Run '${cut(runId)}' does not exist or has expired`)
    this.runId = runId
  }
}

/** The run has no step with the name. */
export class StepNotFound extends Failure<"StepNotFound"> {
  readonly runId: string
  readonly step: string
  constructor(runId: string, step: string) {
    super("StepNotFound", `Run '${cut(runId)}' has no step '${cut(step)}'`)
    this.runId = runId
    this.step = step
  }
}

/** The run has no value with the name: it has no such parameter or output, or the step of the output has not completed. */
export class ValueNotFound extends Failure<"ValueNotFound"> {
  readonly runId: string
  /** The name of the value. */
  readonly value: string
  constructor(runId: string, value: string) {
    super("ValueNotFound", `Run '${cut(runId)}' has no value '${cut(value)}'`)
    this.runId = runId
    this.value = value
  }
}

/** The operation needs a finished run, and this one is unfinished. */
export class RunUnfinished extends Failure<"RunUnfinished"> {
  readonly runId: string
  /** `action` is a past participle, such as `deleted`. */
  constructor(runId: string, action: string) {
    super("RunUnfinished", `Run '${runId}' has not finished, so it can't be ${action}; wait for it or cancel it first`)
    this.runId = runId
  }
}

/** The run is a run of another pipeline, or of another version of the pipeline, so a picture can't show it. */
export class RunMismatch extends Failure<"RunMismatch"> {
  readonly runId: string
  readonly pipelineId: string
  constructor(
    run: { readonly id: string; readonly pipelineId: string; readonly version: string },
    pipeline: { readonly id: string; readonly version: string }
  ) {
    super(
      "RunMismatch",
      run.pipelineId === pipeline.id
        ? `Run '${run.id}' is of version '${run.version}' of pipeline '${pipeline.id}', whose version is '${pipeline.version}' now`
        : `Run '${run.id}' is a run of pipeline '${run.pipelineId}', not of '${pipeline.id}'`
    )
    this.runId = run.id
    this.pipelineId = pipeline.id
  }
}

/** The run can't be retried: all its steps succeeded, or its pipeline has another version now. */
export class RunNotRepeatable extends Failure<"RunNotRepeatable"> {
  readonly runId: string
  readonly pipelineId: string
  constructor(run: { readonly id: string; readonly pipelineId: string }, why: string) {
    super("RunNotRepeatable", `Run '${run.id}' can't be retried: ${why}`)
    this.runId = run.id
    this.pipelineId = run.pipelineId
  }
}

/** An earlier run has the same idempotency key and other parameters or options, or is no longer kept. */
export class IdempotencyConflict extends Failure<"IdempotencyConflict"> {
  readonly pipelineId: string
  /** The run that has the key. */
  readonly runId: string
  /** Whether the Store no longer keeps the earlier run. */
  readonly isGone: boolean
  constructor(pipelineId: string, key: string, runId: string, isGone: boolean) {
    const why = isGone ? "and is no longer kept" : "and other parameters or options"
    super(
      "IdempotencyConflict",
      `Run '${runId}' was started with idempotency key ${shown(key)} ${why}; use a new key for another run`
    )
    this.pipelineId = pipelineId
    this.runId = runId
    this.isGone = isGone
  }
}

/** Parameters do not fit the pipeline's inputs. Lists all problems; no run was started. */
export class ParametersInvalid extends Failure<"ParametersInvalid"> {
  readonly pipelineId: string
  readonly problems: ReadonlyArray<Problem>
  constructor(pipelineId: string, problems: ReadonlyArray<Problem>) {
    super("ParametersInvalid", `Parameters do not fit pipeline '${pipelineId}': ${summary(problems)}`)
    this.pipelineId = pipelineId
    this.problems = problems
  }
}

/** The awaited run failed. `error` is the error that the run recorded. */
export class RunFailed extends Failure<"RunFailed"> {
  readonly runId: string
  readonly pipelineId: string
  readonly step: string | undefined
  readonly error: ErrorInfo
  constructor(run: { readonly id: string; readonly pipelineId: string }, error: ErrorInfo) {
    super("RunFailed", error.message)
    this.runId = run.id
    this.pipelineId = run.pipelineId
    this.step = error.step
    this.error = error
  }
}

/** The awaited run was cancelled. */
export class RunCancelled extends Failure<"RunCancelled"> {
  readonly runId: string
  readonly pipelineId: string
  constructor(run: { readonly id: string; readonly pipelineId: string }, reason: string) {
    super("RunCancelled", `Run '${run.id}' was cancelled: ${reason}`)
    this.runId = run.id
    this.pipelineId = run.pipelineId
  }
}

/** The wait ended before the run did; the run goes on. */
export class WaitTimedOut extends Failure<"WaitTimedOut"> {
  readonly runId: string
  readonly pipelineId: string
  /** The status of the run at the end of the wait: PENDING or RUNNING. */
  readonly status: string
  /** How long the wait was, in milliseconds; undefined when the process closed before the wait was over. */
  readonly waitMillis: number | undefined
  constructor(
    run: { readonly id: string; readonly pipelineId: string; readonly status: string },
    waitMillis: number | undefined
  ) {
    const when = waitMillis === undefined ? "before this process closed" : `within ${waitMillis} ms`
    super("WaitTimedOut", `Run '${run.id}' did not finish ${when}; the run goes on`)
    this.runId = run.id
    this.pipelineId = run.pipelineId
    this.status = run.status
    this.waitMillis = waitMillis
  }
}

/** The Store does not answer, is closed, or is full. Nothing was recorded, unless there is a `runId`. */
export class StoreUnavailable extends Failure<"StoreUnavailable"> {
  /** The run that was started or awaited when the Store stopped answering. The run goes on: do not start it again. */
  readonly runId: string | undefined
  constructor(why: string, runId?: string) {
    super("StoreUnavailable", why)
    this.runId = runId
  }
}

// -- schedules -------------------------------------------------------------------------------------------------------

/** The cron expression can't be parsed. */
export class InvalidCron extends Failure<"InvalidCron"> {
  readonly scheduleId: string
  constructor(scheduleId: string, cron: string, why: string) {
    super(
      "InvalidCron",
      `Cannot read cron ${shown(cron)} of schedule '${scheduleId}': ${why}; expected 'minute hour day month weekday', such as '30 3 * * MON-FRI'`
    )
    this.scheduleId = scheduleId
  }
}

/** The time zone does not exist. */
export class UnknownTimeZone extends Failure<"UnknownTimeZone"> {
  readonly scheduleId: string
  constructor(scheduleId: string, timeZone: string) {
    super(
      "UnknownTimeZone",
      `Unknown time zone ${shown(timeZone)} of schedule '${scheduleId}': expected an IANA name such as 'Europe/Lisbon'`
    )
    this.scheduleId = scheduleId
  }
}

/** No date matches the schedule, such as the 30th of February. */
export class ScheduleNeverFires extends Failure<"ScheduleNeverFires"> {
  readonly scheduleId: string
  constructor(scheduleId: string, cron: string) {
    super("ScheduleNeverFires", `Schedule '${scheduleId}' would never fire: no date matches cron ${shown(cron)}`)
    this.scheduleId = scheduleId
  }
}

/** There is no schedule with the id. */
export class ScheduleNotFound extends Failure<"ScheduleNotFound"> {
  readonly scheduleId: string
  constructor(scheduleId: string) {
    super("ScheduleNotFound", `Schedule '${cut(scheduleId)}' does not exist`)
    this.scheduleId = scheduleId
  }
}

/** A schedule with the id exists, and its settings differ. */
export class ScheduleExists extends Failure<"ScheduleExists"> {
  readonly scheduleId: string
  constructor(scheduleId: string) {
    super("ScheduleExists", `Schedule '${scheduleId}' exists already with other settings; delete it first`)
    this.scheduleId = scheduleId
  }
}

/** Why a schedule can't be created. */
export type ScheduleError = InvalidName | InvalidOption | InvalidCron | UnknownTimeZone | ScheduleNeverFires

// -- failures of tasks -----------------------------------------------------------------------------------------------

/** A failure that a retry can't fix. When a task throws it or fails with it, the step is not retried. */
export class Fatal extends Data.Error<{ readonly message: string; readonly cause?: unknown }> {
  readonly _tag: "Fatal" = "Fatal" as const
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(options?.cause === undefined ? { message } : { message, cause: options.cause })
    this.name = "Fatal"
  }
}

/** The attempt took longer than its task's timeout. */
export class StepTimedOut extends Failure<"StepTimedOut"> {
  readonly timeoutMillis: number
  constructor(timeoutMillis: number) {
    super("StepTimedOut", `it took longer than ${timeoutMillis} ms`)
    this.timeoutMillis = timeoutMillis
  }
}

/** The task runs in a thread, and the program provides no threads or is shutting down. */
export class ThreadsUnavailable extends Failure<"ThreadsUnavailable"> {
  constructor(task: string, why: string = NO_THREADS) {
    super("ThreadsUnavailable", `Task '${cut(task)}' runs in a thread, but ${why}`)
  }
}

const NO_THREADS =
  "this program has no threads. Use Levada.make on Node, Bun or Deno, or provide Threads.layer() of levada/threads"
