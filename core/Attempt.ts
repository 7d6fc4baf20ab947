/** One attempt of one step: inputs decoded, the task called, its outputs checked and encoded. */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { describe, type ErrorInfo, type Problem } from "./Errors.ts"
import type { Binding, Step } from "./Step.ts"
import type { Claim, Outcome } from "./Store.ts"
import type * as Task from "./Task.ts"
import { type Codec, codec, type Json } from "./Value.ts"

/** A step with its codecs at hand. */
export interface Runner {
  readonly task: Task.Any
  readonly inputs: ReadonlyArray<readonly [Binding, Codec]>
  readonly outputs: ReadonlyArray<readonly [Binding, Codec]>
}

/** Prepares a step for being run many times. */
export const runner = (step: Step): Runner => ({
  task: step.task,
  inputs: step.inputs.map((input) => [input, codec(input.field)] as const),
  outputs: step.outputs.map((output) => [output, codec(output.field)] as const)
})

/** An attempt under way, and the context that its task sees. */
export class Attempt implements Task.TaskContext {
  readonly claim: Claim
  /** The fiber of a task that is an Effect. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  /** Whether the outcome no longer counts. */
  revoked = false
  /** Where its worker keeps it. */
  place = -1
  #controller: AbortController | undefined = undefined

  constructor(claim: Claim) {
    this.claim = claim
  }

  get runId(): string {
    return this.claim.runId
  }
  get pipelineId(): string {
    return this.claim.pipelineId
  }
  get step(): string {
    return this.claim.step
  }
  get attempt(): number {
    return this.claim.attempt
  }
  // Most tasks never look at their signal, so it is made when one does.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.revoked) this.#controller.abort()
    return this.#controller.signal
  }

  /** Tells the task to stop, and stops its fiber. */
  revoke(): void {
    if (this.revoked) return
    this.revoked = true
    this.#controller?.abort()
    this.fiber?.interruptUnsafe()
  }
}

/** Calls the task. Gives what it returned, or the outcome when its inputs can't be decoded or it threw. */
export const call = (
  { task, inputs }: Runner,
  attempt: Attempt
): { readonly returned: unknown } | { readonly outcome: Outcome } => {
  const { values, step } = attempt.claim
  const record: Record<string, unknown> = {}
  for (const [input, { decode, absent }] of inputs) {
    const text = values.get(input.value)
    if (text === undefined) {
      const standIn = absent()
      if (Option.isSome(standIn)) record[input.key] = standIn.value
      continue
    }
    const decoded = decode(text)
    if (Result.isFailure(decoded)) {
      return {
        outcome: failed(step, "InvalidInput", `Task '${task.name}' cannot read input '${input.key}'`, decoded.failure)
      }
    }
    record[input.key] = decoded.success
  }
  try {
    return { returned: task.run(record, attempt) }
  } catch (error) {
    return { outcome: thrown(attempt, task, error) }
  }
}

/** The outcome of a task that returned `outputs`. */
export const completed = ({ task, outputs }: Runner, step: string, returned: unknown, maxLength: number): Outcome => {
  const record: Record<string, Json> = {}
  if (outputs.length > 0 && !Predicate.isObject(returned)) {
    const names = outputs.map(([output]) => `'${output.key}'`).join(", ")
    return failed(
      step,
      "InvalidOutput",
      `Task '${task.name}' has to return a record of ${names}, but returned ${kindOf(returned)}`
    )
  }
  for (const [output, { encode }] of outputs) {
    const value = (returned as Record<string, unknown>)[output.key]
    if (value === undefined && output.optional) continue
    if (value === undefined && !Object.hasOwn(returned as object, output.key)) {
      return failed(step, "InvalidOutput", `Task '${task.name}' did not return its output '${output.key}'`)
    }
    const encoded = encode(value)
    if (Result.isFailure(encoded)) {
      return failed(
        step,
        "InvalidOutput",
        `Task '${task.name}' returned a wrong output '${output.key}'`,
        encoded.failure
      )
    }
    const { length } = encoded.success
    if (length > maxLength) {
      return failed(
        step,
        "ValueTooLarge",
        `Task '${task.name}' returned an output '${output.key}' of ${length} characters of JSON; at most ${maxLength} are kept. Return a reference to it instead`
      )
    }
    record[output.value] = encoded.success
  }
  return { _tag: "Completed", outputs: record }
}

/** The outcome of a task that threw, or whose Promise was rejected. */
export const thrown = (attempt: Attempt, task: Task.Any, error: unknown): Outcome => {
  const cause = describe(error)
  return {
    _tag: "Failed",
    error: { name: "TaskFailed", message: `Task '${task.name}' failed: ${cause.message}`, step: attempt.step, cause }
  }
}

/** The outcome of a task that returned an Effect. */
export const exited = (
  runner: Runner,
  attempt: Attempt,
  exit: Exit.Exit<unknown, unknown>,
  maxLength: number
): Outcome =>
  exit._tag === "Success"
    ? completed(runner, attempt.step, exit.value, maxLength)
    : thrown(attempt, runner.task, Cause.squash(exit.cause))

const failed = (step: string, name: string, message: string, problems: ReadonlyArray<Problem> = []): Outcome => {
  const [problem] = problems
  const where = problem === undefined || problem.path.length === 0 ? "" : `at ${problem.path.join(".")}: `
  const error: ErrorInfo = {
    name,
    message: problem === undefined ? message : `${message}: ${where}${problem.message}`,
    step
  }
  return { _tag: "Failed", error }
}

const kindOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "an array" : typeof value)
