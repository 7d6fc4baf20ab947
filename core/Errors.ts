/**
 * Every way in which Levada says no. Each failure has a `_tag`, a message that names the thing and the way out, and
 * the fields that a program needs to react.
 */
import * as Data from "effect/Data"
import type { ErrorInfo } from "./ErrorInfo.ts"

class Failure<Tag extends string> extends Data.Error<{ readonly message: string }> {
  readonly _tag: Tag
  constructor(tag: Tag, message: string) {
    super({ message })
    this._tag = tag
    this.name = tag
  }
}

// -- building a graph ------------------------------------------------------------------------------------------------

/** A name that can't be used: empty, too long, reserved, or with control characters. */
export class InvalidName extends Failure<"InvalidName"> {
  readonly invalidName: string
  constructor(what: string, name: string, why: string) {
    super("InvalidName", `Cannot use ${JSON.stringify(name)} as ${what}: ${why}`)
    this.invalidName = name
  }
}

/** A setting of a task, a step, a pipeline, a run or a schedule that can't be used. `option` says which. */
export class InvalidOption extends Failure<"InvalidOption"> {
  readonly option: string
  constructor(option: string, received: unknown, expected: string) {
    super("InvalidOption", `Cannot use ${shown(received)} as ${option}: expected ${expected}`)
    this.option = option
  }
}

/** The first names, and how many more there are. */
export const listed = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? "none"
    : names
        .slice(0, MAX_LISTED)
        .map((name) => `'${name}'`)
        .join(", ") + (names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "")

/** How many names a message lists. */
const MAX_LISTED = 10

const shown = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)
  if (Array.isArray(value)) return "an array"
  return typeof value === "function" || (typeof value === "object" && value !== null)
    ? `a value of type ${typeof value}`
    : String(value)
}

/** A pipeline with no step. */
export class EmptyPipeline extends Failure<"EmptyPipeline"> {
  readonly pipelineId: string
  constructor(pipelineId: string) {
    super("EmptyPipeline", `Pipeline '${pipelineId}' has no tasks: give it at least one`)
    this.pipelineId = pipelineId
  }
}

/** Two steps of one name. */
export class DuplicateStep extends Failure<"DuplicateStep"> {
  readonly pipelineId: string
  readonly step: string
  constructor(pipelineId: string, step: string) {
    super("DuplicateStep", `Pipeline '${pipelineId}' names step '${step}' twice: every step needs a name of its own`)
    this.pipelineId = pipelineId
    this.step = step
  }
}

/** Two steps that produce the same value. */
export class DuplicateOutput extends Failure<"DuplicateOutput"> {
  readonly pipelineId: string
  readonly output: string
  readonly steps: readonly [string, string]
  constructor(pipelineId: string, output: string, steps: readonly [string, string]) {
    super(
      "DuplicateOutput",
      `Pipeline '${pipelineId}': output '${output}' is produced by both '${steps[0]}' and '${steps[1]}'; rename one of them`
    )
    this.pipelineId = pipelineId
    this.output = output
    this.steps = steps
  }
}

/** A step that would have to wait for itself. */
export class SelfDependency extends Failure<"SelfDependency"> {
  readonly pipelineId: string
  readonly step: string
  readonly key: string
  constructor(pipelineId: string, step: string, key: string) {
    super("SelfDependency", `Pipeline '${pipelineId}': step '${step}' takes its own output '${key}' as an input`)
    this.pipelineId = pipelineId
    this.step = step
    this.key = key
  }
}

/** Steps that wait for each other; `path` starts and ends with the same step. */
export class CycleDetected extends Failure<"CycleDetected"> {
  readonly pipelineId: string
  readonly path: ReadonlyArray<string>
  constructor(pipelineId: string, path: ReadonlyArray<string>) {
    // A long cycle is shown by its two ends; `path` has all of it.
    const shown = path.length > 12 ? [...path.slice(0, 6), `… ${path.length - 12} more …`, ...path.slice(-6)] : path
    super("CycleDetected", `Pipeline '${pipelineId}': the steps wait for each other: ${shown.join(" -> ")}`)
    this.pipelineId = pipelineId
    this.path = path
  }
}

/** A producer and a consumer whose types can never agree. */
export class TypeMismatch extends Failure<"TypeMismatch"> {
  readonly pipelineId: string
  readonly step: string
  readonly key: string
  constructor(pipelineId: string, step: string, key: string, expected: string, received: string) {
    super("TypeMismatch", `Pipeline '${pipelineId}': step '${step}' takes '${key}' as ${expected}, but ${received}`)
    this.pipelineId = pipelineId
    this.step = step
    this.key = key
  }
}

/** A sequential pipeline in which a step has no one input for the value of the step before it. */
export class MissingProducer extends Failure<"MissingProducer"> {
  readonly pipelineId: string
  readonly step: string
  constructor(pipelineId: string, step: string, why: string) {
    super("MissingProducer", `Pipeline '${pipelineId}': step '${step}' ${why}`)
    this.pipelineId = pipelineId
    this.step = step
  }
}

/** A task that the host program does not offer, or offers twice with different code. */
export class UnknownTask extends Failure<"UnknownTask"> {
  readonly pipelineId: string
  readonly task: string
  constructor(pipelineId: string, task: string, why: "unknown" | "ambiguous", offered: ReadonlyArray<string>) {
    super(
      "UnknownTask",
      why === "unknown"
        ? `Task '${task}' is not offered by this program; offered: ${listed(offered)}`
        : `Task '${task}' is offered more than once with different code, so its name alone does not say which is meant`
    )
    this.pipelineId = pipelineId
    this.task = task
  }
}

/** Why a pipeline can't be built. */
export type PipelineError =
  | InvalidName
  | InvalidOption
  | EmptyPipeline
  | DuplicateStep
  | DuplicateOutput
  | SelfDependency
  | CycleDetected
  | TypeMismatch
  | MissingProducer
  | UnknownTask

// -- asking for things -----------------------------------------------------------------------------------------------

/** No pipeline of that id, or none that the caller may know of. */
export class PipelineNotFound extends Failure<"PipelineNotFound"> {
  readonly pipelineId: string
  constructor(pipelineId: string) {
    super("PipelineNotFound", `Pipeline '${pipelineId}' does not exist`)
    this.pipelineId = pipelineId
  }
}

/** No step of that name in the pipeline. */
export class UnknownStep extends Failure<"UnknownStep"> {
  readonly pipelineId: string
  readonly step: string
  constructor(pipelineId: string, step: string, steps: ReadonlyArray<string>) {
    super("UnknownStep", `Pipeline '${pipelineId}' has no step '${step}'; its steps are: ${listed(steps)}`)
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
    super("RunNotFound", `Run '${runId}' does not exist or has expired`)
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
  constructor(pipelineId: string, key: string, runId: string) {
    super(
      "IdempotencyConflict",
      `Run '${runId}' was started with idempotency key ${shown(key)} and another body; use a new key for another run`
    )
    this.pipelineId = pipelineId
    this.runId = runId
  }
}

/** One thing wrong with a caller's input; `path` leads to it from the top of the input. */
export interface Problem {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

/** Parameters that do not fit the pipeline's inputs. All problems at once; nothing was started. */
export class ParametersInvalid extends Failure<"ParametersInvalid"> {
  readonly pipelineId: string
  readonly problems: ReadonlyArray<Problem>
  constructor(pipelineId: string, problems: ReadonlyArray<Problem>) {
    super(
      "ParametersInvalid",
      `Parameters do not fit pipeline '${pipelineId}': ${problems
        .slice(0, 5)
        .map((problem) => `${problem.path.join(".")}: ${problem.message}`)
        .join("; ")}${problems.length > 5 ? `; and ${problems.length - 5} more` : ""}`
    )
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
  readonly timeoutMillis: number
  constructor(run: { readonly id: string; readonly pipelineId: string }, timeoutMillis: number) {
    super("WaitTimedOut", `Run '${run.id}' is not finished after ${timeoutMillis} ms; it goes on`)
    this.runId = run.id
    this.pipelineId = run.pipelineId
    this.timeoutMillis = timeoutMillis
  }
}

/** The Store does not answer, or takes no more. Nothing was recorded. */
export class StoreUnavailable extends Failure<"StoreUnavailable"> {
  constructor(why: string) {
    super("StoreUnavailable", why)
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
    super("ScheduleNotFound", `Schedule '${scheduleId}' does not exist`)
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
  constructor(task: string, timeoutMillis: number) {
    super("StepTimedOut", `Task '${task}' took longer than ${timeoutMillis} ms`)
    this.timeoutMillis = timeoutMillis
  }
}
