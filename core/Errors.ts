/**
 * Every way in which Levada says no. Each failure has a `_tag`, a message that names the thing and the way out, and
 * the fields that a program needs to react.
 */
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"

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
        ? `Task '${task}' is not offered by this program; offered: ${offered.slice(0, 20).join(", ") || "none"}${offered.length > 20 ? ", …" : ""}`
        : `Task '${task}' is offered more than once with different code, so its name alone does not say which is meant`
    )
    this.pipelineId = pipelineId
    this.task = task
  }
}

/** Why a pipeline can't be built. */
export type PipelineError =
  | InvalidName
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

/** The id is taken. */
export class PipelineExists extends Failure<"PipelineExists"> {
  readonly pipelineId: string
  constructor(pipelineId: string) {
    super("PipelineExists", `Pipeline '${pipelineId}' exists already`)
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

// -- what a run keeps of an error ------------------------------------------------------------------------------------

/** An error as a run keeps it: plain data, bounded, without a stack. */
export interface ErrorInfo {
  /** The tag or class of the error: `TaskFailed`, `InvalidOutput`, `RunTimedOut`, … */
  readonly name: string
  readonly message: string
  /** The step that failed, when it was a step. */
  readonly step?: string
  /** What the task itself raised. */
  readonly cause?: ErrorInfo
}

const MAX_MESSAGE = 2_000
const MAX_CAUSES = 5

/** Turns anything that was thrown or failed with into data: name, message and up to five causes, no stack. */
export const describe = (error: unknown, depth = 0): ErrorInfo => {
  if (!Predicate.isObject(error)) return { name: "Error", message: clip(String(error)) }
  const tag = (error as { _tag?: unknown })._tag
  const name = typeof tag === "string" ? tag : error instanceof Error ? error.name : "Error"
  const cause = (error as { cause?: unknown }).cause
  return {
    name: clip(name),
    message: clip(messageOf(error)),
    ...(cause === undefined || depth >= MAX_CAUSES ? undefined : { cause: describe(cause, depth + 1) })
  }
}

const messageOf = (error: object): string => {
  const message = (error as { message?: unknown }).message
  // Some errors have their stack, or another error's, in their message.
  if (typeof message === "string" && message !== "") return message.replace(/\n\s*at [^\n]*/g, "")
  if (error instanceof Error) return error.name
  try {
    return JSON.stringify(error) ?? "unknown"
  } catch {
    return "unknown"
  }
}

const clip = (text: string): string => (text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text)
