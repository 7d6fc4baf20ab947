/** One attempt of a step or of a unit of its items: calls the task and makes its outcome. */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Tracer from "effect/Tracer"
import type { Json } from "../json/Value.ts"
import { MAX_UNIT_ERRORS } from "../run/ItemList.ts"
import type { Timer } from "../runtime/TimerHeap.ts"
import { toTraceparent } from "../runtime/Tracing.ts"
import type { Claim, Note, Outcome } from "../store/Work.ts"
import type { LeakOwner, Leaks } from "../task/Leaks.ts"
import { LEVELS, type Level, toFields, toMessage } from "../task/Log.ts"
import * as Retry from "../task/Retry.ts"
import type * as Task from "../task/Task.ts"
import * as Bytes from "../values/Bytes.ts"
import { describeWithStack, type ErrorInfo, resultsTooLarge } from "../values/ErrorInfo.ts"
import * as ItemUnits from "./ItemUnits.ts"
import { readInputs, type StepCodec, type Values, writeOutputs } from "./StepCodec.ts"

/** The worker of an attempt, as the attempt sees it. */
export interface AttemptContext {
  readonly maxValueBytes: number
  /** A monotonic clock. */
  readonly nowMillis: () => number
  /** A random number from 0 to 1. */
  readonly random: () => number
  readonly note: (note: Note) => void
  readonly leaks: Leaks | undefined
  /** Called when an attempt has leaked an error. */
  readonly leaked: (attempt: Attempt, error: unknown) => void
}

/** A running attempt. It is the context that its task is called with. */
export class Attempt implements Task.TaskContext, LeakOwner {
  readonly claim: Claim
  readonly stepCodec: StepCodec
  readonly #context: AttemptContext
  /** The fiber of a task that returned an Effect. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  /** Whether it was told to stop. */
  isRevoked = false
  /** Whether it has leaked an error; only the first is reported. */
  hasLeaked = false
  /** The outcome to settle once it has stopped, in place of its own. */
  stopOutcome: Outcome | undefined = undefined
  /** Ends in a timeout; once it was told to stop, gives the attempt up. */
  timer: Timer | undefined = undefined
  /** Its index in `RunningAttempts`; -1 when it is not there. */
  runningIndex = -1
  /** Its span, when it is traced. */
  span: Tracer.Span | undefined = undefined
  /** The index of the current item within its unit. */
  indexInUnit = 0
  #items: ItemUnits.Items = NO_ITEM
  /** The outputs of the items before, by name. */
  readonly #outputs: Map<string, Json> = new Map()
  /** How many of these items failed, and the first errors. */
  #itemsFailed = 0
  #errors: Array<ErrorInfo> | undefined = undefined
  #controller: AbortController | undefined = undefined
  readonly #beganAtMillis: number

  constructor(claim: Claim, stepCodec: StepCodec, context: AttemptContext) {
    this.claim = claim
    this.stepCodec = stepCodec
    this.#context = context
    this.#beganAtMillis = context.nowMillis()
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
  get item(): number | undefined {
    const { item } = this.claim
    return item && item.index * (this.stepCodec.step.chunk ?? 1) + this.indexInUnit
  }
  get attempt(): number {
    return this.claim.attempt
  }
  get traceparent(): string | undefined {
    return this.span && toTraceparent(this.span)
  }
  // Made on first use: most tasks never read their signal.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.isRevoked && !this.#controller.signal.aborted) this.#controller.abort()
    return this.#controller.signal
  }

  // Tasks may take these two functions out of the context, so each is a closure, made when a task reads it.
  get progress(): Task.TaskContext["progress"] {
    return (done, total) => {
      if (this.isRevoked || this.claim.item !== undefined || !isAmount(done) || !isAmount(total)) return
      this.#context.note({ claim: this.claim, progress: { done: Math.min(done, total), total } })
    }
  }
  get log(): Task.TaskContext["log"] {
    return (message, fields, asked: Level = "info") => {
      const level = LEVELS.includes(asked) ? asked : "info"
      const { item } = this
      const line = { level, message: toMessage(message), ...(fields && { fields: toFields(fields) }) }
      this.#context.note({ claim: this.claim, line: item === undefined ? line : { ...line, item } })
    }
  }

  /** Tells the task to stop, and stops its fiber. */
  revoke(): void {
    if (this.isRevoked) return
    this.isRevoked = true
    if (this.#controller !== undefined) this.#tracked(() => this.#controller!.abort())
    this.fiber?.interruptUnsafe()
  }

  leaked(error: unknown): void {
    this.#context.leaked(this, error)
  }

  /** Calls code of the task; errors that it leaks are attributed to this attempt. */
  #tracked<A>(call: () => A): A {
    const { leaks } = this.#context
    return leaks === undefined ? call() : leaks.within(this, call)
  }

  // -- the call ------------------------------------------------------------------------------------------------------

  /** Calls the task for the current item. Returns its result, or the outcome of invalid inputs or a thrown error. */
  call(): { readonly returned: unknown } | { readonly outcome: Outcome } {
    const { stepCodec, claim } = this
    if (claim.item !== undefined && this.indexInUnit === 0)
      this.#items = ItemUnits.fromJson(stepCodec, claim.item.value)
    const values = stepCodec.step.kind === "reduce" && this.indexInUnit > 0 ? this.#accumulated : claim.values
    const inputs = readInputs(stepCodec, values, this.#items[this.indexInUnit]!)
    if (Result.isFailure(inputs)) return { outcome: this.#failed(inputs.failure) }
    try {
      return { returned: this.#tracked(() => stepCodec.task.run(inputs.success, this)) }
    } catch (error) {
      return { outcome: this.outcomeOfError(error) }
    }
  }

  /**
   * Takes the outcome of the current item. Returns the outcome of the whole attempt; undefined until the last item. If
   * the step goes on without failed items, a failed item does not end the attempt.
   */
  takeOutcome(outcome: Outcome): Outcome | undefined {
    const { step } = this.stepCodec
    if (step.chunk === undefined) return outcome
    if (outcome._tag === "Failed" && step.onItemFailure !== "fail") {
      this.#errors ??= []
      if (this.#itemsFailed++ < MAX_UNIT_ERRORS) this.#errors.push(outcome.error)
    } else if (outcome._tag === "Completed") {
      const tooLarge = this.#write(outcome.outputs)
      if (tooLarge !== undefined) return tooLarge
    } else return outcome
    this.indexInUnit++
    if (this.indexInUnit < this.#items.length) return undefined
    const outputs = Object.fromEntries(this.#outputs)
    return this.#errors === undefined
      ? { _tag: "Completed", outputs }
      : { _tag: "Completed", outputs, failed: { count: this.#itemsFailed, errors: this.#errors } }
  }

  /** Keeps the outputs of an item. Returns a failure when the outputs of the unit are too large. */
  #write(outputs: Readonly<Record<string, Json>>): Outcome | undefined {
    const { maxValueBytes } = this.#context
    const written = this.#outputs
    const isReduce = this.stepCodec.step.kind === "reduce"
    for (const name of Object.keys(outputs)) {
      const json = outputs[name]!
      const before = written.get(name)
      // Lists without brackets: the Store joins those of all units.
      const all = isReduce || before === undefined ? json : `${before},${json}`
      if (Bytes.exceeds(all, maxValueBytes)) return this.#failed(resultsTooLarge(this.step, maxValueBytes))
      written.set(name, all)
    }
    return undefined
  }

  /** The values that the next item of a reduce reads: its outputs so far replace those of the claim. */
  get #accumulated(): Values {
    return { get: (name) => this.#outputs.get(name) ?? this.claim.values.get(name) }
  }

  // -- outcomes ------------------------------------------------------------------------------------------------------

  /** The outcome of a task that returned a value. */
  outcomeOfReturn(returned: unknown): Outcome {
    const { step } = this.stepCodec
    const outputs = writeOutputs(this.stepCodec, returned, this.#context.maxValueBytes)
    if (Result.isFailure(outputs)) return this.#failed(outputs.failure)
    switch (step.kind) {
      case "branch":
        return { _tag: "Completed", outputs: {}, arm: isTrue(this.stepCodec, returned) ? "yes" : "no" }
      case "filter": {
        const { value } = step.outputs[0]!
        return { _tag: "Completed", outputs: isTrue(this.stepCodec, returned) ? { [value]: this.#itemJson } : {} }
      }
      default:
        return { _tag: "Completed", outputs: outputs.success }
    }
  }

  get #itemJson(): Json {
    return this.stepCodec.step.chunk === undefined
      ? this.claim.item!.value
      : JSON.stringify(this.#items[this.indexInUnit]![0])
  }

  /** The outcome of a task whose Effect has ended. */
  outcomeOfExit(exit: Exit.Exit<unknown, unknown>): Outcome {
    return exit._tag === "Success" ? this.outcomeOfReturn(exit.value) : this.outcomeOfError(Cause.squash(exit.cause))
  }

  /** The outcome of a task that threw or rejected, timed out, or leaked an error. */
  outcomeOfError(error: unknown, isLeak = false): Outcome {
    const { stepCodec, claim } = this
    const { retry, name } = stepCodec.task
    const cause = describeWithStack(error)
    const isPredicate = stepCodec.step.kind === "branch" || stepCodec.step.kind === "filter"
    const where = this.item === undefined ? "" : ` at item ${this.item}`
    const after = claim.failures === 0 ? "" : ` after ${claim.failures} ${claim.failures === 1 ? "retry" : "retries"}`
    const failure: ErrorInfo = {
      name: isLeak ? "TaskLeaked" : isPredicate ? "PredicateFailed" : "TaskFailed",
      message: `${isPredicate ? "Predicate" : "Task"} '${name}' ${isLeak ? "leaked an error" : "failed"}${where}${after}: ${cause.message}`,
      step: claim.step,
      ...(this.item !== undefined && { item: this.item }),
      cause
    }
    if (retry === undefined || cause.name === "Fatal") return { _tag: "Failed", error: failure }
    try {
      if (retry.when !== undefined && !retry.when(error)) return { _tag: "Failed", error: failure }
    } catch (thrown) {
      const why = describeWithStack(thrown)
      const message = `The retry predicate of task '${name}' failed: ${why.message}; called with: ${cause.message}`
      return { _tag: "Failed", error: { ...failure, name: "PredicateFailed", message, cause: why } }
    }
    const elapsedMillis = claim.elapsedMillis + this.#context.nowMillis() - this.#beganAtMillis
    const waitMillis = Retry.waitMillis(retry, claim.failures + 1, elapsedMillis, this.#context.random())
    return waitMillis === undefined
      ? { _tag: "Failed", error: failure }
      : { _tag: "Retried", error: failure, waitMillis }
  }

  #failed(error: ErrorInfo): Outcome {
    const { item } = this
    return { _tag: "Failed", error: item === undefined ? error : { ...error, item } }
  }
}

const NO_ITEM: ItemUnits.Items = [[]]

const isAmount = (value: unknown): boolean => typeof value === "number" && value >= 0 && Number.isFinite(value)

/** Whether the one output of a predicate is `true`, before it is encoded by its schema. */
const isTrue = ({ outputs }: StepCodec, returned: unknown): boolean =>
  (returned as Readonly<Record<string, unknown>>)[outputs[0]!.key] === true

/** The outcome, or a failure when computing it throws. */
export const catchDefect = (claim: Claim, outcome: () => Outcome): Outcome => {
  try {
    return outcome()
  } catch (defect) {
    return defectOutcome(claim, defect)
  }
}

/** The outcome of an attempt that threw outside its task. */
export const defectOutcome = ({ step }: Claim, defect: unknown): Outcome => {
  const cause = describeWithStack(defect)
  const message = `Step '${step}' failed with an unexpected error: ${cause.message}`
  return { _tag: "Failed", error: { name: "Defect", message, step, cause } }
}
