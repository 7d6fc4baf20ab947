/**
 * Every way in which Levada says no. Each failure has a `_tag`, a message that names the thing and the way out, and
 * the fields that a program needs to react.
 */
import * as Data from "effect/Data"
import type { ErrorInfo } from "./ErrorInfo.ts"
import { cut, Failure, listed, type Problem, shown, summary } from "./Failure.ts"
import type { InvalidName, InvalidOption } from "./PipelineErrors.ts"

export * from "./AccessErrors.ts"
export type { Problem } from "./Failure.ts"
export * from "./PipelineErrors.ts"

// -- asking for things -----------------------------------------------------------------------------------------------

/** No pipeline of that id, or none that the caller may know of. */
export class PipelineNotFound extends Failure<"PipelineNotFound"> {
  readonly pipelineId: string
  constructor(pipelineId: string) {
    super("PipelineNotFound", `Pipeline '${cut(pipelineId)}' does not exist`)
    this.pipelineId = pipelineId
  }
}

/** No step of that name in the pipeline. */
export class UnknownStep extends Failure<"UnknownStep"> {
  readonly pipelineId: string
  readonly step: string
  constructor(pipelineId: string, step: string, steps: ReadonlyArray<string>) {
    super("UnknownStep", `Pipeline '${pipelineId}' has no step '${cut(step)}'; its steps are: ${listed(steps)}`)
    this.pipelineId = pipelineId
    this.step = step
  }
}

/** The id is taken. */
export class PipelineExists extends Failure<"PipelineExists"> {
  readonly pipelineId: string
  constructor(pipelineId: string) {
    super("PipelineExists", `Pipeline '${pipelineId}' exists already`)
    this.pipelineId = pipelineId
  }
}

/** A pipeline that can't be forgotten: it is part of the program, or something still needs it. */
export class PipelineProtected extends Failure<"PipelineProtected"> {
  readonly pipelineId: string
  constructor(pipelineId: string, why: string) {
    super("PipelineProtected", `Pipeline '${pipelineId}' can't be deleted: ${why}`)
    this.pipelineId = pipelineId
  }
}

/** No run of that id: never started, or past its retention. */
export class RunNotFound extends Failure<"RunNotFound"> {
  readonly runId: string
  constructor(runId: string) {
    super("RunNotFound", `Run '${cut(runId)}' does not exist or has expired`)
    this.runId = runId
  }
}

/** A run that has to be over for what was asked. */
export class RunUnfinished extends Failure<"RunUnfinished"> {
  readonly runId: string
  constructor(runId: string, wish: string) {
    super("RunUnfinished", `Run '${runId}' is not over, so it can't be ${wish}; wait for it or cancel it first`)
    this.runId = runId
  }
}

/** A run that can't be repeated: all of it succeeded, or its pipeline has another shape now. */
export class RunNotRepeatable extends Failure<"RunNotRepeatable"> {
  readonly runId: string
  readonly pipelineId: string
  constructor(run: { readonly id: string; readonly pipelineId: string }, why: string) {
    super("RunNotRepeatable", `Run '${run.id}' can't be repeated: ${why}`)
    this.runId = run.id
    this.pipelineId = run.pipelineId
  }
}

/** A run was started with this key before, and with other parameters or options. */
export class IdempotencyConflict extends Failure<"IdempotencyConflict"> {
  readonly pipelineId: string
  /** The run that has the key. */
  readonly runId: string
  /** Whether that run is no longer kept. */
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

/** Parameters that do not fit the pipeline's inputs. All problems at once; nothing was started. */
export class ParametersInvalid extends Failure<"ParametersInvalid"> {
  readonly pipelineId: string
  readonly problems: ReadonlyArray<Problem>
  constructor(pipelineId: string, problems: ReadonlyArray<Problem>) {
    super("ParametersInvalid", `Parameters do not fit pipeline '${pipelineId}': ${summary(problems)}`)
    this.pipelineId = pipelineId
    this.problems = problems
  }
}

/** A run that was waited for and did not complete. `error` is what the run recorded. */
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

/** A run that was waited for and was cancelled. */
export class RunCancelled extends Failure<"RunCancelled"> {
  readonly runId: string
  readonly pipelineId: string
  constructor(run: { readonly id: string; readonly pipelineId: string }, reason: string) {
    super("RunCancelled", `Run '${run.id}' was cancelled: ${reason}`)
    this.runId = run.id
    this.pipelineId = run.pipelineId
  }
}

/** The wait is over before the run is; the run goes on. */
export class WaitTimedOut extends Failure<"WaitTimedOut"> {
  readonly runId: string
  readonly pipelineId: string
  /** Where the run was when it was last looked at: PENDING or RUNNING. */
  readonly status: string
  /** How long it was waited for, in milliseconds; undefined where the process was closed before that was over. */
  readonly waitMillis: number | undefined
  constructor(
    run: { readonly id: string; readonly pipelineId: string; readonly status: string },
    waitMillis: number | undefined
  ) {
    const when = waitMillis === undefined ? "as this process is closed" : `after ${waitMillis} ms`
    super("WaitTimedOut", `Run '${run.id}' is not finished ${when}; it goes on`)
    this.runId = run.id
    this.pipelineId = run.pipelineId
    this.status = run.status
    this.waitMillis = waitMillis
  }
}

/** The Store does not answer, or takes no more. Nothing was recorded, unless there is a `runId`. */
export class StoreUnavailable extends Failure<"StoreUnavailable"> {
  /** The run that was started, or waited for, when the Store was lost. It goes on: do not start another one for it. */
  readonly runId: string | undefined
  constructor(why: string, runId?: string) {
    super("StoreUnavailable", why)
    this.runId = runId
  }
}

// -- schedules -------------------------------------------------------------------------------------------------------

/** A cron expression that can't be read. */
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

/** A time zone that does not exist. */
export class UnknownTimeZone extends Failure<"UnknownTimeZone"> {
  readonly scheduleId: string
  constructor(scheduleId: string, timeZone: string) {
    super(
      "UnknownTimeZone",
      `There is no time zone ${shown(timeZone)}, as schedule '${scheduleId}' has it; expected an IANA name such as 'Europe/Lisbon'`
    )
    this.scheduleId = scheduleId
  }
}

/** A schedule that never comes round, such as on the 30th of February. */
export class ScheduleNeverFires extends Failure<"ScheduleNeverFires"> {
  readonly scheduleId: string
  constructor(scheduleId: string, cron: string) {
    super("ScheduleNeverFires", `Schedule '${scheduleId}' would never fire: no date fits cron ${shown(cron)}`)
    this.scheduleId = scheduleId
  }
}

/** No schedule of that id. */
export class ScheduleNotFound extends Failure<"ScheduleNotFound"> {
  readonly scheduleId: string
  constructor(scheduleId: string) {
    super("ScheduleNotFound", `Schedule '${cut(scheduleId)}' does not exist`)
    this.scheduleId = scheduleId
  }
}

/** A schedule of that id exists, and is another one. */
export class ScheduleExists extends Failure<"ScheduleExists"> {
  readonly scheduleId: string
  constructor(scheduleId: string) {
    super("ScheduleExists", `Schedule '${scheduleId}' exists already and is another one; delete it first`)
    this.scheduleId = scheduleId
  }
}

/** Why a schedule can't be made. */
export type ScheduleError = InvalidName | InvalidOption | InvalidCron | UnknownTimeZone | ScheduleNeverFires

// -- what tasks raise ------------------------------------------------------------------------------------------------

/** A failure that no retry would mend: throw it, or fail with it, and the step is not attempted again. */
export class Fatal extends Data.Error<{ readonly message: string; readonly cause?: unknown }> {
  readonly _tag: "Fatal" = "Fatal" as const
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(options?.cause === undefined ? { message } : { message, cause: options.cause })
    this.name = "Fatal"
  }
}

/** An attempt that took longer than its task may. */
export class StepTimedOut extends Failure<"StepTimedOut"> {
  readonly timeoutMillis: number
  constructor(timeoutMillis: number) {
    super("StepTimedOut", `it took longer than ${timeoutMillis} ms`)
    this.timeoutMillis = timeoutMillis
  }
}

/** A task that runs in a thread, in a program that has no threads. */
export class ThreadsUnavailable extends Failure<"ThreadsUnavailable"> {
  constructor(task: string, why = "this program has no threads") {
    super(
      "ThreadsUnavailable",
      `Task '${cut(task)}' runs in a thread, but ${why}. Use Levada.make on Node, Bun or Deno, or provide Threads.layer() of levada/threads`
    )
  }
}
